//! Three hosts behind three real `sshd`, with an ensemble of Apache ZooKeeper.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest};
use storm_tests::sshd::SshHosts;
use storm_tests::wait::wait_until;

use super::{LIMIT, command, run, tree};

/// Much less than connections used to be kept for.
const CONNECTED: Duration = Duration::from_secs(40);

fn is_ssh(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "ssh")
}

struct Fleet {
    nest: Nest,
    hosts: SshHosts,
    file: PathBuf,
}

/// As Apache's archive for running is: one folder, with `lib` and `conf`.
pub(super) fn archive(nest: &Nest) -> PathBuf {
    let home = nest.dir().join("apache-zookeeper-bin");
    fs::create_dir_all(home.join("conf")).expect("made");
    fs::create_dir_all(home.join("lib")).expect("made");
    fs::write(home.join("conf/zoo_sample.cfg"), "tickTime=2000\n").expect("written");
    let jars = peers::zookeeper_classpath();
    let jars = Path::new(jars.trim_end_matches("/*"));
    for jar in fs::read_dir(jars).expect("jars").flatten().filter(|f| f.path().extension().is_some_and(|e| e == "jar"))
    {
        fs::copy(jar.path(), home.join("lib").join(jar.file_name())).expect("copied");
    }
    let archive = nest.dir().join("apache-zookeeper-bin.tar.gz");
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(&archive).arg("-C").arg(nest.dir()).arg("apache-zookeeper-bin");
    nest.run(tar).ok();
    archive
}

impl Fleet {
    fn new(count: u8) -> Fleet {
        let nest = Nest::new();
        let hosts = SshHosts::start(&nest, count);
        let archive = archive(&nest);
        let [zookeeper, nimbus, supervisor, following, electing] = std::array::from_fn(|_| free_port());
        let mut text = format!(
            "name: trio\ndir: ~/opt/storm\nservice: background\n\
             zookeeper: {{archive: {archive}, peer_ports: [{following}, {electing}], zoo_cfg: {{tickTime: 500}}}}\n\
             ssh: {{config: {config}}}\n\
             conf:\n  storm.zookeeper.port: {zookeeper}\n  nimbus.thrift.port: {nimbus}\n  supervisor.thrift.port: {supervisor}\n  \
             supervisor.monitor.frequency.secs: 1\n\
             role_conf:\n  nimbus: {{nimbus.monitor.freq.secs: 2}}\nhosts:\n",
            archive = archive.display(),
            config = hosts.config.display(),
        );
        for (index, host) in hosts.hosts.iter().enumerate() {
            let roles = ["zookeeper, nimbus", "zookeeper, supervisor, nimbus", "zookeeper, supervisor"][index % 3];
            // They are one machine, so a slot's port is only one host's.
            let [a, b] = std::array::from_fn(|_| free_port());
            text.push_str(&format!(
                "- {{name: {}, roles: [{roles}], ssh: {{port: {}}}, conf: {{supervisor.slots.ports: [{a}, {b}]}}}}\n",
                host.address, host.port
            ));
        }
        let file = nest.dir().join("cluster.yaml");
        fs::write(&file, text).expect("written");
        Fleet { nest, hosts, file }
    }

    fn run(&self, args: &[&str]) -> Finished {
        run(&self.nest, args)
    }

    fn plan(&self) -> Value {
        let done = self.run(&["plan", "--file", &self.file.display().to_string(), "-o", "json"]);
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"))
    }

    /// The host whose ZooKeeper server leads, by its own word.
    fn leading_server(&self) -> String {
        let text = fs::read_to_string(&self.file).expect("there");
        let port = text.split("storm.zookeeper.port: ").nth(1).and_then(|t| t.lines().next()).expect("a port");
        let leads = |address: &str| {
            let mut answer = String::new();
            let mut stream = TcpStream::connect(format!("{address}:{port}")).expect("it serves");
            stream.write_all(b"srvr").and_then(|()| stream.read_to_string(&mut answer)).expect("it answers");
            answer.contains("Mode: leader")
        };
        let host = self.hosts.hosts.iter().find(|h| leads(&h.address));
        host.expect("one server leads").address.clone()
    }

    fn trees(&self) -> Vec<BTreeMap<PathBuf, String>> {
        self.hosts.hosts.iter().map(|h| tree(&h.home)).collect()
    }
}

/// What was found but that a test lives in a temporary folder.
fn grave(plan: &Value) -> Vec<&Value> {
    plan["findings"].as_array().expect("a list").iter().filter(|f| f["code"] != "disk/temporary").collect()
}

#[test]
fn three_hosts_interrupted_everywhere_come_to_a_word_count() {
    let mut fleet = Fleet::new(3);
    let before = fleet.trees();
    let plan = fleet.plan();
    assert_eq!(grave(&plan), [] as [&Value; 0], "{plan}");
    assert!(
        plan["notes"][0].as_str().is_some_and(|n| n.contains("3 ZooKeeper servers survive the failure of 1")),
        "{plan}"
    );
    assert_eq!(fleet.trees(), before, "a plan changes nothing, and leaves nothing behind");
    let steps = plan["items"].as_array().expect("steps").clone();

    // What somebody puts in the way after the plan is not overwritten.
    let home = fleet.hosts.hosts[1].home.clone();
    let conf = home.join("opt/storm/conf");
    fs::create_dir_all(&conf).expect("made");
    fs::write(conf.join("storm.yaml"), "ui.port: 1\n").expect("written");
    let refused = fleet.run(&["apply", "trio"]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    assert!(refused.stderr.contains("is not any more what it was when this was planned"), "{refused:?}");
    fs::remove_dir_all(home.join("opt")).expect("removed");

    // A host that cannot be reached fails by itself.
    fleet.hosts.hosts[2].stop();
    let failed = fleet.run(&["apply", "trio"]);
    assert_eq!(failed.status.code(), Some(4), "{failed:?}");
    assert!(failed.stderr.contains("127.0.0.4: ssh does not get there"), "{failed:?}");
    fleet.hosts.hosts[2].start(&fleet.nest);

    // Killed when a step of the last host begins, each in turn; the others are somewhere in theirs.
    let last = fleet.hosts.hosts[2].address.clone();
    let own = steps.iter().filter(|s| s["host"] == last.as_str() || s["step"]["do"] == "check");
    let mut kinds: Vec<String> = Vec::new();
    for step in own {
        // One of each kind; a start of each phase.
        let kind = format!("{} {}", step["step"]["do"], step["phase"]);
        if kinds.contains(&kind) {
            continue;
        }
        kinds.push(kind);
        let words = step["words"].as_str().expect("words");
        let mut process = fleet.nest.spawn("apply", command(&fleet.nest, &["apply", "trio"]));
        process.wait_for_output(LIMIT, &format!("begin     {words}"));
        process.kill_nine();
        if kinds.len() == 1 {
            // Its connections end with it, as soon as the hosts are done with the step that they are at.
            wait_until(CONNECTED, "no ssh to be left", || fleet.nest.processes().iter().all(|pid| !is_ssh(*pid)));
        }
    }
    let done = fleet.run(&["apply", "trio"]);
    assert!(done.status.success(), "{done:?}");
    assert!(done.stderr.contains("lines acked"), "{done:?}");

    // A word count of our own, on a topology that lives on both supervisors, judged by sort and uniq.
    let client = fleet.hosts.hosts[0].home.join("opt/storm/conf/storm.yaml").display().to_string();
    wait_until(LIMIT, "no topology to be left", || {
        fleet.run(&["--config", &client, "list"]).stdout == "No topologies running.\n"
    });
    let out = fleet.nest.dir().join("counts.tsv");
    let text = fleet.nest.dir().join("text.txt");
    fs::write(&text, "to be or not to be\n".repeat(50)).expect("written");
    let flux =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wordcount.yaml")).expect("there");
    let flux = flux
        .replace("../README.md", &text.display().to_string())
        .replace("/tmp/wordcount.tsv", &out.display().to_string());
    let topology = fleet.nest.dir().join("t.yaml");
    fs::write(&topology, flux).expect("written");
    fleet.run(&["--config", &client, "submit", &topology.display().to_string()]).ok();
    wait_until(LIMIT, "all words to be counted", || {
        let text = fs::read_to_string(&out).unwrap_or_default();
        ["to\t100", "be\t100", "or\t50", "not\t50"].iter().all(|line| text.lines().any(|l| l == *line))
    });

    // There are no agents: from here, ssh tells of the hosts.
    let own = fleet.nest.dir().join("home/.local/state/storm/clusters/trio/operator/storm.yaml").display().to_string();
    let shown = fleet.run(&["--config", &own, "jps", "--hosts", "all", "-o", "json"]).ok();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    for host in &fleet.hosts.hosts {
        assert!(
            shown["hosts"]
                .as_array()
                .expect("hosts")
                .contains(&json!({"host": host.address, "ok": true, "via": "ssh"}))
        );
        let root = host.home.join("opt/storm").display().to_string();
        let own = |p: &Value| p["host"] == *host.address && p["config"].as_str().is_some_and(|c| c.starts_with(&root));
        assert!(shown["items"].as_array().expect("items").iter().any(own), "nothing of {} is in {shown}", host.address);
    }
    let logged = fleet.run(&["--config", &own, "logs", "wordcount", "--tail", "40"]).ok();
    for host in &fleet.hosts.hosts[1..] {
        assert!(logged.contains(&host.address), "{} is not in {logged}", host.address);
    }

    // A change goes through the hosts one after the other, while the topology goes on.
    let text =
        fs::read_to_string(&fleet.file).expect("there").replace("role_conf:\n", "  ui.title: changed\nrole_conf:\n");
    fs::write(&fleet.file, text).expect("written");
    let plan = fleet.plan();
    let restarts: Vec<&Value> =
        plan["items"].as_array().expect("steps").iter().filter(|s| s["step"]["do"] == "restart").collect();
    let mut turns: Vec<&Value> = restarts.iter().map(|s| &s["phase"]).collect();
    turns.dedup();
    assert_eq!((restarts.len(), turns.len()), (4, 4), "{plan}");
    assert!(restarts.iter().all(|s| s["step"]["crew"]["daemons"][0]["role"] != "zookeeper"), "{plan}");
    fleet.run(&["apply", "trio"]).ok();
    assert!(fleet.run(&["--config", &client, "list", "-o", "json"]).ok().contains("\"status\": \"ACTIVE\""));

    // The servers restart one after the other, who leads last.
    let leader = fleet.leading_server();
    let shown = fleet.run(&["restart", "--rolling", "--role", "zookeeper", "--dry-run", "-o", "json"]).ok();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let order: Vec<&str> = shown["items"]
        .as_array()
        .expect("steps")
        .iter()
        .filter(|s| s["step"]["do"] == "restart")
        .filter_map(|s| s["host"].as_str())
        .collect();
    assert_eq!((order.len(), order.last()), (3, Some(&leader.as_str())), "{shown}");
    fleet.run(&["restart", "--rolling", "trio", "--role", "zookeeper", "--yes"]).ok();
    assert_ne!(fleet.leading_server(), leader, "the last one to restart follows another");
    assert!(fleet.run(&["--config", &client, "list", "-o", "json"]).ok().contains("\"status\": \"ACTIVE\""));

    // One of the servers becomes none, while the others and the topology go on.
    let text = fs::read_to_string(&fleet.file).expect("there").replace("[zookeeper, supervisor]", "[supervisor]");
    fs::write(&fleet.file, text).expect("written");
    let plan = fleet.plan();
    let first = &plan["items"].as_array().expect("steps")[0];
    assert_eq!(
        (&first["step"]["do"], &first["host"]),
        (&Value::from("dismiss"), &Value::from(last.as_str())),
        "{plan}"
    );
    fleet.run(&["apply", "trio"]).ok();
    let servers = |host: usize| {
        let file = fleet.hosts.hosts[host].home.join("opt/storm/zookeeper/conf/zoo.cfg");
        fs::read_to_string(file).expect("there").lines().filter(|l| l.starts_with("server.")).count()
    };
    assert_eq!((servers(0), servers(1)), (2, 2));
    let is_server = |pid: &u32| {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.contains("QuorumPeerMain")
    };
    assert_eq!(fleet.nest.processes().iter().filter(|pid| is_server(pid)).count(), 2);
    assert!(fleet.run(&["--config", &client, "list", "-o", "json"]).ok().contains("\"status\": \"ACTIVE\""));

    let exec = fleet.run(&["exec", "--host", &last, "--", "sh", "-c", "echo $HOME; exit 3"]);
    assert_eq!(exec.status.code(), Some(9), "{exec:?}");
    assert!(exec.stdout.contains(&fleet.hosts.hosts[2].home.display().to_string()) && exec.stdout.contains("status 3"));
    let again = fleet.plan();
    assert_eq!((&again["changed"], grave(&again)), (&Value::Bool(false), Vec::new()), "{again}");

    let removed = fleet.run(&["uninstall", "trio", "--confirm=trio"]);
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(fleet.trees(), before, "{removed:?}");
}

#[test]
fn what_stands_in_the_way_on_a_host_is_told_before_anything_is_done() {
    let fleet = Fleet::new(2);
    let before = fleet.trees();
    let text = fs::read_to_string(&fleet.file).expect("there");
    let port = text.split("nimbus.thrift.port: ").nth(1).and_then(|t| t.lines().next()).expect("a port");
    let _taken = std::net::TcpListener::bind(format!("127.0.0.2:{port}")).expect("free");
    let planned = fleet.run(&["plan", "--file", &fleet.file.display().to_string()]);
    assert_eq!(planned.status.code(), Some(10), "{planned:?}");
    assert!(planned.stdout.contains(&format!("[ports/taken] port {port}, for Nimbus, is taken")), "{planned:?}");
    assert!(planned.stdout.contains("three survive one"), "{planned:?}");
    assert_eq!(fleet.trees(), before);

    // Other machines are not changed unasked.
    let unasked = fleet.run(&["install", "distributed", "--file", &fleet.file.display().to_string()]);
    assert_ne!(unasked.status.code(), Some(0), "{unasked:?}");
    // What was only planned is on no host.
    let nowhere = fleet.run(&["exec", "--name", "trio", "--", "true"]);
    assert_eq!(nowhere.status.code(), Some(3), "{nowhere:?}");
    assert!(nowhere.stderr.contains("[install/not-applied]"), "{nowhere:?}");
    let forgotten = fleet.run(&["uninstall", "trio", "--confirm=trio"]);
    assert!(forgotten.status.success() && forgotten.stderr.contains("its plan is forgotten"), "{forgotten:?}");
    assert!(fleet.run(&["apply", "trio"]).refused().contains("no cluster trio was planned from here"));
    // A host whose key is another than the known one is not spoken to.
    let known = fleet.nest.dir().join("ssh/known_hosts");
    fs::write(&known, "").expect("written");
    let stranger = fleet.run(&["plan", "--file", &fleet.file.display().to_string()]);
    assert_eq!(stranger.status.code(), Some(4), "{stranger:?}");
    assert!(stranger.stderr.contains("Host key verification failed"), "{stranger:?}");
}
