//! Storm's DefaultScheduler: slots that do not fit the even distribution are freed, then the even scheduler fills up.

use std::collections::BTreeMap;

use crate::even;
use crate::problem::{Executor, Slot, TopologyDetails};
use crate::working::Working;

pub(crate) fn schedule(topology: &TopologyDetails, working: &mut Working<'_>) {
    let held = working.executors_by_slot(&topology.id);
    let placed: usize = held.values().map(Vec::len).sum();
    let free: usize = working.free_slots().values().map(Vec::len).sum();
    let reusable = held.keys().filter(|slot| working.is_offered(slot)).count();
    let total = topology.num_workers.min(reusable + free);
    if total > held.len() || placed != topology.executors.len() {
        for slot in bad_slots(&held, topology.executors.len(), total) {
            working.free(&topology.id, &slot);
        }
    }
    even::schedule(topology, working);
}

/// Slots whose number of executors is not one of the even distribution's.
fn bad_slots(held: &BTreeMap<Slot, Vec<Executor>>, executors: usize, workers: usize) -> Vec<Slot> {
    if workers == 0 {
        return Vec::new();
    }
    let (low, higher) = (executors / workers, executors % workers);
    let mut wanted = BTreeMap::from([(low, workers - higher), (low + 1, higher)]);
    let mut bad = Vec::new();
    for (slot, running) in held {
        match wanted.get_mut(&running.len()) {
            Some(left) if *left > 0 => *left -= 1,
            _ => bad.push(slot.clone()),
        }
    }
    bad
}
