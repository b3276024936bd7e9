//! P038 to P070: names, ports, disks, supervisors, workers, programs.

use std::net::IpAddr;

use serde_json::json;
use storm_doctor::Severity;
use storm_doctor::facts::{
    Dir, HostsLine, LocalAssignment, LocalWorker, Outcome, Probe, Purpose, Slot, SlotUse, Store, StormProgram,
};

use crate::made::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn p038_a_host_is_known_by_a_loopback_address() {
    let mut facts = healthy();
    facts.host.hosts = vec![HostsLine { line: 2, address: ip("127.0.1.1"), names: vec!["sup1".into()] }];
    says(&facts, "names/loopback", &["/etc/hosts:2", "127.0.1.1 sup1", "n1, z1", "sed -i '2s/"]);
    // It has a real address, too.
    facts.host.hosts.push(HostsLine { line: 3, address: ip("10.0.0.3"), names: vec!["sup1".into()] });
    assert_eq!(codes(&facts), [] as [&str; 0]);

    let mut facts = healthy();
    facts.host.name = "localhost".into();
    says(&facts, "names/loopback", &["storm.local.hostname: localhost"]);
    // A cluster on one machine may be known so.
    for (key, host) in [("nimbus.seeds", "localhost"), ("storm.zookeeper.servers", "127.0.0.1")] {
        facts.config.conf.set(key, json!([host]));
    }
    tree(&mut facts).supervisors.get_mut("s-1").unwrap().info.hostname = "localhost".into();
    tree(&mut facts).nimbuses = vec!["localhost".into(), "n1".into()];
    assert!(codes(&facts).contains(&"names/loopback"), "n1 is another machine");
    tree(&mut facts).nimbuses = vec!["localhost".into()];
    assert!(!codes(&facts).contains(&"names/loopback"));
}

fn probe(host: &str, port: u16, purpose: Purpose, addresses: &[(&str, Outcome)]) -> Probe {
    Probe {
        from: "sup1".into(),
        host: host.into(),
        port,
        purpose,
        unresolved: None,
        addresses: addresses.iter().map(|(a, o)| (ip(a), o.clone())).collect(),
    }
}

fn closed() -> Outcome {
    Outcome::Refused("Connection refused (os error 111)".into())
}

#[test]
fn p039_hosts_that_do_not_know_one_another() {
    let mut facts = healthy();
    let mut unknown = probe("sup2", 6628, Purpose::Supervisor, &[]);
    unknown.unresolved = Some("Name or service not known".into());
    // What another host has seen counts as well.
    let mut other = unknown.clone();
    (other.from, other.host) = ("sup3".into(), "sup1".into());
    facts.probes = vec![unknown, other, probe("sup4", 6628, Purpose::Supervisor, &[("10.0.0.4", closed())])];
    let found = storm_doctor::examine(&facts);
    let pairs: Vec<&str> = found.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(
        pairs,
        [
            "sup1 does not know the name sup2",
            "sup3 does not know the name sup1",
            "sup1 cannot reach the supervisor at sup4:6628"
        ]
    );
    assert!(text(&found[2]).contains("10.0.0.4: Connection refused"), "{}", text(&found[2]));
}

#[test]
fn p041_the_first_address_of_localhost_is_refused() {
    let mut facts = healthy();
    facts.probes =
        vec![probe("localhost", 2181, Purpose::ZooKeeper, &[("::1", closed()), ("127.0.0.1", Outcome::Answers)])];
    says(&facts, "names/one-family", &["::1 first", "127.0.0.1 answers", "write 127.0.0.1 for localhost"]);
    facts.probes =
        vec![probe("localhost", 2181, Purpose::ZooKeeper, &[("127.0.0.1", Outcome::Answers), ("::1", closed())])];
    assert_eq!(codes(&facts), [] as [&str; 0]);
}

#[test]
fn p042_a_stranger_holds_the_port_of_a_slot() {
    let mut facts = healthy();
    let used = SlotUse::Foreign { pid: Some(99), holder: "process 99 (nc)".into() };
    facts.host.slots = vec![
        Slot { port: 6700, used },
        Slot { port: 6701, used: SlotUse::OwnWorker(20) },
        Slot { port: 6702, used: SlotUse::Free },
    ];
    says(&facts, "ports/slot-taken", &["process 99 (nc)", "/etc/storm.yaml:3", "kill 99", "[6701, 6702]"]);
}

#[test]
fn p043_slots_among_the_ports_that_the_kernel_gives_away() {
    let mut facts = healthy();
    facts.host.ephemeral = Some((1024, 65535));
    says(&facts, "ports/ephemeral", &["1024 65535", "ip_local_reserved_ports=6700,6701,6702,6703"]);
}

#[test]
fn p045_links_to_logs_lead_nowhere() {
    let mut facts = healthy();
    facts.probes = vec![probe("sup2", 8000, Purpose::LogViewer, &[("10.0.0.2", closed())])];
    let finding = says(&facts, "logs/unreachable", &["sup2:8000", "ssh sup2 stormctl logs"]);
    assert_eq!(finding.severity, Severity::Info);
}

#[test]
fn p049_a_state_file_is_empty() {
    let mut facts = healthy();
    let broken = Some(("/local/supervisor/localstate/17".into(), "all 512 bytes are zero".to_owned()));
    facts.host.stores =
        vec![Store { path: "/local/supervisor/localstate".into(), broken: broken.clone(), fallback: true }];
    says(&facts, "supervisor/state-broken", &["localstate/17", "all 512 bytes are zero", "the version before it"]);
    facts.host.stores = vec![Store { path: "/local/supervisor/localstate".into(), broken, fallback: false }];
    says(&facts, "supervisor/state-broken", &["starts empty"]);
}

fn dir(key: &'static str, path: &str) -> Dir {
    Dir {
        key,
        path: path.into(),
        exists: true,
        unwritable: None,
        free_bytes: Some(9 << 30),
        free_inodes: Some(90_000),
        in_memory: false,
    }
}

#[test]
fn p050_state_in_a_folder_that_is_swept() {
    let mut facts = healthy();
    facts.host.dirs = vec![dir("storm.local.dir", "/tmp/storm"), dir("storm.log.dir", "/tmp/logs")];
    says(&facts, "disk/temporary", &["/tmp/storm", "removes files", "config set storm.local.dir /var/lib/storm"]);
    facts.host.dirs = vec![Dir { in_memory: true, ..dir("storm.local.dir", "/run/storm") }];
    says(&facts, "disk/temporary", &["in memory"]);
    facts.host.dirs = vec![dir("storm.local.dir", "/tmpfiles/storm")];
    assert_eq!(codes(&facts), [] as [&str; 0]);
}

#[test]
fn p051_a_file_of_one_topology_is_missing() {
    let mut facts = healthy();
    let missing = vec!["/local/supervisor/stormdist/wc-1-1/stormconf.ser".into()];
    facts.host.assignments = vec![LocalAssignment { port: 6700, topology_id: "wc-1-1".into(), missing }];
    let finding = says(&facts, "supervisor/topology-files", &["stormconf.ser", "sup1:6700", "the other topologies"]);
    assert_eq!(finding.subject.topology(), Some("wc"));
    facts.host.processes.clear();
    says(&facts, "supervisor/topology-files", &["stormctl start supervisor"]);
}

#[test]
fn p052_a_worker_with_an_empty_id() {
    let mut facts = healthy();
    facts.host.workers = vec![LocalWorker {
        id: String::new(),
        port: Some(6700),
        folder: "/local/workers".into(),
        approved: true,
        ..LocalWorker::default()
    }];
    says(&facts, "supervisor/worker-id", &["\"\"", "port 6700", "folder of all workers"]);
}

#[test]
fn p053_workers_outlive_their_supervisor() {
    let mut facts = healthy();
    facts.host.processes.clear();
    tree(&mut facts).supervisors.clear();
    says(&facts, "workers/no-supervisor", &["process 20", "w-1", "adopts them", "stormctl start supervisor"]);
    // Its node may still be there.
    let mut facts = healthy();
    facts.host.processes.clear();
    says(&facts, "supervisor/gone", &["/storm/supervisors/s-1", "20 s"]);
}

#[test]
fn p054_a_pid_file_is_lost() {
    let mut facts = healthy();
    facts.host.workers[0].pid_files.clear();
    says(&facts, "workers/no-pid-file", &["/local/workers/w-1/pids/20", "process 20", "touch"]);
}

#[test]
fn p055_the_worker_of_a_killed_topology_stays() {
    let mut facts = healthy();
    facts.topologies.clear();
    tree(&mut facts).bases.clear();
    says(&facts, "workers/orphan", &["process 20", "sup1:6700", "kill -9 20"]);
    // While nobody can say what exists, nobody is an orphan.
    facts.nimbus.summary = None;
    facts.zookeeper.tree = None;
    assert!(!codes(&facts).contains(&"workers/orphan"));
}

#[test]
fn p059_a_disk_that_takes_nothing() {
    let mut facts = healthy();
    let denied = Some("Read-only file system (os error 30)".to_owned());
    facts.host.dirs = vec![Dir { unwritable: denied, ..dir("storm.local.dir", "/data") }];
    says(&facts, "disk/unwritable", &["/data", "Read-only file system", "offers no slots"]);
    facts.host.dirs = vec![Dir { free_bytes: Some(5 << 20), ..dir("storm.local.dir", "/data") }];
    says(&facts, "disk/full", &["5 MB are free"]);
    facts.host.dirs = vec![Dir { free_inodes: Some(3), ..dir("storm.local.dir", "/data") }];
    says(&facts, "disk/full", &["3 more files"]);
    facts.host.dirs = vec![Dir { free_inodes: Some(0), ..dir("storm.local.dir", "/data") }];
    assert_eq!(codes(&facts), [] as [&str; 0], "file systems without numbered files say 0");
}

#[test]
fn p060_a_host_is_avoided_for_the_fault_of_a_topology() {
    let mut facts = healthy();
    facts.nimbus.summary.as_mut().unwrap().supervisors[0].blacklisted = Some(true);
    says(&facts, "supervisor/blacklisted", &["sup1", "1800 s"]);
    component(&mut facts, "__system").last_error =
        Some(fault("worker w-1 of wc-1-1 ended after 80 ms: process 5: exit code 1; its log is x"));
    says(&facts, "supervisor/blacklisted", &["it is the topology, not the host", "stormctl deactivate wc"]);
}

#[test]
fn p062_more_heap_than_the_host_has() {
    let mut facts = healthy();
    facts.host.memory_bytes = Some(2 << 30);
    set(&mut facts, "worker.heap.memory.mb", json!(65536));
    says(&facts, "host/memory", &["4 slots of 65536 MB are 262144 MB", "2048 MB", "/proc/meminfo"]);
    // The limit of the container counts.
    let mut facts = healthy();
    facts.host.memory_limit = Some(1 << 30);
    says(&facts, "host/memory", &["1024 MB", "the control group", "'[6700]'"]);
}

#[test]
fn a_clock_is_off() {
    let mut facts = healthy();
    tree(&mut facts).supervisors.get_mut("s-1").unwrap().info.time_secs = NOW + 300;
    says(&facts, "host/clock", &["300 s ahead of", "/storm/supervisors/s-1"]);
}

#[test]
fn a_worker_is_silent() {
    let mut facts = healthy();
    facts.host.workers[0].beat_age = Some(90);
    says(&facts, "workers/silent", &["90 s", "limit 30 s", "kill -9 20"]);
}

#[test]
fn p067_java_home_points_to_nothing() {
    let mut facts = healthy();
    facts.host.programs.java_home = Some("/nope".into());
    says(&facts, "java/home", &["JAVA_HOME is /nope", "/nope/bin/java", "has no java either"]);
    facts.host.programs.java_on_path = Some("/usr/bin/java".into());
    says(&facts, "java/home", &["/usr/bin/java is a Java", "unset JAVA_HOME"]);
    facts.host.programs.java_home_is_one = true;
    assert_eq!(codes(&facts), [] as [&str; 0]);
}

#[test]
fn p070_another_program_is_called_storm() {
    let mut facts = healthy();
    let storm = |path: &str, apache| StormProgram { path: path.into(), apache };
    facts.host.programs.storms = vec![storm("/opt/storm/bin/storm", true), storm("/usr/bin/storm", false)];
    assert_eq!(codes(&facts), [] as [&str; 0]);
    facts.host.programs.storms.reverse();
    says(
        &facts,
        "path/storm-hidden",
        &["storm is /usr/bin/storm", "another program", "/opt/storm/bin/storm", "PATH=/opt/storm/bin:$PATH"],
    );
    facts.host.programs.storms.truncate(1);
    let found = says(&facts, "path/storm-other", &["/usr/bin/storm", "stormctl"]);
    assert_eq!(found.severity, Severity::Info);
}
