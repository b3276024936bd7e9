//! One machine: installed, changed by hand, interrupted everywhere, and as it was before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use storm_tests::process::{Finished, Nest};
use storm_tests::wait::wait_until;

use super::{LIMIT, command, own_ports, run, tree};

struct Machine {
    nest: Nest,
    dir: PathBuf,
    args: Vec<String>,
}

impl Machine {
    /// The folder is `root/opt/DIR`, of which nothing is there.
    fn new(dir: &str) -> Machine {
        let nest = Nest::new();
        let root = nest.dir().join("root");
        fs::create_dir(&root).expect("a root");
        let dir = root.join("opt").join(dir);
        let mut args: Vec<String> = ["install", "single", "--service", "background", "--dir"].map(str::to_owned).into();
        args.push(dir.display().to_string());
        args.extend(own_ports());
        Machine { nest, dir, args }
    }

    fn install(&self, more: &[&str]) -> Finished {
        let mut args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        args.extend(more);
        run(&self.nest, &args)
    }

    fn plan(&self) -> Value {
        let done = self.install(&["--dry-run", "-o", "json"]);
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"))
    }

    fn root(&self) -> BTreeMap<PathBuf, String> {
        tree(&self.nest.dir().join("root"))
    }

    fn uninstall(&self, more: &[&str]) -> Finished {
        let dir = self.dir.display().to_string();
        let confirm = format!("--confirm={dir}");
        run(&self.nest, &[&["uninstall", "--dir", &dir, &confirm], more].concat())
    }
}

/// P068: its folder has a blank in its name. P079: what is installed twice is unchanged.
#[test]
fn a_machine_is_installed_used_and_as_it_was() {
    let machine = Machine::new("my storm");
    let before = machine.root();
    let plan = machine.plan();
    assert_eq!(machine.root(), before, "a dry run changes nothing");
    assert!(plan["items"].as_array().is_some_and(|steps| steps.len() > 8), "{plan}");

    let text = machine.install(&[]).ok();
    assert!(text.contains("cluster single runs on 1 host"), "{text}");
    // Every stormctl of the user means it now.
    assert_eq!(run(&machine.nest, &["list"]).ok(), "No topologies running.\n");
    let status = run(&machine.nest, &["status", "-o", "jsonl"]).ok();
    assert_eq!(status.matches("\"state\":\"running\"").count(), 5, "{status}");
    // What was written is what our own checker of configuration takes.
    let yaml = machine.dir.join("conf/storm.yaml");
    let lint = run(&machine.nest, &["config", "lint", &yaml.display().to_string()]);
    // That a test lives in a temporary folder is true.
    let others = |l: &&str| l.contains("[config/") && !l.contains("[config/tmp-path]");
    assert!(lint.status.code().is_some() && lint.stdout.lines().filter(others).count() == 0, "{lint:?}");

    let again = machine.install(&[]);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");
    assert_eq!(machine.plan()["changed"], false);

    // A change of the description is shown line by line, and restarts who reads it.
    let changed = machine.install(&["-c", "ui.title=x", "--dry-run"]).ok();
    assert!(changed.contains("+ui.title: \"x\"") && changed.contains("restart nimbus"), "{changed}");

    // What somebody changed is not overwritten, and stays when the rest goes.
    let text = fs::read_to_string(&yaml).expect("readable");
    fs::write(&yaml, format!("{text}ui.title: mine\n")).expect("writable");
    let refused = machine.install(&[]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    assert!(refused.stderr.contains("was changed since stormctl wrote it"), "{refused:?}");
    let removed = machine.uninstall(&[]).ok();
    assert!(removed.contains(&format!("kept: {} (was changed since)", yaml.display())), "{removed}");
    let left: Vec<PathBuf> = machine.root().into_keys().filter(|p| !before.contains_key(p)).collect();
    let kept = ["./opt", "./opt/my storm", "./opt/my storm/conf", "./opt/my storm/conf/storm.yaml"].map(PathBuf::from);
    assert_eq!(left, kept);
}

#[test]
fn killed_in_the_middle_of_each_step_it_goes_on_and_goes_away() {
    let machine = Machine::new("storm");
    let before = machine.root();
    let mut killed: Vec<String> = Vec::new();
    loop {
        // What is quick is done before it can be interrupted; the next plan says what is left.
        let plan = machine.plan();
        let left = plan["items"].as_array().expect("steps").iter().map(|s| s["words"].as_str().expect("words"));
        let Some(step) = left.map(str::to_owned).find(|w| !killed.contains(w)) else { break };
        let mut install = command(&machine.nest, &[]);
        install.args(&machine.args);
        let mut process = machine.nest.spawn("install", install);
        process.wait_for_output(LIMIT, &format!("begin     {step}"));
        process.kill_nine();
        killed.push(step);
    }
    assert!(killed.len() > 4, "{killed:?}");
    machine.install(&[]).ok();
    // Counts that were interrupted end by themselves.
    wait_until(LIMIT, "no topology to be there", || run(&machine.nest, &["list"]).ok() == "No topologies running.\n");
    assert!(machine.install(&[]).ok().contains("nothing to do"));
    let history = run(&machine.nest, &["install", "history", "single"]).ok();
    assert_eq!(history.matches("begun").count(), killed.len() + 1, "{history}");

    machine.uninstall(&[]).ok();
    assert_eq!(machine.root(), before);
    let nothing = machine.uninstall(&[]);
    assert_eq!(nothing.status.code(), Some(5), "{nothing:?}");
}

#[test]
fn what_would_go_wrong_is_told_and_nothing_is_done() {
    let machine = Machine::new("storm");
    let before = machine.root();
    let slot = machine.args.last().expect("slots").split(['[', ',']).nth(1).expect("a slot").to_owned();
    let _taken = std::net::TcpListener::bind(format!("127.0.0.1:{slot}")).expect("free");
    let refused = machine.install(&[]);
    assert_eq!(refused.status.code(), Some(10), "{refused:?}");
    assert!(refused.stdout.contains(&format!("port {slot}")), "{refused:?}");
    assert_eq!(machine.root(), before);

    // A folder that somebody else has filled.
    fs::create_dir_all(machine.dir.join("conf")).expect("made");
    fs::write(machine.dir.join("conf/storm.yaml"), "ui.port: 1\n").expect("written");
    let refused = machine.install(&[]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    assert!(refused.stderr.contains("that stormctl has not made"), "{refused:?}");

    let wrong = machine.install(&["-c", "supervisor.slots.ports=many"]);
    assert_eq!(wrong.status.code(), Some(6), "{wrong:?}");
    assert!(wrong.stderr.contains("supervisor.slots.ports must be"), "{wrong:?}");
}

/// Slips that people have made elsewhere.
#[test]
fn slips_in_names_ports_and_keys_are_told_while_nothing_is_done() {
    let machine = Machine::new("storm");
    let before = machine.root();
    let port = storm_tests::ports::free_port();
    let same = [format!("nimbus.thrift.port={port}"), format!("supervisor.thrift.port={port}")];
    for (more, status, told) in [
        (&["--host", "nowhere.invalid"][..], &[10][..], "[names/unresolved]"),
        (&["-c", &same[0], "-c", &same[1]], &[10], "[ports/taken]"),
        (&["-c", "supervisor.slots.ports=[26700,26701,26700]"], &[6], "must be a list of different ports"),
        // By chance somebody has it just now, as the warning says.
        (&["-c", "supervisor.slots.ports=[40000]"], &[0, 10], "[ports/ephemeral]"),
        (&["-c", "worker.heap.memory.mb=9000000"], &[0], "[host/memory]"),
        (&["-c", "storm.zookeeper.servers=zk1"], &[6], "write [\"zk1\"]"),
        (&["-c", "nimbus.seeds=n1"], &[6], "write [\"n1\"]"),
        (&["-c", "storm.log.dir=${sys:nope}/logs"], &[6], "nothing here replaces variables"),
    ] {
        let planned = machine.install(&[&["--dry-run"], more].concat());
        assert!(planned.status.code().is_some_and(|code| status.contains(&code)), "{planned:?}");
        assert!(format!("{}{}", planned.stdout, planned.stderr).contains(told), "{told}: {planned:?}");
        assert_eq!(machine.root(), before, "{more:?}");
    }
}

#[test]
fn units_are_what_systemd_takes() {
    let machine = Machine::new("my storm%1");
    let file = machine.nest.dir().join("cluster.yaml");
    let text = format!(
        "name: one\ndir: {:?}\nservice: systemd\nuser: storm-test\nagents: true\nhosts:\n- {{name: localhost, roles: [zookeeper, nimbus, supervisor]}}\n",
        machine.dir
    );
    fs::write(&file, text).expect("written");
    let units = verified_units(&machine.nest, &file, &machine.dir);
    assert_eq!(units.len(), 4, "{:?}", units.keys());
    for (name, text) in units {
        let outlived = ["storm-one-supervisor.service", "storm-one-agent.service"].contains(&name.as_str());
        assert_eq!(text.contains("KillMode=process\n"), outlived, "{text}");
    }
}

/// The units of a description, verified by systemd, by name.
pub(super) fn verified_units(nest: &Nest, file: &Path, dir: &Path) -> BTreeMap<String, String> {
    // Where systemd does not run the machine the plan is made all the same, and told to be impossible.
    let done = run(
        nest,
        &["install", "single", "--file", &file.display().to_string(), "--dry-run", "--show-files", "-o", "json"],
    );
    let plan: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"));
    let folder = nest.dir().join("units");
    fs::create_dir(&folder).expect("a folder");
    let mut units = BTreeMap::new();
    for step in plan["items"].as_array().expect("steps") {
        let path = step["step"]["path"].as_str().unwrap_or_default();
        if let Some(name) = path.strip_prefix("/etc/systemd/system/") {
            let text = step["step"]["body"]["text"].as_str().expect("its text");
            fs::write(folder.join(name), text).expect("written");
            units.insert(name.to_owned(), text.to_owned());
        }
    }
    // What they start must be there for systemd to be content.
    fs::create_dir_all(dir.join("bin")).expect("a folder");
    std::os::unix::fs::symlink(storm_tests::built::stormctl(), dir.join("bin/stormctl")).expect("linked");
    let output = Command::new("systemd-analyze")
        .arg("verify")
        .args(units.keys().map(|name| folder.join(name)))
        .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
        .output();
    let output = output.unwrap_or_else(|e| panic!("the tests need systemd-analyze (Debian package systemd): {e}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("units/storm-one"), "{said}");
    units
}
