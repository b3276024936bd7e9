//! Daemons in the background: start, status, stop, restart, and what must never happen to a stranger.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::ports::free_ports;
use storm_tests::process::{self, Finished, Nest, own_bytes};
use storm_tests::wait::wait_until;

use super::{LIMIT, command};

struct Machine {
    nest: Nest,
    config: PathBuf,
}

impl Machine {
    fn new() -> Machine {
        let nest = Nest::new();
        let [zookeeper, nimbus, supervisor, slot] = free_ports();
        let config = nest.dir().join("storm.yaml");
        let keys = json!({
            "storm.zookeeper.servers": ["127.0.0.1"],
            "storm.zookeeper.port": zookeeper,
            "nimbus.seeds": ["127.0.0.1"],
            "nimbus.thrift.port": nimbus,
            "supervisor.thrift.port": supervisor,
            "supervisor.slots.ports": [slot],
            "storm.local.hostname": "127.0.0.1",
            "storm.local.dir": nest.dir().join("local"),
            "storm.log.dir": nest.dir().join("logs"),
            "dev.zookeeper.path": nest.dir().join("zookeeper"),
        });
        let lines = keys.as_object().expect("a map").iter().map(|(k, v)| format!("{k}: {v}\n"));
        fs::write(&config, lines.collect::<String>()).expect("written");
        Machine { nest, config }
    }

    fn run(&self, args: &[&str]) -> Finished {
        let mut command = command(&self.nest, &[]);
        command.arg("--config").arg(&self.config).args(args);
        self.nest.run(command)
    }

    fn pid_file(&self, role: &str) -> PathBuf {
        self.nest.dir().join("local/run").join(format!("{role}.pid"))
    }

    fn items(&self, args: &[&str]) -> Vec<Value> {
        let done = self.run(args);
        done.stdout.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    }

    fn pid(&self, role: &str) -> u32 {
        let items = self.items(&["status", role, "-o", "jsonl"]);
        items[0]["pid"].as_u64().unwrap_or_else(|| panic!("{role} does not run")) as u32
    }
}

#[test]
fn the_life_of_a_machines_daemons() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["status"]).status.code(), Some(3));

    let started = machine.items(&["start", "-o", "jsonl"]);
    let roles: Vec<&str> = started.iter().map(|i| i["role"].as_str().expect("a role")).collect();
    assert_eq!(roles, ["zookeeper", "nimbus", "supervisor"]);
    assert!(started.iter().all(|i| i["done"] == "started" && i["address"].is_string()), "{started:?}");
    assert_eq!(machine.run(&["status"]).status.code(), Some(0));
    assert_eq!(machine.run(&["list"]).ok(), "No topologies running.\n");
    for role in roles {
        let log = fs::read_to_string(machine.nest.dir().join(format!("logs/{role}.log"))).expect("a log");
        let time = log.split(' ').next().unwrap_or_default();
        assert!(time.len() == 24 && time.ends_with('Z'), "{role} logs {log}");
        assert!(log.contains("[INFO]"), "{role} logs {log}");
        let comm = fs::read_to_string(format!("/proc/{}/comm", machine.pid(role))).expect("a name");
        assert_eq!(comm.trim(), role);
    }

    // Once is enough, also for one who tries it by hand.
    let nimbus = machine.pid("nimbus");
    assert!(machine.run(&["start"]).ok().contains("runs already"));
    assert_eq!(machine.pid("nimbus"), nimbus);
    let second = machine.run(&["nimbus"]);
    assert_eq!(second.status.code(), Some(8), "{second:?}");
    assert!(second.stderr.contains(&nimbus.to_string()), "{second:?}");

    machine.run(&["restart", "nimbus"]).ok();
    assert_ne!(machine.pid("nimbus"), nimbus);
    process::kill(machine.pid("supervisor"), Signal::KILL);
    wait_until(LIMIT, "the dead supervisor to be noticed", || machine.run(&["status"]).status.code() == Some(3));
    assert!(machine.run(&["start", "supervisor"]).ok().contains("started"));

    machine.run(&["stop"]).ok();
    wait_until(LIMIT, "every process to be gone", || {
        machine.nest.processes().into_iter().filter(|pid| process::is_alive(*pid)).count() == 0
    });
    assert!(machine.run(&["stop"]).ok().contains("was not running"));
}

#[test]
fn a_stranger_with_the_number_of_a_dead_daemon_is_left_alone() {
    let machine = Machine::new();
    machine.run(&["start", "zookeeper"]).ok();
    let file = machine.pid_file("zookeeper");
    let record: Value = serde_json::from_str(&fs::read_to_string(&file).expect("a pid file")).expect("JSON");
    machine.run(&["stop", "zookeeper"]).ok();

    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    let mut stranger = machine.nest.spawn("stranger", sleep);
    let mut forged = record;
    forged["pid"] = json!(stranger.pid());
    fs::write(&file, forged.to_string()).expect("written");
    assert_eq!(machine.run(&["status", "zookeeper"]).status.code(), Some(3));
    assert!(machine.run(&["stop", "zookeeper"]).ok().contains("was not running"));
    machine.run(&["start", "zookeeper"]).ok();
    machine.run(&["restart", "zookeeper"]).ok();
    machine.run(&["stop"]).ok();
    assert_eq!(stranger.ended(), None, "the stranger was killed");
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let machine = Machine::new();
    let text = fs::read_to_string(&machine.config).expect("the configuration");
    let port: u16 = key(&machine.config, "nimbus.thrift.port").parse().expect("a port");
    let _taken = std::net::TcpListener::bind(("0.0.0.0", port)).expect("the port is free yet");
    let done = machine.run(&["start", "nimbus"]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(done.stderr.contains(&port.to_string()) && done.stderr.contains("nimbus.log"), "{}", done.stderr);

    fs::write(&machine.config, format!("{text}nimbus.task.timeout.secs: -3\n")).expect("written");
    assert_eq!(machine.run(&["nimbus"]).status.code(), Some(6));
    fs::write(&machine.config, format!("{text}stormctl.roles: []\n")).expect("written");
    assert_eq!(machine.run(&["start"]).status.code(), Some(5));
}

fn key(file: &Path, key: &str) -> String {
    let text = fs::read_to_string(file).expect("the configuration");
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{key}: "))).expect("the key");
    line.to_owned()
}

#[test]
fn zk_status_has_the_lines_of_zkserver_for_either_server() {
    for maker in [Maker::Ours, Maker::Apache] {
        let options = ClusterOptions { zookeeper: maker, supervisors: 0, ..ClusterOptions::default() };
        let mut cluster = Cluster::prepare(options);
        cluster.start_zookeeper();
        let port = cluster.zookeeper.port;
        let ask = |args: &[&str]| {
            let mut command = command(cluster.nest(), &[]);
            command.arg("--config").arg(cluster.zookeeper.config()).args(args);
            cluster.nest().run(command)
        };
        let status = ask(&["zk", "status"]);
        assert!(status.stderr.starts_with("Using config: "), "{status:?}");
        let text = status.ok();
        let first =
            format!("Client port found: {port}. Client address: 127.0.0.1. Client SSL: false.\nMode: standalone\n");
        assert!(text.starts_with(&first), "{text}");
        assert!(text.contains("Zookeeper version: ") && text.contains("Node count: "), "{text}");
        let json: Value = serde_json::from_str(&ask(&["zk", "status", "-o", "json"]).ok()).expect("JSON");
        assert_eq!(json["items"][0]["mode"], "standalone");
        let pid = json["items"][0]["pid"].as_u64();
        cluster.zookeeper.kill_nine();
        let mut command = command(cluster.nest(), &[]);
        command.arg("--config").arg(cluster.zookeeper.config()).args(["zk", "status"]);
        let down = cluster.nest().run(command);
        assert_eq!(down.status.code(), Some(3), "{down:?}");
        assert!(down.stderr.contains("Error contacting service. It is probably not running."), "{down:?}");
        assert!(pid.is_some(), "{json}");
    }
}

#[test]
fn a_zookeeper_of_others_is_used_and_left_alone() {
    let options = ClusterOptions { zookeeper: Maker::Apache, supervisors: 0, ..ClusterOptions::default() };
    let mut cluster = Cluster::prepare(options);
    cluster.start_zookeeper();
    let run = |args: &[&str]| {
        let mut command = command(cluster.nest(), &[]);
        command.arg("--config").arg(cluster.nimbus.config()).args(args);
        cluster.nest().run(command)
    };
    let started = run(&["start", "zookeeper", "nimbus"]).ok();
    assert!(started.contains("runs already, started by others"), "{started}");
    assert!(run(&["status", "zookeeper"]).ok().contains("started by others"));
    wait_until(LIMIT, "Nimbus to lead", || run(&["list"]).status.success());
    let stopped = run(&["stop", "zookeeper", "nimbus"]).ok();
    assert!(stopped.contains("left alone: started by others"), "{stopped}");
    assert_eq!(cluster.zookeeper.process().ended(), None);
}

#[test]
fn idle_daemons_are_small() {
    let machine = Machine::new();
    machine.run(&["start"]).ok();
    machine.run(&["list"]).ok();
    for role in ["nimbus", "supervisor"] {
        let bytes = own_bytes(machine.pid(role));
        assert!(bytes < 12 << 20, "{role} holds {} MiB", bytes >> 20);
    }
    machine.run(&["stop"]).ok();
}
