//! From Nimbus' assignments of whole topologies to what each port of this supervisor is to run.

use std::collections::{BTreeMap, BTreeSet};

use storm_thrift::types::{Assignment, ExecutorInfo, LocalAssignment, NodeInfo, WorkerResources};

/// Topology id -> assignment, as Nimbus gave them.
pub type Assignments = BTreeMap<String, Assignment>;

/// What the ports are to run; a port that two topologies claim is in `conflicts` and keeps what it has.
#[derive(Debug, Default, PartialEq)]
pub struct PortPlan {
    pub ports: BTreeMap<u16, LocalAssignment>,
    pub conflicts: BTreeMap<u16, Vec<String>>,
}

/// Sorts out the executors that are assigned to `supervisor_id` by port.
///
/// A node belongs to this supervisor when it starts with the id: Storm appends a suffix for NUMA zones.
pub fn plan(supervisor_id: &str, assignments: &Assignments) -> PortPlan {
    let mut claims: BTreeMap<u16, Vec<LocalAssignment>> = BTreeMap::new();
    for (topology_id, assignment) in assignments {
        let mut here: BTreeMap<u16, LocalAssignment> = BTreeMap::new();
        for (executor, node) in &assignment.executor_node_port {
            if !node.node.starts_with(supervisor_id) {
                continue;
            }
            let (Some(executor), Some(port)) = (executor_info(executor), port_of(node)) else {
                tracing::warn!("{topology_id}: executor {executor:?} on {node:?} makes no sense and is left out");
                continue;
            };
            let local = here.entry(port).or_insert_with(|| LocalAssignment {
                topology_id: topology_id.clone(),
                executors: Vec::new(),
                resources: assignment.worker_resources.get(node).cloned(),
                total_node_shared: assignment.total_shared_off_heap.get(supervisor_id).copied(),
                owner: assignment.owner.clone(),
            });
            local.executors.push(executor);
        }
        for (port, local) in here {
            claims.entry(port).or_default().push(local);
        }
    }
    let mut plan = PortPlan::default();
    for (port, mut locals) in claims {
        match locals.pop() {
            Some(local) if locals.is_empty() => {
                plan.ports.insert(port, local);
            }
            Some(local) => {
                locals.push(local);
                plan.conflicts.insert(port, locals.into_iter().map(|l| l.topology_id).collect());
            }
            None => {}
        }
    }
    plan
}

fn executor_info(tasks: &[i64]) -> Option<ExecutorInfo> {
    let [start, end] = tasks else { return None };
    Some(ExecutorInfo { task_start: i32::try_from(*start).ok()?, task_end: i32::try_from(*end).ok()? })
}

fn port_of(node: &NodeInfo) -> Option<u16> {
    node.port.first().and_then(|p| u16::try_from(*p).ok())
}

/// Whether a worker started for `a` may go on for `b`: owner and shared memory do not matter, resources count as numbers.
pub fn equivalent(a: &LocalAssignment, b: &LocalAssignment) -> bool {
    let tasks = |l: &LocalAssignment| -> BTreeSet<(i32, i32)> {
        l.executors.iter().map(|e| (e.task_start, e.task_end)).collect()
    };
    a.topology_id == b.topology_id && tasks(a) == tasks(b) && same_resources(a.resources.as_ref(), b.resources.as_ref())
}

fn same_resources(a: Option<&WorkerResources>, b: Option<&WorkerResources>) -> bool {
    let (a, b) = match (a, b) {
        (None, None) => return true,
        (Some(a), Some(b)) => (a, b),
        _ => return false,
    };
    let same = |f: fn(&WorkerResources) -> Option<f64>| f(a).unwrap_or(0.0) == f(b).unwrap_or(0.0);
    let map = |m: &Option<BTreeMap<String, f64>>| -> BTreeMap<String, f64> {
        m.iter().flatten().filter(|(_, v)| **v != 0.0).map(|(k, v)| (k.clone(), *v)).collect()
    };
    same(|r| r.mem_on_heap)
        && same(|r| r.mem_off_heap)
        && same(|r| r.cpu)
        && same(|r| r.shared_mem_on_heap)
        && same(|r| r.shared_mem_off_heap)
        && map(&a.resources) == map(&b.resources)
        && map(&a.shared_resources) == map(&b.shared_resources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, port: i64) -> NodeInfo {
        NodeInfo { node: id.to_owned(), port: BTreeSet::from([port]) }
    }

    fn assignment(executors: &[(i64, i64, &str, i64)]) -> Assignment {
        let mut a =
            Assignment { master_code_dir: "/l".to_owned(), owner: Some("joe".to_owned()), ..Assignment::default() };
        for (start, end, id, port) in executors {
            a.executor_node_port.insert(vec![*start, *end], node(id, *port));
        }
        a
    }

    #[test]
    fn executors_are_grouped_by_port_and_those_of_other_nodes_left_out() {
        let mut a =
            assignment(&[(1, 1, "me-1", 6700), (2, 3, "me-1", 6700), (4, 4, "me-1", 6701), (5, 5, "you", 6700)]);
        let resources = WorkerResources { mem_on_heap: Some(256.0), ..WorkerResources::default() };
        a.worker_resources.insert(node("me-1", 6700), resources.clone());
        a.total_shared_off_heap.insert("me-1".to_owned(), 7.0);
        let plan = plan("me-1", &BTreeMap::from([("t-1-1".to_owned(), a)]));
        assert!(plan.conflicts.is_empty());
        let first = &plan.ports[&6700];
        let executors: Vec<_> = first.executors.iter().map(|e| (e.task_start, e.task_end)).collect();
        assert_eq!(executors, [(1, 1), (2, 3)]);
        assert_eq!(first.resources, Some(resources));
        assert_eq!((first.total_node_shared, first.owner.as_deref()), (Some(7.0), Some("joe")));
        assert_eq!(plan.ports[&6701].executors.len(), 1);
        assert_eq!(plan.ports.len(), 2);
    }

    #[test]
    fn a_node_with_a_numa_suffix_is_ours() {
        let plan = plan("me", &BTreeMap::from([("t".to_owned(), assignment(&[(1, 1, "me1", 6700)]))]));
        assert_eq!(plan.ports.len(), 1);
    }

    #[test]
    fn two_topologies_on_one_port_are_a_conflict_of_that_port_only() {
        let two = BTreeMap::from([
            ("a".to_owned(), assignment(&[(1, 1, "me", 6700), (2, 2, "me", 6701)])),
            ("b".to_owned(), assignment(&[(1, 1, "me", 6700)])),
        ]);
        let plan = plan("me", &two);
        assert_eq!(plan.conflicts, BTreeMap::from([(6700, vec!["a".to_owned(), "b".to_owned()])]));
        assert_eq!(plan.ports.keys().copied().collect::<Vec<_>>(), [6701]);
    }

    #[test]
    fn nonsense_of_the_wire_is_left_out() {
        let mut a = assignment(&[(1, i64::MAX, "me", 6700), (1, 1, "me", 70_000), (1, 1, "me", -1)]);
        a.executor_node_port.insert(vec![1], node("me", 6700));
        a.executor_node_port.insert(vec![9, 9], NodeInfo { node: "me".to_owned(), port: BTreeSet::new() });
        assert_eq!(plan("me", &BTreeMap::from([("t".to_owned(), a)])), PortPlan::default());
    }

    #[test]
    fn equivalence_is_that_of_storm() {
        let executor = |n| ExecutorInfo { task_start: n, task_end: n };
        let base = LocalAssignment {
            topology_id: "t".to_owned(),
            executors: vec![executor(1), executor(2)],
            ..LocalAssignment::default()
        };
        let with = |change: fn(&mut LocalAssignment)| {
            let mut other = base.clone();
            change(&mut other);
            equivalent(&base, &other)
        };
        assert!(with(|_| ()));
        assert!(with(|a| a.executors.reverse()));
        assert!(with(|a| a.owner = Some("x".to_owned())));
        assert!(with(|a| a.total_node_shared = Some(1.0)));
        assert!(!with(|a| a.topology_id = "u".to_owned()));
        assert!(!with(|a| a.executors.truncate(1)));
        assert!(!with(|a| a.resources = Some(WorkerResources::default())), "one absent, one not");

        let resources = |mem| Some(WorkerResources { mem_on_heap: mem, ..WorkerResources::default() });
        let mut a = base.clone();
        let mut b = base.clone();
        (a.resources, b.resources) = (resources(None), resources(Some(0.0)));
        assert!(equivalent(&a, &b), "null counts as 0");
        b.resources = resources(Some(1.0));
        assert!(!equivalent(&a, &b));
    }
}
