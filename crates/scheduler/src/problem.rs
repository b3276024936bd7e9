//! What the scheduler is asked and what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use storm_thrift::types::WorkerResources;

use crate::policy::Policy;
use crate::resources::{Request, SharedMemory};

/// An executor: the first and the last of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Executor {
    pub start: i32,
    pub end: i32,
}

/// A worker slot: a port of a supervisor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub node: Arc<str>,
    pub port: i64,
}

/// A supervisor as the scheduler sees it: the ports it offers. A port that is taken by another program, or whose
/// worker is dead in this round, is left out by the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    pub ports: BTreeSet<i64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct TopologyDetails {
    pub id: String,
    pub num_workers: usize,
    /// Every executor that must run, with its component.
    pub executors: BTreeMap<Executor, Arc<str>>,
    /// What one executor of a component asks for.
    pub requests: BTreeMap<Arc<str>, Request>,
    /// Memory regions that components of one worker (or one node) share.
    pub shared_memory: Vec<SharedMemory>,
    /// `storm.worker.min.cpu.pcore.percent`
    pub min_worker_cpu: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub policy: Policy,
    /// Taken in this order; when slots are scarce the first ones win.
    pub topologies: Vec<TopologyDetails>,
    pub nodes: BTreeMap<Arc<str>, Node>,
    /// Living executors and where they are, by topology id. Slots may be on nodes that are not in `nodes`: a worker
    /// outlives its supervisor.
    pub existing: BTreeMap<String, BTreeMap<Executor, Slot>>,
}

/// Where one topology runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placement {
    pub executors: BTreeMap<Executor, Slot>,
    pub resources: BTreeMap<Slot, WorkerResources>,
    /// Off-heap memory shared by the topology's workers on one node, MB; only nodes that have some.
    pub shared_off_heap: BTreeMap<Arc<str>, f64>,
    /// Executors that found no slot.
    pub unplaced: usize,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Solution {
    pub placements: BTreeMap<String, Placement>,
}
