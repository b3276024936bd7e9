//! A cluster that is worked on while it works: another program, restarts, hosts that come and go, under a word count of which
//! nothing may be lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use storm_tests::built::{build, stormctl};
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest};
use storm_tests::sshd::SshHosts;
use storm_tests::wait::wait_until;
use storm_tests::word_count::{finish_and_check, position};

use super::{LIMIT, command_of, tree};

/// As many sentences count as flow; the source tells how far it has come about as often.
const FLOW: u64 = 2 * 4096;
const ROLES: [&str; 4] = ["zookeeper, nimbus", "nimbus, supervisor", "supervisor", "supervisor"];

struct Fleet {
    nest: Nest,
    hosts: SshHosts,
    file: PathBuf,
    /// Where the word count writes.
    dir: PathBuf,
}

impl Fleet {
    /// Of the four hosts, three are a cluster.
    fn start() -> Fleet {
        let nest = Nest::new();
        let hosts = SshHosts::start(&nest, 4);
        let [zookeeper, nimbus, logviewer] = std::array::from_fn(|_| free_port());
        let text = format!(
            "name: trio\ndir: ~/opt/storm\nservice: background\nssh: {{config: {config}}}\nconf:\n  \
             storm.zookeeper.port: {zookeeper}\n  storm.zookeeper.session.timeout: 6000\n  nimbus.thrift.port: {nimbus}\n  \
             nimbus.monitor.freq.secs: 2\n  nimbus.task.launch.secs: 20\n  nimbus.task.timeout.secs: 15\n  logviewer.port: {logviewer}\nhosts:\n",
            config = hosts.config.display(),
        );
        let file = nest.dir().join("cluster.yaml");
        fs::write(&file, text).expect("written");
        let dir = nest.dir().join("run");
        fs::create_dir(&dir).expect("a folder");
        let fleet = Fleet { nest, hosts, file, dir };
        (0..3).for_each(|number| fleet.describe(number));
        fleet.run(&["install", "distributed", "--file", &fleet.file(), "--no-check", "--yes"]).ok();
        fleet
    }

    /// Adds a host to the description.
    fn describe(&self, number: usize) {
        let (host, roles) = (&self.hosts.hosts[number], ROLES[number]);
        // They are one machine, so a port is only one host's.
        let [supervisor, a, b] = std::array::from_fn(|_| free_port());
        let line = format!(
            "- {{name: {}, roles: [{roles}], ssh: {{port: {}}}, conf: {{supervisor.thrift.port: {supervisor}, \
             supervisor.slots.ports: [{a}, {b}]}}}}\n",
            host.address, host.port
        );
        let text = fs::read_to_string(&self.file).expect("there") + &line;
        fs::write(&self.file, text).expect("written");
    }

    fn file(&self) -> String {
        self.file.display().to_string()
    }

    fn run(&self, args: &[&str]) -> Finished {
        self.run_as(stormctl(), args)
    }

    fn run_as(&self, program: &Path, args: &[&str]) -> Finished {
        self.nest.run(command_of(program, &self.nest, args))
    }

    fn storm(&self, number: usize) -> PathBuf {
        self.hosts.hosts[number].home.join("opt/storm")
    }

    /// A verb for the cluster itself, asked on the first host.
    fn client(&self, args: &[&str]) -> Finished {
        let config = self.storm(0).join("conf/storm.yaml").display().to_string();
        self.run(&[&["--config", &config], args].concat())
    }

    fn submit(&self) {
        let program = build(&["--example", "word_count"], "examples/word_count").display().to_string();
        let config = self.storm(0).join("conf/storm.yaml").display().to_string();
        let args = ["--config", &config, "submit", &program, "words", "-c", "topology.workers=2"];
        let mut submit = command_of(stormctl(), &self.nest, &args);
        submit.args(["-c", "topology.message.timeout.secs=10", "-c", "word.count.per.second=8000"]);
        submit.env("WORD_COUNT_DIR", &self.dir);
        self.nest.run(submit).ok();
        self.flow("at first");
    }

    /// Sentences go through, and come back acked.
    #[track_caller]
    fn flow(&self, when: &str) {
        let before = position(&self.dir).base;
        wait_until(LIMIT, &format!("words to flow {when}"), || position(&self.dir).base >= before + FLOW);
    }

    /// The daemons of a host, each with its process.
    fn daemons(&self, number: usize) -> BTreeMap<String, i64> {
        let run = self.storm(number).join("data/local/run");
        let mut found = BTreeMap::new();
        for file in fs::read_dir(run).into_iter().flatten().flatten() {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let Ok(record) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
            let name = file.file_name().to_string_lossy().into_owned();
            found.insert(name, record["pid"].as_i64().expect("a pid"));
        }
        found
    }

    /// What the processes that live run, by the kernel's own word.
    fn programs(&self) -> Vec<PathBuf> {
        let exe = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
        self.nest.processes().into_iter().filter_map(exe).collect()
    }
}

fn same(a: &Path, b: &Path) -> bool {
    fs::read(a).is_ok_and(|bytes| fs::read(b).is_ok_and(|other| bytes == other))
}

/// A program that does the same and is another one.
fn newer(nest: &Nest) -> PathBuf {
    let path = nest.dir().join("newer");
    fs::create_dir(&path).expect("a folder");
    let path = path.join("stormctl");
    fs::copy(stormctl(), &path).expect("copied");
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("opened");
    std::io::Write::write_all(&mut file, b"newer").expect("written");
    path
}

#[test]
fn a_cluster_is_worked_on_while_it_works_and_nothing_is_lost() {
    let mut fleet = Fleet::start();
    let homes: Vec<PathBuf> = fleet.hosts.hosts.iter().map(|h| h.home.clone()).collect();
    let clean = tree(&homes[3]);
    fleet.submit();
    upgraded_and_back(&fleet);
    restarted(&fleet);

    // Another host joins, and does its share.
    fleet.describe(3);
    let unasked = fleet.run(&["scale-out", "trio", "--file", &fleet.file()]);
    assert_eq!(unasked.status.code(), Some(7), "{unasked:?}");
    fleet.run(&["scale-out", "trio", "--file", &fleet.file(), "--yes"]).ok();
    fleet.client(&["smoke", "--supervisors", "3", "--only-wait"]).ok();
    assert!(fleet.run(&["scale-out", "trio", "--file", &fleet.file(), "--yes"]).ok().contains("nothing to do"));

    // The host with the second Nimbus and half of the workers leaves.
    let address = |number: usize| fleet.hosts.hosts[number].address.as_str();
    let refused = fleet.run(&["scale-in", "trio", address(1), address(2), address(3), "--yes"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert!(refused.stderr.contains("no host has the role supervisor"), "{refused:?}");
    let unsaid = fleet.run(&["scale-in", "trio", address(1), "--yes"]);
    assert_eq!(unsaid.status.code(), Some(7), "{unsaid:?}");
    assert!(unsaid.stderr.contains("--confirm=127.0.0.3"), "{unsaid:?}");
    let left = fleet.run(&["scale-in", "trio", address(1), "--confirm=127.0.0.3"]);
    assert!(left.status.success(), "{left:?}");
    assert!(left.stderr.contains("workers that have to move: 1 of words"), "{left:?}");
    fleet.flow("after a host has left");
    assert_eq!(tree(&homes[1]), clean, "nothing of it is left there");
    assert!(!fleet.programs().iter().any(|p| p.starts_with(&homes[1])), "{:?}", fleet.programs());
    let asked = fleet.run(&["exec", "--", "true"]);
    assert!(asked.status.success(), "{asked:?}");
    let none = fleet.run(&["exec", "--host", address(1), "--", "true"]);
    assert_eq!(none.status.code(), Some(3), "{none:?}");

    given_another_role(&fleet);
    lost(&mut fleet);
    let (sentences, twice) = finish_and_check(&fleet.dir, LIMIT, || {});
    assert!(sentences > FLOW && twice < sentences, "{sentences} {twice}");
    fleet.run(&["uninstall", "trio", "--confirm=trio"]).ok();
    assert!(homes[..3].iter().all(|home| tree(home) == clean), "{:?}", fleet.programs());
    // What was left on the host that was lost goes as it was said.
    let dir = fleet.storm(3).display().to_string();
    let there = fleet.storm(3).join("bin/stormctl");
    fleet.run_as(&there, &["uninstall", "--dir", &dir, &format!("--confirm={dir}")]).ok();
    assert_eq!(tree(&homes[3]), clean);
}

/// A supervisor becomes a log viewer: what runs there moves first. A plan is nothing but a plan until it is applied.
fn given_another_role(fleet: &Fleet) {
    let [first, left, third] = [0, 1, 2].map(|n: usize| format!("name: {},", fleet.hosts.hosts[n].address));
    let text = fs::read_to_string(&fleet.file).expect("there");
    let lines = text.lines().filter(|l| !l.contains(&left)).map(|l| match l {
        l if l.contains(&first) => l.replace("[zookeeper, nimbus]", "[zookeeper, nimbus, supervisor]"),
        l if l.contains(&third) => l.replace("[supervisor]", "[logviewer]"),
        l => l.to_owned(),
    });
    fs::write(&fleet.file, lines.map(|l| l + "\n").collect::<String>()).expect("written");
    let planned = fleet.run(&["plan", "--file", &fleet.file()]).ok();
    assert!(planned.contains("stop supervisor (background), and remove what was installed for it"), "{planned}");
    let upgrade = fleet.run(&["upgrade", "trio", "--dry-run"]).ok();
    assert!(upgrade.contains("nothing to do"), "what is planned is not what is there: {upgrade}");

    let mut apply = fleet.nest.spawn("apply", command_of(stormctl(), &fleet.nest, &["apply", "trio"]));
    apply.wait_for_output(LIMIT, "begin     stop supervisor");
    assert!(apply.output().contains("workers that have to move: 1 of words"), "{}", apply.output());
    apply.kill_nine();
    fleet.flow("when what ran there has moved");
    fleet.run(&["apply", "trio"]).ok();
    let roles = |number: usize| fleet.daemons(number).into_keys().collect::<Vec<_>>();
    assert_eq!(roles(2), ["logviewer.pid"]);
    assert_eq!(roles(0), ["nimbus.pid", "supervisor.pid", "zookeeper.pid"]);
    let again = fleet.run(&["plan", "--file", &fleet.file()]).ok();
    assert!(again.contains("nothing to do"), "{again}");
    fleet.flow("after a host was given another role");
}

/// A host burns down with all workers; taking it out is broken off, and gone on with.
fn lost(fleet: &mut Fleet) {
    let gone = fleet.hosts.hosts[3].address.clone();
    let confirm = format!("--confirm={gone}");
    let args = ["scale-in", "trio", &gone, "--lost", &confirm];
    let alive = fleet.run(&args);
    assert_eq!(alive.status.code(), Some(7), "{alive:?}");
    assert!(alive.stderr.contains(&format!("{gone} is not lost: it answers")), "{alive:?}");
    fleet.hosts.hosts[3].lose(&fleet.nest);
    for args in [vec!["scale-in", "trio", &gone, &confirm], vec!["restart", "--rolling", "trio", "--yes"]] {
        let unreached = fleet.run(&args);
        assert_eq!(unreached.status.code(), Some(4), "{unreached:?}");
        assert!(unreached.stderr.contains(&format!("stormctl scale-in trio {gone} --lost")), "{unreached:?}");
    }
    let mut scale_in = fleet.nest.spawn("scale-in", command_of(stormctl(), &fleet.nest, &args));
    scale_in.wait_for_output(LIMIT, "begin     wait until Nimbus has moved");
    scale_in.kill_nine();
    let applied = fleet.run(&["apply", "trio"]);
    assert!(applied.status.success(), "{applied:?}");
    assert!(applied.stderr.contains(&format!("nothing is removed from {gone}")), "{applied:?}");
    fleet.flow("without the host that was lost");
    fleet.run(&["exec", "--", "true"]).ok();
    assert_eq!(fleet.run(&["exec", "--host", &gone, "--", "true"]).status.code(), Some(3));
}

/// Killed in the middle, gone on with, and taken back.
fn upgraded_and_back(fleet: &Fleet) {
    let newer = newer(&fleet.nest);
    let program = |number: usize| fleet.storm(number).join("bin/stormctl");
    let former = |number: usize| fleet.storm(number).join("bin/stormctl.before");
    let shown = fleet.run_as(&newer, &["upgrade", "trio", "--dry-run"]).ok();
    assert_eq!(shown.matches("put this stormctl").count(), 3, "{shown}");
    assert!(same(&program(0), stormctl()));

    let args = ["upgrade", "trio", "--yes"];
    let mut upgrade = fleet.nest.spawn("upgrade", command_of(&newer, &fleet.nest, &args));
    upgrade.wait_for_output(LIMIT, "begin     restart nimbus");
    upgrade.kill_nine();
    assert!(same(&program(0), &newer) && !same(&program(2), &newer), "in the middle");
    fleet.flow("between two programs");
    let zookeeper = fleet.daemons(0)["zookeeper.pid"];
    let text = fleet.run_as(&newer, &args);
    assert!(text.status.success(), "{text:?}");
    assert_eq!(fleet.daemons(0)["zookeeper.pid"], zookeeper, "what was done is left alone");
    for number in 0..3 {
        assert!(same(&program(number), &newer) && same(&former(number), stormctl()), "host {number}");
    }
    let old = |p: &PathBuf| p.ends_with("stormctl.before") || p.to_string_lossy().ends_with("(deleted)");
    assert!(!fleet.programs().iter().any(old), "{:?}", fleet.programs());
    assert!(fleet.run_as(&newer, &args).ok().contains("nothing to do"));
    fleet.flow("with another program");

    fleet.run_as(&newer, &["upgrade", "trio", "--back", "--yes"]).ok();
    for number in 0..3 {
        assert!(same(&program(number), stormctl()) && !former(number).exists(), "host {number}");
    }
    assert!(!fleet.programs().iter().any(old), "{:?}", fleet.programs());
    fleet.flow("with the former program");
}

/// Only who is meant restarts, and a host that does not come back stops the rest.
fn restarted(fleet: &Fleet) {
    let before: Vec<_> = (0..3).map(|n| fleet.daemons(n)).collect();
    fleet.run(&["restart", "--rolling", "trio", "--role", "supervisor", "--batch", "2", "--yes"]).ok();
    let after: Vec<_> = (0..3).map(|n| fleet.daemons(n)).collect();
    assert_eq!(before[0], after[0]);
    assert_eq!(before[1]["nimbus.pid"], after[1]["nimbus.pid"]);
    assert!((1..3).all(|n| before[n]["supervisor.pid"] != after[n]["supervisor.pid"]), "{before:?} {after:?}");

    // A supervisor that finds no ZooKeeper serves, but Nimbus does not know it.
    let yaml = fleet.storm(1).join("conf/storm.yaml");
    let right = fs::read_to_string(&yaml).expect("there");
    let port = format!("storm.zookeeper.port: {}", free_port());
    let line = |l: &str| if l.starts_with("storm.zookeeper.port:") { port.clone() } else { l.to_owned() };
    let wrong: Vec<String> = right.lines().map(line).collect();
    fs::write(&yaml, wrong.join("\n")).expect("written");
    let args = ["restart", "--rolling", "--role", "supervisor", "--yes", "--timeout", "3"];
    let stopped = fleet.run(&args);
    assert_eq!(stopped.status.code(), Some(124), "{stopped:?}");
    assert!(stopped.stderr.contains("Nimbus does not know the supervisor of 127.0.0.3"), "{stopped:?}");
    assert!(stopped.stderr.contains("stormctl apply trio"), "{stopped:?}");
    assert_eq!(fleet.daemons(2), after[2], "the next host had no turn");
    fs::write(&yaml, right).expect("written");
    fleet.run(&["--config", &yaml.display().to_string(), "restart", "supervisor"]).ok();
    let mended = fleet.daemons(1);
    fleet.run(&["apply", "trio"]).ok();
    assert_eq!(fleet.daemons(1), mended, "who was restarted since is left alone");
    assert_ne!(fleet.daemons(2)["supervisor.pid"], after[2]["supervisor.pid"]);
    fleet.flow("after restarts");
}
