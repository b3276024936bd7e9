//! `stormctl config` as its users run it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::process::{Finished, Nest};

use super::{LIMIT, command, names};

/// A user's machine with an installation in the user's home.
pub struct Machine {
    pub nest: Nest,
}

impl Machine {
    pub fn with(storm_yaml: &str) -> Machine {
        let machine = Machine { nest: Nest::new() };
        fs::create_dir(machine.path("conf")).expect("made");
        fs::write(machine.path("conf/storm.yaml"), storm_yaml).expect("written");
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.nest.dir().join(name)
    }

    fn file(&self) -> String {
        fs::read_to_string(self.path("conf/storm.yaml")).expect("read")
    }

    fn edited_by(&self, editor: &str, args: &[&str]) -> Finished {
        let mut command = command(&self.nest, &["config", "edit"]);
        command.args(args).env("STORM_HOME", self.nest.dir()).env("EDITOR", editor).env_remove("VISUAL");
        self.nest.run(command)
    }

    pub fn run(&self, args: &[&str]) -> Finished {
        let mut command = command(&self.nest, args);
        command.env("STORM_HOME", self.nest.dir()).env("USER", "ann").env_remove("SUDO_USER").env_remove("ZOOCFGDIR");
        self.nest.run(command)
    }

    fn config(&self, args: &[&str]) -> Finished {
        self.run(&[&["config"], args].concat())
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let done = self.config(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"))
    }
}

fn code(done: &Finished) -> Option<i32> {
    done.status.code()
}

const FAULTY: &str =
    "# mine\nstorm.zookeeper.servers: \"zk1\"\nnimbus.seeds:[\"n1\"]\nui.host: \"h\nstorm.local.dir: “/s” # state\n";
const MENDED: &str = "# mine\nstorm.zookeeper.servers: [\"zk1\"]\nnimbus.seeds: [\"n1\"]\nui.host: \"h\"\nstorm.local.dir: \"/s\" # state\n";

#[test]
fn lint_finds_and_mends_and_then_has_nothing_to_do() {
    let machine = Machine::with(FAULTY);
    let found = machine.config(&["lint"]);
    assert_eq!(code(&found), Some(10), "{found:?}");
    for line in [
        "conf/storm.yaml:2:26: error[config/list-expected]",
        "conf/storm.yaml:3:13: error[config/blank-missing]",
        "conf/storm.yaml:4:10: error[config/quote-open]",
        "conf/storm.yaml:5:18: warning[config/curly-quote]",
    ] {
        assert!(found.stdout.contains(line), "no {line} in\n{}", found.stdout);
    }
    let json = machine.json(&["lint"]);
    assert_eq!(
        (&json["apiVersion"], &json["kind"], &json["errors"]),
        (&json!("stormctl/v1"), &json!("ConfigFindings"), &json!(3))
    );
    assert_eq!(json["items"][0]["line"], json!(2));
    assert_eq!(machine.config(&["lint", "-o", "name"]).stdout.lines().next(), Some("conf/storm.yaml:2:26"));
    assert_eq!(machine.config(&["lint", "-o", "jsonl"]).stdout.lines().count(), 4);

    let dry = machine.config(&["lint", "--fix", "--dry-run"]);
    assert_eq!((code(&dry), machine.file().as_str()), (Some(0), FAULTY));
    assert!(
        dry.stderr.contains("-nimbus.seeds:[\"n1\"]\n+nimbus.seeds: [\"n1\"]")
            || dry.stderr.contains("+nimbus.seeds: [\"n1\"]"),
        "{dry:?}"
    );
    assert_eq!(names(&machine.path("conf")), ["storm.yaml"]);

    let fixed = machine.config(&["lint", "--fix"]);
    assert_eq!((code(&fixed), machine.file().as_str()), (Some(0), MENDED), "{fixed:?}");
    let backups = names(&machine.path("conf/.stormctl"));
    assert_eq!(backups.len(), 2, "{backups:?}");
    let log = fs::read_to_string(machine.path("conf/.stormctl/changes.log")).expect("a log");
    assert!(log.ends_with(" ann storm.yaml: lint --fix\n"), "{log}");

    // P019: the same again writes nothing at all.
    let before = fs::metadata(machine.path("conf/storm.yaml")).expect("there").mtime_nsec();
    assert_eq!(code(&machine.config(&["lint", "--fix"])), Some(0));
    assert_eq!(code(&machine.config(&["set", "ui.host", "h"])), Some(0));
    assert_eq!(names(&machine.path("conf/.stormctl")), backups);
    assert_eq!(fs::metadata(machine.path("conf/storm.yaml")).expect("there").mtime_nsec(), before);
}

#[test]
fn what_cannot_be_mended_whole_is_left_alone() {
    let text = "nimbus.seeds:[\"localhost\"]\nui.port: [a, b]]\n";
    let machine = Machine::with(text);
    let done = machine.config(&["lint", "--fix"]);
    assert_eq!((code(&done), machine.file().as_str()), (Some(10), text), "{done:?}");
    assert!(done.stderr.contains("nothing was written"), "{done:?}");
    assert_eq!(names(&machine.path("conf")), ["storm.yaml"]);

    let allowed = Machine::with("ui_port: 8081\n");
    assert_eq!(code(&allowed.config(&["lint"])), Some(10));
    assert_eq!(code(&allowed.config(&["lint", "--allow", "config/unknown-key"])), Some(0));
    let typo = allowed.config(&["lint", "--allow", "config/unkown-key"]);
    assert_eq!(code(&typo), Some(2));
    assert!(typo.stderr.contains("did you mean config/unknown-key?"), "{typo:?}");
}

#[test]
fn all_files_of_the_machine_are_looked_at() {
    let machine = Machine::with("storm.zookeeper.port: 2182\n");
    fs::write(machine.path("conf/zoo.cfg"), "dataDir=data\nclientPort=2181\n").expect("written");
    fs::create_dir(machine.path("log4j2")).expect("made");
    fs::write(machine.path("log4j2/worker.xml"), "<configuration><Policies/></configuration>\n").expect("written");
    let done = machine.config(&["lint"]);
    for line in [
        "conf/zoo.cfg:2:12: error[zoo/port-differs]",
        "conf/zoo.cfg: warning[zoo/autopurge]",
        "log4j2/worker.xml:1:16: error[log4j/misplaced]",
    ] {
        assert!(done.stdout.contains(line), "no {line} in\n{}", done.stdout);
    }
    let named = machine.config(&["lint", "conf/storm.yaml"]);
    assert_eq!((code(&named), named.stdout.as_str()), (Some(0), "nothing is wrong with conf/storm.yaml\n"));
    machine.config(&["lint", "--fix", "conf/zoo.cfg"]);
    let zoo = fs::read_to_string(machine.path("conf/zoo.cfg")).expect("read");
    assert!(zoo.contains("autopurge.purgeInterval=24\n"), "{zoo}");

    assert_eq!(machine.config(&["get", "--zk", "clientPort"]).ok(), "2181\n");
    machine.config(&["set", "--zk", "dataDir", "/var/lib/zookeeper"]).ok();
    assert!(
        fs::read_to_string(machine.path("conf/zoo.cfg")).expect("read").starts_with("dataDir=/var/lib/zookeeper\n")
    );
    machine.config(&["unset", "--zk", "autopurge.purgeInterval"]).ok();
    assert_eq!(machine.config(&["get", "autopurge.purgeInterval", "--config", "conf/zoo.cfg"]).ok(), "0\n");
    assert!(machine.config(&["explain", "clientPort"]).ok().contains("where clients connect"));
}

#[test]
fn set_and_unset_change_one_thing() {
    let text = "# head\nui.port:   8080   # port\n\n# tail";
    let machine = Machine::with(text);
    let real = machine.path("real.yaml");
    fs::rename(machine.path("conf/storm.yaml"), &real).expect("moved");
    std::os::unix::fs::symlink("../real.yaml", machine.path("conf/storm.yaml")).expect("linked");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).expect("set");

    let dry = machine.config(&["set", "ui.port", "8081", "--dry-run"]).ok();
    assert!(dry.contains("-ui.port:   8080   # port\n+ui.port:   8081   # port\n"), "{dry}");
    assert_eq!(machine.file(), text);
    let set = machine.json(&["set", "ui.port", "8081"]);
    assert_eq!((&set["action"], &set["changed"], &set["restart"]), (&json!("set"), &json!(true), &json!("restart ui")));
    assert_eq!(machine.file(), text.replace("8080", "8081"));
    let metadata = fs::symlink_metadata(machine.path("conf/storm.yaml")).expect("there");
    assert!(metadata.is_symlink());
    assert_eq!(fs::metadata(&real).expect("there").mode() & 0o777, 0o600);
    assert_eq!(machine.json(&["set", "ui.port", "8081"])["changed"], json!(false));

    machine.config(&["set", "supervisor.slots.ports", "6700", "6701"]).ok();
    machine.config(&["set", "nimbus.seeds=n1,n2", "topology.version=010"]).ok();
    assert_eq!(
        machine.file(),
        text.replace("8080", "8081")
            + "\nsupervisor.slots.ports: [6700, 6701]\nnimbus.seeds: [\"n1\", \"n2\"]\ntopology.version: \"010\"\n"
    );
    machine.config(&["unset", "nimbus.seeds", "topology.version", "supervisor.slots.ports"]).ok();
    assert_eq!(machine.file(), text.replace("8080", "8081") + "\n");
    assert!(machine.config(&["unset", "nimbus.seeds"]).ok().contains("nothing was written"));

    // A file that is named and not there yet is made; a folder is not.
    machine.config(&["set", "ui.port", "1025", "--config", "new.yaml"]).ok();
    assert_eq!(fs::read_to_string(machine.path("new.yaml")).expect("made"), "ui.port: 1025\n");
    assert_eq!(code(&machine.config(&["set", "ui.port", "1025", "--config", "no/new.yaml"])), Some(3));
}

#[test]
fn what_must_not_be_written_is_refused() {
    let machine = Machine::with("ui.port: 8080\n");
    let untouched = |done: Finished, status: i32, told: &str| {
        assert_eq!(code(&done), Some(status), "{done:?}");
        assert!(done.stderr.contains(told), "no {told} in {done:?}");
        assert_eq!(names(&machine.path("conf")), ["storm.yaml"], "{done:?}");
    };
    untouched(machine.config(&["set", "ui.port", "many"]), 6, "config/number-expected");
    untouched(machine.config(&["set", "ui.prot", "1"]), 7, "did you mean ui.port?");
    untouched(machine.config(&["set", "ui.port"]), 2, "needs a value");
    untouched(machine.config(&["set", "ui.port", "1", "2"]), 2, "takes one value");
    untouched(machine.config(&["unset", "ui.prot"]), 3, "did you mean ui.port?");
    untouched(machine.config(&["get", "ui.prot"]), 3, "did you mean ui.port?");
    untouched(machine.config(&["set", "storm.local.dir", "${HOME}/x"]), 6, "config/unexpanded");
    machine.config(&["set", "ui.prot", "1", "--yes"]).ok();
    assert_eq!(machine.file(), "ui.port: 8080\nui.prot: 1\n");

    let broken = Machine::with("ui.port: [\nui.title: x\n");
    assert_eq!(code(&broken.config(&["set", "ui.title", "y"])), Some(6));
    let entangled = Machine::with("a.b: &x [1]\nc.d: *x\n");
    assert_eq!(code(&entangled.config(&["set", "a.b", "2"])), Some(7));
    // One mistake less is a step ahead, though another is left.
    let two = Machine::with("ui.port: x\nui.title: 1\n");
    two.config(&["set", "ui.port", "8081"]).ok();
    assert_eq!(code(&two.config(&["set", "logviewer.port", "8001"])), Some(6));
    assert_eq!(two.file(), "ui.port: 8081\nui.title: 1\n");
}

#[test]
fn edit_checks_shows_and_then_writes() {
    let machine = Machine::with("ui.port: 8080\n");
    let change = "sed -i s/8080/8081/";
    let unconfirmed = machine.edited_by(change, &[]);
    assert_eq!((code(&unconfirmed), machine.file().as_str()), (Some(7), "ui.port: 8080\n"), "{unconfirmed:?}");
    assert!(unconfirmed.stderr.contains("what you wrote is in "), "{unconfirmed:?}");
    let dry = machine.edited_by(change, &["--dry-run"]).ok();
    assert!(dry.contains("+ui.port: 8081"), "{dry}");
    assert_eq!(machine.file(), "ui.port: 8080\n");
    let done = machine.edited_by(change, &["--yes"]);
    assert!(done.stderr.contains("-ui.port: 8080\n+ui.port: 8081"), "{done:?}");
    assert_eq!(machine.file(), "ui.port: 8081\n");
    assert!(machine.edited_by("true", &[]).ok().contains("nothing was changed"));

    let wrong = machine.edited_by("sed -i s/8081/many/", &["--yes"]);
    assert_eq!((code(&wrong), machine.file().as_str()), (Some(6), "ui.port: 8081\n"), "{wrong:?}");
    let kept =
        wrong.stderr.lines().find_map(|l| l.split("what you wrote is in ").nth(1)).expect("the place of the copy");
    assert_eq!(fs::read_to_string(kept).expect("kept"), "ui.port: many\n");
    fs::remove_dir_all(Path::new(kept).parent().expect("its folder")).expect("removed");
    assert_eq!(code(&machine.edited_by("false", &["--yes"])), Some(1));
    // Only the copies of what was not written are left.
    let copies: Vec<String> =
        names(machine.nest.dir()).into_iter().filter(|n| n.starts_with("stormctl-edit-")).collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
}

#[test]
fn p016_and_p017_which_file_is_read() {
    let machine = Machine::with("nimbus.seeds: [\"good\"]\n");
    fs::create_dir(machine.path(".storm")).expect("made");
    fs::write(machine.path(".storm/storm.yaml"), "nimbus.seeds: [\"dead\"]\n").expect("written");
    let told = machine.config(&["sources", "nimbus.seeds"]).ok();
    let line = |what: &str| {
        told.lines().find(|l| l.contains(what)).unwrap_or_else(|| panic!("no {what} in\n{told}")).to_owned()
    };
    assert!(line(".storm/storm.yaml  the user's own").ends_with("read"), "{told}");
    assert!(line("conf/storm.yaml").contains("not read: an earlier one is"), "{told}");
    assert!(line("[\"dead\"]").ends_with(".storm/storm.yaml:1:1"), "{told}");
    assert!(line("[\"good\"]").ends_with("conf/storm.yaml:1:1  (not read)"), "{told}");
    // Daemons do not read the user's own, and a file that is named comes before all.
    assert_eq!(machine.config(&["get", "nimbus.seeds"]).ok(), "[\"dead\"]\n");
    assert_eq!(machine.config(&["get", "nimbus.seeds", "--daemon"]).ok(), "[\"good\"]\n");
    assert_eq!(machine.config(&["get", "nimbus.seeds", "--config", "./conf/../conf/storm.yaml"]).ok(), "[\"good\"]\n");
    let absolute = machine.path("conf/storm.yaml").display().to_string();
    assert_eq!(machine.run(&["--config", &absolute, "config", "get", "nimbus.seeds"]).ok(), "[\"good\"]\n");
    let sources = machine.json(&["sources", "nimbus.seeds", "-c", "nimbus.seeds=[\"x\"]"]);
    assert_eq!(sources["items"][0]["source"]["layer"], json!("option"));
    let missing = machine.config(&["get", "ui.port", "--config", "no/such.yaml"]);
    assert_eq!(code(&missing), Some(6));
    assert!(missing.stderr.contains(&machine.path("no/such.yaml").display().to_string()), "{missing:?}");
    let mistaken = machine.config(&["get", "ui.port", "-c", "./storm.yaml"]);
    assert!(mistaken.stderr.contains("--config ./storm.yaml"), "{mistaken:?}");
}

#[test]
fn reads_come_in_every_form_and_hide_passwords() {
    let machine = Machine::with("storm.zookeeper.auth.payload: \"u:secret\"\nui.port: 8081\n");
    for verb in [&["list"][..], &["get", "ui.port"], &["explain", "ui.port"], &["sources"], &["lint"]] {
        let json = machine.json(verb);
        assert_eq!(json["apiVersion"], json!("stormctl/v1"), "{verb:?}");
        for form in ["table", "wide", "yaml", "jsonl", "name"] {
            let done = machine.config(&[verb, &["-o", form]].concat());
            assert!(!done.stdout.is_empty(), "{verb:?} -o {form}: {done:?}");
            assert!(!done.stdout.contains("secret\""), "{verb:?} -o {form}: {done:?}");
        }
    }
    assert!(!machine.config(&["list"]).ok().contains("u:secret"));
    let dry = machine.config(&["set", "ui.port", "8082", "--dry-run"]).ok();
    assert!(dry.contains(" storm.zookeeper.auth.payload: ********\n") && !dry.contains("secret"), "{dry}");
    assert!(machine.config(&["list", "--secrets"]).ok().contains("u:secret"));
    assert_eq!(machine.config(&["get", "ui.port", "-o", "storm"]).ok(), "ui.port: 8081\n");
    let all = machine.json(&["list", "--all"]);
    assert!(all["items"].as_array().is_some_and(|i| i.len() > 500), "{}", all["items"].as_array().map_or(0, Vec::len));
    assert_eq!(machine.config(&["list", "--all", "slots.ports", "-o", "name"]).ok(), "supervisor.slots.ports\n");
    let explained = machine.json(&["explain", "nimbus.seeds"]);
    assert_eq!(
        (&explained["value_kind"], &explained["default"], &explained["type"]),
        (&json!("strings"), &json!(["localhost"]), &json!("a list of texts"))
    );
}

#[test]
fn diff_of_two_files() {
    let machine = Machine::with("ui.port: 8081\nui.title: a\nstorm.zookeeper.auth.payload: a:b\n");
    fs::write(machine.path("b.yaml"), "ui.port: 8080\nui.title: a\nstorm.zookeeper.auth.payload: a:c\nmy.key: 1\n")
        .expect("written");
    let done = machine.config(&["diff", "conf/storm.yaml", "b.yaml"]);
    assert_eq!(code(&done), Some(10), "{done:?}");
    let lines: Vec<String> = done.stdout.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "left: conf/storm.yaml",
            "right: b.yaml",
            "KEY LEFT RIGHT",
            "my.key - 1",
            "storm.zookeeper.auth.payload ******** ******** (another)",
            "ui.port 8081 8080"
        ]
    );
    let same = machine.config(&["diff", "b.yaml", "b.yaml"]);
    assert_eq!((code(&same), same.stdout.as_str()), (Some(0), ""));
    let json = machine.json(&["diff", "conf/storm.yaml", "b.yaml"]);
    assert_eq!((&json["kind"], &json["items"][0]["key"]), (&json!("ConfigDiff"), &json!("my.key")));
    fs::write(machine.path("a.cfg"), "clientPort=2181\ntickTime=3000\n").expect("written");
    fs::write(machine.path("b.cfg"), "clientPort: 2182\n").expect("written");
    assert_eq!(machine.config(&["diff", "a.cfg", "b.cfg", "-o", "name"]).stdout, "clientPort\n");
    assert_eq!(code(&machine.config(&["diff", "a.cfg"])), Some(2));
}

/// Against our own Nimbus and against Apache Storm's.
#[test]
fn diff_with_what_a_running_nimbus_uses() {
    for nimbus in [Maker::Ours, Maker::Apache] {
        let cluster = Cluster::start(ClusterOptions { nimbus, supervisors: 0, ..ClusterOptions::default() });
        let ask = |file: &Path| {
            let mut command = command(cluster.nest(), &["config", "diff"]);
            command.arg(file);
            cluster.nest().run(command)
        };
        let own = ask(&cluster.nimbus.config());
        assert_eq!((code(&own), own.stdout.as_str()), (Some(0), ""), "{nimbus:?}: {own:?}");
        let changed = cluster.nest().dir().join("changed.yaml");
        let text = fs::read_to_string(cluster.nimbus.config()).expect("read");
        fs::write(&changed, format!("{text}\nui.title: \"another\"\n")).expect("written");
        let other = ask(&changed);
        assert_eq!(code(&other), Some(10), "{nimbus:?}: {other:?}");
        assert!(other.stdout.contains("ui.title  another  Storm UI"), "{nimbus:?}: {other:?}");
    }
}

#[test]
fn what_apache_storm_starts_with_starts_with_a_warning() {
    let port = storm_tests::ports::free_port();
    let text = format!(
        "nimbus.thrift.port: 1\nnimbus.thrift.port: {port}\nmy.date: 2024-05-01\nstorm.zookeeper.port: {port}\nstorm.local.dir: \"local\"\ndev.zookeeper.path: \"zk\"\nstorm.log.dir: \"logs\"\n"
    );
    let machine = Machine::with(&text);
    let client = machine.run(&["list"]);
    assert_eq!(code(&client), Some(4), "{client:?}");
    assert_eq!(client.stderr.matches("warning[config/duplicate-key]").count(), 1, "{client:?}");
    assert_eq!(client.stderr.matches("warning[config/date]").count(), 1, "{client:?}");
    assert!(client.stderr.contains("conf/storm.yaml:2:1"), "{client:?}");
    let mut daemon = command(&machine.nest, &["dev-zookeeper"]);
    daemon.env("STORM_HOME", machine.nest.dir());
    let mut daemon = machine.nest.spawn("zookeeper", daemon);
    daemon.wait_for_output(LIMIT, "nimbus.thrift.port is set twice");
    daemon.wait_for_output(LIMIT, "is a date to YAML");
    storm_tests::wait::wait_until(LIMIT, "ZooKeeper to serve", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    daemon.terminate(LIMIT);
}

/// Every command of the documentation with what it prints, in order, in one folder.
#[test]
fn the_examples_of_the_documentation_are_true() {
    let page = include_str!("../../../docs/stormctl.md");
    let block = |fence: &'static str| page.split("\n```").filter_map(move |b| b.strip_prefix(fence));
    let machine = Machine::with(block("yaml\n").next().expect("a file").trim_end_matches("```"));
    fs::write(machine.path("conf/storm.yaml"), machine.file() + "\n").expect("written");
    let plain = |text: &str| {
        let mut out = String::new();
        for line in text.replace(&machine.nest.dir().display().to_string(), "HOME").lines() {
            let stamp = line.find("storm.yaml.2").map_or(line.len(), |at| at + "storm.yaml.".len());
            out.push_str(&line[..stamp]);
            out.push_str(if stamp < line.len() { "TIME\n" } else { "\n" });
        }
        out
    };
    let mut ran = 0;
    for example in block("console\n").flat_map(|b| b.split("$ ").skip(1).collect::<Vec<_>>()) {
        let (line, wanted) = example.split_once('\n').unwrap_or((example, ""));
        let words: Vec<&str> = line.split(' ').collect();
        let said = match words.as_slice() {
            ["stormctl", args @ ..] => {
                let done = machine.run(args);
                format!("{}{}", done.stderr, done.stdout)
            }
            ["cat", file] => fs::read_to_string(machine.path(file)).expect("read"),
            other => panic!("{other:?} cannot be run"),
        };
        assert_eq!(plain(&said).trim_end(), wanted.trim_end(), "$ {line}");
        ran += 1;
    }
    assert!(ran > 12, "{ran} examples");
}
