//! The topology as numbers: streams, tasks, who sends to whom and how. Every worker computes the same plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use storm_thrift::types::Grouping;
use storm_topology::system::{ComponentKind, SYSTEM, SystemTopology, TICK_STREAM};
use storm_topology::{Fields, TupleSource};

use crate::error::EngineError;

/// Spout tasks that roots can tell apart; see [`crate::root`].
pub(crate) const MAX_SPOUT_TASKS: usize = 1 << 14;

/// How a stream is divided among the tasks of a component.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Division {
    /// Evenly, keeping to this worker while it keeps up.
    Shuffle,
    /// Evenly among the tasks of this worker if it has any.
    LocalOrShuffle,
    /// By the hash of these fields.
    Fields(Vec<usize>),
    /// To the less used of two tasks chosen by the hash of these fields.
    PartialKey(Vec<usize>),
    /// To all.
    All,
    /// To the lowest task id.
    Global,
    /// To the task the emitter names.
    Direct,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) component: usize,
    pub(crate) division: Division,
    /// The stream is part of a cycle of components.
    pub(crate) in_loop: bool,
}

#[derive(Debug)]
pub(crate) struct StreamPlan {
    pub(crate) component: usize,
    pub(crate) name: Arc<str>,
    pub(crate) fields: Fields,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Number of the stream's first task in the numbering of sources.
    first_source: usize,
}

#[derive(Debug)]
pub(crate) struct ComponentPlan {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ComponentKind,
    pub(crate) tasks: Vec<i32>,
    /// Numbers of its own streams, by name.
    pub(crate) streams: Vec<u32>,
    /// Numbers of the streams it takes, its tick stream included.
    pub(crate) inputs: Vec<u32>,
}

impl ComponentPlan {
    pub(crate) fn is_user(&self) -> bool {
        matches!(self.kind, ComponentKind::Spout | ComponentKind::Bolt)
    }
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) components: Vec<ComponentPlan>,
    pub(crate) streams: Vec<StreamPlan>,
    /// Component of task n at n - 1.
    pub(crate) component_of: Vec<usize>,
    /// Tasks of spouts, ascending: a root's owner is a position in here.
    pub(crate) spout_tasks: Vec<i32>,
    /// The stream of tick tuples.
    pub(crate) tick_stream: u32,
    pub(crate) sources: usize,
}

impl Plan {
    pub(crate) fn new(topology: &SystemTopology) -> Result<Plan, EngineError> {
        let mut plan = Plan {
            components: Vec::new(),
            streams: Vec::new(),
            component_of: vec![0; topology.task_count()],
            spout_tasks: Vec::new(),
            tick_stream: 0,
            sources: 0,
        };
        let mut tick_stream = None;
        for (index, c) in topology.components().iter().enumerate() {
            let mut streams = Vec::new();
            for (name, stream) in &c.streams {
                if c.id == SYSTEM && name == TICK_STREAM {
                    tick_stream = Some(plan.streams.len() as u32);
                }
                streams.push(plan.streams.len() as u32);
                plan.add_stream(index, name, Fields::new(stream.fields.iter().cloned()), c.tasks.len());
            }
            for task in &c.tasks {
                plan.component_of[*task as usize - 1] = index;
            }
            if c.kind == ComponentKind::Spout {
                plan.spout_tasks.extend(&c.tasks);
            }
            plan.components.push(ComponentPlan {
                name: c.id.as_str().into(),
                kind: c.kind,
                tasks: c.tasks.clone(),
                streams,
                inputs: Vec::new(),
            });
        }
        if plan.spout_tasks.len() > MAX_SPOUT_TASKS {
            return Err(EngineError::TooManySpouts { tasks: plan.spout_tasks.len(), limit: MAX_SPOUT_TASKS });
        }
        plan.tick_stream = match tick_stream {
            Some(s) => s,
            None => {
                let s = plan.streams.len() as u32;
                plan.add_stream(usize::MAX, TICK_STREAM, Fields::from(["rate_secs"]), 0);
                s
            }
        };
        plan.subscribe(topology)?;
        plan.mark_loops();
        Ok(plan)
    }

    fn add_stream(&mut self, component: usize, name: &str, fields: Fields, tasks: usize) {
        let first_source = self.sources;
        // At least one, for the tick stream, whose task -1 is not counted.
        self.sources += tasks.max(1);
        self.streams.push(StreamPlan { component, name: name.into(), fields, subscriptions: Vec::new(), first_source });
    }

    fn subscribe(&mut self, topology: &SystemTopology) -> Result<(), EngineError> {
        let by_name: BTreeMap<(Arc<str>, Arc<str>), u32> = self
            .streams
            .iter()
            .enumerate()
            .filter_map(|(i, s)| Some(((self.components.get(s.component)?.name.clone(), s.name.clone()), i as u32)))
            .collect();
        for (index, c) in topology.components().iter().enumerate() {
            if !self.components[index].is_user() {
                continue;
            }
            for (input, grouping) in &c.inputs {
                let key = (input.component_id.as_str().into(), input.stream_id.as_str().into());
                // The topology was validated: an input without a stream cannot be.
                let Some(&stream) = by_name.get(&key) else { continue };
                let fields = self.streams[stream as usize].fields.clone();
                let division = division(grouping, &fields).map_err(|trouble| match trouble {
                    Trouble::Custom(what) => EngineError::UnsupportedGrouping {
                        component: c.id.clone(),
                        source_component: input.component_id.clone(),
                        stream: input.stream_id.clone(),
                        what,
                    },
                    Trouble::NoField(field) => EngineError::UnknownField {
                        component: c.id.clone(),
                        source_component: input.component_id.clone(),
                        stream: input.stream_id.clone(),
                        field,
                    },
                })?;
                let subscription = Subscription { component: index, division, in_loop: false };
                self.streams[stream as usize].subscriptions.push(subscription);
                self.components[index].inputs.push(stream);
            }
            let tick = self.tick_stream;
            self.components[index].inputs.push(tick);
        }
        Ok(())
    }

    /// A stream is in a loop when its emitter can be reached from its subscriber.
    fn mark_loops(&mut self) {
        let n = self.components.len();
        let mut next = vec![Vec::new(); n];
        for s in &self.streams {
            for sub in &s.subscriptions {
                next[s.component].push(sub.component);
            }
        }
        let reach: Vec<Vec<bool>> = (0..n).map(|from| reachable(from, &next)).collect();
        for s in &mut self.streams {
            for sub in &mut s.subscriptions {
                sub.in_loop = reach[sub.component][s.component];
            }
        }
    }

    pub(crate) fn component(&self, task: i32) -> &ComponentPlan {
        &self.components[self.component_of[task as usize - 1]]
    }

    /// A dense number for (stream, emitting task).
    pub(crate) fn source_number(&self, stream: u32, task: i32) -> Option<usize> {
        let plan = self.streams.get(stream as usize)?;
        let first = self.components.get(plan.component).and_then(|c| c.tasks.first());
        match first {
            Some(first) if task >= *first => {
                let offset = (task - first) as usize;
                (offset < self.components[plan.component].tasks.len()).then_some(plan.first_source + offset)
            }
            _ if task == -1 && stream == self.tick_stream => Some(plan.first_source),
            _ => None,
        }
    }

    pub(crate) fn source(&self, stream: u32, task: i32) -> TupleSource {
        let plan = &self.streams[stream as usize];
        TupleSource {
            component: self.components.get(plan.component).map_or_else(|| SYSTEM.into(), |c| c.name.clone()),
            stream: plan.name.clone(),
            task,
            fields: plan.fields.clone(),
            key: stream,
        }
    }
}

fn reachable(from: usize, next: &[Vec<usize>]) -> Vec<bool> {
    let mut seen = vec![false; next.len()];
    let mut todo = vec![from];
    while let Some(at) = todo.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            todo.extend(&next[at]);
        }
    }
    seen
}

enum Trouble {
    Custom(String),
    NoField(String),
}

const PARTIAL_KEY: &str = "org.apache.storm.grouping.PartialKeyGrouping";

fn division(grouping: &Grouping, fields: &Fields) -> Result<Division, Trouble> {
    let positions = |names: &[String]| -> Result<Vec<usize>, Trouble> {
        names.iter().map(|n| fields.index_of(n).ok_or_else(|| Trouble::NoField(n.clone()))).collect()
    };
    Ok(match grouping {
        // Thrift's convention: a fields grouping without fields is a global grouping.
        Grouping::Fields(names) if names.is_empty() => Division::Global,
        Grouping::Fields(names) => Division::Fields(positions(names)?),
        Grouping::Shuffle(_) | Grouping::None(_) => Division::Shuffle,
        Grouping::LocalOrShuffle(_) => Division::LocalOrShuffle,
        Grouping::All(_) => Division::All,
        Grouping::Direct(_) => Division::Direct,
        Grouping::CustomSerialized(bytes) => match java_partial_key(bytes) {
            Some(names) => Division::PartialKey(positions(&names)?),
            None => return Err(Trouble::Custom("a serialized Java object".to_owned())),
        },
        Grouping::CustomObject(object) => return Err(Trouble::Custom(object.full_class_name.clone())),
    })
}

/// The field names inside a Java-serialized `PartialKeyGrouping`.
///
/// Not a reader of Java's format: it looks for the class name, and then for the first list's elements, each a string record
/// (`t`, two bytes of length, the text) after the list's block of data (`w`, 4, the capacity).
fn java_partial_key(bytes: &[u8]) -> Option<Vec<String>> {
    find(bytes, PARTIAL_KEY.as_bytes())?;
    let list = find(bytes, b"java.util.ArrayList").or_else(|| find(bytes, b"java.util.Arrays$ArrayList"))?;
    let block = list + find(&bytes[list..], &[b'w', 4])?;
    let mut at = block + 6;
    let mut names = Vec::new();
    while let Some([b't', high, low]) = bytes.get(at..at + 3) {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let text = bytes.get(at + 3..at + 3 + len)?;
        names.push(String::from_utf8(text.to_vec()).ok()?);
        at += 3 + len;
    }
    (!names.is_empty()).then_some(names)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
