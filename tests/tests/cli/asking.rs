//! Commands that ask Nimbus: their output against the Java client's, their exit statuses, their speed.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::jars::python_jar;
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest};
use storm_tests::topologies::{lines_to_split, submit};

use super::{command, names};

fn ask(cluster: &Cluster, args: &[&str]) -> Finished {
    let mut command = command(cluster.nest(), &[]);
    command.arg("--config").arg(cluster.nimbus.config()).args(args);
    cluster.nest().run(command)
}

/// A Nimbus that knows two topologies, and no supervisor: what it answers does not change.
fn two_topologies() -> Cluster {
    with_two_topologies(ClusterOptions { supervisors: 0, ..ClusterOptions::default() })
}

fn with_two_topologies(options: ClusterOptions) -> Cluster {
    let cluster = Cluster::start(options);
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    for name in ["words", "a name with blanks"] {
        cluster.ask(async |nimbus| submit(nimbus, name, &jar, &json!({}), lines_to_split()).await).expect("accepted");
    }
    cluster
}

/// Without the one column that time changes.
fn without_uptime(list: &str) -> Vec<String> {
    let start = "Topology_name        Status     Num_tasks  Num_workers  ".len();
    let cut = |line: &str| match line.get(start..start + 13) {
        Some(_) if !line.starts_with("---") => format!("{}{}", &line[..start], &line[start + 13..]),
        _ => line.to_owned(),
    };
    list.lines().map(cut).collect()
}

#[test]
fn list_in_storms_form_is_the_java_clients_to_the_letter() {
    let empty = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let java = |cluster: &Cluster| {
        let said = cluster.java_client("org.apache.storm.command.ListTopologies", &[], &[]).ok();
        // Its log goes to stdout as well, one line with a time each.
        let own = said.lines().filter(|l| !l.starts_with("20") && !l.contains(" [main] "));
        own.map(|l| format!("{l}\n")).collect::<String>()
    };
    assert_eq!(ask(&empty, &["list", "-o", "storm"]).ok(), java(&empty));
    drop(empty);

    let cluster = two_topologies();
    let ours = ask(&cluster, &["list", "-o", "storm"]).ok();
    assert!(ours.contains("a name with blanks"), "{ours}");
    assert_eq!(without_uptime(&ours), without_uptime(&java(&cluster)));
}

#[test]
fn every_form_of_a_list_says_the_same() {
    let cluster = two_topologies();
    let form = |form: &str| ask(&cluster, &["list", "-o", form]).ok();
    let listed: Value = serde_json::from_str(&form("json")).expect("JSON");
    assert_eq!((&listed["apiVersion"], &listed["kind"]), (&json!("stormctl/v1"), &json!("TopologyList")));
    let items = listed["items"].as_array().expect("a list");
    let mut names: Vec<&str> = items.iter().map(|i| i["name"].as_str().expect("a name")).collect();
    assert_eq!(form("name").lines().collect::<Vec<_>>(), names);
    let lines: Vec<Value> = form("jsonl").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert!(form("yaml").contains("- name: "), "{}", form("yaml"));
    names.sort_unstable();
    assert_eq!(names, ["a name with blanks", "words"]);

    // By name and by id.
    let id = items.iter().find(|i| i["name"] == "words").and_then(|i| i["id"].as_str()).expect("an id");
    for name in ["words", id] {
        let described: Value =
            serde_json::from_str(&ask(&cluster, &["describe", name, "-o", "json"]).ok()).expect("JSON");
        assert_eq!(described["topology"]["id"], id);
    }
}

#[test]
fn changes_are_done_and_named() {
    let cluster = two_topologies();
    let status = || cluster.topology("words").map(|t| t.status);
    assert!(ask(&cluster, &["deactivate", "words"]).ok().contains("next: stormctl activate words"));
    assert_eq!(status().as_deref(), Some("INACTIVE"));
    let change: Value = serde_json::from_str(&ask(&cluster, &["activate", "words", "-o", "json"]).ok()).expect("JSON");
    assert_eq!((&change["action"], &change["names"][0]), (&json!("activated"), &json!("words")));
    assert_eq!(status().as_deref(), Some("ACTIVE"));
    ask(&cluster, &["rebalance", "words", "-w", "60", "-n", "3", "-e", "split=2"]).ok();
    assert_eq!(status().as_deref(), Some("REBALANCING"));

    let partly = ask(&cluster, &["kill", "none", "a name with blanks", "words", "-i", "-w", "0", "--wait"]);
    assert_eq!(partly.status.code(), Some(9), "{partly:?}");
    assert!(partly.stdout.contains("killed a name with blanks, words"), "{partly:?}");
    assert_eq!(ask(&cluster, &["list"]).ok(), "No topologies running.\n");
}

#[test]
fn the_exit_status_tells_what_is_wrong() {
    let cluster = two_topologies();
    let code = |args: &[&str]| ask(&cluster, args).status.code();
    assert_eq!(code(&["list"]), Some(0));
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["lst"]), Some(2));
    assert_eq!(code(&["describe", "wrods"]), Some(3));
    assert_eq!(code(&["kill", "none"]), Some(3));
    assert_eq!(code(&["list", "-c", "nimbus.thrift.port=many"]), Some(6));
    let near = ask(&cluster, &["describe", "wrods"]).refused();
    assert!(near.contains("did you mean words?"), "{near}");

    let flux = cluster.nest().dir().join("words.yaml");
    let text = "name: words\nspouts:\n  - {id: l, className: lines, constructorArgs: [[/etc/passwd]]}\n\
                bolts:\n  - {id: p, className: print}\nstreams:\n  - {from: l, to: p, grouping: {type: SHUFFLE}}\n";
    fs::write(&flux, text).expect("written");
    let again = ask(&cluster, &["submit", &flux.display().to_string()]);
    assert_eq!(again.status.code(), Some(8), "{again:?}");
    let other: Value =
        serde_json::from_str(&ask(&cluster, &["submit", &flux.display().to_string(), "other", "-o", "json"]).ok())
            .expect("JSON");
    assert_eq!(cluster.topology("other").map(|t| t.id), other["id"].as_str().map(str::to_owned));
    fs::write(&flux, "name: x\nspouts: [\n").expect("written");
    let wrong = ask(&cluster, &["submit", &flux.display().to_string()]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("words.yaml:"), "{wrong:?}");

    let nest = Nest::new();
    let port = free_port().to_string();
    let nobody = nest.run(command(&nest, &["list", "-o", "json", "-c", &format!("nimbus.thrift.port={port}")]));
    assert_eq!(nobody.status.code(), Some(4), "{nobody:?}");
    let error: Value = serde_json::from_str(&nobody.stderr).expect("an error as JSON");
    assert_eq!(
        (&error["kind"], &error["code"], &error["exit"]),
        (&json!("Error"), &json!("nimbus/no-leader"), &json!(4))
    );
    assert!(error["hint"].as_str().is_some_and(|h| h.contains("stormctl start")), "{error}");

    // Somebody who takes the call and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port().to_string();
    let began = Instant::now();
    let late = nest.run(command(&nest, &["list", "--timeout", "300ms", "-c", &format!("nimbus.thrift.port={port}")]));
    assert_eq!(late.status.code(), Some(124), "{late:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_bad_storm_yaml_is_told_with_every_place() {
    let nest = Nest::new();
    fs::create_dir(nest.dir().join(".storm")).expect("made");
    let text = "storm.zookeeper.servers: zk1\nnimbus.thrift.port: yes\nui.port: 1\nui.title: 2\n";
    fs::write(nest.dir().join(".storm/storm.yaml"), text).expect("written");
    let done = nest.run(command(&nest, &["list"]));
    assert_eq!(done.status.code(), Some(6), "{done:?}");
    for place in [".storm/storm.yaml:1:26", ".storm/storm.yaml:2:21", ".storm/storm.yaml:4:11"] {
        assert!(done.stderr.contains(place), "no {place} in\n{}", done.stderr);
    }
    assert!(done.stderr.contains("fix: write [\"zk1\"]"), "{}", done.stderr);
    assert!(!done.stderr.contains('\x1b'), "colour without a terminal");
    // A daemon does not read the user's own file.
    let nimbus = nest.run(command(&nest, &["status"]));
    assert_eq!(nimbus.status.code(), Some(3), "{nimbus:?}");
    assert!(!names(nest.dir()).contains(&"storm-local".to_owned()));
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let cluster = two_topologies();
    let mut command = command(cluster.nest(), &[]);
    command.arg("--config").arg(cluster.nimbus.config()).args(["list", "-o", "json"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let done = command.stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_list_takes_less_than_30_ms_as_a_whole_process() {
    let ours = ClusterOptions { supervisors: 0, nimbus: Maker::Ours, ..ClusterOptions::default() };
    let cluster = with_two_topologies(ours);
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let began = Instant::now();
            ask(&cluster, &["list"]).ok();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    // The rest of the machine may be busy with other tests; a quarter of the runs has it to itself.
    assert!(times[5] < Duration::from_millis(30), "{times:?}");
}
