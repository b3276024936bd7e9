//! Counters that take nothing for a while: the source is held back by credit, memory stays, and nothing is lost.

use std::time::Duration;

use serde_json::json;
use storm_tests::word_count::HOLD;

use crate::halves::{Halves, rounds};

const STILL: Duration = Duration::from_millis(500);

#[test]
fn counters_that_stop_hold_the_source_back_and_memory_stays() {
    let mut halves = Halves::start(json!({ "topology.message.timeout.secs": 60 }));
    halves.wait_for_flow("at first");
    for round in 0..rounds(2) {
        halves.tell(HOLD);
        halves.wait_for_standstill(STILL);
        halves.watch(STILL);
        halves.take_back(HOLD);
        halves.wait_for_flow(&format!("after hold {round}"));
    }
    halves.finish();
}

/// Meanwhile connections break again and again, and each new one brings new credit with it.
#[test]
fn memory_stays_also_when_connections_break_while_counters_hold() {
    let mut halves = Halves::start(json!({}));
    // What each connection brings, times their number, would be more.
    halves.most_allowed = 64 << 20;
    halves.wait_for_flow("at first");
    halves.tell(HOLD);
    for _ in 0..rounds(30) {
        halves.wait_for_standstill(STILL);
        halves.ways.iter().for_each(|way| way.interrupt());
        halves.wait_for_connections();
    }
    halves.take_back(HOLD);
    halves.wait_for_flow("after the hold");
    halves.finish();
}
