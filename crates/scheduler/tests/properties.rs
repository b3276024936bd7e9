//! What must hold of every answer of the even schedulers, over random clusters, topologies and losses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use storm_scheduler::{Executor, Node, Placement, Policy, Problem, Slot, Solution, TopologyDetails, schedule};

fn topology(id: usize, num_workers: usize, executors: usize) -> TopologyDetails {
    let component: Arc<str> = "c".into();
    let executors = (1..=executors as i32).map(|t| (Executor { start: t, end: t }, component.clone())).collect();
    TopologyDetails { id: format!("t{id}-1-100"), num_workers, executors, ..TopologyDetails::default() }
}

fn nodes(ports: &[usize]) -> BTreeMap<Arc<str>, Node> {
    let node =
        |(i, n): (usize, &usize)| (Arc::from(format!("node{i}")), Node { ports: (6700..6700 + *n as i64).collect() });
    ports.iter().enumerate().map(node).collect()
}

fn problems() -> impl Strategy<Value = Problem> {
    let policy = prop_oneof![Just(Policy::Default), Just(Policy::Even)];
    let topologies = prop::collection::vec((1usize..6, 1usize..30), 0..6);
    (policy, topologies, prop::collection::vec(0usize..5, 0..6)).prop_map(|(policy, topologies, ports)| Problem {
        policy,
        topologies: topologies.iter().enumerate().map(|(i, (w, e))| topology(i, *w, *e)).collect(),
        nodes: nodes(&ports),
        existing: BTreeMap::new(),
    })
}

fn slots(placement: &Placement) -> BTreeMap<Slot, usize> {
    let mut counts = BTreeMap::new();
    for slot in placement.executors.values() {
        *counts.entry(slot.clone()).or_default() += 1;
    }
    counts
}

fn again(problem: &Problem, solution: &Solution) -> Problem {
    let existing = solution.placements.iter().map(|(id, p)| (id.clone(), p.executors.clone())).collect();
    Problem { existing, ..problem.clone() }
}

fn check_slots(problem: &Problem, solution: &Solution) -> Result<(), TestCaseError> {
    let mut used = BTreeSet::new();
    for topology in &problem.topologies {
        let placement = &solution.placements[&topology.id];
        prop_assert_eq!(placement.executors.len() + placement.unplaced, topology.executors.len());
        let taken = slots(placement);
        for slot in taken.keys() {
            prop_assert!(used.insert(slot.clone()), "{slot:?} is used by two topologies");
            prop_assert!(problem.nodes[&slot.node].ports.contains(&slot.port), "{slot:?} does not exist");
        }
        prop_assert_eq!(placement.resources.keys().collect::<Vec<_>>(), taken.keys().collect::<Vec<_>>());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_fresh_cluster_is_filled_evenly(problem in problems()) {
        let solution = schedule(&problem);
        check_slots(&problem, &solution)?;
        let mut free: usize = problem.nodes.values().map(|n| n.ports.len()).sum();
        for topology in &problem.topologies {
            let placement = &solution.placements[&topology.id];
            let counts = slots(placement);
            let workers = topology.num_workers.min(free).min(topology.executors.len());
            prop_assert_eq!(counts.len(), workers);
            prop_assert_eq!(placement.unplaced, if workers == 0 { topology.executors.len() } else { 0 });
            let most = counts.values().max().copied().unwrap_or(0);
            let least = counts.values().min().copied().unwrap_or(0);
            prop_assert!(most - least <= 1, "{counts:?}");
            free -= workers;
        }
    }

    #[test]
    fn nothing_moves_when_nothing_changed(problem in problems()) {
        let first = schedule(&problem);
        let second = schedule(&again(&problem, &first));
        prop_assert_eq!(first, second);
    }

    /// Dead workers go elsewhere; executors of the default scheduler all find a place as long as a slot is left, and
    /// no slot is used twice.
    #[test]
    fn lost_workers_are_placed_again(problem in problems(), lost in prop::collection::vec(any::<prop::sample::Index>(), 1..4)) {
        let first = schedule(&problem);
        let mut next = again(&problem, &first);
        let all: Vec<Slot> = first.placements.values().flat_map(|p| slots(p).into_keys()).collect();
        prop_assume!(!all.is_empty());
        for index in lost {
            let slot = index.get(&all);
            for executors in next.existing.values_mut() {
                executors.retain(|_, s| s != slot);
            }
            if let Some(node) = next.nodes.get_mut(&slot.node) {
                node.ports.remove(&slot.port);
            }
        }
        let second = schedule(&next);
        check_slots(&next, &second)?;
        let slots_left: usize = next.nodes.values().map(|n| n.ports.len()).sum();
        for topology in &next.topologies {
            let placement = &second.placements[&topology.id];
            let others: usize = second.placements.iter().filter(|(id, _)| **id != topology.id).map(|(_, p)| slots(p).len()).sum();
            if next.policy == Policy::Default && slots_left > others {
                prop_assert_eq!(placement.unplaced, 0, "a slot is free and executors are without a place");
            }
        }
    }

    /// Workers of the default scheduler that already fit the even distribution stay where they are when slots appear.
    #[test]
    fn new_slots_do_not_move_a_complete_topology(problem in problems()) {
        let first = schedule(&problem);
        let mut next = again(&problem, &first);
        next.nodes.insert("zz-new".into(), Node { ports: (1..5).collect() });
        let second = schedule(&next);
        for topology in &next.topologies {
            let before = &first.placements[&topology.id];
            let wanted = topology.num_workers.min(topology.executors.len());
            if before.unplaced == 0 && slots(before).len() == wanted {
                prop_assert_eq!(&before.executors, &second.placements[&topology.id].executors);
            }
        }
    }
}

#[test]
fn a_worker_outlives_its_supervisor() {
    let problem = Problem {
        policy: Policy::Default,
        topologies: vec![topology(0, 2, 4)],
        nodes: nodes(&[1, 1]),
        existing: BTreeMap::new(),
    };
    let first = schedule(&problem);
    let mut next = again(&problem, &first);
    next.nodes.remove("node1");
    assert_eq!(schedule(&next), first, "the executors are alive, so they keep their slots");
}

#[test]
fn a_topology_spreads_out_when_slots_appear() {
    let mut problem = Problem {
        policy: Policy::Default,
        topologies: vec![topology(0, 2, 4)],
        nodes: nodes(&[1]),
        existing: BTreeMap::new(),
    };
    let first = schedule(&problem);
    assert_eq!(slots(&first.placements["t0-1-100"]).len(), 1);
    problem.nodes = nodes(&[1, 1]);
    let second = schedule(&again(&problem, &first));
    assert_eq!(slots(&second.placements["t0-1-100"]).into_values().collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn without_slots_everything_stays_unplaced() {
    let problem = Problem {
        policy: Policy::Default,
        topologies: vec![topology(0, 2, 4)],
        nodes: nodes(&[]),
        existing: BTreeMap::new(),
    };
    assert_eq!(schedule(&problem).placements["t0-1-100"].unplaced, 4);
}
