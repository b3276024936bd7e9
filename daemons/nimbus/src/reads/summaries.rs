//! Summaries of the cluster, of topologies and of owners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use storm_thrift::ServiceError;
use storm_thrift::types::{
    Assignment, ClusterSummary, OwnerResourceSummary, StormBase, SupervisorInfo, SupervisorSummary, TopologySummary,
};

use crate::nimbus::{Nimbus, not_alive};
use crate::topologies::transitions::status_name;
use crate::topologies::{Blob, FactsOf};
use crate::view::{View, shared};

fn len32(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

pub(super) fn num_workers(assignment: &Assignment) -> usize {
    assignment.executor_node_port.values().collect::<BTreeSet<_>>().len()
}

/// Storm counts the tasks that are assigned, not those that the topology has.
fn num_tasks(assignment: &Assignment) -> i32 {
    let tasks = |key: &Vec<i64>| key.last().zip(key.first()).map_or(0, |(last, first)| last - first + 1);
    i32::try_from(assignment.executor_node_port.keys().map(tasks).sum::<i64>()).unwrap_or(i32::MAX)
}

impl Nimbus {
    /// How many Nimbuses hold the topology's blobs: as many as hold the rarest of them.
    pub(super) async fn replication(&self, id: &str) -> i32 {
        let alone = !self.connected() || self.nimbuses().await.is_ok_and(|n| n.len() <= 1);
        let here = Blob::ALL.iter().all(|b| self.blobs.contains(&b.key(id)));
        if alone {
            return i32::from(here);
        }
        let read = || async {
            let mut least = i32::MAX;
            for blob in Blob::ALL {
                let holders = self.cluster.blob_holders(&blob.key(id)).await?;
                least = least.min(len32(holders.len()));
            }
            Ok(least)
        };
        match self.caches.replication(id, read).await {
            Ok(count) => count,
            Err(e) => {
                tracing::debug!(code = e.code(), "replication of {id} is not known: {e}");
                i32::from(here)
            }
        }
    }

    /// The view to answer a reading call from: the leader's own, or what ZooKeeper says.
    pub(crate) async fn read_view(&self) -> Arc<View> {
        if self.leads() || !self.connected() {
            return self.view();
        }
        // Another one leads, whose writes are only seen in ZooKeeper.
        let read = async {
            let (bases, assignments) = (self.cluster.storm_bases().await?, self.cluster.assignments().await?);
            let supervisors = self.cluster.supervisors().await?;
            Ok::<_, storm_zk::ZkError>((bases, assignments, supervisors))
        };
        match read.await {
            Ok((bases, assignments, supervisors)) => {
                // Won in the meantime: then the view is the leader's own.
                if *self.role.borrow() == crate::leader::Role::Follower {
                    self.views.change(|view| {
                        view.bases = shared(bases);
                        view.assignments = shared(assignments);
                        view.supervisors = shared(supervisors);
                    });
                }
            }
            Err(e) => tracing::warn!(code = e.code(), "answering from what was known before: {e}"),
        }
        self.view()
    }

    pub(crate) async fn cluster_summary(&self) -> Result<ClusterSummary, ServiceError> {
        let view = self.read_view().await;
        let leader = match self.leader_summary().await {
            Ok(leader) => Some((leader.host, leader.port)).filter(|_| leader.is_leader),
            Err(e) => {
                tracing::debug!("the cluster summary names no leader: {e}");
                None
            }
        };
        let mut nimbuses = self.nimbuses().await?;
        for n in &mut nimbuses {
            n.is_leader = leader.as_ref().is_some_and(|(host, port)| n.host == *host && n.port == *port);
        }
        Ok(ClusterSummary {
            supervisors: view.supervisors.iter().map(|(id, info)| supervisor_summary(&view, id, info)).collect(),
            topologies: self.topology_summaries(&view).await,
            nimbuses,
        })
    }

    pub(crate) async fn topology_summaries(&self, view: &View) -> Vec<TopologySummary> {
        let mut all = Vec::with_capacity(view.bases.len());
        for (id, base) in &view.bases {
            all.push(self.topology_summary(view, id, base).await);
        }
        all
    }

    pub(crate) async fn topology_summary_of(&self, id: &str) -> Result<TopologySummary, ServiceError> {
        let view = self.read_view().await;
        let base = view.bases.get(id).ok_or_else(|| not_alive(id))?;
        Ok(self.topology_summary(&view, id, base).await)
    }

    async fn topology_summary(&self, view: &View, id: &str, base: &StormBase) -> TopologySummary {
        let facts = self.facts(id).await;
        let known = facts.known();
        let assignment = view.assignments.get(id);
        TopologySummary {
            id: id.to_owned(),
            name: base.name.clone(),
            num_tasks: assignment.map_or(0, |a| num_tasks(a)),
            num_executors: len32(assignment.map_or(0, |a| a.executor_node_port.len())),
            num_workers: len32(assignment.map_or(0, |a| num_workers(a))),
            uptime_secs: self.uptime(base),
            status: status_name(base.status).to_owned(),
            storm_version: known.and_then(|f| f.storm_version.clone()),
            topology_version: base.topology_version.clone(),
            sched_status: self.sched_status(id, &facts),
            owner: base.owner.clone(),
            replication_count: Some(self.replication(id).await),
            ..TopologySummary::default()
        }
    }

    /// The text in the place of the scheduler's. Storm's default scheduler has none; here what is broken, and what waits
    /// for slots, says so.
    pub(super) fn sched_status(&self, id: &str, facts: &FactsOf) -> Option<String> {
        match facts {
            FactsOf::Known(_) => self.waiting().get(id).cloned(),
            FactsOf::Broken(why) => Some(why.to_string()),
        }
    }

    pub(super) fn uptime(&self, base: &StormBase) -> i32 {
        base.launch_time_secs.map_or(0, |t| (self.clock.now_secs32() - t).max(0))
    }

    pub(crate) async fn owner_summaries(&self, owner: Option<&str>) -> Vec<OwnerResourceSummary> {
        let view = self.read_view().await;
        let mut owners: BTreeMap<&str, OwnerResourceSummary> = BTreeMap::new();
        for (id, base) in &view.bases {
            let name = base.owner.as_deref().unwrap_or_default();
            if owner.is_some_and(|o| !o.is_empty() && o != name) {
                continue;
            }
            let facts = self.facts(id).await;
            let assignment = view.assignments.get(id);
            let s = owners
                .entry(name)
                .or_insert_with(|| OwnerResourceSummary { owner: name.to_owned(), ..OwnerResourceSummary::default() });
            let add = |to: &mut Option<i32>, n: usize| *to = Some(to.unwrap_or(0).saturating_add(len32(n)));
            add(&mut s.total_topologies, 1);
            add(&mut s.total_tasks, facts.known().map_or(0, |f| f.num_tasks));
            add(&mut s.total_executors, assignment.map_or(0, |a| a.executor_node_port.len()));
            add(&mut s.total_workers, assignment.map_or(0, |a| num_workers(a)));
            for r in assignment.iter().flat_map(|a| a.worker_resources.values()) {
                let add = |to: &mut Option<f64>, n: Option<f64>| *to = Some(to.unwrap_or(0.0) + n.unwrap_or(0.0));
                add(&mut s.assigned_on_heap_memory, r.mem_on_heap);
                add(&mut s.assigned_off_heap_memory, r.mem_off_heap);
                add(&mut s.memory_usage, r.mem_on_heap);
                add(&mut s.memory_usage, r.mem_off_heap);
                add(&mut s.cpu_usage, r.cpu);
            }
        }
        owners.into_values().collect()
    }
}

pub(super) fn supervisor_summary(view: &View, id: &str, info: &SupervisorInfo) -> SupervisorSummary {
    // A supervisor names its used ports itself; until it has, the assignments know better.
    let assigned: BTreeSet<i64> = view
        .assignments
        .values()
        .flat_map(|a| a.executor_node_port.values())
        .filter(|at| at.node == id)
        .flat_map(|at| at.port.iter().copied())
        .collect();
    let used = info.used_ports.as_ref().map_or(0, Vec::len).max(assigned.len());
    SupervisorSummary {
        host: info.hostname.clone(),
        uptime_secs: info.uptime_secs.and_then(|u| i32::try_from(u).ok()).unwrap_or(0),
        num_workers: len32(info.meta.as_ref().map_or(0, Vec::len)),
        num_used_workers: len32(used),
        supervisor_id: id.to_owned(),
        version: info.version.clone().unwrap_or_else(|| "VERSION_NOT_PROVIDED".to_owned()),
        total_resources: info.resources_map.clone(),
        blacklisted: Some(false),
        ..SupervisorSummary::default()
    }
}
