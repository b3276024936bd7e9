//! The derived topology, ready to be asked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use storm_thrift::types::{ComponentCommon, ComponentObject, ExecutorInfo, GlobalStreamId, Grouping, StormTopology};

use super::component_conf::{component_conf, merged_component_conf};
use super::derive::add_system_parts;
use super::error::{InvalidTopology, TopologyProblem};
use super::names::*;
use super::normalise::task_count;
use super::tasks::executors_of;
use super::validate::{MAX_TASKS, validate_basic, validate_structure};

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentKind {
    /// A spout of the user's.
    Spout,
    /// A bolt of the user's.
    Bolt,
    /// `__acker`.
    Acker,
    /// `__eventlogger`.
    EventLogger,
    /// `__metrics_<class>`.
    MetricsConsumer,
    /// `__system`: one task, [`SYSTEM_TASK`], in every worker.
    System,
}

impl ComponentKind {
    /// Added by Storm, not by the user.
    pub fn is_system(self) -> bool {
        !matches!(self, ComponentKind::Spout | ComponentKind::Bolt)
    }
}

/// A stream that a component declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The names of its fields.
    pub fields: Vec<String>,
    /// The emitter names the task.
    pub direct: bool,
}

/// A component with everything known about it.
#[derive(Debug, Clone)]
pub struct SystemComponent {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: ComponentKind,
    /// Its program.
    pub object: ComponentObject,
    /// Its output streams, Storm's own included.
    pub streams: BTreeMap<String, Stream>,
    /// Its input streams, Storm's own included.
    pub inputs: BTreeMap<GlobalStreamId, Grouping>,
    /// The executors it starts with (the parallelism hint).
    pub start_executors: i32,
    /// Its own configuration.
    pub own_conf: Map<String, Value>,
    /// What its tasks see: see [`merged_component_conf`].
    pub conf: Map<String, Value>,
    /// Its tasks, ascending.
    pub tasks: Vec<i32>,
}

/// A user's topology with Storm's own components and streams, and all tasks numbered.
#[derive(Debug, Clone)]
pub struct SystemTopology {
    thrift: StormTopology,
    /// By id, in Java's order.
    components: Vec<SystemComponent>,
    /// `tasks[n - 1]` is the index into `components` of task n.
    tasks: Vec<usize>,
}

impl SystemTopology {
    /// Adds what Storm adds, checks the whole and numbers the tasks, as Nimbus and every worker do.
    ///
    /// A component without `topology.tasks` (which [`super::normalise`] sets) gets as many as that would give it.
    pub fn derive(user: &StormTopology, topology_conf: &Map<String, Value>) -> Result<SystemTopology, InvalidTopology> {
        let problems = validate_basic(user, topology_conf);
        if !problems.is_empty() {
            return Err(InvalidTopology { problems });
        }
        let thrift = add_system_parts(user, topology_conf)?;
        let problems = validate_structure(&thrift);
        if !problems.is_empty() {
            return Err(InvalidTopology { problems });
        }
        let (components, tasks) = number_tasks(collect(&thrift, topology_conf)?)?;
        Ok(SystemTopology { thrift, components, tasks })
    }

    /// As Nimbus' `getTopology` shows it.
    pub fn thrift(&self) -> &StormTopology {
        &self.thrift
    }

    /// By id, in Java's order.
    pub fn components(&self) -> &[SystemComponent] {
        &self.components
    }

    /// A component by its id.
    pub fn component(&self, id: &str) -> Option<&SystemComponent> {
        let at = self.components.binary_search_by(|c| java_order(&c.id, id)).ok()?;
        self.components.get(at)
    }

    /// Tasks are 1 to this number; [`SYSTEM_TASK`] is not counted.
    pub fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// The component of a task.
    pub fn component_of(&self, task: i32) -> Option<&SystemComponent> {
        if task == SYSTEM_TASK {
            return self.component(SYSTEM);
        }
        let index = usize::try_from(task).ok()?.checked_sub(1)?;
        self.components.get(*self.tasks.get(index)?)
    }

    /// Every task with its component's id, as a worker's context has it: with [`SYSTEM_TASK`].
    pub fn task_to_component(&self) -> BTreeMap<i32, String> {
        let numbered = self.components.iter().flat_map(|c| c.tasks.iter().map(|t| (*t, c.id.clone())));
        std::iter::once((SYSTEM_TASK, SYSTEM.to_owned())).chain(numbered).collect()
    }

    /// The executors that each component starts with: `StormBase.component_executors` of a new topology.
    pub fn start_executors(&self) -> BTreeMap<String, i32> {
        self.components.iter().map(|c| (c.id.clone(), c.start_executors)).collect()
    }

    /// The executors of each component, given how many it has; components that are not named have none.
    pub fn executors(&self, component_executors: &BTreeMap<String, i32>) -> BTreeMap<String, Vec<ExecutorInfo>> {
        let of = |c: &SystemComponent| {
            let count = *component_executors.get(&c.id)?;
            Some((c.id.clone(), executors_of(&c.tasks, count)))
        };
        self.components.iter().filter_map(of).collect()
    }

    /// Who takes a component's streams: stream, then subscriber, then grouping.
    pub fn targets(&self, component: &str) -> BTreeMap<String, BTreeMap<String, Grouping>> {
        let mut out: BTreeMap<String, BTreeMap<String, Grouping>> = BTreeMap::new();
        for c in &self.components {
            for (input, grouping) in &c.inputs {
                if input.component_id == component {
                    out.entry(input.stream_id.clone()).or_default().insert(c.id.clone(), grouping.clone());
                }
            }
        }
        out
    }
}

/// The components in Java's order, each with its number of tasks.
fn collect(thrift: &StormTopology, conf: &Map<String, Value>) -> Result<Vec<(SystemComponent, i64)>, InvalidTopology> {
    let mut out = Vec::new();
    let spouts = thrift.spouts.iter().map(|(id, s)| (id, ComponentKind::Spout, &s.spout_object, &s.common));
    let states = thrift.state_spouts.iter().map(|(id, s)| (id, ComponentKind::Spout, &s.state_spout_object, &s.common));
    let bolts = thrift.bolts.iter().map(|(id, b)| (id, kind_of_bolt(id), &b.bolt_object, &b.common));
    for (id, kind, object, common) in spouts.chain(states).chain(bolts) {
        out.push(component(id, kind, object, common, conf)?);
    }
    out.sort_by(|(a, _), (b, _)| java_order(&a.id, &b.id));
    Ok(out)
}

fn component(
    id: &str,
    kind: ComponentKind,
    object: &ComponentObject,
    common: &ComponentCommon,
    conf: &Map<String, Value>,
) -> Result<(SystemComponent, i64), TopologyProblem> {
    let own_conf = component_conf(id, common)?;
    let stream = |(name, info): (&String, &storm_thrift::types::StreamInfo)| {
        (name.clone(), Stream { fields: info.output_fields.clone(), direct: info.direct })
    };
    // Storm's own components come after the normalising, so the topology's limits do not touch them.
    let nothing = Map::new();
    let count = task_count(id, common, &own_conf, if kind.is_system() { &nothing } else { conf })?;
    let component = SystemComponent {
        id: id.to_owned(),
        kind,
        object: object.clone(),
        streams: common.streams.iter().map(stream).collect(),
        inputs: common.inputs.clone(),
        start_executors: common.parallelism_hint.unwrap_or(1),
        conf: merged_component_conf(conf, &own_conf),
        own_conf,
        tasks: Vec::new(),
    };
    Ok((component, count))
}

fn kind_of_bolt(id: &str) -> ComponentKind {
    match id {
        ACKER => ComponentKind::Acker,
        EVENT_LOGGER => ComponentKind::EventLogger,
        SYSTEM => ComponentKind::System,
        _ if id.starts_with(METRICS_PREFIX) => ComponentKind::MetricsConsumer,
        _ => ComponentKind::Bolt,
    }
}

fn number_tasks(counted: Vec<(SystemComponent, i64)>) -> Result<(Vec<SystemComponent>, Vec<usize>), TopologyProblem> {
    let total: i64 = counted.iter().map(|(_, n)| (*n).max(0)).sum();
    if total > MAX_TASKS {
        return Err(TopologyProblem::TooManyTasks { tasks: total, limit: MAX_TASKS });
    }
    let mut components = Vec::with_capacity(counted.len());
    let mut tasks = Vec::new();
    let mut ids = 1..;
    for (index, (mut component, count)) in counted.into_iter().enumerate() {
        component.tasks = ids.by_ref().take(usize::try_from(count).unwrap_or(0)).collect();
        tasks.extend(std::iter::repeat_n(index, component.tasks.len()));
        components.push(component);
    }
    Ok((components, tasks))
}
