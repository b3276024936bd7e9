//! Lower never imports higher: the layers of the design against what `cargo metadata` says.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Lowest first; the packages of one row know nothing of each other.
const LAYERS: &[&[&str]] = &[
    &["storm-conf"],
    &["storm-lint"],
    &["storm-thrift"],
    &["storm-machine"],
    &["storm-zk"],
    &["storm-http"],
    &["storm-topology"],
    &["storm-scheduler"],
    &["storm-engine"],
    &[
        "storm-zookeeper",
        "storm-nimbus",
        "storm-supervisor",
        "storm-worker",
        "storm-agent",
        "storm-ui",
        "storm-logviewer",
    ],
    &["storm"],
    &["storm-doctor"],
    &["storm-install"],
    &["storm-tui"],
    &["stormctl"],
];

/// The harness is beside the layers: it may use them all, and the tests of all may use it. So are the benches and the examples.
const BESIDE: &[&str] = &["storm-tests", "storm-benches", "wordcount-rust"];

struct Dependency {
    of: String,
    on: String,
    kind: String,
}

fn layer(package: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&package))
}

/// The names of the members, and their dependencies on each other.
fn workspace() -> (Vec<String>, Vec<Dependency>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    metadata.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root"));
    let output = metadata.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = packages.iter().map(|package| text(&package["name"])).collect();
    let mut dependencies = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = text(&dependency["name"]);
            if names.contains(&on) {
                let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
                dependencies.push(Dependency { of: text(&package["name"]), on, kind });
            }
        }
    }
    (names, dependencies)
}

/// What is wrong with these dependencies.
fn faults(dependencies: &[Dependency]) -> Vec<String> {
    let mut faults = Vec::new();
    for Dependency { of, on, kind } in dependencies {
        let harness = BESIDE.contains(&on.as_str());
        let allowed = match (layer(of), layer(on)) {
            (Some(of), Some(on)) => on < of,
            // Only tests lean on the harness.
            (Some(_), None) => harness && kind == "dev",
            (None, _) => true,
        };
        if !allowed {
            faults.push(format!("{of} must not depend on {on} ({kind}): it is not in a lower layer"));
        }
    }
    faults
}

#[test]
fn lower_crates_do_not_import_higher_ones() {
    let (names, dependencies) = workspace();
    for name in &names {
        assert!(layer(name).is_some() || BESIDE.contains(&name.as_str()), "{name} has no layer: give it one here");
    }
    for package in LAYERS.iter().copied().flatten() {
        assert!(names.iter().any(|name| name == package), "the layer of {package} has lost its crate");
    }
    let faults = faults(&dependencies);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_crate_is_a_drawer_for_everything() {
    for name in workspace().0 {
        let drawer = name.split('-').any(|word| matches!(word, "utils" | "util" | "common" | "helpers" | "misc"));
        assert!(!drawer, "{name}: name a crate after its subject");
    }
}

#[test]
fn the_rule_finds_what_breaks_it() {
    let dependency =
        |of: &str, on: &str, kind: &str| Dependency { of: of.to_owned(), on: on.to_owned(), kind: kind.to_owned() };
    let wrong = [
        dependency("storm-conf", "storm-thrift", "normal"),
        dependency("storm-engine", "storm-worker", "dev"),
        dependency("storm-nimbus", "storm-supervisor", "normal"),
        dependency("storm-zk", "storm-tests", "normal"),
    ];
    assert_eq!(faults(&wrong).len(), wrong.len());
    let right = [
        dependency("stormctl", "storm-conf", "normal"),
        dependency("storm-zk", "storm-tests", "dev"),
        dependency("storm-tests", "stormctl", "normal"),
    ];
    assert!(faults(&right).is_empty());
}
