//! kill -9 of either worker.

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
    println!("{:?}", halves.finish());
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
