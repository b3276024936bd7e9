//! On a whole cluster: every view is filled, acts act, and nothing is believed that is not so.

use std::fs;
use std::time::Duration;

use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::terminal::Terminal;
use storm_tests::wait::wait_until;

use super::{LIMIT, command, restored};

fn cluster() -> Cluster {
    Cluster::start(options())
}

fn options() -> ClusterOptions {
    ClusterOptions::default()
        .with("nimbus.monitor.freq.secs", 1)
        .with("supervisor.monitor.frequency.secs", 1)
        .with("executor.metrics.frequency.secs", 1)
        .with("task.heartbeat.frequency.secs", 1)
        .with("worker.heartbeat.frequency.secs", 1)
        // Every tuple is counted, by Apache's workers too.
        .with("topology.stats.sample.rate", 1.0)
}

/// Lines of a file, over and over, to a sink.
fn submit(cluster: &Cluster) {
    let dir = cluster.nest().dir();
    fs::write(dir.join("text"), "to be or not to be\n".repeat(50)).expect("written");
    let flux = dir.join("words.yaml");
    let text = format!(
        "name: words\nspouts:\n  - {{id: lines, className: lines, constructorArgs: [[{0}/text]]}}\n\
         bolts:\n  - {{id: split, className: split}}\n  - {{id: count, className: count}}\n\
         \x20 - {{id: out, className: file, constructorArgs: [{0}/counts]}}\n\
         streams:\n  - {{from: lines, to: split, grouping: {{type: SHUFFLE}}}}\n\
         \x20 - {{from: split, to: count, grouping: {{type: FIELDS, args: [word]}}}}\n\
         \x20 - {{from: count, to: out, grouping: {{type: GLOBAL}}}}\n",
        dir.display()
    );
    fs::write(&flux, text).expect("written");
    cluster.stormctl(&["submit", &flux.display().to_string()]).ok();
    cluster.wait_for_workers(1);
}

/// The dashboard on the machine of the supervisor, whose workers log there.
fn open(cluster: &Cluster, arguments: &[&str]) -> Terminal {
    let program = command(cluster.nest(), &cluster.supervisors[0].config(), arguments);
    let mut terminal = Terminal::spawn(cluster.nest(), &program, 140, 40);
    terminal.wait_for_text(LIMIT, "STORM");
    terminal
}

fn go(terminal: &mut Terminal, line: &str, text: &str) {
    terminal.type_in(&format!(":{line}\r"));
    terminal.wait_for_text(LIMIT, text);
}

/// Every view has what the cluster has, whoever made its daemons.
fn look_at_every_view(cluster: &Cluster, terminal: &mut Terminal) {
    let id = cluster.topology("words").expect("it runs").id;
    terminal.wait_for_text(LIMIT, "1 ACTIVE");
    terminal.wait_for_text(LIMIT, "standalone");

    go(terminal, "topologies", "words");
    terminal.wait_for_text(LIMIT, &id);
    terminal.type_in("\r");
    terminal.wait_for_text(LIMIT, "split");
    // 50 lines of 6 words, and the graph has all four boxes.
    terminal.wait_until(LIMIT, "the figures of the spout", |s| {
        s.contents().lines().any(|l| l.contains("lines") && l.contains("spout") && l.contains(" 50 "))
    });
    terminal.wait_until(LIMIT, "the graph", |s| ["graph", "x1 spout", "▶"].iter().all(|t| s.contents().contains(t)));
    terminal.type_in("/split\r\r");
    terminal.wait_for_text(LIMIT, "words / split");
    terminal.wait_for_text(LIMIT, "lines/default  50 executed");
    go(terminal, "slots", "3 free slots");
    terminal.wait_for_text(LIMIT, "words");
    terminal.wait_for_text(LIMIT, "■□□□ 1/4");
    go(terminal, "supervisors", "127.0.0.1");
    go(terminal, "nimbuses", "leader");
    go(terminal, &format!("zk /storm/storms/{id}"), "StormBase");
    terminal.wait_for_text(LIMIT, "words");
    go(terminal, "processes", "upervisor");
    terminal.wait_for_text(LIMIT, "orker");
    go(terminal, "logs words", "following");
    terminal.wait_until(LIMIT, "lines of the worker", |s| !s.contents().contains("no line yet"));
    go(terminal, "config", "supervisor.slots.ports");
    go(terminal, "errors", "nothing here");
    // What was before the dashboard began.
    go(terminal, "events", &format!("submitted as {id}"));
    terminal.wait_for_text(LIMIT, "worker of words was started");
}

#[test]
fn on_apache_storms_daemons_as_on_ours() {
    let maker = Maker::Apache;
    let cluster = Cluster::start(ClusterOptions { zookeeper: maker, nimbus: maker, supervisor: maker, ..options() });
    submit(&cluster);
    let mut terminal = open(&cluster, &[]);
    look_at_every_view(&cluster, &mut terminal);
    deactivate(&cluster, &mut terminal);
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

/// By its key and a `y`.
fn deactivate(cluster: &Cluster, terminal: &mut Terminal) {
    go(terminal, "topologies", "[1]");
    terminal.type_in("d");
    terminal.wait_for_text(LIMIT, "stormctl --config");
    terminal.type_in("y");
    wait_until(LIMIT, "words to be inactive", || cluster.topology("words").is_some_and(|t| t.status == "INACTIVE"));
    terminal.wait_for_text(LIMIT, "INACTIVE");
    go(terminal, "events", "ACTIVE -> INACTIVE");
}

#[test]
fn zookeeper_is_down_and_it_is_useful() {
    let mut cluster = cluster();
    submit(&cluster);
    cluster.zookeeper.kill_nine();
    let mut terminal = open(&cluster, &[]);
    terminal.wait_for_text(LIMIT, "zk LOST");
    terminal.wait_until(LIMIT, "what the rules say of it", |s| {
        s.contents().lines().any(|l| l.contains("FAIL") && l.contains("zookeeper"))
    });
    go(&mut terminal, "zookeeper", "Connection refused");
    go(&mut terminal, "processes", "orker");
    go(&mut terminal, "logs words", "following");
    terminal.wait_until(LIMIT, "lines of the worker", |s| !s.contents().contains("no line yet"));
    cluster.start_zookeeper();
    terminal.wait_for_text(LIMIT, "zk ok");
    go(&mut terminal, "zookeeper", "storm");
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

#[test]
fn every_view_shows_the_cluster_and_acts_act() {
    let mut cluster = cluster();
    submit(&cluster);
    let mut terminal = open(&cluster, &[]);
    look_at_every_view(&cluster, &mut terminal);
    go(&mut terminal, "list", "OWNER");
    terminal.type_in("\x1b");

    deactivate(&cluster, &mut terminal);

    go(&mut terminal, "topologies", "INACTIVE");
    cluster.nimbus.kill_nine();
    terminal.wait_for_text(LIMIT, "nimbus LOST");
    terminal.wait_for_text(LIMIT, "as ZooKeeper has it");
    cluster.start_nimbus();
    terminal.wait_for_text(LIMIT, "nimbus ok");

    terminal.type_in("a");
    wait_until(LIMIT, "words to be active", || cluster.topology("words").is_some_and(|t| t.status == "ACTIVE"));
    terminal.wait_until(LIMIT, "that it is seen", |s| !s.contents().contains("INACTIVE"));
    terminal.type_in("\x0b0\r");
    terminal.wait_for_text(LIMIT, "type words to do it");
    terminal.type_in("words\r");
    wait_until(LIMIT, "words to be gone", || cluster.topology("words").is_none());
    terminal.wait_for_text(LIMIT, "nothing here");
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

#[test]
fn a_recording_is_played_without_the_cluster() {
    let cluster = cluster();
    submit(&cluster);
    let recording = cluster.nest().dir().join("recording");
    let mut terminal = open(&cluster, &["topologies", "--record", &recording.display().to_string()]);
    terminal.wait_for_text(LIMIT, "words");
    let began = std::time::Instant::now();
    terminal.wait_until(LIMIT, "two seconds of recording", |_| began.elapsed() > Duration::from_secs(2));
    terminal.type_in("q");
    terminal.wait(LIMIT);

    let nest = storm_tests::process::Nest::new();
    let kept = nest.dir().join("recording");
    fs::copy(&recording, &kept).expect("copied");
    drop(cluster);
    let program = command(&nest, &super::nobody(&nest), &["topologies", "--replay", &kept.display().to_string()]);
    let mut terminal = Terminal::spawn(&nest, &program, 120, 30);
    terminal.wait_for_text(LIMIT, "RECORDING");
    terminal.wait_for_text(LIMIT, "words");
    assert!(!terminal.screen().contains("LOST"), "{}", terminal.screen());
    terminal.type_in("p\x1b[D\x1b[Dd");
    terminal.wait_for_text(LIMIT, "nothing can be changed");
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}
