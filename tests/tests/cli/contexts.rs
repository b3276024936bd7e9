//! Clusters by name, and which of several namings counts.

use std::fs;

use serde_json::{Value, json};
use storm_tests::process::Finished;

use super::config::Machine;

fn status(done: &Finished) -> Option<i32> {
    done.status.code()
}

fn two() -> Machine {
    let machine = Machine::with("ui.title: \"own\"\n");
    for name in ["one", "two"] {
        fs::write(machine.path(&format!("{name}.yaml")), format!("ui.title: \"{name}\"\n")).expect("written");
        machine.run(&["context", "set", name, "--config", &format!("{name}.yaml"), "-c", "ui.port=1234"]).ok();
    }
    machine
}

#[test]
fn a_name_stands_for_a_file_and_keys_until_it_is_removed() {
    let machine = two();
    let title = |args: &[&str]| machine.run(&[&["config", "get", "ui.title"], args].concat()).ok();
    assert_eq!(title(&[]), "own\n");
    assert_eq!(title(&["--cluster", "two"]), "two\n");
    assert_eq!(machine.run(&["config", "get", "ui.port", "--cluster", "two"]).ok(), "1234\n");
    assert_eq!(machine.run(&["--cluster", "two", "config", "get", "ui.port", "-c", "ui.port=5"]).ok(), "5\n");
    machine.run(&["context", "use", "one"]).ok();
    assert_eq!(title(&[]), "one\n");
    assert_eq!(title(&["--cluster", "two"]), "two\n");
    assert_eq!(title(&["--config", "two.yaml"]), "two\n");
    // What is about the daemons of this machine is not about another cluster by chance.
    assert_eq!(machine.run(&["config", "get", "ui.title", "--daemon"]).ok(), "own\n");
    assert_eq!(machine.run(&["remoteconfvalue", "ui.title"]).ok(), "ui.title: own\n");

    let list: Value = serde_json::from_str(&machine.run(&["context", "list", "-o", "json"]).ok()).expect("JSON");
    assert_eq!((&list["items"][0]["name"], &list["items"][0]["current"]), (&json!("one"), &json!(true)));
    assert_eq!(list["items"][1]["set"], json!({"ui.port": 1234}));
    let gone = machine.run(&["context", "rm", "one", "--dry-run"]).ok();
    assert!(gone.contains("would be forgotten"), "{gone}");
    machine.run(&["context", "rm", "one"]).ok();
    assert_eq!(title(&[]), "own\n");
    assert_eq!(machine.run(&["context", "list", "-o", "name"]).ok(), "two\n");
    machine.run(&["context", "use", "two"]).ok();
    machine.run(&["context", "use", "--none"]).ok();
    assert_eq!(title(&[]), "own\n");
}

#[test]
fn the_order_is_flags_then_environment_then_the_current_one() {
    let machine = two();
    machine.run(&["context", "use", "one"]).ok();
    let with = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = super::command(&machine.nest, &["config", "get", "ui.title"]);
        command.args(args).env("STORM_HOME", machine.nest.dir()).envs(variables.iter().copied());
        machine.nest.run(command).ok()
    };
    assert_eq!(with(&[("STORMCTL_CLUSTER", "two")], &[]), "two\n");
    assert_eq!(with(&[("STORMCTL_CLUSTER", "two")], &["--cluster", "one"]), "one\n");
    assert_eq!(with(&[("STORMCTL_CLUSTER", "one")], &["--config", "two.yaml"]), "two\n");
    assert_eq!(with(&[("STORM_CONF_FILE", "two.yaml")], &[]), "two\n");
    assert_eq!(with(&[("STORM_CONF_FILE", "one.yaml"), ("STORMCTL_CLUSTER", "two")], &[]), "two\n");
    assert_eq!(with(&[("STORMCTL_CLUSTER", "")], &[]), "one\n");

    let told = machine.run(&["config", "sources", "ui.title", "ui.port"]).ok();
    assert!(told.starts_with("cluster one (the current one)\n"), "{told}");
    assert!(told.lines().any(|l| l.starts_with("ui.port") && l.ends_with("cluster one")), "{told}");
    assert!(told.lines().any(|l| l.contains("one.yaml") && l.ends_with("read")), "{told}");
    let told: Value =
        serde_json::from_str(&machine.run(&["config", "sources", "ui.port", "-o", "json", "--cluster", "two"]).ok())
            .expect("JSON");
    assert_eq!(told["cluster"], "cluster two (--cluster)");
    assert_eq!(told["items"][0]["source"], json!({"layer": "cluster", "cluster": "two"}));
}

#[test]
fn what_is_wrong_with_a_name_is_said_with_the_way_out() {
    let machine = two();
    let refused = |args: &[&str], exit: i32, told: &str| {
        let done = machine.run(args);
        assert_eq!(status(&done), Some(exit), "{done:?}");
        assert!(done.stderr.contains(told), "no {told} in {done:?}");
    };
    refused(&["list", "--cluster", "tow"], 3, "did you mean two?");
    refused(&["list", "--cluster", "one", "--config", "x"], 2, "cannot be used with");
    refused(&["context", "set", "no/name", "--config", "one.yaml"], 2, "no name for a cluster");
    refused(&["context", "set", "three"], 2, "--config STORM_YAML");
    refused(&["context", "set", "three", "--config", "none.yaml"], 3, "there is no file");
    refused(&["context", "set", "three", "-c", "ui.port=many"], 6, "config/number-expected");
    refused(&["context", "show"], 3, "stormctl context use");
    machine.run(&["context", "use", "one"]).ok();
    refused(&["context", "set", "three"], 2, "--config STORM_YAML");
    machine.run(&["context", "use", "--none"]).ok();
    let file = machine.path(".config/stormctl/config.yaml");
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).expect("there")) & 0o777, 0o600);
    // A current name that is gone is not in the way of the next.
    fs::write(&file, "current: gone\nclusters: {one: {config: one.yaml}}\n").expect("written");
    refused(&["list"], 3, "named by the current one");
    assert_eq!(machine.run(&["context", "list", "-o", "name"]).ok(), "one\n");
    machine.run(&["context", "use", "one"]).ok();
    fs::write(&file, "clusters: [one]\n").expect("written");
    refused(&["list"], 6, ".config/stormctl/config.yaml");
    machine.run(&["version"]).ok();
}
