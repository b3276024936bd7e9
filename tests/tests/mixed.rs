//! Our daemons and Apache's in one cluster: the same topology runs whoever plays which role.

use std::time::Duration;

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::recording::Recording;
use storm_tests::wait::wait_until;

/// A JVM starts a JVM that starts Python.
const LIMIT: Duration = Duration::from_secs(120);

fn runs(nimbus: Maker, supervisor: Maker) {
    let options = ClusterOptions { nimbus, supervisor, slots: 2, ..ClusterOptions::default() };
    let cluster = Cluster::start(options.with("nimbus.monitor.freq.secs", 2).with("worker.childopts", "-Xmx128m"));
    let recording = Recording::submit(&cluster, "recording", 2, json!({}));
    cluster.wait_for_workers(2);
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 2).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);

    let listed = cluster.stormctl(&["list"]).ok();
    assert!(listed.contains("recording"), "{listed}");
    cluster.stormctl(&["deactivate", "recording"]).ok();
    assert_eq!(cluster.topology("recording").expect("it is there").status, "INACTIVE");
    cluster.stormctl(&["activate", "recording"]).ok();
    recording.wait_for_flow(LIMIT, "active again", &tasks);
    recording.finish_and_check(LIMIT);

    cluster.stormctl(&["kill", "recording", "-w", "0"]).ok();
    wait_until(LIMIT, "the workers to go", || cluster.all_workers().is_empty());
    wait_until(LIMIT, "the topology to go", || cluster.topology("recording").is_none());
}

#[test]
fn our_supervisor_works_for_apaches_nimbus() {
    runs(Maker::Apache, Maker::Ours);
}

#[test]
fn apaches_supervisor_works_for_our_nimbus() {
    runs(Maker::Ours, Maker::Apache);
}
