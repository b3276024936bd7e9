//! The same on a whole cluster.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use storm_tests::built;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::process;
use storm_tests::wait::wait_until;
use storm_tests::word_count::{finish_and_check, position};

use crate::halves::{LIMIT, MOST_RESIDENT, program, rounds, tell};

const FLOW: u64 = 3 * 4096;

fn check_memory(cluster: &Cluster) {
    for worker in cluster.all_workers() {
        // One that was killed a moment ago has none.
        if process::is_alive(worker.pid) {
            let resident = process::own_bytes(worker.pid);
            assert!(resident < MOST_RESIDENT, "the worker on port {} has grown to {resident} bytes", worker.port);
        }
    }
}

#[test]
fn workers_that_are_killed_at_full_speed_lose_nothing() {
    let cluster = Cluster::start(ClusterOptions { supervisors: 2, slots: 1, ..ClusterOptions::default() });
    let dir = cluster.nest().dir().join("run");
    fs::create_dir(&dir).expect("a folder");
    let mut submit = Command::new(built::stormctl());
    submit.arg("--config").arg(cluster.nimbus.config()).arg("submit").arg(program()).arg("words");
    submit.args(["-c", "topology.workers=2", "-c", "topology.message.timeout.secs=20"]);
    submit.env("WORD_COUNT_DIR", &dir).env("HOME", cluster.nest().dir());
    cluster.nest().run(submit).ok();
    cluster.wait_for_workers(2);
    let flow = |what: &str| {
        let (before, start) = (position(&dir).base, Instant::now());
        while position(&dir).base < before + FLOW {
            check_memory(&cluster);
            assert!(start.elapsed() < LIMIT, "no flow {what}\n{}", cluster.worker_logs());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    flow("at first");
    for round in 0..rounds(2) {
        for index in 0..2 {
            let workers = cluster.workers(index);
            assert_eq!(workers.len(), 1, "one worker each");
            process::kill(workers[0].pid, Signal::KILL);
            wait_until(LIMIT, "the killed worker to be followed by another", || {
                cluster.workers(index).iter().any(|worker| worker.pid != workers[0].pid)
            });
            flow(&format!("after kill {round} of the worker of supervisor {index}"));
        }
    }
    let (sentences, twice) = finish_and_check(&dir, LIMIT, || check_memory(&cluster));
    tell(&format!("{sentences} sentences, {twice} words written down more than once"));
    cluster.stormctl(&["kill", "words", "-w", "0"]).ok();
    wait_until(LIMIT, "the workers to go with their topology", || cluster.all_workers().is_empty());
}
