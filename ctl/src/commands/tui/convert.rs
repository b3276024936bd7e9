//! From Nimbus' answers to what the dashboard shows.

use std::collections::BTreeMap;

use storm_thrift::types::{
    ClusterSummary, CommonAggregateStats, ComponentAggregateStats, ComponentPageInfo, ComponentType, ErrorInfo,
    ExecutorSpecificStats, ExecutorSummary, Grouping, SpecificAggregateStats, StormTopology, TopologyPageInfo,
    TopologyStats, TopologySummary, WorkerSummary,
};
use storm_tui::data::{
    Cluster, Component, ComponentError, ComponentPage, Edge, Executor, Flow, Nimbus, Sample, Supervisor, Topology,
    Totals, Worker,
};

const ALL_TIME: &str = ":all-time";

pub fn cluster(c: ClusterSummary) -> Cluster {
    let nimbus = |n: storm_thrift::types::NimbusSummary| Nimbus {
        host: n.host,
        port: n.port,
        leader: n.is_leader,
        version: n.version,
        uptime_secs: n.uptime_secs.into(),
    };
    let supervisor = |s: storm_thrift::types::SupervisorSummary| {
        let total = |key: &str| s.total_resources.as_ref().and_then(|r| r.get(key)).copied();
        Supervisor {
            total_mem: total("supervisor.memory.capacity.mb").or_else(|| total("memory.mb")),
            total_cpu: total("supervisor.cpu.capacity").or_else(|| total("cpu.pcore.percent")),
            id: s.supervisor_id,
            host: s.host,
            version: s.version,
            uptime_secs: s.uptime_secs.into(),
            slots: s.num_workers.into(),
            used: s.num_used_workers.into(),
            used_mem: s.used_mem,
            used_cpu: s.used_cpu,
            blacklisted: s.blacklisted.unwrap_or(false),
        }
    };
    Cluster {
        nimbuses: c.nimbuses.into_iter().map(nimbus).collect(),
        supervisors: c.supervisors.into_iter().map(supervisor).collect(),
        topologies: c.topologies.into_iter().map(summary).collect(),
    }
}

fn summary(t: TopologySummary) -> storm_tui::data::TopologySummary {
    storm_tui::data::TopologySummary {
        id: t.id,
        name: t.name,
        status: t.status,
        workers: t.num_workers.into(),
        executors: t.num_executors.into(),
        tasks: t.num_tasks.into(),
        uptime_secs: t.uptime_secs.into(),
        owner: t.owner.unwrap_or_default(),
        placed: t.sched_status.unwrap_or_default(),
    }
}

fn windows(stats: Option<&TopologyStats>) -> BTreeMap<String, Totals> {
    let mut windows: BTreeMap<String, Totals> = BTreeMap::new();
    let Some(s) = stats else { return windows };
    let each = |map: &Option<BTreeMap<String, i64>>| map.clone().unwrap_or_default();
    for (window, n) in each(&s.window_to_emitted) {
        windows.entry(window).or_default().emitted = n;
    }
    for (window, n) in each(&s.window_to_transferred) {
        windows.entry(window).or_default().transferred = n;
    }
    for (window, n) in each(&s.window_to_acked) {
        windows.entry(window).or_default().acked = n;
    }
    for (window, n) in each(&s.window_to_failed) {
        windows.entry(window).or_default().failed = n;
    }
    for (window, ms) in s.window_to_complete_latencies_ms.clone().unwrap_or_default() {
        windows.entry(window).or_default().complete_ms = Some(ms);
    }
    windows
}

fn each_component(page: &TopologyPageInfo) -> impl Iterator<Item = (&String, &ComponentAggregateStats, bool)> {
    let spouts = page.id_to_spout_agg_stats.iter().flatten().map(|(id, s)| (id, s, true));
    spouts.chain(page.id_to_bolt_agg_stats.iter().flatten().map(|(id, s)| (id, s, false)))
}

fn errors(page: &TopologyPageInfo) -> Vec<ComponentError> {
    let name = page.name.clone().unwrap_or_default();
    let error = |id: &String, s: &ComponentAggregateStats| s.last_error.clone().map(|e| component_error(&name, id, e));
    each_component(page).filter_map(|(id, s, _)| error(id, s)).collect()
}

fn component_error(topology: &str, component: &str, e: ErrorInfo) -> ComponentError {
    ComponentError {
        topology: topology.to_owned(),
        component: component.to_owned(),
        error: e.error,
        time_secs: e.error_time_secs.into(),
        host: e.host,
        port: e.port,
    }
}

pub fn sample(page: &TopologyPageInfo) -> Sample {
    let capacity = |s: &ComponentAggregateStats| match &s.specific_stats {
        Some(SpecificAggregateStats::Bolt(b)) => b.capacity,
        _ => None,
    };
    let hottest = each_component(page).filter_map(|(id, s, _)| Some((id.clone(), capacity(s)?)));
    Sample {
        id: page.id.clone(),
        name: page.name.clone().unwrap_or_default(),
        windows: windows(page.topology_stats.as_ref()),
        hottest: hottest.max_by(|a, b| a.1.total_cmp(&b.1)),
        errors: errors(page),
    }
}

fn component(id: &str, spout: bool, s: &ComponentAggregateStats) -> Component {
    let common = s.common_stats.clone().unwrap_or_default();
    let CommonAggregateStats { num_executors, num_tasks, emitted, transferred, acked, failed, .. } = common;
    let mut c = Component {
        id: id.to_owned(),
        spout,
        executors: num_executors.unwrap_or(0).into(),
        tasks: num_tasks.unwrap_or(0).into(),
        emitted: emitted.unwrap_or(0),
        transferred: transferred.unwrap_or(0),
        acked: acked.unwrap_or(0),
        failed: failed.unwrap_or(0),
        last_error: s.last_error.as_ref().map(|e| e.error.clone()),
        ..Component::default()
    };
    match &s.specific_stats {
        Some(SpecificAggregateStats::Spout(s)) => c.complete_ms = s.complete_latency_ms,
        Some(SpecificAggregateStats::Bolt(b)) => {
            (c.executed, c.capacity) = (b.executed, b.capacity);
            (c.execute_ms, c.process_ms) = (b.execute_latency_ms, b.process_latency_ms);
        }
        None => {}
    }
    c
}

pub fn topology(page: &TopologyPageInfo, structure: Option<&StormTopology>, executors: &[ExecutorSummary]) -> Topology {
    Topology {
        id: page.id.clone(),
        name: page.name.clone().unwrap_or_default(),
        status: page.status.clone().unwrap_or_default(),
        owner: page.owner.clone().unwrap_or_default(),
        uptime_secs: page.uptime_secs.unwrap_or(0).into(),
        placed: page.sched_status.clone().unwrap_or_default(),
        version: page.storm_version.clone().unwrap_or_default(),
        windows: windows(page.topology_stats.as_ref()),
        components: each_component(page).map(|(id, s, spout)| component(id, spout, s)).collect(),
        edges: structure.map(|s| edges(s, executors)).unwrap_or_default(),
        workers: page.workers.iter().flatten().cloned().map(worker).collect(),
        errors: errors(page),
    }
}

/// The streams between components, with what their receivers have executed of them.
fn edges(topology: &StormTopology, executors: &[ExecutorSummary]) -> Vec<Edge> {
    let mut executed: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
    for e in executors {
        let Some(stats) = &e.stats else { continue };
        let ExecutorSpecificStats::Bolt(bolt) = &stats.specific else { continue };
        for (stream, n) in bolt.executed.get(ALL_TIME).into_iter().flatten() {
            *executed.entry((&stream.component_id, &stream.stream_id, &e.component_id)).or_default() += n;
        }
    }
    let mut edges = Vec::new();
    for (to, bolt) in &topology.bolts {
        for (stream, grouping) in &bolt.common.inputs {
            let known = executed.get(&(stream.component_id.as_str(), stream.stream_id.as_str(), to.as_str()));
            edges.push(Edge {
                from: stream.component_id.clone(),
                stream: stream.stream_id.clone(),
                to: to.clone(),
                grouping: grouping_name(grouping),
                executed: known.copied(),
            });
        }
    }
    edges
}

fn grouping_name(grouping: &Grouping) -> String {
    match grouping {
        Grouping::Fields(fields) if fields.is_empty() => "global".to_owned(),
        Grouping::Fields(fields) => format!("fields {}", fields.join(",")),
        Grouping::Shuffle(_) => "shuffle".to_owned(),
        Grouping::All(_) => "all".to_owned(),
        Grouping::None(_) => "none".to_owned(),
        Grouping::Direct(_) => "direct".to_owned(),
        Grouping::CustomObject(_) | Grouping::CustomSerialized(_) => "custom".to_owned(),
        Grouping::LocalOrShuffle(_) => "local or shuffle".to_owned(),
    }
}

pub fn worker(w: WorkerSummary) -> Worker {
    let sum = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
    };
    Worker {
        mem: sum(w.assigned_memonheap, w.assigned_memoffheap),
        host: w.host.unwrap_or_default(),
        port: w.port.unwrap_or(0).into(),
        supervisor: w.supervisor_id.unwrap_or_default(),
        topology: w.topology_name.unwrap_or_default(),
        topology_id: w.topology_id.unwrap_or_default(),
        executors: w.num_executors.unwrap_or(0).into(),
        uptime_secs: w.uptime_secs.unwrap_or(0).into(),
        components: w.component_to_num_tasks.unwrap_or_default(),
        cpu: w.assigned_cpu,
    }
}

pub fn component_page(page: ComponentPageInfo) -> ComponentPage {
    let spout = page.component_type == ComponentType::Spout;
    let (id, name) = (page.component_id.clone(), page.topology_name.clone().unwrap_or_default());
    let flow = |component: &str, stream: &str, s: &ComponentAggregateStats| {
        let c = component_of(s);
        Flow {
            component: component.to_owned(),
            stream: stream.to_owned(),
            emitted: c.emitted,
            executed: c.executed.unwrap_or(0),
            acked: c.acked,
            failed: c.failed,
            execute_ms: c.execute_ms,
        }
    };
    let inputs = page.gsid_to_input_stats.iter().flatten();
    let outputs = page.sid_to_output_stats.iter().flatten();
    let windows = page.window_to_stats.iter().flatten();
    ComponentPage {
        topology_id: page.topology_id.clone().unwrap_or_default(),
        spout,
        executors: page.num_executors.unwrap_or(0).into(),
        tasks: page.num_tasks.unwrap_or(0).into(),
        windows: windows.map(|(w, s)| (w.clone(), component(&id, spout, s))).collect(),
        inputs: inputs.map(|(g, s)| flow(&g.component_id, &g.stream_id, s)).collect(),
        outputs: outputs.map(|(stream, s)| flow("", stream, s)).collect(),
        running: page
            .exec_stats
            .iter()
            .flatten()
            .filter_map(|e| {
                let summary = e.exec_summary.as_ref()?;
                Some(Executor {
                    first_task: summary.executor_info.task_start,
                    last_task: summary.executor_info.task_end,
                    host: summary.host.clone(),
                    port: summary.port,
                    uptime_secs: summary.uptime_secs.into(),
                    stats: e.stats.as_ref().map(|s| component(&id, spout, s)).unwrap_or_default(),
                })
            })
            .collect(),
        errors: page.errors.iter().flatten().map(|e| component_error(&name, &id, e.clone())).collect(),
        topology: name,
        id,
    }
}

fn component_of(s: &ComponentAggregateStats) -> Component {
    component("", matches!(s.specific_stats, Some(SpecificAggregateStats::Spout(_))), s)
}
