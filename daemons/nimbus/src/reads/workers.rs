//! Workers of a topology: its assignment joined with what the workers last reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use storm_scheduler::Executor;
use storm_thrift::ServiceError;
use storm_thrift::types::{Assignment, ClusterWorkerHeartbeat, ExecutorInfo, ExecutorStats, WorkerSummary};

use crate::caches::Beats;
use crate::heartbeats::{executor_of, slot_of};
use crate::nimbus::{Nimbus, zk_failed};
use crate::topologies::Facts;

/// An executor of a topology, where it runs and what it has reported.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub executor: Executor,
    pub component: &'a str,
    pub node: &'a str,
    pub host: &'a str,
    pub port: i64,
    pub beat: Option<&'a ClusterWorkerHeartbeat>,
}

impl Placed<'_> {
    pub fn info(&self) -> ExecutorInfo {
        ExecutorInfo { task_start: self.executor.start, task_end: self.executor.end }
    }

    pub fn tasks(&self) -> i32 {
        self.executor.end - self.executor.start + 1
    }

    pub fn uptime_secs(&self) -> i32 {
        self.beat.map_or(0, |b| b.uptime_secs)
    }

    pub fn stats(&self) -> Option<&ExecutorStats> {
        self.beat?.executor_stats.get(&self.info())
    }
}

/// The assigned executors in order of their tasks.
pub(super) fn placed<'a>(assignment: &'a Assignment, facts: &'a Facts, beats: &'a Beats) -> Vec<Placed<'a>> {
    let one = |(key, at): (&Vec<i64>, &'a storm_thrift::types::NodeInfo)| {
        let (executor, slot) = executor_of(key).zip(slot_of(at))?;
        let component = facts.executors.get(&executor)?;
        Some(Placed {
            executor,
            component,
            node: &at.node,
            host: assignment.node_host.get(&at.node).map_or(at.node.as_str(), String::as_str),
            port: slot.port,
            beat: beats.get(&format!("{}-{}", at.node, slot.port)),
        })
    };
    assignment.executor_node_port.iter().filter_map(one).collect()
}

pub(super) struct Topology<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub owner: Option<&'a str>,
}

/// One summary per worker; `only` limits them to the workers of one supervisor.
pub(super) fn summaries(
    topology: &Topology<'_>,
    assignment: &Assignment,
    placed: &[Placed<'_>],
    sys: bool,
    only: Option<&str>,
) -> Vec<WorkerSummary> {
    let mut workers: BTreeMap<(&str, i64), Vec<&Placed<'_>>> = BTreeMap::new();
    for p in placed.iter().filter(|p| only.is_none_or(|node| node == p.node)) {
        workers.entry((p.node, p.port)).or_default().push(p);
    }
    let summary = |((node, port), executors): ((&str, i64), Vec<&Placed<'_>>)| {
        let mut tasks: BTreeMap<String, i64> = BTreeMap::new();
        for e in executors.iter().filter(|e| sys || !e.component.starts_with("__")) {
            *tasks.entry(e.component.to_owned()).or_default() += i64::from(e.tasks());
        }
        let resources = assignment.worker_resources.iter().find(|(n, _)| n.node == node && n.port.contains(&port));
        let resources = resources.map(|(_, r)| r);
        let beat = executors.first().and_then(|e| e.beat);
        WorkerSummary {
            supervisor_id: Some(node.to_owned()),
            host: executors.first().map(|e| e.host.to_owned()),
            port: i32::try_from(port).ok(),
            topology_id: Some(topology.id.to_owned()),
            topology_name: Some(topology.name.to_owned()),
            num_executors: i32::try_from(executors.len()).ok(),
            component_to_num_tasks: Some(tasks),
            time_secs: Some(beat.map_or(0, |b| b.time_secs)),
            uptime_secs: Some(beat.map_or(0, |b| b.uptime_secs)),
            requested_memonheap: None,
            requested_memoffheap: None,
            requested_cpu: None,
            assigned_memonheap: resources.and_then(|r| r.mem_on_heap),
            assigned_memoffheap: resources.and_then(|r| r.mem_off_heap),
            assigned_cpu: resources.and_then(|r| r.cpu),
            owner: topology.owner.map(str::to_owned),
        }
    };
    workers.into_iter().map(summary).collect()
}

impl Nimbus {
    /// What the workers of a topology last reported; nothing while ZooKeeper cannot be asked.
    pub(super) async fn beats(&self, id: &str) -> Result<Arc<Beats>, ServiceError> {
        if !self.connected() {
            return Ok(Arc::default());
        }
        self.caches.beats(id, || self.cluster.worker_heartbeats(id)).await.map_err(zk_failed)
    }
}
