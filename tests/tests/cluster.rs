//! The examples on whole clusters, judged by `tr`, `sort` and `uniq -c`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use storm_tests::built;
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(90);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root").to_owned()
}

/// Text with every kind of white space that `tr` knows, words of many scripts, long lines and no last line feed.
fn text(dir: &Path) -> PathBuf {
    let mut text = String::from("  leading\tblanks and\u{a0}one that is none\r\n\n\n\u{b}vertical\u{c}form feeds\n");
    for number in 0..3000 {
        text.push_str(&format!("line {} of many, \"quoted\" \\ and\ttabbed, größer 語 🌩 {}\n", number % 50, number));
    }
    text.push_str(&"long ".repeat(20_000));
    text.push_str("\nthe end");
    let file = dir.join("text");
    fs::write(&file, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
    file
}

/// What `tr -s '[:space:]' '\n' | sort | uniq -c` counts.
fn expected(file: &Path) -> BTreeMap<String, i64> {
    let mut sh = Command::new("sh");
    sh.args(["-c", "tr -s '[:space:]' '\\n' < \"$0\" | sort | uniq -c"]).arg(file);
    let output = sh.env("LC_ALL", "C").output().expect("sh runs");
    assert!(output.status.success());
    let counted = String::from_utf8(output.stdout).expect("the text is UTF-8");
    let rows = counted.lines().filter_map(|line| line.trim_start().split_once(' '));
    // What stands before the first white space of a text is no word when it is empty.
    let words = rows.filter(|(_, word)| !word.is_empty());
    words.map(|(count, word)| (word.to_owned(), count.parse().expect("a count"))).collect()
}

/// The last count of each word in the rows that a file component has written.
fn counted(file: &Path) -> BTreeMap<String, i64> {
    let rows = fs::read_to_string(file).unwrap_or_default();
    // The last row may be half written.
    let whole = rows.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let pairs = whole.lines().filter_map(|row| row.rsplit_once('\t'));
    pairs.map(|(word, count)| (word.to_owned(), count.parse().expect("a count"))).collect()
}

/// Copies an example, with other files to read and to write.
fn example(dir: &Path, name: &str, input: &Path, output: &Path) -> PathBuf {
    let source = workspace().join("examples");
    let yaml = fs::read_to_string(source.join(format!("{name}.yaml"))).expect("the example");
    let here = yaml.replace("../README.md", &input.display().to_string());
    let here = here.replace(&format!("/tmp/{name}.tsv"), &output.display().to_string());
    assert!(here.contains(&input.display().to_string()) && here.contains(&output.display().to_string()), "{here}");
    let file = dir.join(format!("{name}.yaml"));
    fs::write(&file, here).expect("the example is written");
    let resources = dir.join("resources");
    fs::create_dir_all(&resources).expect("a folder");
    for script in fs::read_dir(source.join("resources")).expect("the scripts") {
        let script = script.expect("a script").path();
        fs::copy(&script, resources.join(script.file_name().expect("a name"))).expect("copied");
    }
    file
}

fn the_examples_count_right(zookeeper: Maker) {
    let cluster = Cluster::start(ClusterOptions { zookeeper, ..ClusterOptions::default() });
    let dir = cluster.nest().dir();
    let input = text(dir);
    let right = expected(&input);
    for name in ["wordcount", "wordcount-python"] {
        let output = dir.join(format!("{name}.tsv"));
        let file = example(dir, name, &input, &output);
        let said = cluster.stormctl(&["submit", &file.display().to_string()]).ok();
        assert!(said.contains(name), "{said}");
        assert_eq!(cluster.wait_for_workers(2).len(), 2);
        let deadline = Instant::now() + LIMIT;
        let mut found = counted(&output);
        while found != right && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
            found = counted(&output);
        }
        let wrong: Vec<_> = right.iter().filter(|(word, count)| found.get(*word) != Some(count)).take(20).collect();
        assert!(found == right, "{name}: {} of {} words; wrong: {wrong:?}", found.len(), right.len());

        let listed = cluster.stormctl(&["list", "-o", "json"]).ok();
        assert!(listed.contains(name), "{listed}");
        let described: Value =
            serde_json::from_str(&cluster.stormctl(&["describe", name, "-o", "json"]).ok()).expect("JSON");
        assert!(described.is_object(), "{described}");
        cluster.stormctl(&["kill", name, "-w", "0"]).ok();
        wait_until(LIMIT, "the topology and its workers to go", || {
            cluster.topology(name).is_none() && cluster.all_workers().is_empty()
        });
    }
}

#[test]
fn the_examples_count_right_on_our_zookeeper() {
    the_examples_count_right(Maker::Ours);
}

#[test]
fn the_examples_count_right_on_apache_zookeeper() {
    the_examples_count_right(Maker::Apache);
}

#[test]
fn a_rust_program_is_submitted_and_runs() {
    let cluster = Cluster::start(ClusterOptions::default());
    let program = built::build(&["--bin", "wordcount-rust"], "wordcount-rust");
    cluster.stormctl(&["submit", &program.display().to_string(), "words"]).ok();
    cluster.wait_for_workers(2);
    wait_until(LIMIT, "counts in what the workers print", || cluster.worker_logs().contains("moon"));
    let logs = cluster.stormctl_at(&cluster.supervisors[0], &["logs", "words"]).ok();
    assert!(logs.contains("worker is up"), "{logs}");
    cluster.stormctl(&["kill", "words", "-w", "0"]).ok();
    wait_until(LIMIT, "its workers to go", || cluster.all_workers().is_empty());
}
