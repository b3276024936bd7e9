//! Every example of every help text, and every command of the README, run on a machine of their own.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;
use storm_tests::built::stormctl;
use storm_tests::peers::Debian;
use storm_tests::ports::free_ports;
use storm_tests::process::{Finished, Nest, kill};
use storm_tests::terminal::Terminal;
use storm_tests::wait::{wait_for, wait_until};

use super::completion::zsh_places;
use super::{LIMIT, command};

/// A machine with a cluster of its own and the files that the examples name.
struct Machine {
    nest: Nest,
}

/// Says all it has to say at once, and then leaves the machine alone; its workers stay.
const FLUX: &str = "name: wordcount
spouts:
  - {id: lines, className: lines, constructorArgs: [[text.txt]]}
bolts:
  - {id: split, className: split}
  - {id: count, className: count, parallelism: 2}
  - {id: out, className: file, constructorArgs: [counts.tsv]}
streams:
  - {from: lines, to: split, grouping: {type: SHUFFLE}}
  - {from: split, to: count, grouping: {type: FIELDS, args: [word]}}
  - {from: count, to: out, grouping: {type: GLOBAL}}
";

impl Machine {
    fn new() -> Machine {
        let nest = Nest::new();
        let dir = nest.dir();
        let [zookeeper, nimbus, supervisor, slot, other, agent, ui, logviewer] = free_ports();
        let keys = json!({
            "storm.zookeeper.servers": ["127.0.0.1"],
            "storm.zookeeper.port": zookeeper,
            "nimbus.seeds": ["127.0.0.1"],
            "nimbus.thrift.port": nimbus,
            "supervisor.thrift.port": supervisor,
            "supervisor.slots.ports": [slot, other],
            "storm.local.hostname": "127.0.0.1",
            "storm.local.dir": dir.join("local"),
            "storm.log.dir": dir.join("logs"),
            "dev.zookeeper.path": dir.join("zookeeper"),
            "executor.metrics.frequency.secs": 1,
            "stormctl.agent.listen": "127.0.0.1",
            "stormctl.agent.port": agent,
            "ui.port": ui,
            "logviewer.port": logviewer,
        });
        let lines = keys.as_object().expect("a map").iter().map(|(k, v)| format!("{k}: {v}\n"));
        for folder in ["conf", "resources", "examples", "target/debug"] {
            fs::create_dir_all(dir.join(folder)).expect("made");
        }
        let flux = FLUX.replace("text.txt", &dir.join("text.txt").display().to_string());
        let flux = flux.replace("counts.tsv", &dir.join("counts.tsv").display().to_string());
        let zoo = format!("dataDir={}\nclientPort={zookeeper}\n", dir.join("zoo-data").display());
        for (name, text) in [
            ("conf/storm.yaml", lines.collect::<String>()),
            ("conf/zoo.cfg", zoo.clone()),
            ("zoo.cfg", zoo),
            ("topology.yaml", flux.clone()),
            ("examples/wordcount.yaml", flux.clone()),
            ("examples/wordcount-python.yaml", flux.replace("name: wordcount", "name: wordcount-python")),
            ("text.txt", "the cow jumped over the moon\n".repeat(100)),
            ("README.md", "to be or not to be\n".repeat(10)),
            ("creds.properties", "user=ann\n".to_owned()),
            ("a.yaml", "ui.port: 8080\n".to_owned()),
            ("b.yaml", "ui.port: 8081\n".to_owned()),
            ("resources/split.py", "import storm\n".to_owned()),
            ("topology.jar", String::new()),
        ] {
            fs::write(dir.join(name), text).expect("written");
        }
        Machine { nest }
    }

    /// A line as the user's shell takes it.
    fn shell(&self, line: &str) -> Command {
        let user = command(&self.nest, &[]);
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(line).current_dir(self.nest.dir());
        for (key, value) in user.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        let fish = Debian::fish();
        let mut path: Vec<_> = vec![stormctl().parent().expect("its folder").to_owned()];
        path.extend(fish.program.parent().map(std::path::Path::to_owned));
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        for (key, value) in fish.command().get_envs() {
            shell.env(key, value.unwrap_or_default());
        }
        shell
            .env("PATH", std::env::join_paths(path).expect("a path"))
            .env("STORM_HOME", self.nest.dir())
            .env("TERM", "xterm")
            .env("MANPAGER", "cat")
            .env("COLUMNS", "200");
        shell
    }

    fn run(&self, line: &str) -> Finished {
        self.nest.run(self.shell(line))
    }

    /// The whole cluster runs, and on it the topology of which the examples speak.
    fn ready(&self) {
        if !self.run("stormctl status").status.success() {
            self.run("stormctl start").ok();
        }
        if self.nest.dir().join("conf/agent-tls/agent.pem").exists() {
            self.run("stormctl start agent").ok();
        }
        let status = || {
            let done = self.run("stormctl list -o jsonl");
            let lines: Vec<serde_json::Value> =
                done.stdout.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
            lines
                .into_iter()
                .find(|t| t["name"] == "wordcount")
                .map(|t| t["status"].as_str().unwrap_or_default().to_owned())
        };
        wait_until(LIMIT, "a topology that is being killed to go", || status().as_deref() != Some("KILLED"));
        if status().is_none() {
            self.run("stormctl submit topology.yaml").ok();
        }
        self.run("stormctl activate wordcount").ok();
        wait_until(LIMIT, "the topology to emit", || {
            self.run("stormctl monitor wordcount -m lines --count 1").status.success()
        });
    }
}

/// The examples of a verb's help, and of the verbs below it.
fn examples(machine: &Machine, path: &str, found: &mut Vec<(String, String)>) {
    let help = machine.run(&format!("stormctl {path} --help")).ok();
    let block = |title: &str| {
        let lines = help.lines().skip_while(|l| *l != title).skip(1);
        lines.take_while(|l| l.starts_with("  ")).map(|l| l.trim().to_owned()).collect::<Vec<_>>()
    };
    for line in block("Examples:") {
        let line = line.split("  ").next().unwrap_or_default().to_owned();
        found.push((path.to_owned(), line));
    }
    for line in block("Commands:").iter().filter(|l| !l.starts_with(' ')) {
        let verb = line.split(' ').next().unwrap_or_default();
        // What is longer than a line goes on in the next, without a verb.
        let known = !verb.is_empty() && verb != "help" && help.contains(&format!("\n  {verb} "));
        if known {
            examples(machine, format!("{path} {verb}").trim(), found);
        }
    }
}

/// The exit statuses that are right where it is not 0: this machine has no Apache Storm, no DRPC, no topology of a given id.
fn allowed(line: &str) -> &'static [i32] {
    match line {
        "stormctl heartbeats get /wordcount-1-1700000000/h1-6700" => &[3],
        "stormctl drpc-client -f reach 5" => &[6],
        // Words that dev-zookeeper does not answer.
        "stormctl zk cons" | "stormctl zk dump" | "stormctl zk envi" => &[7],
        "stormctl jar topology.jar org.example.Main wordcount --dry-run" => &[5],
        "stormctl classpath" | "stormctl server-classpath" | "stormctl ui" | "stormctl logviewer" => &[5],
        // A file of the test is no model of a good one.
        l if l.starts_with("stormctl config lint") => &[0, 10],
        l if l.starts_with("stormctl doctor") || l.starts_with("stormctl why") => &[0, 10],
        // No authority has been made yet, nor has anybody a certificate.
        "stormctl jps --hosts all" | "stormctl logs nimbus --hosts all" | "stormctl config diff zk1 zk2" => &[4],
        l if l.starts_with("stormctl config push") => &[4],
        "stormctl config diff a.yaml b.yaml" => &[10],
        "stormctl config diff conf/storm.yaml" => &[0, 10],
        l if l.starts_with("stormctl logs") => &[0],
        // There is no such archive.
        "stormctl install single --storm-archive apache-storm-2.8.3.tar.gz" => &[3],
        // What Storm's default ports are used for on the machine of the test is not known.
        l if l.starts_with("stormctl install single") => &[0, 10],
        // There is no description, no such host, no cluster that was planned, no Apache Storm.
        "stormctl install distributed --file cluster.yaml --dry-run" | "stormctl plan --file cluster.yaml" => &[6],
        "stormctl install client --nimbus node1" => &[4],
        "stormctl install adopt /opt/apache-storm --dry-run" => &[5],
        "stormctl apply prod" | "stormctl exec --name prod -- uptime" => &[3],
        l if l.starts_with("stormctl uninstall prod") || l.starts_with("stormctl upgrade prod") => &[3],
        l if l.starts_with("stormctl scale-") || l.starts_with("stormctl restart --rolling prod") => &[3],
        // What examples have submitted since is in the way.
        l if l.starts_with("stormctl restore") => &[0, 8],
        _ => &[0],
    }
}

/// What goes on until it is told to end, with a word that it says first.
const ENDLESS: &[(&str, &str)] = &[
    ("stormctl list --watch", "TopologyList"),
    ("stormctl logs wordcount -f --level WARN", ""),
    ("stormctl logs wordcount -f", "INFO"),
    ("stormctl agent events --hosts 127.0.0.1", "healthy"),
];

/// One daemon in the foreground, while the machine's own do not run.
const DAEMONS: &[&str] = &[
    "stormctl nimbus",
    "stormctl supervisor",
    "stormctl ui",
    "stormctl logviewer",
    "stormctl agent",
    "stormctl dev-zookeeper",
    "stormctl dev-zookeeper zoo.cfg",
];

fn run_example(machine: &Machine, line: &str) {
    if DAEMONS.contains(&line) {
        return run_daemon(machine, line);
    }
    machine.ready();
    if let Some((_, word)) = ENDLESS.iter().find(|(l, _)| *l == line) {
        let mut child = machine.nest.spawn("endless", machine.shell(&format!("exec {line}")));
        child.wait_for_output(LIMIT, word);
        kill(child.pid(), Signal::INT);
        let status = child.wait(LIMIT);
        let interrupted =
            status.code() == Some(130) || std::os::unix::process::ExitStatusExt::signal(&status) == Some(2);
        assert!(interrupted, "{line} ended with {status}");
        return;
    }
    if line.starts_with("stormctl tui") {
        let mut terminal = Terminal::spawn(&machine.nest, &machine.shell(line), 120, 40);
        terminal.wait_for_text(LIMIT, "127.0.0.1");
        terminal.type_in("q");
        assert!(terminal.wait(LIMIT).success(), "{line}");
        return;
    }
    if line.starts_with("stormctl smoke") {
        // It needs a slot, and what waits for one takes those that get free.
        let listed = machine.run("stormctl list -o jsonl");
        for topology in listed.stdout.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()) {
            if let Some(name) = topology["name"].as_str() {
                machine.run(&format!("stormctl kill {name} -w 0 --wait")).ok();
            }
        }
    }
    if line.starts_with("stormctl submit") && !line.contains("--replace") {
        machine.run("stormctl kill wordcount -w 0 --wait").ok();
    }
    // The blob of which the examples speak: there, but for the one that makes it.
    if line.starts_with("stormctl blobstore create words.txt") {
        machine.run("stormctl blobstore delete words.txt");
    } else if line.starts_with("stormctl blobstore") {
        machine.run("stormctl blobstore create words.txt -f README.md");
    }
    let done = match line {
        l if l.ends_with("| source") => machine.nest.run(machine.shell(&format!("fish -c '{l}'"))),
        l if l.contains("completions zsh") => {
            let zsh = Debian::zsh();
            let places = zsh_places(&zsh);
            fs::write(machine.nest.dir().join("rc"), format!("{places}autoload -Uz compinit && compinit -u -D\n{l}\n"))
                .expect("written");
            machine.nest.run(machine.shell(&format!("{} -f rc", zsh.program.display())))
        }
        l => machine.run(&format!("set -o pipefail; {l}")),
    };
    assert!(allowed(line).contains(&done.status.code().unwrap_or(-1)), "{line}: {done:?}");
    assert!(!done.stdout.contains('\x1b'), "{line} writes control codes into a pipe");
}

fn run_daemon(machine: &Machine, line: &str) {
    machine.run("stormctl stop").ok();
    let pid_file = if line.contains("zookeeper") { "zookeeper" } else { line.rsplit(' ').next().unwrap_or_default() };
    let record = machine.nest.dir().join(format!("local/run/{pid_file}.pid"));
    if !line.contains("zookeeper") {
        machine.run("stormctl start zookeeper").ok();
    }
    let mut child = machine.nest.spawn("daemon", machine.shell(&format!("exec {line}")));
    wait_for(LIMIT, &format!("{line} to serve"), || {
        assert!(child.ended().is_none(), "{line} ended: {}", child.output());
        let record = fs::read_to_string(&record).unwrap_or_default();
        // An address is written when it serves.
        serde_json::from_str(&record).is_ok_and(|r: serde_json::Value| r["address"].is_string()).then_some(())
    });
    assert!(child.terminate(LIMIT).success(), "{line}: {}", child.output());
}

#[test]
fn every_example_of_the_help_does_what_it_says() {
    let machine = Machine::new();
    let mut found = Vec::new();
    examples(&machine, "", &mut found);
    assert!(found.len() > 120, "{} examples", found.len());
    let mut ran = BTreeSet::new();
    for (_, line) in found {
        // What a verb shows and its family too is run once, where it comes first.
        if ran.insert(line.clone()) {
            run_example(&machine, &line);
        }
    }
}

/// The lines of the README's console, in order. What only builds and tests this project is left out: this is one of its tests.
#[test]
fn every_command_of_the_readme_runs() {
    let page = include_str!("../../../README.md");
    let machine = Machine::new();
    let (mut ran, mut fenced) = (0, false);
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if fenced && line.starts_with("stormctl ") {
            run_example(&machine, line.split("  ").next().unwrap_or_default());
            ran += 1;
        }
    }
    assert!(ran >= 8, "{ran} lines");
}
