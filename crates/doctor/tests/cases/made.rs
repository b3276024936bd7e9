//! Facts of a healthy cluster, to be broken by each test.

use serde_json::{Value, json};
use storm_conf::Conf;
use storm_doctor::facts::{
    BaseSeen, Component, Config, Fault, Host, LatchPlace, LocalWorker, Nimbus, Outcome, Process, ProcessRole, Seed,
    SeedAnswer, SupervisorSeen, Topology, TopologyWorker, Tree, ZooKeeper, ZooKeeperAnswer, ZooKeeperServer,
};
use storm_doctor::{Facts, Finding, Severity, examine};
use storm_thrift::types::{
    ClusterSummary, NimbusSummary, StormBase, SupervisorInfo, SupervisorSummary, TopologyStatus,
};

pub const NOW: i64 = 1_700_000_000;

/// One Nimbus, one ZooKeeper, one supervisor `sup1` with four slots, `wc` on one of them: nothing is wrong.
pub fn healthy() -> Facts {
    let mut config = Config { conf: Conf::defaults(), file: Some("/etc/storm.yaml".into()), ..Config::default() };
    for (line, (key, value)) in [
        ("nimbus.seeds", json!(["n1"])),
        ("storm.zookeeper.servers", json!(["z1"])),
        ("supervisor.slots.ports", json!([6700, 6701, 6702, 6703])),
    ]
    .into_iter()
    .enumerate()
    {
        config.conf.set(key, value);
        config.written.insert(key.to_owned(), format!("/etc/storm.yaml:{}", line + 1));
    }
    let summary = ClusterSummary {
        supervisors: vec![SupervisorSummary {
            host: "sup1".into(),
            uptime_secs: 5000,
            num_workers: 4,
            num_used_workers: 1,
            supervisor_id: "s-1".into(),
            blacklisted: Some(false),
            ..SupervisorSummary::default()
        }],
        nimbuses: vec![NimbusSummary {
            host: "n1".into(),
            port: 6627,
            uptime_secs: 5000,
            is_leader: true,
            ..NimbusSummary::default()
        }],
        ..ClusterSummary::default()
    };
    let mut tree = Tree { root: "/storm".into(), nimbuses: vec!["n1".into()], ..Tree::default() };
    tree.latch.push(LatchPlace {
        node: "_c_1-latch-0000000001".into(),
        participant: "n1:6627".into(),
        since: NOW - 5000,
    });
    let base = StormBase { name: "wc".into(), status: TopologyStatus::Active, num_workers: 1, ..StormBase::default() };
    tree.bases.insert("wc-1-1".into(), BaseSeen { base, written_at: NOW - 4000 });
    for part in ["stormjar.jar", "stormcode.ser", "stormconf.ser"] {
        tree.blobs.insert(format!("wc-1-1-{part}"), vec!["n1:6627:0".into()]);
    }
    let info = SupervisorInfo { hostname: "sup1".into(), time_secs: NOW, ..SupervisorInfo::default() };
    tree.supervisors.insert("s-1".into(), SupervisorSeen { info, written_at: NOW });
    Facts {
        at: NOW,
        config,
        host: Host {
            name: "sup1".into(),
            hosts_file: "/etc/hosts".into(),
            ephemeral: Some((32768, 60999)),
            memory_bytes: Some(64 << 30),
            processes: vec![Process { pid: 10, role: ProcessRole::Supervisor, command: "stormctl supervisor".into() }],
            supervisor_id: Some("s-1".into()),
            workers: vec![worker()],
            ..Host::default()
        },
        nimbus: Nimbus {
            seeds: vec![Seed { address: "n1:6627".into(), answer: SeedAnswer::Names { leader: "n1:6627".into() } }],
            leader: Some(("n1:6627".into(), Outcome::Answers)),
            summary: Some(summary),
        },
        zookeeper: ZooKeeper {
            servers: vec![server("z1:2181", serving(0.5))],
            tree: Some(tree),
            operation_ms: Some(1.0),
            ..ZooKeeper::default()
        },
        topologies: vec![topology("wc")],
        ..Facts::default()
    }
}

pub fn worker() -> LocalWorker {
    LocalWorker {
        id: "w-1".into(),
        folder: "/local/workers/w-1".into(),
        port: Some(6700),
        topology_id: Some("wc-1-1".into()),
        approved: true,
        pid_files: vec![20],
        pid: Some(20),
        beat_age: Some(1),
    }
}

pub fn topology(name: &str) -> Topology {
    Topology {
        name: name.into(),
        id: format!("{name}-1-1"),
        status: "ACTIVE".into(),
        uptime_secs: 4000,
        workers_asked: 1,
        placed: 3,
        executors: 3,
        workers: vec![TopologyWorker { host: "sup1".into(), port: 6700, executors: 3, uptime_secs: 3900 }],
        components: vec![
            Component { id: "lines".into(), spout: true, executors: 1, tasks: 1, acked: 1000, ..Component::default() },
            Component { id: "split".into(), executors: 1, tasks: 4, capacity: Some(0.2), ..Component::default() },
        ],
        told_by: "n1:6627".into(),
        ..Topology::default()
    }
}

pub fn server(address: &str, answer: ZooKeeperAnswer) -> ZooKeeperServer {
    ZooKeeperServer { address: address.into(), here: true, answer, holder: None, process: None }
}

pub fn serving(average_ms: f64) -> ZooKeeperAnswer {
    ZooKeeperAnswer::Serving {
        mode: Some("standalone".into()),
        average_ms: Some(average_ms),
        max_ms: None,
        fsync_ms: None,
    }
}

/// With nothing up: neither Nimbus nor ZooKeeper nor supervisor.
pub fn all_down() -> Facts {
    let mut facts = healthy();
    facts.nimbus = Nimbus::default();
    facts.nimbus.seeds =
        vec![Seed { address: "n1:6627".into(), answer: SeedAnswer::Refused("Connection refused".into()) }];
    facts.zookeeper = ZooKeeper { servers: vec![server("z1:2181", refused())], ..ZooKeeper::default() };
    facts.host.processes.clear();
    facts.topologies.clear();
    facts
}

pub fn refused() -> ZooKeeperAnswer {
    ZooKeeperAnswer::Refused("Connection refused (os error 111)".into())
}

pub fn tree(facts: &mut Facts) -> &mut Tree {
    facts.zookeeper.tree.as_mut().expect("a healthy cluster has a tree")
}

pub fn set(facts: &mut Facts, key: &str, value: Value) {
    facts.config.conf.set(key, value);
    facts.config.written.insert(key.to_owned(), "/etc/storm.yaml:9".to_owned());
}

pub fn fault(text: &str) -> Fault {
    Fault { text: text.into(), at: NOW - 5, host: Some("sup1".into()), port: Some(6700) }
}

pub fn component<'a>(facts: &'a mut Facts, id: &str) -> &'a mut Component {
    let components = &mut facts.topologies[0].components;
    if !components.iter().any(|c| c.id == id) {
        components.push(Component { id: id.into(), ..Component::default() });
    }
    components.iter_mut().find(|c| c.id == id).expect("just made")
}

pub fn codes(facts: &Facts) -> Vec<&'static str> {
    examine(facts).iter().map(|f| f.code).collect()
}

/// The only finding of a code, which must have place, words and a way out.
#[track_caller]
pub fn one(facts: &Facts, code: &str) -> Finding {
    let found: Vec<Finding> = examine(facts).into_iter().filter(|f| f.code == code).collect();
    assert_eq!(found.len(), 1, "{code} among {:?}", codes(facts));
    let finding = found.into_iter().next().expect("one");
    assert!(!finding.evidence.is_empty() && finding.evidence.iter().all(|e| !e.place.is_empty()), "{finding:?}");
    assert!(finding.severity == Severity::Info || finding.repair.is_some(), "{finding:?}");
    finding
}

/// All of a finding in one text.
pub fn text(finding: &Finding) -> String {
    let evidence: Vec<String> = finding.evidence.iter().map(ToString::to_string).collect();
    let fix = finding.repair.as_ref().map(|r| r.command.clone()).unwrap_or_default();
    format!("{}\n{}\n{}\n{fix}", finding.message, evidence.join("\n"), finding.cause.clone().unwrap_or_default())
}

/// The finding of a code says all of this.
#[track_caller]
pub fn says(facts: &Facts, code: &str, words: &[&str]) -> Finding {
    let finding = one(facts, code);
    let text = text(&finding);
    for word in words {
        assert!(text.contains(word), "{code} does not say {word:?}:\n{text}");
    }
    finding
}

#[test]
fn a_healthy_cluster_has_no_findings() {
    assert_eq!(codes(&healthy()), [] as [&str; 0]);
}
