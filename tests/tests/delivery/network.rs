//! The network between the workers: cut, silent, interrupted.

use std::time::Duration;

use serde_json::json;

use crate::halves::{Halves, rounds};

/// Long enough for every tuple that was under way to be missed, shorter than a lost worker is waited for.
const AWAY: Duration = Duration::from_millis(700);
const FLICKER: Duration = Duration::from_millis(100);

#[test]
fn a_network_that_was_cut_and_healed_costs_only_replays() {
    let mut halves = Halves::start(json!({}));
    halves.wait_for_flow("at first");
    for round in 0..rounds(2) {
        halves.ways.iter().for_each(|way| way.cut());
        halves.watch(AWAY);
        halves.ways.iter().for_each(|way| way.heal());
        halves.wait_for_flow(&format!("after cut {round}"));
    }
    halves.finish();
}

/// One direction alone: tuples come but acks do not, or the other way round.
#[test]
fn one_direction_that_was_cut_costs_only_replays() {
    let mut halves =
        Halves::start(json!({ "topology.max.spout.pending": 2000, "topology.message.timeout.secs": 3600 }));
    halves.wait_for_flow("at first");
    for round in 0..rounds(2) {
        for which in 0..2 {
            halves.wait_for_connections();
            // All that is under way is on this way by the time that it breaks.
            halves.ways[which].silence();
            halves.wait_for_standstill(AWAY);
            halves.ways[which].cut();
            halves.ways[which].heal();
            halves.wait_for_flow(&format!("after cut {round} from half {which}"));
        }
    }
    halves.finish();
}

/// Nobody is told that nothing comes through.
#[test]
fn a_network_that_was_silent_for_a_while_costs_nothing() {
    let mut halves = Halves::start(json!({}));
    halves.wait_for_flow("at first");
    for round in 0..rounds(2) {
        halves.ways.iter().for_each(|way| way.silence());
        halves.wait_for_standstill(AWAY);
        halves.ways.iter().for_each(|way| way.heal());
        halves.wait_for_flow(&format!("after silence {round}"));
    }
    halves.finish();
}

/// Connections that break over and over, with both ends there all the time.
#[test]
fn a_network_that_flickers_costs_only_replays() {
    let mut halves = Halves::start(json!({}));
    halves.wait_for_flow("at first");
    for _ in 0..rounds(10) {
        halves.wait_for_connections();
        halves.ways.iter().for_each(|way| way.interrupt());
        halves.watch(FLICKER);
    }
    halves.wait_for_flow("after the flicker");
    halves.finish();
}
