//! The builder: components, their outputs, inputs and numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use storm_thrift::types::{
    Bolt as BoltSpec, ComponentCommon, ComponentObject, GlobalStreamId, Grouping, ShellComponent, SpoutSpec,
    StormTopology, StreamInfo,
};

use super::groupings;
use super::partial_key::partial_key_grouping;
use super::topology::{Make, Natives, Topology};
use crate::builtins::{BUILTIN_KEY, Builtin};
use crate::component::{Bolt, ComponentInstance, Spout};
use crate::system::{
    ComponentKind, DEFAULT_STREAM, InvalidTopology, SystemTopology, TopologyProblem, normalise, valid_topology_name,
};

/// Puts a topology together.
///
/// ```
/// use storm_topology::prelude::*;
/// # struct Numbers;
/// # impl Spout for Numbers {
/// #     fn next_tuple(&mut self, _: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> { Ok(Progress::Exhausted) }
/// # }
/// # struct Sum;
/// # impl Bolt for Sum {
/// #     fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> { Ok(()) }
/// # }
///
/// let mut builder = TopologyBuilder::new();
/// builder.conf("topology.workers", 2);
/// builder.set_spout("numbers", || Numbers).outputs(["n"]);
/// builder.set_bolt("sum", || Sum).parallelism(4).fields("numbers", ["n"]);
/// let topology = builder.build().unwrap();
/// assert_eq!(topology.thrift().bolts["sum"].common.parallelism_hint, Some(4));
/// ```
#[derive(Default)]
pub struct TopologyBuilder {
    name: Option<String>,
    conf: Map<String, Value>,
    spouts: BTreeMap<String, Part>,
    bolts: BTreeMap<String, Part>,
    natives: Natives,
    resource_dirs: Vec<String>,
    problems: Vec<TopologyProblem>,
}

struct Part {
    object: ComponentObject,
    common: ComponentCommon,
    own_conf: Map<String, Value>,
}

impl TopologyBuilder {
    /// An empty topology.
    pub fn new() -> TopologyBuilder {
        TopologyBuilder::default()
    }

    /// The name it is submitted under unless another is given.
    pub fn name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        if let Err(e) = valid_topology_name(&name) {
            self.problems.extend(e.problems);
        }
        self.name = Some(name);
        self
    }

    /// Sets a key of the topology's configuration, such as `topology.workers`.
    pub fn conf(&mut self, key: impl Into<String>, value: impl Into<Value>) -> &mut Self {
        self.conf.insert(key.into(), value.into());
        self
    }

    /// Files of this folder go into the topology jar: scripts of multilang components, data. Needed where the topology is
    /// submitted, not where it runs.
    pub fn resources(&mut self, folder: impl Into<std::path::PathBuf>) -> &mut Self {
        let folder = folder.into();
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        self.resource_dirs.push(folder.to_string_lossy().into_owned());
        self
    }

    /// Adds a spout. `make` is called once per task.
    pub fn set_spout<S, F>(&mut self, id: impl Into<String>, make: F) -> SpoutDeclarer<'_>
    where
        S: Spout + 'static,
        F: Fn() -> S + Send + Sync + 'static,
    {
        let id = id.into();
        self.add_native(&id, Arc::new(move || ComponentInstance::spout(make())));
        self.add_spout(id.clone(), native(&id))
    }

    /// Adds a bolt. `make` is called once per task.
    pub fn set_bolt<B, F>(&mut self, id: impl Into<String>, make: F) -> BoltDeclarer<'_>
    where
        B: Bolt + 'static,
        F: Fn() -> B + Send + Sync + 'static,
    {
        let id = id.into();
        self.add_native(&id, Arc::new(move || ComponentInstance::bolt(make())));
        self.add_bolt(id.clone(), native(&id))
    }

    /// Adds a spout in another language, run as `command script` in the resources folder and spoken to over its pipes.
    pub fn shell_spout(
        &mut self,
        id: impl Into<String>,
        command: impl Into<String>,
        script: impl Into<String>,
    ) -> SpoutDeclarer<'_> {
        self.add_spout(id.into(), shell(command, script))
    }

    /// Adds a bolt in another language, run as `command script` in the resources folder and spoken to over its pipes.
    pub fn shell_bolt(
        &mut self,
        id: impl Into<String>,
        command: impl Into<String>,
        script: impl Into<String>,
    ) -> BoltDeclarer<'_> {
        self.add_bolt(id.into(), shell(command, script))
    }

    /// Adds a spout that Storm in Rust brings along, with its outputs.
    pub fn builtin_spout(&mut self, id: impl Into<String>, builtin: &Builtin) -> SpoutDeclarer<'_> {
        let id = id.into();
        self.add_spout(id.clone(), native(&id)).builtin(builtin)
    }

    /// Adds a bolt that Storm in Rust brings along, with its outputs.
    pub fn builtin_bolt(&mut self, id: impl Into<String>, builtin: &Builtin) -> BoltDeclarer<'_> {
        let id = id.into();
        self.add_bolt(id.clone(), native(&id)).builtin(builtin)
    }

    /// The topology, if nothing is wrong with it.
    pub fn build(self) -> Result<Topology, InvalidTopology> {
        let mut thrift = StormTopology::default();
        for (id, part) in self.spouts {
            let (spout_object, common) = part.finish();
            thrift.spouts.insert(id, SpoutSpec { spout_object, common });
        }
        for (id, part) in self.bolts {
            let (bolt_object, common) = part.finish();
            thrift.bolts.insert(id, BoltSpec { bolt_object, common });
        }
        let mut problems = self.problems;
        if thrift.spouts.is_empty() {
            problems.push(TopologyProblem::NoSpout { bolts: thrift.bolts.len() });
        }
        if let Err(e) = normalise(&thrift, &self.conf).and_then(|t| SystemTopology::derive(&t, &self.conf)) {
            problems.extend(e.problems);
        }
        if !problems.is_empty() {
            return Err(InvalidTopology { problems });
        }
        Ok(Topology::new(self.name, self.conf, thrift, self.natives, self.resource_dirs))
    }

    fn add_native(&mut self, id: &str, make: Make) {
        self.natives.insert(id, make);
    }

    pub(crate) fn add_spout(&mut self, id: String, object: ComponentObject) -> SpoutDeclarer<'_> {
        self.add(id, object, ComponentKind::Spout)
    }

    pub(crate) fn add_bolt(&mut self, id: String, object: ComponentObject) -> BoltDeclarer<'_> {
        self.add(id, object, ComponentKind::Bolt)
    }

    fn add<K>(&mut self, id: String, object: ComponentObject, kind: ComponentKind) -> Declarer<'_, K> {
        if self.spouts.contains_key(&id) || self.bolts.contains_key(&id) {
            self.problems.push(TopologyProblem::DuplicateComponent { id: id.clone() });
        }
        let part = Part {
            object,
            common: ComponentCommon { parallelism_hint: Some(1), ..ComponentCommon::default() },
            own_conf: Map::new(),
        };
        let parts = if kind == ComponentKind::Spout { &mut self.spouts } else { &mut self.bolts };
        let part = parts.entry(id).insert_entry(part).into_mut();
        Declarer { part, kind: std::marker::PhantomData }
    }
}

impl Part {
    fn finish(mut self) -> (ComponentObject, ComponentCommon) {
        if !self.own_conf.is_empty() {
            self.common.json_conf = Some(Value::Object(self.own_conf).to_string());
        }
        (self.object, self.common)
    }
}

/// A component of this program: on Apache Storm its script starts the program as a multilang child.
fn native(id: &str) -> ComponentObject {
    shell("sh", format!("{id}.sh"))
}

fn shell(command: impl Into<String>, script: impl Into<String>) -> ComponentObject {
    ComponentObject::Shell(ShellComponent { execution_command: Some(command.into()), script: Some(script.into()) })
}

/// Marks a [`Declarer`] of a spout.
pub enum OfSpout {}
/// Marks a [`Declarer`] of a bolt, which has inputs.
pub enum OfBolt {}

/// A spout being described.
pub type SpoutDeclarer<'a> = Declarer<'a, OfSpout>;
/// A bolt being described.
pub type BoltDeclarer<'a> = Declarer<'a, OfBolt>;

/// A component being described. Everything has a default: one executor, as many tasks, no outputs.
pub struct Declarer<'a, K> {
    part: &'a mut Part,
    kind: std::marker::PhantomData<K>,
}

impl<K> Declarer<'_, K> {
    /// The executors it starts with; also the tasks, unless [`Declarer::tasks`] says otherwise.
    pub fn parallelism(self, executors: i32) -> Self {
        self.part.common.parallelism_hint = Some(executors);
        self
    }

    /// The tasks, which never change while the topology lives; executors may, up to this number.
    pub fn tasks(self, tasks: i32) -> Self {
        self.conf("topology.tasks", tasks)
    }

    /// Sets a key of the component's own configuration.
    pub fn conf(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.part.own_conf.insert(key.into(), value.into());
        self
    }

    /// The fields of its default stream.
    pub fn outputs<S: Into<String>>(self, fields: impl IntoIterator<Item = S>) -> Self {
        self.stream(DEFAULT_STREAM, fields)
    }

    /// Another stream with its fields.
    pub fn stream<S: Into<String>>(self, id: impl Into<String>, fields: impl IntoIterator<Item = S>) -> Self {
        self.add_stream(id.into(), fields, false)
    }

    /// A stream whose tuples are emitted to a task that the component names.
    pub fn direct_stream<S: Into<String>>(self, id: impl Into<String>, fields: impl IntoIterator<Item = S>) -> Self {
        self.add_stream(id.into(), fields, true)
    }

    fn add_stream<S: Into<String>>(self, id: String, fields: impl IntoIterator<Item = S>, direct: bool) -> Self {
        let output_fields = fields.into_iter().map(Into::into).collect();
        self.part.common.streams.insert(id, StreamInfo { output_fields, direct });
        self
    }

    fn builtin(self, builtin: &Builtin) -> Self {
        let declared = self.conf(BUILTIN_KEY, builtin.to_json());
        match builtin.outputs() {
            [] => declared,
            fields => declared.outputs(fields.iter().copied()),
        }
    }
}

macro_rules! groupings {
    ($($(#[$doc:meta])* $name:ident, $on:ident => $make:expr;)*) => {
        impl BoltDeclarer<'_> {$(
            $(#[$doc])*
            pub fn $name(self, source: impl Into<String>) -> Self {
                self.grouping(source, DEFAULT_STREAM, $make)
            }

            #[doc = concat!("As [`Declarer::", stringify!($name), "`], of another stream than the default one.")]
            pub fn $on(self, source: impl Into<String>, stream: impl Into<String>) -> Self {
                self.grouping(source, stream, $make)
            }
        )*}
    };
}

groupings! {
    /// Tuples go to the bolt's tasks evenly.
    shuffle, shuffle_on => groupings::shuffle();
    /// Each tuple goes to every task.
    all, all_on => groupings::all();
    /// All tuples go to the task with the lowest id.
    global, global_on => groupings::global();
    /// It does not matter where tuples go.
    none, none_on => groupings::none();
    /// The source names the task.
    direct, direct_on => groupings::direct();
    /// Evenly among the tasks in the source's own worker, if there are any, else among all.
    local_or_shuffle, local_or_shuffle_on => groupings::local_or_shuffle();
}

impl BoltDeclarer<'_> {
    /// Tuples with equal values in these fields go to the same task.
    pub fn fields<S: Into<String>>(self, source: impl Into<String>, fields: impl IntoIterator<Item = S>) -> Self {
        self.fields_on(source, DEFAULT_STREAM, fields)
    }

    /// As [`Declarer::fields`], of another stream than the default one.
    pub fn fields_on<S: Into<String>>(
        self,
        source: impl Into<String>,
        stream: impl Into<String>,
        fields: impl IntoIterator<Item = S>,
    ) -> Self {
        self.grouping(source, stream, Grouping::Fields(fields.into_iter().map(Into::into).collect()))
    }

    /// Tuples with equal values in these fields go to one of two tasks, the less busy one.
    pub fn partial_key<S: Into<String>>(self, source: impl Into<String>, fields: impl IntoIterator<Item = S>) -> Self {
        self.partial_key_on(source, DEFAULT_STREAM, fields)
    }

    /// As [`Declarer::partial_key`], of another stream than the default one.
    pub fn partial_key_on<S: Into<String>>(
        self,
        source: impl Into<String>,
        stream: impl Into<String>,
        fields: impl IntoIterator<Item = S>,
    ) -> Self {
        let fields: Vec<String> = fields.into_iter().map(Into::into).collect();
        self.grouping(source, stream, partial_key_grouping(&fields))
    }

    /// Any grouping.
    pub fn grouping(self, source: impl Into<String>, stream: impl Into<String>, grouping: Grouping) -> Self {
        let input = GlobalStreamId { component_id: source.into(), stream_id: stream.into() };
        self.part.common.inputs.insert(input, grouping);
        self
    }
}
