//! kill -9 of either worker.

use std::time::Duration;

use serde_json::json;

use crate::halves::{Halves, rounds};

fn kills(conf: serde_json::Value) {
    let mut halves = Halves::start(conf);
    halves.wait_for_flow("at first");
    for round in 0..rounds(4) {
        let which = (round % 2) as usize;
        halves.kill(which);
        halves.check();
        halves.start_half(which);
        halves.wait_for_flow(&format!("after kill {round}, of half {which}"));
    }
    halves.finish();
}

#[test]
fn a_killed_worker_costs_only_replays() {
    kills(json!({ "topology.max.spout.pending": 2000 }));
}

/// With nothing but credit to hold the source back, far more is lost with a worker, and is sent again.
#[test]
fn a_killed_worker_costs_only_replays_also_without_a_limit_of_pending_tuples() {
    kills(json!({}));
}

/// A worker that nobody starts again: what is meant for it is dropped in the end and not gathered, and the source, which nothing but
/// credit holds back, does not gather it either.
#[test]
fn a_worker_that_stays_away_costs_no_memory() {
    let mut halves = Halves::start(json!({}));
    halves.most_allowed = 64 << 20;
    halves.wait_for_flow("at first");
    halves.kill(1);
    // Longer than tuples are kept for it.
    halves.watch(Duration::from_secs(13));
    halves.start_half(1);
    halves.wait_for_flow("when it is back");
    halves.finish();
}
