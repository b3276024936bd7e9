//! Topologies: by Nimbus, else by ZooKeeper, else by the folders of this host.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_thrift::types::{
    Assignment, ComponentCommon, ComponentObject, ErrorInfo, GetInfoOptions, NumErrorsChoice, SpecificAggregateStats,
    StormBase, StormTopology, TopologyActionOptions, TopologyInfo, TopologyPageInfo, TopologyStatus, TopologySummary,
};
use storm_thrift::{ClientError, NimbusClient};
use tokio::time::Instant;

use super::host::name_of;
use super::nimbus;
use crate::facts::{Component, Config, Facts, Fault, Outcome, Topology, TopologyWorker, Tree, Unread};

/// Capacity and latencies are those of Storm's shortest window.
const WINDOW: &str = "600";

pub(super) async fn topologies(config: &Config, facts: &Facts, limit: Duration) -> (Vec<Topology>, Vec<Unread>) {
    let tree = facts.zookeeper.tree.as_ref();
    if let (Some(summary), Some((leader, Outcome::Answers))) = (&facts.nimbus.summary, &facts.nimbus.leader) {
        let told = by_nimbus(facts, leader, &summary.topologies, tree, limit).await;
        return told;
    }
    if let Some(tree) = tree {
        let told = tree.bases.iter().map(|(id, seen)| by_tree(config, id, &seen.base, seen.written_at, tree)).collect();
        return (told, Vec::new());
    }
    (by_folders(facts), Vec::new())
}

async fn by_nimbus(
    facts: &Facts,
    leader: &str,
    summaries: &[TopologySummary],
    tree: Option<&Tree>,
    limit: Duration,
) -> (Vec<Topology>, Vec<Unread>) {
    let deadline = Instant::now() + limit;
    let mut found = Vec::new();
    let mut unread = Vec::new();
    let (host, port) = nimbus::split(leader);
    let mut client = nimbus::connect(host, port, limit).await.ok();
    // The one that was asked for comes first: time may run out.
    let mut order: Vec<&TopologySummary> = summaries.iter().collect();
    let asked = facts.asked.as_deref();
    order.sort_by_key(|s| asked.is_some() && asked != Some(&s.name) && asked != Some(&s.id));
    for summary in order {
        let mut topology = of_summary(summary, leader, tree);
        let ask = async {
            match &mut client {
                Some(client) => details(&mut topology, client, tree).await,
                None => Err(ClientError::NoLeader(format!("{leader} cannot be reached any more"))),
            }
        };
        let told = tokio::time::timeout_at(deadline, ask).await;
        let cause = match told {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(e.to_string()),
            Err(_) => Some(format!("took longer than {} s", limit.as_secs_f64())),
        };
        if let Some(cause) = cause {
            // A connection that failed half way is of no use any more.
            client = nimbus::connect(host, port, limit).await.ok();
            unread.push(Unread { source: "topology", place: topology.name.clone(), cause });
        }
        found.push(topology);
    }
    (found, unread)
}

fn of_summary(s: &TopologySummary, leader: &str, tree: Option<&Tree>) -> Topology {
    let mut topology = Topology {
        name: s.name.clone(),
        id: s.id.clone(),
        status: s.status.clone(),
        uptime_secs: s.uptime_secs.into(),
        placed: s.num_executors.max(0) as usize,
        executors: s.num_executors.max(0) as usize,
        workers_asked: s.num_workers.into(),
        scheduler: s.sched_status.clone(),
        owner: s.owner.clone().unwrap_or_default(),
        told_by: leader.to_owned(),
        ..Topology::default()
    };
    if let Some(seen) = tree.and_then(|t| t.bases.get(&s.id)) {
        topology.workers_asked = seen.base.num_workers.into();
        topology.kill_due = kill_due(&seen.base, seen.written_at, 30);
    }
    topology
}

async fn details(topology: &mut Topology, client: &mut NimbusClient, tree: Option<&Tree>) -> Result<(), ClientError> {
    let id = topology.id.clone();
    let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::One) };
    let info = client.get_topology_info_with_opts(id.clone(), options).await?;
    take_info(topology, &info);
    let page = client.get_topology_page_info(id.clone(), WINDOW.to_owned(), true).await?;
    take_page(topology, &page);
    let base = tree.and_then(|t| t.bases.get(&id)).map(|seen| &seen.base);
    // Without its code the executors that have no place are not known.
    if let Ok(code) = client.get_topology(id).await {
        topology.executors = all_executors(&code, base).max(topology.placed);
        take_shells(topology, &code);
    }
    Ok(())
}

fn take_info(topology: &mut Topology, info: &TopologyInfo) {
    let mut workers: BTreeMap<(String, u16), TopologyWorker> = BTreeMap::new();
    for e in &info.executors {
        let Ok(port) = u16::try_from(e.port) else { continue };
        let worker = workers.entry((e.host.clone(), port)).or_insert_with(|| TopologyWorker {
            host: e.host.clone(),
            port,
            ..TopologyWorker::default()
        });
        worker.executors += 1;
        worker.uptime_secs = worker.uptime_secs.max(e.uptime_secs.into());
    }
    topology.workers = workers.into_values().filter(|w| w.port > 0).collect();
    for (id, errors) in &info.errors {
        if let Some(newest) = errors.iter().max_by_key(|e| e.error_time_secs) {
            component(topology, id).last_error = Some(fault(newest));
        }
    }
}

/// Which components are child processes; native programs and what is built in run inside the worker.
fn take_shells(topology: &mut Topology, code: &StormTopology) {
    if topology.conf.get("topology.native.binary").is_some_and(|b| !b.is_null()) {
        return;
    }
    for (id, bolt) in &code.bolts {
        let built_in = bolt.common.json_conf.as_ref().is_some_and(|c| c.contains("topology.component.builtin"));
        if matches!(bolt.bolt_object, ComponentObject::Shell(_)) && !built_in {
            component(topology, id).shell = true;
        }
    }
}

fn component<'a>(topology: &'a mut Topology, id: &str) -> &'a mut Component {
    let at = match topology.components.iter().position(|c| c.id == id) {
        Some(at) => at,
        None => {
            topology.components.push(Component { id: id.to_owned(), ..Component::default() });
            topology.components.len() - 1
        }
    };
    &mut topology.components[at]
}

fn fault(e: &ErrorInfo) -> Fault {
    Fault { text: e.error.clone(), at: e.error_time_secs.into(), host: e.host.clone(), port: e.port }
}

fn take_page(topology: &mut Topology, page: &TopologyPageInfo) {
    if let Some(Value::Object(conf)) = page.topology_conf.as_ref().and_then(|c| serde_json::from_str(c).ok()) {
        topology.conf = conf;
    }
    let both = [(true, &page.id_to_spout_agg_stats), (false, &page.id_to_bolt_agg_stats)];
    for (spout, stats) in both {
        for (id, stats) in stats.iter().flatten() {
            let c = component(topology, id);
            c.spout = spout;
            let common = stats.common_stats.clone().unwrap_or_default();
            c.executors = common.num_executors.unwrap_or_default().into();
            c.tasks = common.num_tasks.unwrap_or_default().into();
            c.emitted = common.emitted.unwrap_or_default();
            c.acked = common.acked.unwrap_or_default();
            c.failed = common.failed.unwrap_or_default();
            match &stats.specific_stats {
                Some(SpecificAggregateStats::Bolt(b)) => {
                    c.executed = b.executed.unwrap_or_default();
                    c.capacity = b.capacity;
                    c.execute_ms = b.execute_latency_ms;
                    c.process_ms = b.process_latency_ms;
                }
                Some(SpecificAggregateStats::Spout(s)) => c.complete_ms = s.complete_latency_ms,
                None => {}
            }
        }
    }
}

/// Executors that would run if all had a place.
fn all_executors(code: &StormTopology, base: Option<&StormBase>) -> usize {
    let asked = base.and_then(|b| b.component_executors.as_ref());
    let of = |id: &String, common: &ComponentCommon| {
        let hint = common.parallelism_hint.unwrap_or(1);
        let executors = asked.and_then(|a| a.get(id)).copied().unwrap_or(hint);
        let conf: Map<String, Value> =
            common.json_conf.as_ref().and_then(|c| serde_json::from_str(c).ok()).unwrap_or_default();
        // No more executors than tasks; `__system` has none.
        let tasks = conf.get("topology.tasks").and_then(Value::as_i64).unwrap_or(hint.into());
        i64::from(executors).min(tasks).max(0) as usize
    };
    let spouts = code.spouts.iter().map(|(id, s)| of(id, &s.common));
    let bolts = code.bolts.iter().filter(|(id, _)| *id != "__system").map(|(id, b)| of(id, &b.common));
    spouts.chain(bolts).sum()
}

/// When a kill is due: the base is written once, at the kill.
fn kill_due(base: &StormBase, written_at: i64, default_wait: i64) -> Option<i64> {
    if base.status != TopologyStatus::Killed {
        return None;
    }
    let wait = match &base.topology_action_options {
        Some(TopologyActionOptions::KillOptions(options)) => options.wait_secs.map(i64::from),
        _ => None,
    };
    Some(written_at + wait.unwrap_or(default_wait))
}

fn by_tree(config: &Config, id: &str, base: &StormBase, written_at: i64, tree: &Tree) -> Topology {
    let assignment = tree.assignments.get(id);
    let placed = assignment.map_or(0, |a| a.executor_node_port.len());
    let asked = base.component_executors.iter().flat_map(|c| c.iter()).filter(|(id, _)| *id != "__system");
    let asked: i64 = asked.map(|(_, n)| i64::from(*n)).sum();
    Topology {
        name: base.name.clone(),
        id: id.to_owned(),
        status: status(base.status).to_owned(),
        workers_asked: base.num_workers.into(),
        placed,
        executors: placed.max(asked.max(0) as usize),
        workers: assignment.map(workers).unwrap_or_default(),
        kill_due: kill_due(base, written_at, config.secs("topology.message.timeout.secs", 30)),
        owner: base.owner.clone().unwrap_or_default(),
        told_by: format!("{}/storms/{id}", tree.root),
        ..Topology::default()
    }
}

fn status(status: TopologyStatus) -> &'static str {
    match status {
        TopologyStatus::Active => "ACTIVE",
        TopologyStatus::Inactive => "INACTIVE",
        TopologyStatus::Rebalancing => "REBALANCING",
        TopologyStatus::Killed => "KILLED",
    }
}

fn workers(assignment: &Assignment) -> Vec<TopologyWorker> {
    let mut workers: BTreeMap<(String, u16), TopologyWorker> = BTreeMap::new();
    for node in assignment.executor_node_port.values() {
        let host = assignment.node_host.get(&node.node).cloned().unwrap_or_else(|| node.node.clone());
        let Some(port) = node.port.first().and_then(|p| u16::try_from(*p).ok()) else { continue };
        let worker = workers.entry((host.clone(), port)).or_insert_with(|| TopologyWorker {
            host,
            port,
            ..TopologyWorker::default()
        });
        worker.executors += 1;
    }
    workers.into_values().collect()
}

/// With nobody to ask: what this host was to run, and what has logged here.
fn by_folders(facts: &Facts) -> Vec<Topology> {
    let mut found: BTreeMap<String, Topology> = BTreeMap::new();
    let assigned = facts.host.assignments.iter().map(|a| (a.topology_id.clone(), Some(a.port)));
    let logged = facts
        .host
        .logs
        .iter()
        .filter_map(|l| Some((l.of.strip_prefix("worker:")?.rsplit_once(':')?.0.to_owned(), None)));
    for (id, port) in assigned.chain(logged) {
        let topology = found.entry(id.clone()).or_insert_with(|| Topology {
            name: name_of(&id).unwrap_or(&id).to_owned(),
            id,
            told_by: "the folders of this host".to_owned(),
            ..Topology::default()
        });
        if let Some(port) = port {
            topology.workers.push(TopologyWorker { host: facts.host.name.clone(), port, ..TopologyWorker::default() });
        }
    }
    found.into_values().collect()
}
