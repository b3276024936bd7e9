//! Storm's EvenScheduler: executors without a place go round-robin over the slots the topology may still take.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::problem::{Executor, Slot, TopologyDetails};
use crate::working::Working;

pub(crate) fn schedule(topology: &TopologyDetails, working: &mut Working<'_>) {
    let held = working.executors_by_slot(&topology.id);
    let sorted = interleave(working.free_slots());
    let total = topology.num_workers.min(sorted.len() + held.len());
    // A topology may hold more slots than it asks for (num_workers went down): then it gets no new one.
    let fresh = &sorted[..total.saturating_sub(held.len()).min(sorted.len())];

    let placed: std::collections::BTreeSet<Executor> = held.values().flatten().copied().collect();
    let waiting: Vec<Executor> = topology.executors.keys().filter(|e| !placed.contains(*e)).copied().collect();
    if fresh.is_empty() {
        return;
    }
    for (i, executor) in waiting.into_iter().enumerate() {
        working.assign(&topology.id, executor, &fresh[i % fresh.len()]);
    }
}

/// Nodes with most free slots first (then by id), one slot of each in turn.
fn interleave(free: BTreeMap<Arc<str>, Vec<Slot>>) -> Vec<Slot> {
    let mut nodes: Vec<Vec<Slot>> = free.into_values().collect();
    nodes.sort_by_key(|slots| Reverse(slots.len()));
    let longest = nodes.first().map_or(0, Vec::len);
    let mut out = Vec::with_capacity(nodes.iter().map(Vec::len).sum());
    for i in 0..longest {
        out.extend(nodes.iter().filter_map(|slots| slots.get(i)).cloned());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_from_the_emptiest_node_first_and_then_in_turn() {
        let slots = |node: &str, ports: &[i64]| {
            let node: Arc<str> = node.into();
            (node.clone(), ports.iter().map(|p| Slot { node: node.clone(), port: *p }).collect::<Vec<_>>())
        };
        let free = BTreeMap::from([slots("a", &[1]), slots("b", &[1, 2, 3]), slots("c", &[7]), slots("d", &[1, 2, 3])]);
        let order: Vec<String> = interleave(free).iter().map(|s| format!("{}{}", s.node, s.port)).collect();
        assert_eq!(order, ["b1", "d1", "a1", "c7", "b2", "d2", "b3", "d3"]);
    }
}
