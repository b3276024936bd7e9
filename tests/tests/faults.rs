//! Three supervisors, and one role after another killed with SIGKILL while a topology runs.

use std::time::{Duration, Instant};

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::recording::Recording;
use storm_tests::wait::wait_until;

/// From the kill of a worker to its next tuple.
const WORKER_BACK: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(60);
const FLOW: Duration = Duration::from_secs(10);
/// How long a role stays away: longer than a session of ZooKeeper lasts.
const AWAY: Duration = Duration::from_secs(8);

fn three_supervisors(zookeeper: Maker) -> Cluster {
    Cluster::start(ClusterOptions { zookeeper, supervisors: 3, slots: 2, ..ClusterOptions::default() })
}

fn every_role_dies_once(zookeeper: Maker) {
    let mut cluster = three_supervisors(zookeeper);
    let recording = Recording::submit(&cluster, "recording", 3, json!({}));
    cluster.wait_for_workers(3);
    let tasks = recording.tasks_by_port(&cluster, 3);
    let all: Vec<u32> = tasks.values().flatten().copied().collect();
    recording.wait_for_flow(LIMIT, "at first", &all);
    assert_eq!(tasks.len(), 3, "one worker each on three supervisors: {tasks:?}");

    for worker in cluster.all_workers() {
        let killed = Instant::now();
        storm_tests::process::kill(worker.pid, rustix::process::Signal::KILL);
        wait_until(WORKER_BACK, "the killed worker to end", || !storm_tests::process::is_alive(worker.pid));
        let left = WORKER_BACK.saturating_sub(killed.elapsed());
        recording.wait_for_flow(left, "within 3 s of their worker's kill", &tasks[&worker.port]);
        recording.wait_for_flow(FLOW, "after the kill of a worker", &all);
    }

    let workers = cluster.wait_for_workers(3);
    cluster.supervisors[0].kill_nine();
    recording.keep_flowing(AWAY, "without a supervisor", &all);
    assert_eq!(cluster.all_workers(), workers, "a worker did not outlive its supervisor");
    cluster.start_supervisor(0);
    cluster.wait_for_supervisors(3);
    recording.wait_for_flow(FLOW, "with the supervisor back", &all);
    assert_eq!(cluster.all_workers(), workers, "the supervisor did not adopt its worker");

    cluster.nimbus.kill_nine();
    recording.keep_flowing(AWAY, "without Nimbus", &all);
    assert_eq!(cluster.all_workers(), workers, "a worker did not outlive Nimbus");
    cluster.start_nimbus();
    cluster.wait_for_supervisors(3);
    wait_until(LIMIT, "Nimbus to know the topology again", || {
        cluster.topology(recording.name()).is_some_and(|topology| topology.status == "ACTIVE")
    });
    recording.wait_for_flow(FLOW, "with Nimbus back", &all);
    assert_eq!(cluster.all_workers(), workers, "the new Nimbus moved workers");

    cluster.zookeeper.kill_nine();
    recording.keep_flowing(AWAY, "without ZooKeeper", &all);
    cluster.start_zookeeper();
    cluster.wait_for_leader();
    cluster.wait_for_supervisors(3);
    recording.wait_for_flow(FLOW, "with ZooKeeper back", &all);
    assert_eq!(cluster.all_workers(), workers, "the loss of ZooKeeper cost a worker");

    // All of them may still do what they are there for.
    storm_tests::process::kill(workers[0].pid, rustix::process::Signal::KILL);
    recording.wait_for_flow(WORKER_BACK, "within 3 s of the last kill", &tasks[&workers[0].port]);

    let lines = recording.finish_and_check(LIMIT);
    assert!(lines > 500, "only {lines} lines went through");
    cluster.stormctl(&["kill", recording.name(), "-w", "0"]).ok();
    wait_until(LIMIT, "the workers to go with their topology", || cluster.all_workers().is_empty());
}

#[test]
fn every_role_dies_once_on_our_zookeeper() {
    every_role_dies_once(Maker::Ours);
}

#[test]
fn every_role_dies_once_on_apache_zookeeper() {
    every_role_dies_once(Maker::Apache);
}

/// A supervisor that stays away: its work moves to the others.
#[test]
fn the_work_of_a_lost_supervisor_moves() {
    let options = ClusterOptions { supervisors: 2, slots: 2, ..ClusterOptions::default() }
        .with("nimbus.monitor.freq.secs", 1)
        // Until then a worker that has just been launched counts as alive.
        .with("nimbus.task.launch.secs", 10)
        .with("nimbus.task.timeout.secs", 8)
        .with("supervisor.worker.timeout.secs", 8);
    let mut cluster = Cluster::start(options);
    let recording = Recording::submit(&cluster, "recording", 2, json!({}));
    let workers = cluster.wait_for_workers(2);
    let all: Vec<u32> = recording.tasks_by_port(&cluster, 2).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &all);

    cluster.supervisors[0].kill_nine();
    let lost = cluster.workers(0);
    assert!(!lost.is_empty() && lost.iter().all(|worker| workers.contains(worker)));
    for worker in &lost {
        storm_tests::process::kill(worker.pid, rustix::process::Signal::KILL);
    }
    wait_until(LIMIT, "both workers on the other supervisor", || cluster.workers(1).len() == 2);
    recording.wait_for_flow(LIMIT, "on the other supervisor", &all);
    recording.finish_and_check(LIMIT);
}
