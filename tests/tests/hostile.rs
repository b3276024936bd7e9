//! Random bytes, huge lengths, truncated frames and half-open connections on every port.

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions, srvr};
use storm_tests::hostile::{assault, half_open};
use storm_tests::process::{is_alive, own_bytes};
use storm_tests::recording::Recording;
use storm_tests::wait::wait_until;

use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
/// What the whole assault may cost a process; one believed length would cost gigabytes.
const MEMORY: u64 = 64 * 1024 * 1024;
const HALF_OPEN: usize = 100;

/// Assaults a port; the process behind it must live, keep its memory, and serve while silent connections are open.
fn withstands(role: &str, pid: u32, port: u16, serves: impl Fn() -> bool) {
    let before = own_bytes(pid);
    assault(port, u64::from(port));
    let held = half_open(port, HALF_OPEN);
    wait_until(LIMIT, &format!("{role} to serve under {HALF_OPEN} silent connections"), &serves);
    drop(held);
    wait_until(LIMIT, &format!("{role} to serve afterwards"), &serves);
    assert!(is_alive(pid), "{role} died");
    let grown = own_bytes(pid).saturating_sub(before);
    assert!(grown < MEMORY, "{role} grew by {} MiB", grown >> 20);
}

#[test]
fn every_port_withstands_strangers() {
    let mut cluster = Cluster::start(ClusterOptions { slots: 2, ..ClusterOptions::default() });
    let recording = Recording::submit(&cluster, "recording", 2, json!({}));
    let workers = cluster.wait_for_workers(2);
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 2).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);

    let (zookeeper, nimbus) = (cluster.zookeeper.process().pid(), cluster.nimbus.process().pid());
    let (supervisor, supervisor_port) = (cluster.supervisors[0].process().pid(), cluster.supervisors[0].port);
    let zookeeper_port = cluster.zookeeper.port;
    withstands("ZooKeeper", zookeeper, zookeeper_port, || srvr(zookeeper_port).is_some());
    withstands("Nimbus", nimbus, cluster.nimbus.port, || cluster.summary().is_ok_and(|s| s.topologies.len() == 1));
    withstands("the supervisor", supervisor, supervisor_port, || {
        cluster.summary().is_ok_and(|summary| summary.supervisors.len() == 1)
            && storm_tests::cluster::supervisor_answers(supervisor_port)
    });
    for worker in &workers {
        withstands("a worker", worker.pid, worker.port, || true);
        recording.wait_for_flow(LIMIT, "after the assault on a worker", &tasks);
    }
    assert_eq!(cluster.all_workers(), workers, "a worker was started anew");
    recording.finish_and_check(LIMIT);
}
