//! The whole slice from one command.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use storm_tests::process::{self, Nest, Process};
use storm_tests::wait::wait_until;

use super::{LIMIT, command, names};

/// Words in every kind of white space, a line without an end, one without a word, and enough for many batches.
fn files(nest: &Nest) -> Vec<PathBuf> {
    let mut many = String::new();
    for n in 0..20_000_u32 {
        many.push_str(&format!("w{} The the\tTHE  w{}\u{b}ünï {}\n", n % 97, n * n % 1009, n % 3));
    }
    let odd = " leading\n\n \t \x0c\r\nover\rthere\ttab\nlast line without end";
    let file = |name: &str, text: &str| {
        let path = nest.dir().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    vec![file("many.txt", &many), file("odd file.txt", odd), file("empty.txt", "")]
}

/// What `tr`, `sort` and `uniq` make of the same files.
fn counted_by_tr(nest: &Nest, files: &[PathBuf]) -> BTreeMap<String, i64> {
    let mut shell = Command::new("sh");
    let script = "cat \"$@\" | tr -s '[:space:]' '\\n' | grep -v '^$' | sort | uniq -c";
    shell.args(["-c", script, "count"]).args(files).env("LC_ALL", "C");
    let text = nest.run(shell).ok();
    let row = |line: &str| {
        let (count, word) = line.trim_start().split_once(' ').expect("count and word");
        (word.to_owned(), count.parse().expect("a count"))
    };
    text.lines().map(row).collect()
}

fn quickstart(nest: &Nest, flags: &[&str], files: &[PathBuf]) -> Command {
    let mut command = command(nest, &["quickstart"]);
    command.args(flags).args(files);
    command
}

#[track_caller]
fn nothing_is_left(nest: &Nest) {
    wait_until(Duration::from_secs(10), "every process to be gone", || {
        nest.processes().into_iter().filter(|pid| process::is_alive(*pid)).count() == 0
    });
    let left: Vec<String> = names(nest.dir()).into_iter().filter(|n| n.starts_with("storm-")).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn the_counts_are_those_of_tr_sort_and_uniq() {
    let nest = Nest::new();
    let files = files(&nest);
    let done = nest.run(quickstart(&nest, &["-o", "json"], &files));
    let progress = done.stderr.clone();
    let result: Value = serde_json::from_str(&done.ok()).expect("one JSON object");

    let counts: BTreeMap<String, i64> = serde_json::from_value(result["counts"].clone()).expect("words and numbers");
    let expected = counted_by_tr(&nest, &files);
    assert_eq!(counts, expected);
    assert_eq!(result["words"].as_i64(), Some(expected.values().sum()));
    assert_eq!(result["lines"].as_i64(), Some(20_005));
    assert!(result["complete_latency_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{result}");
    let first = result["seconds_to_first_tuple"].as_f64().expect("seconds");
    assert!(first > 0.0 && first < 60.0, "{first}");
    for role in ["zookeeper", "nimbus", "supervisor", "submitted", "first tuple", "counted"] {
        assert!(progress.contains(role), "no {role} in\n{progress}");
    }
    nothing_is_left(&nest);
}

#[test]
fn people_get_the_top_words_and_where_the_logs_were() {
    let nest = Nest::new();
    let text = nest.dir().join("text");
    fs::write(&text, "b a b\nc b a\n").expect("written");
    let result = nest.run(quickstart(&nest, &[], &[text])).ok();
    assert!(result.starts_with("3  b\n2  a\n1  c\n"), "{result}");
    for line in ["lines             2", "words             6 (3 different)", "rate ", "complete latency ", "logs "] {
        assert!(result.contains(line), "no {line:?} in\n{result}");
    }
    nothing_is_left(&nest);
}

#[test]
fn files_without_words_and_files_that_are_not_there() {
    let nest = Nest::new();
    let empty = nest.dir().join("empty");
    fs::write(&empty, "\n\n").expect("written");
    let result: Value =
        serde_json::from_str(&nest.run(quickstart(&nest, &["-o", "json"], &[empty])).ok()).expect("JSON");
    assert_eq!((result["lines"].as_i64(), result["words"].as_i64()), (Some(2), Some(0)));

    let said = nest.run(quickstart(&nest, &[], &[nest.dir().join("none")])).refused();
    assert!(said.contains("error[quickstart/file]") && said.contains("none"), "{said}");
    nothing_is_left(&nest);
}

/// Runs until the line of a step is there, then sends the signal; gives the exit status.
fn signalled_at(step: &str, signal: Signal) -> Option<i32> {
    let nest = Nest::new();
    let files = files(&nest);
    let mut running = nest.spawn("quickstart", quickstart(&nest, &[], &files));
    running.wait_for_output(LIMIT, step);
    process::kill(running.pid(), signal);
    let status = running.wait(LIMIT);
    if signal == Signal::KILL {
        // Who is killed so cannot tidy up a folder; but his processes go.
        wait_until(Duration::from_secs(20), "the processes to follow", || {
            nest.processes().into_iter().filter(|pid| process::is_alive(*pid)).count() == 0
        });
    } else {
        nothing_is_left(&nest);
    }
    status.code()
}

#[test]
fn nothing_is_left_after_a_signal_at_any_step() {
    for step in ["zookeeper", "nimbus", "submitted", "first tuple"] {
        assert_eq!(signalled_at(step, Signal::INT), Some(130), "SIGINT at {step}");
    }
    assert_eq!(signalled_at("submitted", Signal::TERM), Some(130), "SIGTERM");
    assert_eq!(signalled_at("supervisor", Signal::HUP), Some(130), "SIGHUP");
    assert_eq!(signalled_at("first tuple", Signal::KILL), None, "SIGKILL");
}

#[test]
fn a_daemon_that_dies_ends_it_with_what_was_logged() {
    let nest = Nest::new();
    let files = files(&nest);
    let mut running = nest.spawn("quickstart", quickstart(&nest, &[], &files));
    running.wait_for_output(LIMIT, "nimbus      serves");
    process::kill(daemon(&nest, "nimbus"), Signal::KILL);
    let status = running.wait(LIMIT);
    assert!(!status.success());
    let said = running.output();
    assert!(said.contains("error["), "{said}");
    nothing_is_left(&nest);
}

/// The process of a role, by the name that `ps` shows.
fn daemon(nest: &Nest, role: &str) -> u32 {
    let named = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == role);
    nest.processes().into_iter().find(named).unwrap_or_else(|| panic!("no {role} runs"))
}

#[test]
fn a_deadline_is_kept() {
    let nest = Nest::new();
    let files = files(&nest);
    let done = nest.run(quickstart(&nest, &["--timeout", "50ms"], &files));
    assert_eq!(done.status.code(), Some(124), "{done:?}");
    nothing_is_left(&nest);
}

#[test]
fn a_kept_cluster_is_what_plain_commands_mean_until_it_is_stopped() {
    let nest = Nest::new();
    let text = nest.dir().join("text");
    fs::write(&text, "to be or not to be\n").expect("written");
    let plain = |args: &[&str]| nest.run(command(&nest, args));

    // Its ports are Storm's own where they are free; the tests of others may hold them.
    let result = nest.run(quickstart(&nest, &["--keep"], std::slice::from_ref(&text))).ok();
    assert!(result.contains("stormctl describe wordcount"), "{result}");
    let listed: Value = serde_json::from_str(&plain(&["list", "-o", "json"]).ok()).expect("JSON");
    assert_eq!(listed["apiVersion"], "stormctl/v1");
    assert_eq!(listed["items"][0]["name"], "wordcount");
    let described: Value = serde_json::from_str(&plain(&["describe", "wordcount", "-o", "json"]).ok()).expect("JSON");
    let spout = described["components"].as_array().expect("a list").iter().find(|c| c["component"] == "lines");
    assert_eq!(spout.expect("the spout")["acked"], 1);
    assert!(plain(&["status"]).ok().contains("running"));
    assert!(plain(&["logs", "wordcount"]).ok().contains("worker"));
    assert!(plain(&["zk", "status"]).ok().contains("Mode: standalone"));

    let again = nest.run(quickstart(&nest, &["--keep"], &[text]));
    assert_eq!(again.status.code(), Some(8), "{again:?}");
    assert!(again.stderr.contains("stormctl stop"), "{again:?}");

    plain(&["stop"]).ok();
    wait_until(LIMIT, "every process to be gone", || {
        nest.processes().into_iter().filter(|pid| process::is_alive(*pid)).count() == 0
    });
    assert_eq!(plain(&["status", "nimbus"]).status.code(), Some(3));
    let state = names(&nest.dir().join(".local/state/storm"));
    assert_eq!(state, ["quickstart"], "the pointer to the cluster is still there");
}

#[test]
fn a_kept_cluster_does_not_stay_when_it_was_interrupted() {
    let nest = Nest::new();
    let files = files(&nest);
    let mut running: Process = nest.spawn("quickstart", quickstart(&nest, &["--keep"], &files));
    running.wait_for_output(LIMIT, "submitted");
    process::kill(running.pid(), Signal::INT);
    assert_eq!(running.wait(LIMIT).code(), Some(130));
    wait_until(Duration::from_secs(10), "every process to be gone", || {
        nest.processes().into_iter().filter(|pid| process::is_alive(*pid)).count() == 0
    });
}
