//! `stormctl zk start`, `stop`, `restart` and `status`, with dev-zookeeper and with an installation of Apache ZooKeeper.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::{self, Finished, Nest};
use storm_tests::wait::wait_until;

use super::{LIMIT, command};

/// A machine with a storm.yaml and, as a release lays it out, an Apache ZooKeeper.
struct Machine {
    nest: Nest,
    port: u16,
    config: PathBuf,
    home: PathBuf,
}

impl Machine {
    fn new() -> Machine {
        let nest = Nest::new();
        let port = free_port();
        let config = nest.dir().join("storm.yaml");
        let text = format!(
            "storm.zookeeper.servers: [127.0.0.1]\nstorm.zookeeper.port: {port}\nstorm.local.dir: {dir}/local\n\
             storm.log.dir: {dir}/logs\ndev.zookeeper.path: {dir}/dev\nstorm.local.hostname: 127.0.0.1\n",
            dir = nest.dir().display()
        );
        fs::write(&config, text).expect("written");
        let home = nest.dir().join("apache-zookeeper");
        fs::create_dir_all(home.join("conf")).expect("made");
        let jars = peers::zookeeper_classpath();
        symlink(Path::new(jars.trim_end_matches("/*")), home.join("lib")).expect("linked");
        let machine = Machine { nest, port, config, home };
        machine.zoo_cfg("");
        // What an operator keeps there, and zkEnv.sh reads.
        fs::write(machine.home.join("conf/java.env"), "JVMFLAGS=\"-Dfrom.java.env=yes $JVMFLAGS\"\n").expect("written");
        machine
    }

    fn zoo_cfg(&self, more: &str) {
        let text = format!(
            "tickTime=2000\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n{more}",
            self.home.join("data").display(),
            self.port
        );
        fs::write(self.home.join("conf/zoo.cfg"), text).expect("written");
    }

    fn run(&self, args: &[&str]) -> Finished {
        let mut command = command(&self.nest, &[]);
        command.env_remove("ZOOKEEPER_HOME").env("ZK_SERVER_HEAP", "128");
        command.arg("--config").arg(&self.config).arg("zk").args(args);
        self.nest.run(command)
    }

    fn apache(&self, args: &[&str]) -> Finished {
        let mut all = args.to_vec();
        let home = self.home.display().to_string();
        all.extend(["--home", &home]);
        self.run(&all)
    }

    fn pid_file(&self) -> PathBuf {
        self.home.join("data/zookeeper_server.pid")
    }

    fn recorded(&self) -> u32 {
        let text = fs::read_to_string(self.pid_file()).expect("a pid file");
        text.trim().parse().expect("a number")
    }
}

fn stranger(machine: &Machine) -> process::Process {
    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    machine.nest.spawn("stranger", sleep)
}

#[test]
fn dev_zookeeper_in_the_words_of_zkserver() {
    let machine = Machine::new();
    let down = machine.run(&["status"]);
    assert_eq!(down.status.code(), Some(3), "{down:?}");
    assert!(down.stderr.contains("Error contacting service. It is probably not running."), "{down:?}");
    let nothing = machine.run(&["stop"]).ok();
    assert!(nothing.starts_with("Stopping zookeeper ... no zookeeper to stop (could not find file "), "{nothing}");

    let done = machine.run(&["start"]);
    assert!(done.stderr.starts_with("Using config: "), "{done:?}");
    let started = done.ok();
    assert!(started.starts_with("Starting zookeeper ... STARTED\n"), "{started}");
    let port = machine.port;
    let lines =
        format!("Client port found: {port}. Client address: 127.0.0.1. Client SSL: false.\nMode: standalone\nPid: ");
    assert!(started.contains(&lines), "{started}");
    let status = machine.run(&["status"]).ok();
    assert!(status.starts_with(&lines), "{status}");
    for evidence in ["Latency min/avg/max: ", "Node count: ", "Sessions: ", "Watches: "] {
        assert!(status.contains(evidence), "no {evidence} in {status}");
    }
    let again = machine.run(&["start"]).ok();
    assert!(again.starts_with("Starting zookeeper ... already running as process "), "{again}");
    let json: Value = serde_json::from_str(&machine.run(&["restart", "-o", "json"]).ok()).expect("JSON");
    assert_eq!((&json["kind"], &json["items"][0]["outcome"]), (&json!("ZooKeeperService"), &json!("STOPPED")));
    assert_eq!(json["items"][1]["outcome"], "STARTED");
    assert_ne!(json["items"][0]["pid"], json["items"][1]["pid"]);

    // Killed, it leaves its file behind; what it names is not believed.
    process::kill(json["items"][1]["pid"].as_u64().expect("a pid") as u32, Signal::KILL);
    wait_until(LIMIT, "the end to be noticed", || machine.run(&["status"]).status.code() == Some(3));
    assert!(machine.run(&["status"]).stderr.contains(" is gone"), "{:?}", machine.run(&["status"]));
    assert!(machine.run(&["start"]).ok().contains("STARTED"));
    assert_eq!(machine.run(&["stop"]).ok(), "Stopping zookeeper ... STOPPED\n");
}

#[test]
fn a_forged_file_makes_nobody_a_zookeeper() {
    let machine = Machine::new();
    machine.run(&["start"]).ok();
    let file = machine.nest.dir().join("local/run/zookeeper.pid");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("JSON");
    machine.run(&["stop"]).ok();
    // Everything in it is true of the stranger, but that it is ZooKeeper.
    let mut stranger = stranger(&machine);
    let stat = fs::read_to_string(format!("/proc/{}/stat", stranger.pid())).expect("it lives");
    let ticks = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19)).expect("a start time");
    record["pid"] = json!(stranger.pid());
    record["start_ticks"] = json!(ticks.parse::<u64>().expect("a number"));
    fs::write(&file, record.to_string()).expect("written");
    assert!(machine.run(&["stop"]).ok().contains("no zookeeper to stop"));
    assert!(machine.run(&["restart"]).ok().contains("STARTED"));
    machine.run(&["stop"]).ok();

    // The same for the bare number in Apache's.
    fs::create_dir_all(machine.home.join("data")).expect("made");
    fs::write(machine.pid_file(), stranger.pid().to_string()).expect("written");
    let stopped = machine.apache(&["stop"]).ok();
    let line = format!("no zookeeper to stop (process {} is not ZooKeeper: sleep 600)", stranger.pid());
    assert!(stopped.contains(&line), "{stopped}");
    assert_eq!(stranger.ended(), None, "the stranger was killed");
}

#[test]
fn an_installation_of_apache_zookeeper() {
    let machine = Machine::new();
    let started = machine.apache(&["start"]);
    assert!(started.stderr.contains("conf/zoo.cfg"), "{started:?}");
    let started = started.ok();
    assert!(started.starts_with("Starting zookeeper ... STARTED\nClient port found: "), "{started}");
    let pid = machine.recorded();
    assert!(started.contains(&format!("Mode: standalone\nPid: {pid}\n")), "{started}");
    let line = fs::read(format!("/proc/{pid}/cmdline")).expect("it lives");
    assert!(String::from_utf8_lossy(&line).contains("-Dfrom.java.env=yes"), "java.env was not read");
    // What it does not tell is said, with the key that changes it.
    let status = machine.apache(&["status"]).ok();
    assert!(status.contains("followers in sync: unknown") && status.contains("4lw.commands.whitelist"), "{status}");

    let again = machine.apache(&["start"]).ok();
    assert!(again.contains(&format!("already running as process {pid}.")), "{again}");
    // Without its file nobody has said that we may end it.
    fs::rename(machine.pid_file(), machine.home.join("kept")).expect("moved");
    let unrecorded = machine.apache(&["stop"]);
    assert_eq!(unrecorded.status.code(), Some(7), "{unrecorded:?}");
    assert!(
        unrecorded.stdout.contains("FAILED TO STOP") && unrecorded.stderr.contains(&pid.to_string()),
        "{unrecorded:?}"
    );
    // The role's own stop leaves it alone too, as does ours.
    assert_eq!(machine.run(&["stop"]).status.code(), Some(7));
    fs::rename(machine.home.join("kept"), machine.pid_file()).expect("moved");
    machine.zoo_cfg("4lw.commands.whitelist=*\n");
    let json: Value = serde_json::from_str(&machine.apache(&["restart", "-o", "json"]).ok()).expect("JSON");
    assert_eq!(json["items"][0]["pid"], pid);
    let mntr = &json["items"][1]["server"]["mntr"];
    assert!(mntr["zk_znode_count"].as_i64().is_some_and(|n| n > 0), "{json}");
    assert_eq!(machine.apache(&["stop"]).ok(), "Stopping zookeeper ... STOPPED\n");
    assert!(!machine.pid_file().exists());
    let down = machine.apache(&["status"]);
    assert_eq!(down.status.code(), Some(3), "{down:?}");
    assert!(down.stderr.contains("nothing is recorded in "), "{down:?}");
}

#[test]
fn an_installation_that_cannot_start_says_why_and_leaves_nothing() {
    let machine = Machine::new();
    machine.zoo_cfg("tickTime=fast\n");
    let failed = machine.apache(&["start"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert_eq!(failed.stdout, "Starting zookeeper ... FAILED TO START\n");
    assert!(failed.stderr.contains("error[start/ended]") && failed.stderr.contains(".out"), "{failed:?}");
    assert!(!machine.pid_file().exists());

    machine.zoo_cfg("");
    let taken = std::net::TcpListener::bind(("127.0.0.1", machine.port)).expect("the port is free");
    let failed = machine.apache(&["start"]);
    assert_eq!(failed.status.code(), Some(8), "{failed:?}");
    assert!(failed.stderr.contains(&format!("process {}", std::process::id())), "{failed:?}");
    drop(taken);
    assert_eq!(machine.run(&["status", "--home", "/nowhere"]).status.code(), Some(5));
    assert_eq!(machine.run(&["start", "--zoo-cfg", "/x"]).status.code(), Some(2));
}

/// One of three: it runs, and cannot serve.
#[test]
fn a_member_without_a_quorum_says_who_is_missing() {
    let machine = Machine::new();
    let [a, b, c, d]: [u16; 4] = std::array::from_fn(|_| free_port());
    machine.zoo_cfg(&format!(
        "initLimit=5\nsyncLimit=2\nserver.1=127.0.0.1:{a}:{b}\nserver.2=127.0.0.2:{c}:{d}\nserver.3=127.0.0.3:{c}:{d}\n"
    ));
    fs::create_dir_all(machine.home.join("data")).expect("made");
    fs::write(machine.home.join("data/myid"), "1\n").expect("written");
    let started = machine.apache(&["start"]);
    assert!(started.stderr.contains("it waits for a quorum"), "{started:?}");
    assert_eq!(started.ok(), "Starting zookeeper ... STARTED\n");
    let status = machine.apache(&["status"]);
    assert_eq!(status.status.code(), Some(1), "{status:?}");
    for part in ["runs, but does not serve", "1 of 3 servers answer; 2 are needed", "127.0.0.2:"] {
        assert!(status.stderr.contains(part), "no {part} in {status:?}");
    }
    assert_eq!(machine.apache(&["stop"]).ok(), "Stopping zookeeper ... STOPPED\n");
}
