//! `stormctl logs` of a running topology.

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::{wait_for, wait_until};

use super::LIMIT;

#[test]
fn the_logs_of_all_workers_in_order_of_time() {
    let cluster = Cluster::start(ClusterOptions::default().with("executor.metrics.frequency.secs", 1));
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    let conf = json!({"topology.workers": 2, "topology.acker.executors": 0, "topology.eventlogger.executors": 0});
    cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &conf, lines_to_split()).await).expect("accepted");
    let supervisor = &cluster.supervisors[0];
    let logs = |rest: &[&str]| cluster.stormctl_at(supervisor, &[&["logs", "words"], rest].concat());

    let entries = |rest: &[&str]| -> Vec<Value> {
        let done = logs(&[&["-o", "jsonl"], rest].concat());
        done.stdout.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    };
    let sources = |entries: &[Value]| {
        let mut all: Vec<String> = entries.iter().filter_map(|e| e["source"].as_str().map(str::to_owned)).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let all =
        wait_for(LIMIT, "both workers to log", || Some(entries(&[])).filter(|entries| sources(entries).len() == 2));
    let times: Vec<&str> = all.iter().filter_map(|e| e["time"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");

    // One worker has the spout, the other one the bolt.
    let info = wait_for(LIMIT, "both executors", || cluster.topology_info("words").filter(|i| i.executors.len() == 2));
    let port = info.executors.iter().find(|e| e.component_id == "split").expect("it runs").port.to_string();
    assert_eq!(sources(&entries(&["--component", "split"])), *std::slice::from_ref(&port));
    assert_eq!(logs(&["--component", "none"]).status.code(), Some(3));

    assert_eq!(logs(&["-n", "3"]).ok().lines().count(), 3);
    let text = all[0]["text"].as_str().expect("text").lines().next().expect("a line").to_owned();
    let word = text.split_whitespace().last().expect("a word");
    let pattern: String = word.chars().map(|c| if c.is_alphanumeric() { c } else { '.' }).collect();
    let found = logs(&["--grep", &pattern]).ok();
    assert!(found.contains(&text), "{found}");
    assert_eq!(logs(&["--grep", "no such words at all"]).ok(), "");
    assert_eq!(logs(&["--grep", "("]).status.code(), Some(2));
    assert!(entries(&["--level", "error"]).iter().all(|e| e["level"] == "ERROR" || e["level"] == "FATAL"));
    assert_eq!(entries(&["--since", "2000-01-01"]).len().min(all.len()), all.len());
    assert_eq!(entries(&["--since", "2999-01-01"]).len(), 0);
    assert_eq!(entries(&["--until", "2000-01-01"]).len(), 0);
    assert_eq!(entries(&["--until", "2999-01-01", "--since", "2000-01-01"]).len().min(all.len()), all.len());
    assert_eq!(sources(&entries(&["--worker", &port])), *std::slice::from_ref(&port));
    assert!(logs(&["--grep", &pattern.to_uppercase(), "-i"]).ok().contains(&text));
    let document: Value = serde_json::from_str(&logs(&["-o", "json"]).ok()).expect("JSON");
    assert_eq!(document["kind"], "LogEntryList");

    // Followed, with a file that is rolled away under its reader.
    let mut follow = std::process::Command::new(storm_tests::built::stormctl());
    follow.arg("--config").arg(supervisor.config()).args(["logs", "words", "-f", "-n", "0"]);
    let mut follow = cluster.nest().spawn("logs", follow);
    let folder = supervisor.log_dir().join("workers-artifacts").join(&info.id);
    let file = |port: &str| folder.join(port).join("worker.log");
    let port = sources(&all)[0].clone();
    let append = |text: &str| {
        use std::io::Write;
        let mut log = std::fs::File::options().append(true).create(true).open(file(&port)).expect("opened");
        log.write_all(text.as_bytes()).expect("written");
    };
    wait_until(LIMIT, "the follower to be there", || {
        append("2026-08-02T10:00:00.000Z t main [INFO] knock\n");
        follow.output().contains("knock")
    });
    append("2026-08-02T10:00:01.000Z t main [INFO] before it was rolled\n");
    std::fs::rename(file(&port), folder.join(&port).join("worker.log.99")).expect("renamed");
    append("2026-08-02T10:00:02.000Z t main [INFO] after it was rolled\n");
    follow.wait_for_output(LIMIT, "before it was rolled");
    follow.wait_for_output(LIMIT, "after it was rolled");
    assert!(logs(&[]).ok().contains("before it was rolled"), "older parts are read");

    // Without Nimbus logs are there all the same.
    let alone = cluster.stormctl_at(supervisor, &["-c", "nimbus.thrift.port=1", "logs", "words", "-n", "1"]);
    assert!(alone.status.success() && alone.stderr.contains("no Nimbus answers"), "{alone:?}");
    let daemon = cluster.stormctl_at(supervisor, &["logs", "nimbus", "--component", "split"]);
    assert_eq!(daemon.status.code(), Some(2), "{daemon:?}");
}
