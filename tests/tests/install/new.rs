//! Projects that `stormctl new` makes: built, tested, submitted.

use std::fs;
use std::path::Path;
use std::process::Command;

use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::process::Nest;
use storm_tests::wait::wait_until;

use super::{LIMIT, command, run};

/// Runs something in the project as its user would.
fn inside(nest: &Nest, project: &str, words: &[&str]) -> String {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(nest.dir().join("home").join(project));
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("STORMCTL", stormctl()).env("TMPDIR", nest.dir());
    let done = nest.run(command);
    let (out, err) = (done.stdout.clone(), done.stderr.clone());
    done.ok();
    format!("{out}{err}")
}

#[test]
fn a_flux_and_a_python_project_test_themselves_and_submit() {
    let cluster = Cluster::start(ClusterOptions::default());
    let nest = cluster.nest();
    let config = cluster.nimbus.config().display().to_string();
    for (lang, test) in [("flux", "./test.sh"), ("python", "./test.py")] {
        let project = format!("{lang}-words");
        run(nest, &["new", &project, "--lang", lang]).ok();
        let said = inside(nest, &project, &[test]);
        assert!(said.contains("all words are counted") || said.contains("OK"), "{said}");
        let out = nest.dir().join(format!("{lang}.tsv"));
        let mut submit = command(nest, &["--config", &config, "submit", "-e", &format!("{project}/topology.yaml")]);
        submit.env("OUT", &out);
        nest.run(submit).ok();
        wait_until(LIMIT, "words to be counted on the cluster", || {
            fs::read_to_string(&out).is_ok_and(|text| text.contains("the\t3\n") && text.contains("seven\t1\n"))
        });
        run(nest, &["--config", &config, "kill", &project, "-w", "0", "--wait"]).ok();
    }
    let twice = run(nest, &["new", "flux-words", "--lang", "flux"]);
    assert_eq!(twice.status.code(), Some(8), "{twice:?}");
}

#[test]
fn a_rust_project_builds_tests_itself_and_submits() {
    let cluster = Cluster::start(ClusterOptions::default());
    let nest = cluster.nest();
    let config = cluster.nimbus.config().display().to_string();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").display().to_string();
    run(nest, &["new", "my-words", "--lang", "rust", "--storm-source", &source]).ok();
    // What is built for the workspace is built again for a project of its own; the folder stays for the next run.
    let target = storm_tests::peers::root().join("rust-project");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let target_dir = target.display().to_string();
    // The versions that the workspace is tested with.
    fs::copy(Path::new(&source).join("Cargo.lock"), nest.dir().join("home/my-words/Cargo.lock")).expect("copied");
    inside(nest, "my-words", &[&cargo, "test", "--quiet", "--target-dir", &target_dir]);
    inside(nest, "my-words", &[&cargo, "build", "--quiet", "--target-dir", &target_dir]);
    let program = target.join("debug/my-words").display().to_string();
    run(nest, &["--config", &config, "submit", &program]).ok();
    wait_until(LIMIT, "sentences to be acked on the cluster", || {
        let text = run(nest, &["--config", &config, "describe", "my-words", "-o", "json"]).ok();
        let described: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let components = described["components"].as_array().cloned().unwrap_or_default();
        components.iter().any(|c| c["component"] == "sentences" && c["acked"].as_i64() > Some(0))
    });
    run(nest, &["--config", &config, "kill", "my-words", "-w", "0", "--wait"]).ok();
}
