//! P023 to P036: Nimbus and leadership.

use serde_json::json;
use storm_doctor::facts::{BaseSeen, LatchPlace, LogTail, Outcome, Seed, SeedAnswer, ZooKeeperAnswer};
use storm_thrift::types::StormBase;

use crate::made::*;

#[test]
fn p023_no_leader_because_the_seeds_are_the_default() {
    let mut facts = all_down();
    facts.config.written.clear();
    facts.config.file = None;
    facts.config.conf.set("nimbus.seeds", json!(["localhost"]));
    facts.nimbus.seeds[0].address = "localhost:6627".into();
    let finding = says(
        &facts,
        "nimbus/no-leader",
        &["localhost:6627", "Connection refused", "no storm.yaml was found", "stormctl config set nimbus.seeds"],
    );
    assert_eq!(finding.repair.unwrap().apply, None, "starting one here may be wrong");

    // Each seed with its own reason, and the file that named it.
    let mut facts = all_down();
    let answers = [
        ("a", SeedAnswer::Unresolved("Name or service not known".into())),
        ("b", SeedAnswer::Timeout("3 s".into())),
        ("c", SeedAnswer::NoLeader("nobody queues".into())),
    ];
    facts.nimbus.seeds = answers.map(|(host, answer)| Seed { address: format!("{host}:6627"), answer }).to_vec();
    says(&facts, "nimbus/no-leader", &["not known here", "no answer in time", "knows no leader", "/etc/storm.yaml:1"]);
}

#[test]
fn p026_an_old_session_still_leads() {
    let mut facts = healthy();
    facts.nimbus.seeds[0].answer = SeedAnswer::NoLeader("not a leader".into());
    facts.nimbus.leader = None;
    let waiting = LatchPlace { node: "_c_2-latch-0000000002".into(), participant: "n1:6627".into(), since: NOW };
    tree(&mut facts).latch.push(waiting);
    says(&facts, "nimbus/old-session", &["20 s", "latch-0000000001", "waits: n1:6627", "sleep 20"]);

    // It has not come back.
    let mut facts = healthy();
    facts.nimbus.seeds[0].answer = SeedAnswer::Refused("Connection refused".into());
    says(&facts, "nimbus/old-session", &["n1:6627", "Connection refused", "stormctl start nimbus"]);
}

#[test]
fn p028_a_new_leader_waits_before_it_moves_anything() {
    let mut facts = healthy();
    facts.nimbus.summary.as_mut().unwrap().nimbuses[0].uptime_secs = 7;
    assert!(!codes(&facts).contains(&"nimbus/just-leading"), "all workers have reported");
    facts.topologies[0].workers[0].uptime_secs = 0;
    says(&facts, "nimbus/just-leading", &["up for 7 s", "120 s"]);
}

#[test]
fn p029_the_blobs_are_lost() {
    let mut facts = healthy();
    tree(&mut facts).blobs.clear();
    let finding =
        says(&facts, "topology/code-lost", &["wc-1-1-stormcode.ser", "lost its local folder", "stormctl kill wc -w 0"]);
    assert_eq!(finding.subject.topology(), Some("wc"));
    // With Nimbus down nobody holds anything: that is no loss.
    facts.nimbus.leader = None;
    assert!(!codes(&facts).contains(&"topology/code-lost"));
    // Its disk on this host knows better, either way.
    facts.host.blobs = Some(vec!["wc-1-1-stormcode.ser".into(), "wc-1-1-stormconf.ser".into()]);
    assert!(!codes(&facts).contains(&"topology/code-lost"));
    facts.host.blobs = Some(Vec::new());
    one(&facts, "topology/code-lost");
}

#[test]
fn p031_one_of_two_nimbuses_lacks_the_code() {
    let mut facts = healthy();
    tree(&mut facts).nimbuses.push("n2".into());
    says(&facts, "topology/code-unreplicated", &["only n1", "not by n2", "ssh n2"]);
    for holders in tree(&mut facts).blobs.values_mut() {
        holders.push("n2:6627:0".into());
    }
    assert!(!codes(&facts).contains(&"topology/code-unreplicated"));
}

#[test]
fn p032_random_bytes_came_to_the_port() {
    let mut facts = healthy();
    let line = "2026-01-01T00:00:00.000Z WARN storm_thrift: nimbus: connection of 10.9.9.9:4242 dropped: a frame of 1214606444 bytes";
    facts.host.logs =
        vec![LogTail { of: "nimbus".into(), path: "/logs/nimbus.log".into(), lines: vec![(17, line.into())] }];
    says(&facts, "nimbus/strange-peer", &["10.9.9.9:4242", "/logs/nimbus.log:17", "grep 10.9.9.9"]);
}

#[test]
fn p034_a_link_leads_out_of_the_inbox() {
    let mut facts = healthy();
    facts.host.inbox_escapes = vec!["/local/nimbus/inbox/stormjar-1.jar".into()];
    says(&facts, "nimbus/inbox-escape", &["/local/nimbus/inbox/stormjar-1.jar", "refuses", "rm "]);
}

#[test]
fn p035_two_topologies_have_one_name() {
    let mut facts = healthy();
    let mut twin = topology("wc");
    twin.id = "wc-2-1".into();
    facts.topologies.push(twin);
    let base = StormBase { name: "wc".into(), ..StormBase::default() };
    tree(&mut facts).bases.insert("wc-2-1".into(), BaseSeen { base, written_at: NOW });
    says(&facts, "topology/same-name", &["2 topologies", "wc-1-1", "wc-2-1", "stormctl kill wc-2-1"]);
    let lost = storm_doctor::examine(&facts).into_iter().find(|f| f.code == "topology/code-lost").expect("no blobs");
    assert_eq!(lost.repair.unwrap().command, "stormctl kill wc-2-1 -w 0", "the name would mean either");
}

#[test]
fn p036_workers_go_on_without_nimbus() {
    let mut facts = healthy();
    facts.nimbus.seeds[0].answer = SeedAnswer::Refused("Connection refused".into());
    facts.nimbus.leader = None;
    facts.nimbus.summary = None;
    says(&facts, "nimbus/no-leader", &["the 1 workers of this host go on", "ssh n1 stormctl start nimbus"]);
    assert!(!codes(&facts).iter().any(|c| c.starts_with("workers/")));
}

#[test]
fn p040_the_leader_has_a_name_that_only_its_network_knows() {
    let mut facts = healthy();
    facts.nimbus.seeds = vec![Seed {
        address: "10.0.0.7:6627".into(),
        answer: SeedAnswer::Names { leader: "storm-nimbus:6627".into() },
    }];
    facts.nimbus.leader = Some(("storm-nimbus:6627".into(), Outcome::Unresolved("Name or service not known".into())));
    says(
        &facts,
        "nimbus/leader-unreachable",
        &["10.0.0.7:6627", "names the leader storm-nimbus:6627", "/etc/hosts", "storm.local.hostname"],
    );
}

#[test]
fn p092_a_nimbus_that_is_up_is_missing_in_zookeeper() {
    let mut facts = healthy();
    tree(&mut facts).nimbuses.clear();
    says(&facts, "nimbus/not-registered", &["/storm/nimbuses/n1", "stormctl restart nimbus"]);
    let mut facts = healthy();
    let seen = tree(&mut facts).supervisors.remove("s-1").unwrap();
    tree(&mut facts).supervisors.insert("s-2".into(), seen);
    says(&facts, "supervisor/not-registered", &["process 10", "/storm/supervisors/s-1", "stormctl restart supervisor"]);
}

#[test]
fn everything_down_names_the_cause_before_what_it_causes() {
    let facts = all_down();
    let found = codes(&facts);
    assert_eq!(found, ["zookeeper/no-process", "nimbus/no-leader", "workers/no-supervisor"]);
    assert!(matches!(facts.zookeeper.servers[0].answer, ZooKeeperAnswer::Refused(_)));
}
