//! The cluster as Nimbus tells it over thrift, with ZooKeeper's knowledge of ports where it can be reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_conf::Conf;
use storm_nimbus::foresee::{self, StoredTopology};
use storm_scheduler::{Executor, Node, Policy, Slot};
use storm_thrift::NimbusClient;
use storm_thrift::types::{Assignment, ClusterSummary, StormBase, SupervisorInfo};
use storm_thrift::wire::Wire;

use super::cluster::Cluster;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session::{Session, child};

/// ZooKeeper only makes the answer more exact; nobody waits long for it.
const ZOOKEEPER: Duration = Duration::from_secs(2);

/// What only ZooKeeper knows.
#[derive(Debug, Default)]
struct Tree {
    supervisors: BTreeMap<String, SupervisorInfo>,
    bases: BTreeMap<String, StormBase>,
    assignments: BTreeMap<String, Assignment>,
}

/// The whole cluster.
pub async fn cluster(ctx: &Context, nimbus: &mut NimbusClient, nimbus_conf: &Conf) -> Result<Cluster, Failure> {
    let policy = Policy::from_conf(nimbus_conf).map_err(|e| {
        Failure::new(Exit::Failed, "plan/scheduler", "what this cluster's scheduler decides cannot be foretold")
            .evidence(format!("storm.scheduler: {}", e.class))
            .hint("only Storm's default and even schedulers can be")
    })?;
    let summary = nimbus.get_cluster_info().await?;
    let tree = tree(ctx, &summary).await;
    let ports_known = tree.is_some();
    let assignments = match &tree {
        Some(tree) => tree.assignments.clone(),
        None => assignments(nimbus, &summary).await?,
    };
    let bases = tree.as_ref().map(|t| t.bases.clone()).unwrap_or_default();
    let mut cluster = Cluster {
        policy,
        nodes: BTreeMap::new(),
        hosts: BTreeMap::new(),
        topologies: BTreeMap::new(),
        existing: BTreeMap::new(),
        bases: BTreeMap::new(),
        ports_known,
    };
    for (id, assignment) in &assignments {
        cluster.existing.insert(id.clone(), foresee::placed(assignment));
    }
    for s in &summary.supervisors {
        let id: Arc<str> = s.supervisor_id.as_str().into();
        let known = tree.as_ref().and_then(|t| t.supervisors.get(&s.supervisor_id));
        let ports = match known {
            Some(info) => info.meta.iter().flatten().copied().collect(),
            None => counted_ports(&id, usize::try_from(s.num_workers).unwrap_or(0), &cluster.existing),
        };
        cluster.hosts.insert(id.clone(), s.host.clone());
        if s.blacklisted != Some(true) {
            cluster.nodes.insert(id, Node { ports });
        }
    }
    for t in &summary.topologies {
        let stored = stored(nimbus, &t.id).await?;
        let held = cluster.existing.get(&t.id);
        let base = bases.get(&t.id).cloned().unwrap_or_else(|| presumed(&stored, held));
        match foresee::details(&t.id, &base, &stored) {
            Ok(details) => {
                cluster.topologies.insert(t.id.clone(), details);
                cluster.bases.insert(t.id.clone(), base);
            }
            // Nimbus places a broken topology nowhere either, and it keeps its slots.
            Err(cause) => ctx.printer.note(&format!("{} is left out of the plan: {cause}", t.name)),
        }
    }
    Ok(cluster)
}

/// A topology as Nimbus has stored it.
pub async fn stored(nimbus: &mut NimbusClient, id: &str) -> Result<StoredTopology, Failure> {
    let conf = nimbus.get_topology_conf(id.to_owned()).await?;
    let conf: Map<String, Value> = serde_json::from_str(&conf).map_err(|e| {
        Failure::new(Exit::Failed, "plan/conf", format!("the configuration of {id} is no JSON")).evidence(e.to_string())
    })?;
    Ok(StoredTopology { conf, topology: nimbus.get_user_topology(id.to_owned()).await? })
}

/// Who runs what, asked for each supervisor.
async fn assignments(
    nimbus: &mut NimbusClient,
    summary: &ClusterSummary,
) -> Result<BTreeMap<String, Assignment>, Failure> {
    let mut all = BTreeMap::new();
    for supervisor in &summary.supervisors {
        all.extend(nimbus.get_supervisor_assignments(supervisor.supervisor_id.clone()).await?.storm_assignment);
    }
    Ok(all)
}

/// The ports in use, and as many unnamed ones (zero and below) as there are more.
fn counted_ports(
    node: &Arc<str>,
    total: usize,
    existing: &BTreeMap<String, BTreeMap<Executor, Slot>>,
) -> BTreeSet<i64> {
    let slots = existing.values().flat_map(|m| m.values());
    let mut ports: BTreeSet<i64> = slots.filter(|s| s.node == *node).map(|s| s.port).collect();
    let mut unnamed = 0;
    while ports.len() < total {
        ports.insert(unnamed);
        unnamed -= 1;
    }
    ports
}

/// What a rebalance may have changed is only in ZooKeeper; without it, what runs is taken for what is asked.
fn presumed(stored: &StoredTopology, held: Option<&BTreeMap<Executor, Slot>>) -> StormBase {
    let mut base = StormBase::default();
    let asked = stored.conf.get("topology.workers").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
    base.num_workers = asked.unwrap_or(1);
    let (Some(held), Ok(system)) = (held.filter(|h| !h.is_empty()), stored.system()) else { return base };
    let slots: BTreeSet<&Slot> = held.values().collect();
    base.num_workers = i32::try_from(slots.len()).unwrap_or(base.num_workers);
    let mut counts = BTreeMap::new();
    let mut tasks = 0;
    for executor in held.keys() {
        let Some(component) = system.component_of(executor.start) else { return base };
        *counts.entry(component.id.clone()).or_insert(0) += 1;
        tasks += usize::try_from(executor.end - executor.start + 1).unwrap_or(0);
    }
    // Only all of them together tell how many there are to be.
    base.component_executors = (tasks == system.task_count()).then_some(counts);
    base
}

/// `None` unless ZooKeeper is there, and is the one of this Nimbus.
async fn tree(ctx: &Context, summary: &ClusterSummary) -> Option<Tree> {
    let read = async {
        let session = Session::connect(ctx, None).await.ok()?;
        let tree = Tree {
            supervisors: read_all(&session, "supervisors").await?,
            bases: read_all(&session, "storms").await?,
            assignments: read_all(&session, "assignments").await?,
        };
        session.close().await;
        Some(tree)
    };
    let tree = tokio::time::timeout(ZOOKEEPER, read).await.ok().flatten()?;
    let same = summary.supervisors.iter().all(|s| tree.supervisors.contains_key(&s.supervisor_id))
        && summary.topologies.iter().all(|t| tree.bases.contains_key(&t.id));
    same.then_some(tree)
}

async fn read_all<T: Wire>(session: &Session, dir: &str) -> Option<BTreeMap<String, T>> {
    let dir = format!("{}/{dir}", session.root);
    let mut all = BTreeMap::new();
    for name in session.client.list_children(&dir).await.ok()? {
        // One that went meanwhile, or makes no sense, is none.
        if let Ok((data, _)) = session.client.get_data(&child(&dir, &name)).await
            && let Ok(value) = storm_zk::read(&data)
        {
            all.insert(name, value);
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_only_counted_are_not_named() {
        let node: Arc<str> = "n".into();
        let slot = |node: &str, port| Slot { node: node.into(), port };
        let held = BTreeMap::from([
            (Executor { start: 1, end: 1 }, slot("n", 6700)),
            (Executor { start: 2, end: 2 }, slot("other", 6701)),
        ]);
        let existing = BTreeMap::from([("t".to_owned(), held)]);
        assert_eq!(counted_ports(&node, 3, &existing), BTreeSet::from([-1, 0, 6700]));
        assert_eq!(counted_ports(&node, 0, &existing), BTreeSet::from([6700]));
    }
}
