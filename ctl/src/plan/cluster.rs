//! A cluster as its scheduler sees it, and one topology placed on it. No input or output.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use storm_scheduler::{Executor, Node, Placement, Policy, Problem, Slot, TopologyDetails, schedule};
use storm_thrift::types::StormBase;

use super::report::{Plan, Worker};

/// Everything that decides about slots.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub policy: Policy,
    pub nodes: BTreeMap<Arc<str>, Node>,
    pub hosts: BTreeMap<Arc<str>, String>,
    /// Living topologies, by id.
    pub topologies: BTreeMap<String, TopologyDetails>,
    pub existing: BTreeMap<String, BTreeMap<Executor, Slot>>,
    /// How many workers and executors each of them is to have.
    pub bases: BTreeMap<String, StormBase>,
    /// Whether ports are those of the supervisors; else free ones are only counted.
    pub ports_known: bool,
}

/// The topology that is asked about.
#[derive(Debug, Clone)]
pub struct Planned {
    pub name: String,
    pub details: TopologyDetails,
    /// Its slots count as free, as in a rebalance, or there are none.
    pub instead_of: Option<String>,
}

impl Cluster {
    pub fn base(&self, id: &str) -> Option<StormBase> {
        self.bases.get(id).cloned()
    }

    /// Where the topology would run.
    pub fn plan(&self, planned: Planned) -> Plan {
        let id = planned.details.id.clone();
        let gone = planned.instead_of.as_deref();
        let mut topologies: BTreeMap<&String, &TopologyDetails> =
            self.topologies.iter().filter(|(id, _)| Some(id.as_str()) != gone).collect();
        topologies.insert(&id, &planned.details);
        let mut existing = self.existing.clone();
        let before = gone.and_then(|id| existing.remove(id)).unwrap_or_default();
        let problem = Problem {
            policy: self.policy,
            topologies: topologies.into_values().cloned().collect(),
            nodes: self.nodes.clone(),
            existing,
        };
        let solution = schedule(&problem);
        let free = free_slots(&self.nodes, solution.placements.values());
        let placement = solution.placements.get(&id).cloned().unwrap_or_default();
        let waiting = solution.placements.iter().filter(|(other, p)| **other != id && p.unplaced > 0);
        let mut moved =
            before.iter().filter(|(executor, slot)| placement.executors.get(executor) != Some(slot)).count();
        moved += placement.executors.keys().filter(|e| !before.contains_key(e)).count();
        Plan {
            name: planned.name,
            workers_wanted: planned.details.num_workers,
            executors_wanted: planned.details.executors.len(),
            workers: self.workers(&planned.details, &placement),
            unplaced: unplaced(&planned.details, &placement),
            moved: (!before.is_empty()).then_some(moved),
            slots: self.nodes.values().map(|n| n.ports.len()).sum(),
            free,
            supervisors: self.nodes.len(),
            waiting: waiting.map(|(id, _)| id.clone()).collect(),
            ports_known: self.ports_known,
        }
    }

    fn workers(&self, details: &TopologyDetails, placement: &Placement) -> Vec<Worker> {
        let mut by_slot: BTreeMap<&Slot, Vec<&Executor>> = BTreeMap::new();
        for (executor, slot) in &placement.executors {
            by_slot.entry(slot).or_default().push(executor);
        }
        let worker = |(slot, executors): (&Slot, Vec<&Executor>)| {
            let resources = placement.resources.get(slot);
            let memory =
                |r: &storm_thrift::types::WorkerResources| r.mem_on_heap.unwrap_or(0.0) + r.mem_off_heap.unwrap_or(0.0);
            Worker {
                host: self.hosts.get(&slot.node).cloned().unwrap_or_else(|| slot.node.to_string()),
                supervisor: slot.node.to_string(),
                port: (slot.port > 0).then_some(slot.port),
                executors: executors.len(),
                components: count(executors.into_iter().filter_map(|e| details.executors.get(e))),
                memory_mb: resources.map(memory),
                cpu: resources.and_then(|r| r.cpu),
            }
        };
        by_slot.into_iter().map(worker).collect()
    }
}

fn unplaced(details: &TopologyDetails, placement: &Placement) -> BTreeMap<String, usize> {
    count(details.executors.iter().filter(|(e, _)| !placement.executors.contains_key(e)).map(|(_, c)| c))
}

fn count<'a>(components: impl Iterator<Item = &'a Arc<str>>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for component in components {
        *counts.entry(component.to_string()).or_default() += 1;
    }
    counts
}

/// How many slots nobody would have.
fn free_slots<'a>(nodes: &BTreeMap<Arc<str>, Node>, placements: impl Iterator<Item = &'a Placement>) -> usize {
    let used: BTreeSet<&Slot> = placements.flat_map(|p| p.executors.values()).collect();
    let offered = |slot: &&&Slot| nodes.get(&slot.node).is_some_and(|n| n.ports.contains(&slot.port));
    nodes.values().map(|n| n.ports.len()).sum::<usize>() - used.iter().filter(offered).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(id: &str, workers: usize, executors: i32) -> TopologyDetails {
        let component: Arc<str> = "c".into();
        TopologyDetails {
            id: id.into(),
            num_workers: workers,
            executors: (1..=executors).map(|n| (Executor { start: n, end: n }, component.clone())).collect(),
            ..TopologyDetails::default()
        }
    }

    fn cluster(ports: &[(&str, &[i64])]) -> Cluster {
        let node = |(name, ports): &(&str, &[i64])| (Arc::from(*name), Node { ports: ports.iter().copied().collect() });
        Cluster {
            policy: Policy::Default,
            nodes: ports.iter().map(node).collect(),
            hosts: ports.iter().map(|(name, _)| (Arc::from(*name), format!("host-{name}"))).collect(),
            topologies: BTreeMap::new(),
            existing: BTreeMap::new(),
            bases: BTreeMap::new(),
            ports_known: true,
        }
    }

    #[test]
    fn a_new_topology_goes_to_free_slots_and_what_does_not_fit_is_named() {
        let mut cluster = cluster(&[("a", &[1, 2]), ("b", &[1])]);
        let planned = |name: &str, details| Planned { name: name.into(), details, instead_of: None };
        let plan = cluster.plan(planned("t", details("t", 2, 5)));
        let places: Vec<(&str, Option<i64>, usize)> =
            plan.workers.iter().map(|w| (w.host.as_str(), w.port, w.executors)).collect();
        assert_eq!(places, [("host-a", Some(1), 3), ("host-b", Some(1), 2)]);
        assert_eq!((plan.free, plan.slots, plan.unplaced.len()), (1, 3, 0));

        // Another topology has them all.
        let other = details("o", 3, 3);
        let slots = [("a", 1), ("a", 2), ("b", 1)];
        let held = (1..)
            .zip(slots)
            .map(|(n, (node, port))| (Executor { start: n, end: n }, Slot { node: Arc::from(node), port }));
        cluster.existing.insert("o".into(), held.collect());
        cluster.topologies.insert("o".into(), other.clone());
        let plan = cluster.plan(planned("t", details("t", 2, 5)));
        assert_eq!((plan.free, plan.workers.len()), (0, 0));
        assert_eq!(plan.unplaced, BTreeMap::from([("c".to_owned(), 5)]));

        // A rebalance of that other one has its own slots to go to.
        let plan =
            cluster.plan(Planned { name: "o".into(), details: details("o", 1, 3), instead_of: Some("o".into()) });
        assert_eq!((plan.workers.len(), plan.free, plan.moved), (1, 2, Some(2)));
    }
}
