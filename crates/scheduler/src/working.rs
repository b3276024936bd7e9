//! The cluster while a round is being decided: who has which slot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::problem::{Executor, Node, Placement, Problem, Slot, Solution, TopologyDetails};
use crate::resources;

pub(crate) struct Working<'a> {
    nodes: &'a BTreeMap<Arc<str>, Node>,
    assigned: BTreeMap<&'a str, BTreeMap<Executor, Slot>>,
    used: BTreeSet<Slot>,
}

impl<'a> Working<'a> {
    pub(crate) fn new(problem: &'a Problem) -> Working<'a> {
        let mut assigned = BTreeMap::new();
        let mut used = BTreeSet::new();
        for topology in &problem.topologies {
            let mut kept: BTreeMap<Executor, Slot> = BTreeMap::new();
            for (executor, slot) in problem.existing.get(&topology.id).into_iter().flatten() {
                // An executor the topology no longer has keeps nothing; neither does a slot that another topology
                // holds already (only broken state can say so).
                if topology.executors.contains_key(executor) && !used.contains(slot) {
                    kept.insert(*executor, slot.clone());
                }
            }
            used.extend(kept.values().cloned());
            assigned.insert(topology.id.as_str(), kept);
        }
        Working { nodes: &problem.nodes, assigned, used }
    }

    /// Fewer workers than asked for, or executors without a place.
    pub(crate) fn needs_scheduling(&self, topology: &TopologyDetails) -> bool {
        let assigned = &self.assigned[topology.id.as_str()];
        let workers = assigned.values().collect::<BTreeSet<_>>().len();
        topology.num_workers > workers || assigned.len() < topology.executors.len()
    }

    pub(crate) fn executors_by_slot(&self, id: &str) -> BTreeMap<Slot, Vec<Executor>> {
        let mut by_slot: BTreeMap<Slot, Vec<Executor>> = BTreeMap::new();
        for (executor, slot) in &self.assigned[id] {
            by_slot.entry(slot.clone()).or_default().push(*executor);
        }
        by_slot
    }

    pub(crate) fn is_offered(&self, slot: &Slot) -> bool {
        self.nodes.get(&slot.node).is_some_and(|n| n.ports.contains(&slot.port))
    }

    /// Free slots by node (ordered by id), ports ascending.
    pub(crate) fn free_slots(&self) -> BTreeMap<Arc<str>, Vec<Slot>> {
        let mut free: BTreeMap<Arc<str>, Vec<Slot>> = BTreeMap::new();
        for (id, node) in self.nodes {
            for port in &node.ports {
                let slot = Slot { node: id.clone(), port: *port };
                if !self.used.contains(&slot) {
                    free.entry(id.clone()).or_default().push(slot);
                }
            }
        }
        free
    }

    pub(crate) fn free(&mut self, id: &str, slot: &Slot) {
        if let Some(assigned) = self.assigned.get_mut(id) {
            assigned.retain(|_, s| s != slot);
        }
        self.used.remove(slot);
    }

    pub(crate) fn assign(&mut self, id: &str, executor: Executor, slot: &Slot) {
        self.used.insert(slot.clone());
        if let Some(assigned) = self.assigned.get_mut(id) {
            assigned.insert(executor, slot.clone());
        }
    }

    pub(crate) fn into_solution(mut self, problem: &Problem) -> Solution {
        let mut solution = Solution::default();
        for topology in &problem.topologies {
            let executors = self.assigned.remove(topology.id.as_str()).unwrap_or_default();
            let resources = resources::of_workers(topology, &executors);
            let shared_off_heap = resources::shared_off_heap_of_nodes(topology, &executors);
            let unplaced = topology.executors.len() - executors.len();
            let placement = Placement { executors, resources, shared_off_heap, unplaced };
            solution.placements.insert(topology.id.clone(), placement);
        }
        solution
    }
}
