//! The pages of a topology, of a component and of a supervisor.

use std::collections::BTreeMap;

use storm_scheduler::{Request, component_request};
use storm_thrift::ServiceError;
use storm_thrift::types::{
    ComponentAggregateStats, ComponentPageInfo, ComponentType, DebugOptions, ExecutorAggregateStats, ExecutorSummary,
    NumErrorsChoice, StormBase, SupervisorPageInfo, TopologyPageInfo,
};
use storm_topology::system::{ComponentKind, SystemComponent};

use super::aggregate::{self, Reported, WINDOWS};
use super::summaries::{num_workers, supervisor_summary};
use super::workers::{Placed, Topology, placed, summaries};
use crate::nimbus::{Nimbus, blocking, not_alive, zk_failed};
use crate::topologies::transitions::status_name;

impl Nimbus {
    pub(crate) async fn topology_page(
        &self,
        id: &str,
        window: &str,
        sys: bool,
    ) -> Result<TopologyPageInfo, ServiceError> {
        let view = self.read_view().await;
        let base = view.bases.get(id).ok_or_else(|| not_alive(id))?;
        let facts = self.facts(id).await;
        let mut page = TopologyPageInfo {
            id: id.to_owned(),
            name: Some(base.name.clone()),
            uptime_secs: Some(self.uptime(base)),
            status: Some(status_name(base.status).to_owned()),
            num_tasks: Some(0),
            num_workers: Some(0),
            num_executors: Some(0),
            id_to_spout_agg_stats: Some(BTreeMap::new()),
            id_to_bolt_agg_stats: Some(BTreeMap::new()),
            sched_status: self.sched_status(id, &facts),
            topology_stats: Some(aggregate::topology(&[], sys)),
            owner: base.owner.clone(),
            debug_options: debug_options(base, id),
            replication_count: Some(self.replication(id).await),
            workers: Some(Vec::new()),
            topology_version: base.topology_version.clone(),
            ..TopologyPageInfo::default()
        };
        let Some(facts) = facts.known() else { return Ok(page) };
        page.storm_version = facts.storm_version.clone();
        page.num_tasks = i32::try_from(facts.num_tasks).ok();
        let stored = self.stored(id).await?;
        let (stored, system) = blocking(move || {
            let system = stored.system().map_err(ServiceError::internal)?;
            Ok((stored, system))
        })
        .await?;
        let beats = self.beats(id).await?;
        let none = Default::default();
        let assignment = view.assignments.get(id).map_or(&none, |a| &**a);
        let all = placed(assignment, facts, &beats);
        page.num_workers = i32::try_from(num_workers(assignment)).ok();
        page.num_executors = i32::try_from(assignment.executor_node_port.len()).ok();
        let shown = |component: &str| sys || !component.starts_with("__");
        let stats: Vec<_> = all.iter().filter(|p| shown(p.component)).filter_map(Placed::stats).collect();
        page.topology_stats = Some(aggregate::topology(&stats, sys));
        for component in system.components().iter().filter(|c| shown(&c.id)) {
            let reported = reported(&all, &component.id);
            let request = component_request(&component.id, &stored.conf, &component.own_conf);
            let is_spout = component.kind == ComponentKind::Spout;
            let mut stats = aggregate::component(&reported, window, sys, is_spout, Some(resources_map(&request)));
            if reported.is_empty() {
                planned(&mut stats, component, base);
            }
            if self.connected() {
                stats.last_error = self.cluster.last_error(id, &component.id).await.map_err(zk_failed)?;
            }
            let pages = if is_spout { &mut page.id_to_spout_agg_stats } else { &mut page.id_to_bolt_agg_stats };
            pages.get_or_insert_default().insert(component.id.clone(), stats);
        }
        let topology = Topology { id, name: &base.name, owner: base.owner.as_deref() };
        page.workers = Some(summaries(&topology, assignment, &all, sys, None));
        let mut conf = self.conf.map().clone();
        conf.extend(stored.conf);
        page.topology_conf = Some(serde_json::Value::Object(conf).to_string());
        Ok(page)
    }

    pub(crate) async fn component_page(
        &self,
        id: &str,
        component_id: &str,
        window: &str,
        sys: bool,
    ) -> Result<ComponentPageInfo, ServiceError> {
        let view = self.read_view().await;
        let base = view.bases.get(id).ok_or_else(|| not_alive(id))?;
        let facts = self.facts(id).await;
        let facts =
            facts.known().ok_or_else(|| ServiceError::internal(self.sched_status(id, &facts).unwrap_or_default()))?;
        let stored = self.stored(id).await?;
        let (stored, system) = blocking(move || {
            let system = stored.system().map_err(ServiceError::internal)?;
            Ok((stored, system))
        })
        .await?;
        let component = system
            .component(component_id)
            .ok_or_else(|| ServiceError::internal(format!("topology {} has no component {component_id}", base.name)))?;
        let beats = self.beats(id).await?;
        let none = Default::default();
        let assignment = view.assignments.get(id).map_or(&none, |a| &**a);
        let all = placed(assignment, facts, &beats);
        let reported = reported(&all, component_id);
        let is_spout = component.kind == ComponentKind::Spout;
        let request = component_request(component_id, &stored.conf, &component.own_conf);
        let of_window = |w: &str| aggregate::component(&reported, w, sys, is_spout, None);
        let event_logger = event_logger_of(component_id, system.component("__eventlogger"), &all);
        let errors =
            if self.connected() { self.cluster.errors(id, component_id).await.map_err(zk_failed)? } else { Vec::new() };
        let executor = |p: &Placed<'_>| {
            let one = Reported { tasks: p.tasks(), uptime_secs: p.uptime_secs(), stats: p.stats() };
            let summary = ExecutorSummary {
                executor_info: p.info(),
                component_id: component_id.to_owned(),
                host: p.host.to_owned(),
                port: i32::try_from(p.port).unwrap_or(0),
                uptime_secs: p.uptime_secs(),
                stats: None,
            };
            let stats = aggregate::component(&[one], window, sys, is_spout, None);
            ExecutorAggregateStats { exec_summary: Some(summary), stats: Some(stats) }
        };
        Ok(ComponentPageInfo {
            component_id: component_id.to_owned(),
            component_type: if is_spout { ComponentType::Spout } else { ComponentType::Bolt },
            topology_id: Some(id.to_owned()),
            topology_name: Some(base.name.clone()),
            num_executors: i32::try_from(reported.len()).ok(),
            num_tasks: i32::try_from(component.tasks.len()).ok(),
            window_to_stats: Some(WINDOWS.iter().map(|w| ((*w).to_owned(), of_window(w))).collect()),
            gsid_to_input_stats: Some(aggregate::inputs(&reported, window)),
            sid_to_output_stats: Some(aggregate::outputs(&reported, window, sys, is_spout)),
            exec_stats: Some(all.iter().filter(|p| p.component == component_id).map(executor).collect()),
            errors: Some(errors),
            eventlog_host: event_logger.as_ref().map(|(host, _)| host.clone()),
            eventlog_port: event_logger.map(|(_, port)| port),
            debug_options: debug_options(base, component_id),
            topology_status: Some(status_name(base.status).to_owned()),
            resources_map: Some(resources_map(&request)),
        })
    }

    /// Supervisors by id, or by host, or all, with their workers.
    pub(crate) async fn supervisor_page(
        &self,
        id: Option<&str>,
        host: Option<&str>,
        sys: bool,
    ) -> Result<SupervisorPageInfo, ServiceError> {
        let view = self.read_view().await;
        let (id, host) = (id.filter(|s| !s.is_empty()), host.filter(|s| !s.is_empty()));
        let wanted = view.supervisors.iter().filter(|(supervisor, info)| {
            id.is_none_or(|id| id == supervisor.as_str()) && (id.is_some() || host.is_none_or(|h| h == info.hostname))
        });
        let (mut supervisors, mut workers) = (Vec::new(), Vec::new());
        for (supervisor, info) in wanted {
            supervisors.push(supervisor_summary(&view, supervisor, info));
            for (topology_id, assignment) in &view.assignments {
                if !assignment.node_host.contains_key(supervisor) {
                    continue;
                }
                let facts = self.facts(topology_id).await;
                let (Some(base), Some(facts)) = (view.bases.get(topology_id), facts.known()) else { continue };
                let beats = self.beats(topology_id).await?;
                let all = placed(assignment, facts, &beats);
                let topology = Topology { id: topology_id, name: &base.name, owner: base.owner.as_deref() };
                workers.extend(summaries(&topology, assignment, &all, sys, Some(supervisor)));
            }
        }
        Ok(SupervisorPageInfo { supervisor_summaries: Some(supervisors), worker_summaries: Some(workers) })
    }

    pub(crate) async fn topology_info_with(
        &self,
        id: &str,
        choice: Option<NumErrorsChoice>,
    ) -> Result<storm_thrift::types::TopologyInfo, ServiceError> {
        self.topology_info(id, choice.unwrap_or(NumErrorsChoice::All)).await
    }
}

fn reported<'a>(all: &'a [Placed<'a>], component: &str) -> Vec<Reported<'a>> {
    let of = all.iter().filter(|p| p.component == component);
    of.map(|p| Reported { tasks: p.tasks(), uptime_secs: p.uptime_secs(), stats: p.stats() }).collect()
}

/// A component that runs nowhere yet is shown with what it will have.
fn planned(stats: &mut ComponentAggregateStats, component: &SystemComponent, base: &StormBase) {
    let common = stats.common_stats.get_or_insert_default();
    let tasks = i32::try_from(component.tasks.len()).unwrap_or(i32::MAX);
    let executors = base.component_executors.as_ref().and_then(|c| c.get(&component.id)).copied();
    common.num_tasks = Some(tasks);
    common.num_executors = Some(executors.unwrap_or(component.start_executors).min(tasks));
}

fn resources_map(request: &Request) -> BTreeMap<String, f64> {
    let mut map = request.generic.clone();
    map.insert("cpu.pcore.percent".to_owned(), request.cpu);
    map.insert("onheap.memory.mb".to_owned(), request.on_heap_mb);
    map.insert("offheap.memory.mb".to_owned(), request.off_heap_mb);
    map
}

fn debug_options(base: &StormBase, key: &str) -> Option<DebugOptions> {
    base.component_debug.as_ref().and_then(|d| d.get(key)).cloned()
}

/// Where the events of a component are logged: the event logger's task that a fields grouping on its id picks.
fn event_logger_of(component: &str, logger: Option<&SystemComponent>, all: &[Placed<'_>]) -> Option<(String, i32)> {
    let tasks = &logger?.tasks;
    // Java's `Arrays.deepHashCode` of the one selected value.
    let hash = 31i32.wrapping_add(crate::blobs::java_hash(component));
    let index = usize::try_from(i64::from(hash).rem_euclid(i64::try_from(tasks.len()).ok()?.max(1))).ok()?;
    let task = *tasks.get(index)?;
    let at = all.iter().find(|p| (p.executor.start..=p.executor.end).contains(&task))?;
    Some((at.host.to_owned(), i32::try_from(at.port).ok()?))
}
