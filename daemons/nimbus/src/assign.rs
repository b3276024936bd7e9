//! Between Storm's assignments and the scheduler's problem and solution. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use storm_scheduler::{Executor, Node, Placement, Slot, TopologyDetails};
use storm_thrift::types::{Assignment, NodeInfo, StormBase, SupervisorInfo};

use crate::heartbeats::{executor_key, executor_of, slot_of};
use crate::topologies::Facts;

pub fn details(id: &str, base: &StormBase, facts: &Facts) -> TopologyDetails {
    TopologyDetails {
        id: id.to_owned(),
        num_workers: usize::try_from(base.num_workers).unwrap_or(0),
        executors: facts.executors.clone(),
        requests: facts.requests.clone(),
        shared_memory: facts.shared_memory.clone(),
        min_worker_cpu: facts.min_worker_cpu,
    }
}

/// The slots that supervisors offer. A port that a supervisor does not name (busy with another program, say) is none,
/// and neither is one whose worker is dead in this round.
pub fn nodes(supervisors: &BTreeMap<String, Arc<SupervisorInfo>>, dead: &BTreeSet<Slot>) -> BTreeMap<Arc<str>, Node> {
    let node = |(id, info): (&String, &Arc<SupervisorInfo>)| {
        let id: Arc<str> = id.as_str().into();
        let mut ports: BTreeSet<i64> = info.meta.iter().flatten().copied().collect();
        ports.retain(|port| !dead.contains(&Slot { node: id.clone(), port: *port }));
        (id, Node { ports })
    };
    supervisors.iter().map(node).collect()
}

/// Where the executors are that live.
pub fn alive(assignment: &Assignment, dead: &BTreeSet<Slot>) -> BTreeMap<Executor, Slot> {
    let placed = assignment.executor_node_port.iter().filter_map(|(key, at)| executor_of(key).zip(slot_of(at)));
    placed.filter(|(_, slot)| !dead.contains(slot)).collect()
}

/// What the assignment says of a slot.
fn executors_by_slot(assignment: &Assignment) -> BTreeMap<Slot, BTreeSet<Executor>> {
    let mut slots: BTreeMap<Slot, BTreeSet<Executor>> = BTreeMap::new();
    for (key, at) in &assignment.executor_node_port {
        if let Some((executor, slot)) = executor_of(key).zip(slot_of(at)) {
            slots.entry(slot).or_default().insert(executor);
        }
    }
    slots
}

pub struct Context<'a> {
    pub supervisors: &'a BTreeMap<String, Arc<SupervisorInfo>>,
    pub master_code_dir: &'a str,
    pub owner: Option<&'a str>,
    pub now_secs: i64,
    /// Of a rebalance: no slot counts as unchanged.
    pub anew: bool,
}

/// The assignment for a placement; `None` when there neither was one nor is anything placed.
pub fn assignment(old: Option<&Assignment>, placement: &Placement, cx: &Context<'_>) -> Option<Assignment> {
    if old.is_none() && placement.executors.is_empty() {
        return None;
    }
    let before = old.map(executors_by_slot).unwrap_or_default();
    let mut now: BTreeMap<&Slot, BTreeSet<Executor>> = BTreeMap::new();
    for (executor, slot) in &placement.executors {
        now.entry(slot).or_default().insert(*executor);
    }
    let mut new = Assignment {
        master_code_dir: cx.master_code_dir.to_owned(),
        owner: cx.owner.map(str::to_owned),
        ..Assignment::default()
    };
    for (slot, executors) in now {
        let at = node_info(slot);
        let kept = !cx.anew && before.get(slot) == Some(&executors);
        let resources = placement.resources.get(slot);
        // A supervisor restarts a worker whose resources change, so a slot that stays keeps the numbers it has.
        let resources = old.filter(|_| kept).and_then(|o| o.worker_resources.get(&at)).or(resources);
        if let Some(resources) = resources {
            new.worker_resources.insert(at.clone(), resources.clone());
        }
        for executor in executors {
            let key = executor_key(executor);
            let start = old.filter(|_| kept).and_then(|o| o.executor_start_time_secs.get(&key)).copied();
            new.executor_start_time_secs.insert(key.clone(), start.unwrap_or(cx.now_secs));
            new.executor_node_port.insert(key, at.clone());
        }
        if let Some(host) = host(old, cx, &slot.node) {
            new.node_host.insert(slot.node.to_string(), host);
        }
    }
    new.total_shared_off_heap = placement.shared_off_heap.iter().map(|(n, mb)| (n.to_string(), *mb)).collect();
    Some(new)
}

fn host(old: Option<&Assignment>, cx: &Context<'_>, node: &str) -> Option<String> {
    let known = cx.supervisors.get(node).map(|s| s.hostname.clone());
    known.or_else(|| old.and_then(|o| o.node_host.get(node).cloned()))
}

fn node_info(slot: &Slot) -> NodeInfo {
    NodeInfo { node: slot.node.to_string(), port: BTreeSet::from([slot.port]) }
}

/// Nodes that must hear of the change: those that had or have a part in the topology.
pub fn nodes_of(assignments: [Option<&Assignment>; 2]) -> BTreeSet<String> {
    assignments.into_iter().flatten().flat_map(|a| a.node_host.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use storm_thrift::types::WorkerResources;

    use super::*;

    fn slot(node: &str, port: i64) -> Slot {
        Slot { node: node.into(), port }
    }

    fn placement(executors: &[(i32, &str, i64)]) -> Placement {
        let mut p = Placement::default();
        for (task, node, port) in executors {
            p.executors.insert(Executor { start: *task, end: *task }, slot(node, *port));
            let r = p.resources.entry(slot(node, *port)).or_insert_with(WorkerResources::default);
            r.cpu = Some(r.cpu.unwrap_or(0.0) + 10.0);
        }
        p
    }

    fn supervisors() -> BTreeMap<String, Arc<SupervisorInfo>> {
        let info = |host: &str| {
            Arc::new(SupervisorInfo { hostname: host.into(), meta: Some(vec![1, 2]), ..SupervisorInfo::default() })
        };
        BTreeMap::from([("n1".into(), info("h1")), ("n2".into(), info("h2"))])
    }

    fn cx<'a>(s: &'a BTreeMap<String, Arc<SupervisorInfo>>, now_secs: i64) -> Context<'a> {
        Context { supervisors: s, master_code_dir: "/d", owner: Some("me"), now_secs, anew: false }
    }

    #[test]
    fn start_times_stay_unless_the_slot_changed() {
        let s = supervisors();
        let first = assignment(None, &placement(&[(1, "n1", 1), (2, "n1", 1), (3, "n2", 1)]), &cx(&s, 100)).unwrap();
        assert_eq!(first.node_host, BTreeMap::from([("n1".into(), "h1".into()), ("n2".into(), "h2".into())]));
        assert!(first.executor_start_time_secs.values().all(|t| *t == 100));
        let p = placement(&[(1, "n1", 1), (2, "n1", 1), (3, "n1", 2)]);
        let second = assignment(Some(&first), &p, &cx(&s, 200)).unwrap();
        let starts: Vec<i64> = second.executor_start_time_secs.values().copied().collect();
        assert_eq!(starts, [100, 100, 200]);
        assert_eq!(second.node_host.len(), 1);
        let p = placement(&[(1, "n1", 1), (3, "n1", 2)]);
        let third = assignment(Some(&second), &p, &cx(&s, 300)).unwrap();
        assert_eq!(third.executor_start_time_secs.values().copied().collect::<Vec<_>>(), [300, 200]);
        assert_eq!(nodes_of([Some(&first), Some(&second)]), BTreeSet::from(["n1".into(), "n2".into()]));
    }

    #[test]
    fn an_unchanged_slot_keeps_its_resources_and_a_rebalance_does_not() {
        let s = supervisors();
        let p = placement(&[(1, "n1", 1)]);
        let mut old = assignment(None, &p, &cx(&s, 100)).unwrap();
        for r in old.worker_resources.values_mut() {
            r.cpu = Some(77.0);
        }
        assert_eq!(assignment(Some(&old), &p, &cx(&s, 200)).unwrap(), old);
        let anew = Context { anew: true, ..cx(&s, 200) };
        let new = assignment(Some(&old), &p, &anew).unwrap();
        assert_eq!(new.worker_resources.values().next().unwrap().cpu, Some(10.0));
        assert_eq!(new.executor_start_time_secs[&vec![1, 1]], 200);
    }

    #[test]
    fn a_host_is_remembered_when_its_supervisor_is_gone() {
        let mut s = supervisors();
        let p = placement(&[(1, "n1", 1)]);
        let old = assignment(None, &p, &cx(&s, 100)).unwrap();
        s.clear();
        assert_eq!(assignment(Some(&old), &p, &cx(&s, 200)).unwrap(), old);
        assert_eq!(assignment(None, &Placement::default(), &cx(&s, 1)), None);
        let emptied = assignment(Some(&old), &Placement::default(), &cx(&s, 1)).unwrap();
        assert!(emptied.node_host.is_empty() && emptied.executor_node_port.is_empty());
    }

    #[test]
    fn dead_and_unnamed_ports_are_no_slots() {
        let dead = BTreeSet::from([slot("n1", 2)]);
        let nodes = nodes(&supervisors(), &dead);
        assert_eq!(nodes["n1"].ports, BTreeSet::from([1]));
        assert_eq!(nodes["n2"].ports, BTreeSet::from([1, 2]));
    }
}
