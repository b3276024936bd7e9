//! P082 to P094: ZooKeeper.

use serde_json::json;
use storm_doctor::facts::{Closed, Unreadable, ZooCfg, ZooKeeperAnswer};
use storm_doctor::{Facts, Severity};

use crate::made::*;

fn with(answer: ZooKeeperAnswer) -> Facts {
    let mut facts = healthy();
    facts.zookeeper.servers[0].answer = answer;
    facts
}

fn zoo_cfg(entries: &[(&str, &str)]) -> ZooCfg {
    let entries = entries.iter().enumerate().map(|(n, (k, v))| (n + 1, (*k).to_owned(), (*v).to_owned())).collect();
    ZooCfg { path: "/etc/zoo.cfg".into(), entries, ..ZooCfg::default() }
}

#[test]
fn p082_nothing_is_ever_purged() {
    let mut facts = healthy();
    facts.zookeeper.zoo_cfg = Some(ZooCfg { data_bytes: Some(900 << 20), ..zoo_cfg(&[("dataDir", "/data")]) });
    let finding =
        says(&facts, "zookeeper/autopurge", &["is not set", "/data holds 900 MB", "autopurge.purgeInterval=24"]);
    assert_eq!(finding.severity, Severity::Warning);
    facts.zookeeper.zoo_cfg = Some(zoo_cfg(&[("autopurge.purgeInterval", "0")]));
    says(&facts, "zookeeper/autopurge", &["/etc/zoo.cfg:1", "autopurge.purgeInterval=0"]);
    facts.zookeeper.zoo_cfg = Some(zoo_cfg(&[("autopurge.purgeInterval", "24")]));
    assert_eq!(codes(&facts), [] as [&str; 0]);
}

#[test]
fn p085_every_way_not_to_serve_has_a_verdict_of_its_own() {
    says(&with(refused()), "zookeeper/no-process", &["no process on this host", "stormctl start zookeeper"]);

    let mut facts = with(refused());
    facts.zookeeper.servers[0].process = Some("process 7 (java QuorumPeerMain zoo.cfg)".into());
    facts.zookeeper.zoo_cfg = Some(zoo_cfg(&[("clientPort", "2182"), ("autopurge.purgeInterval", "1")]));
    says(
        &facts,
        "zookeeper/port-closed",
        &["process 7", "/etc/zoo.cfg:1", "clientPort=2182", "storm.zookeeper.port: 2181"],
    );
    assert!(!codes(&facts).contains(&"zookeeper/no-process"));

    let mut facts = with(ZooKeeperAnswer::Strange("it answers \"SSH-2.0\"".into()));
    facts.zookeeper.servers[0].holder = Some("process 9 (sshd)".into());
    says(&facts, "zookeeper/not-zookeeper", &["process 9 (sshd)", "SSH-2.0"]);

    let mut facts = with(ZooKeeperAnswer::NotServing);
    facts.zookeeper.servers.push(server("z2:2181", refused()));
    facts.zookeeper.servers[1].here = false;
    facts.zookeeper.zoo_cfg =
        Some(zoo_cfg(&[("server.1", "z1:2888:3888"), ("server.2", "z2:2888:3888"), ("autopurge.purgeInterval", "1")]));
    says(&facts, "zookeeper/no-quorum", &["no quorum", "z2:2181", "server.2=z2:2888:3888", "ssh z2"]);
    says(&facts, "zookeeper/no-process", &["ssh z2 stormctl start zookeeper"]);

    says(&with(ZooKeeperAnswer::Unresolved("unknown".into())), "zookeeper/unresolved", &["/etc/storm.yaml:2"]);
}

#[test]
fn p087_slow_zookeeper() {
    says(&with(serving(900.0)), "zookeeper/slow", &["900 ms", "moves them in vain", "session.timeout"]);
    let mut facts = healthy();
    facts.zookeeper.operation_ms = Some(400.0);
    says(&facts, "zookeeper/slow", &["a read took 400 ms"]);
    facts.zookeeper.operation_ms = Some(20.0);
    assert_eq!(codes(&facts), [] as [&str; 0]);
}

#[test]
fn p088_daemons_wait_for_a_zookeeper_that_is_down() {
    let mut facts = with(refused());
    facts.zookeeper.tree = None;
    says(&facts, "zookeeper/no-process", &["go on by themselves"]);
    // Nimbus still answers: its workers are known and well.
    assert_eq!(codes(&facts), ["zookeeper/no-process"]);
}

#[test]
fn p089_a_member_without_an_address() {
    let mut facts = healthy();
    let mut cfg = zoo_cfg(&[("autopurge.purgeInterval", "1"), ("server.1", "z9:2888:3888")]);
    cfg.unresolved_peers = vec![(2, "z9".into(), "Name or service not known".into())];
    facts.zookeeper.zoo_cfg = Some(cfg);
    says(&facts, "zookeeper/peer-name", &["/etc/zoo.cfg:2", "z9", "Name or service not known"]);
}

#[test]
fn p091_a_server_that_swallows_everything() {
    let answer = ZooKeeperAnswer::Silent("127.0.0.1:2181 did not answer srvr within 500 ms".into());
    says(&with(answer), "zookeeper/silent", &["says nothing", "within 500 ms", "stormctl zk status"]);
}

#[test]
fn p093_data_of_another_version() {
    let mut facts = healthy();
    let old = Unreadable {
        path: "/storm/storms/old-1-1".into(),
        what: "StormBase".into(),
        why: "type 172 is unknown".into(),
    };
    tree(&mut facts).unreadable.push(old);
    says(&facts, "zookeeper/foreign-data", &["/storm/storms/old-1-1", "StormBase", "> backup", "zk rm"]);
}

#[test]
fn p094_a_closed_node() {
    let mut facts = healthy();
    tree(&mut facts).closed.push(Closed { path: "/storm/storms".into(), acl: "digest:storm:abc".into() });
    says(&facts, "zookeeper/acl", &["/storm/storms", "digest:storm:abc", "world:anyone:cdrwa is expected", "setAcl"]);
}

#[test]
fn p057_the_timeouts_are_the_same() {
    let mut facts = healthy();
    assert_eq!(codes(&facts), [] as [&str; 0], "Storm's own defaults are nobody's mistake");
    set(&mut facts, "nimbus.task.timeout.secs", json!(30));
    says(&facts, "config/order", &["/etc/storm.yaml:9", "is luck", "config set nimbus.task.timeout.secs 45"]);
    set(&mut facts, "nimbus.task.timeout.secs", json!(60));
    assert_eq!(codes(&facts), [] as [&str; 0]);
}
