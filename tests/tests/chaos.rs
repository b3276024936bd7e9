//! Random kills of everything, one after another without waiting for recovery. `STORM_TEST_SEED` repeats a run,
//! `STORM_TEST_CHAOS_SECS` makes it longer.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::process;
use storm_tests::random::Random;
use storm_tests::recording::Recording;
use storm_tests::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(120);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{variable}: {e}")))
}

/// What dies next, and for how long it stays away.
fn strike(cluster: &mut Cluster, random: &mut Random) {
    let away = Duration::from_millis(random.below(2500));
    match random.below(10) {
        0 => {
            cluster.zookeeper.kill_nine();
            std::thread::sleep(away);
            cluster.start_zookeeper();
        }
        1 | 2 => {
            cluster.nimbus.kill_nine();
            std::thread::sleep(away);
            // It may not lead before ZooKeeper is back and its old session over: nobody waits for it.
            cluster.spawn_nimbus();
        }
        3 | 4 => {
            let index = random.below(cluster.supervisors.len() as u64) as usize;
            cluster.supervisors[index].kill_nine();
            std::thread::sleep(away);
            cluster.start_supervisor(index);
        }
        5..8 => {
            let workers = cluster.all_workers();
            if !workers.is_empty() {
                let chosen = &workers[random.below(workers.len() as u64) as usize];
                process::kill(chosen.pid, Signal::KILL);
            }
            std::thread::sleep(away);
        }
        _ => {
            // A shell component: what in a worker's folder is not the worker.
            let workers: Vec<u32> = cluster.all_workers().iter().map(|worker| worker.pid).collect();
            let is_child = |pid: &u32| process::parent(*pid).is_some_and(|parent| workers.contains(&parent));
            let children: Vec<u32> = cluster.nest().processes().into_iter().filter(is_child).collect();
            if !children.is_empty() {
                process::kill(children[random.below(children.len() as u64) as usize], Signal::KILL);
            }
            std::thread::sleep(away);
        }
    }
}

#[test]
fn nothing_is_lost_whatever_dies() {
    let seed = number("STORM_TEST_SEED", 3);
    let span = Duration::from_secs(number("STORM_TEST_CHAOS_SECS", 30));
    let mut random = Random::new(seed);
    let mut cluster = Cluster::start(ClusterOptions { supervisors: 3, slots: 2, ..ClusterOptions::default() });
    let recording = Recording::submit(&cluster, "recording", 3, json!({}));
    let all: Vec<u32> = recording.tasks_by_port(&cluster, 3).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &all);

    let start = Instant::now();
    while start.elapsed() < span {
        strike(&mut cluster, &mut random);
    }
    cluster.wait_for_leader();
    cluster.wait_for_supervisors(3);
    recording.wait_for_flow(LIMIT, &format!("after the chaos of seed {seed}"), &all);
    recording.finish_and_check(LIMIT);
    assert_eq!(cluster.wait_for_workers(3).len(), 3);

    cluster.stormctl(&["kill", recording.name(), "-w", "0"]).ok();
    wait_until(LIMIT, "the topology to go", || cluster.topology(recording.name()).is_none());
    wait_until(LIMIT, "the workers to go with their topology", || cluster.all_workers().is_empty());
    wait_until(LIMIT, "all processes but the daemons to go", || cluster.nest().processes().len() == 5);
}
