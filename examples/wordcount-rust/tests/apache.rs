//! The packages of our topologies on Apache Storm, whose worker starts each of their components as a multilang child.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use storm::package::{Package, PackageOptions};
use storm_tests::peers;
use storm_tests::process::{Nest, Process};
use storm_tests::wait::wait_until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wordcount-rust");
const LIMIT: Duration = Duration::from_secs(120);

/// Starts Apache Storm's local cluster on a package.
fn start(nest: &Nest, package: &Package) -> Process {
    let site = nest.dir();
    package.extract_resources(&site.join("resources")).unwrap_or_else(|e| panic!("{e}"));
    let description = package.description();
    fs::write(site.join("topology.bin"), storm_thrift::to_bytes(&description.topology)).expect("written");
    let mut conf = description.conf.clone();
    // One process is enough here, and a slow machine is no failure.
    conf.extend([
        ("topology.workers".to_owned(), json!(1)),
        ("topology.subprocess.timeout.secs".to_owned(), json!(60)),
    ]);
    fs::write(site.join("conf.json"), Value::Object(conf).to_string()).expect("written");
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&site.display().to_string(), &classes, &peers::storm_server_classpath()]);
    // Its folders must go with the nest.
    java.arg(format!("-Djava.io.tmpdir={}", site.display()));
    java.arg("topology.RunLocal").arg(site.join("topology.bin")).arg(site.join("conf.json"));
    java.env("STORMCTL", PROGRAM).current_dir(site);
    // The nest gives it an input that has ended; this one ends when the test kills what is in the nest.
    let mut shell = Command::new("sh");
    shell.args(["-c", "tail -f /dev/null | exec \"$0\" \"$@\""]).arg(java.get_program()).args(java.get_args());
    shell.envs(java.get_envs().filter_map(|(k, v)| Some((k, v?)))).current_dir(site);
    nest.spawn("apache-storm", shell)
}

/// The highest count of each word so far.
fn counted(file: &Path) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        let Some((word, count)) = line.rsplit_once('\t') else { continue };
        let count = count.parse().unwrap_or(0);
        let most = counts.entry(word.to_owned()).or_insert(0);
        *most = count.max(*most);
    }
    counts
}

#[test]
fn the_built_in_word_count_runs_on_apache_storm() {
    let nest = Nest::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wordcount.yaml");
    let text = fs::read_to_string(example).expect("the example");
    let out = nest.dir().join("out.tsv");
    let text = text.replace("../README.md", "lines.txt").replace("/tmp/wordcount.tsv", &out.display().to_string());
    let flux = nest.dir().join("t.yaml");
    fs::write(&flux, text).expect("written");
    fs::write(nest.dir().join("lines.txt"), "to be or not\nto be\n\nthat is the question é\n").expect("written");
    let package = Package::open(&flux, &PackageOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    let _storm = start(&nest, &package);
    let wanted: BTreeMap<String, i64> =
        [("to", 2), ("be", 2), ("or", 1), ("not", 1), ("that", 1), ("is", 1), ("the", 1), ("question", 1), ("é", 1)]
            .map(|(word, n)| (word.to_owned(), n))
            .into();
    wait_until(LIMIT, "all words to be counted", || counted(&out) == wanted);
}

#[test]
fn a_rust_program_runs_on_apache_storm() {
    let nest = Nest::new();
    let package = Package::open(&PathBuf::from(PROGRAM), &PackageOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(package.description().conf["topology.native.binary"], json!("wordcount-rust"));
    let storm = start(&nest, &package);
    // The `print` component's standard output is the child's standard error, which Apache Storm logs.
    wait_until(LIMIT, "the words of the sentences", || {
        let text = storm.output();
        ["\nthe\t", "jumped\t", "nature\t"].iter().all(|word| text.contains(word.trim_start()))
    });
}
