//! A finished topology, and the factory that makes its components in a worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use storm_thrift::types::{ComponentObject, StormTopology};

use crate::TopologyDescription;
use crate::builtins::{BUILTIN_KEY, Builtin};
use crate::component::{ComponentError, ComponentFactory, ComponentInstance};
use crate::multilang::{ShellBolt, ShellCommand, ShellSpout};
use crate::system::{ComponentKind, SystemTopology};

pub(crate) type Make = Arc<dyn Fn() -> ComponentInstance + Send + Sync>;

/// The components that this program itself brings, by id.
#[derive(Clone, Default)]
pub struct Natives(BTreeMap<String, Make>);

impl Natives {
    pub(crate) fn insert(&mut self, id: &str, make: Make) {
        self.0.insert(id.to_owned(), make);
    }

    /// A fresh instance of a component, if it is one of this program's.
    pub fn create(&self, id: &str) -> Option<ComponentInstance> {
        self.0.get(id).map(|make| make())
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A topology that has been checked, with the components that are of this program.
#[derive(Clone)]
pub struct Topology {
    name: Option<String>,
    conf: Map<String, Value>,
    thrift: StormTopology,
    natives: Natives,
    resource_dirs: Vec<String>,
}

impl Topology {
    pub(crate) fn new(
        name: Option<String>,
        conf: Map<String, Value>,
        thrift: StormTopology,
        natives: Natives,
        resource_dirs: Vec<String>,
    ) -> Topology {
        Topology { name, conf, thrift, natives, resource_dirs }
    }

    /// The name its author gave it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its own configuration, without the cluster's.
    pub fn conf(&self) -> &Map<String, Value> {
        &self.conf
    }

    /// As it is submitted.
    pub fn thrift(&self) -> &StormTopology {
        &self.thrift
    }

    /// The components of this program.
    pub fn natives(&self) -> &Natives {
        &self.natives
    }

    /// What others need to know of it.
    pub fn describe(&self) -> TopologyDescription {
        TopologyDescription {
            name: self.name.clone(),
            conf: self.conf.clone(),
            topology: self.thrift.clone(),
            resource_dirs: self.resource_dirs.clone(),
            natives: self.natives.ids().map(str::to_owned).collect(),
        }
    }
}

impl From<TopologyDescription> for Topology {
    /// A topology without components of this program: built-in and multilang ones only.
    fn from(d: TopologyDescription) -> Topology {
        let natives = Natives::default();
        Topology { name: d.name, conf: d.conf, thrift: d.topology, natives, resource_dirs: d.resource_dirs }
    }
}

/// What makes the components of a topology in a worker: those of this program, the built-in ones, and children that speak
/// multilang for all others.
pub fn component_factory(system: &SystemTopology, natives: Natives) -> impl ComponentFactory + use<> {
    let plans: BTreeMap<String, Result<Plan, String>> = system
        .components()
        .iter()
        .filter(|c| !c.kind.is_system())
        .map(|c| (c.id.clone(), plan(c.kind, &c.object, c.own_conf.get(BUILTIN_KEY), &natives, &c.id)))
        .collect();
    move |component: &str, _task: i32| match plans.get(component) {
        Some(Ok(plan)) => plan.create(),
        Some(Err(why)) => Err(ComponentError::fatal(format!("component [{component}]: {why}"))),
        None => Err(ComponentError::fatal(format!("there is no component [{component}] in this topology"))),
    }
}

enum Plan {
    Native(Make),
    Builtin(Builtin),
    Shell(ComponentKind, ShellCommand),
}

fn plan(
    kind: ComponentKind,
    object: &ComponentObject,
    builtin: Option<&Value>,
    natives: &Natives,
    id: &str,
) -> Result<Plan, String> {
    if let Some(make) = natives.0.get(id) {
        return Ok(Plan::Native(make.clone()));
    }
    if let Some(spec) = builtin {
        return Builtin::from_json(spec).map(Plan::Builtin).map_err(|e| e.to_string());
    }
    let java = |class: &str| {
        format!(
            "{class} is a Java class; topologies with Java parts need Apache Storm's own worker (storm.home of a Storm 2.8)"
        )
    };
    match object {
        ComponentObject::Shell(shell) => Ok(Plan::Shell(kind, ShellCommand::of(shell))),
        ComponentObject::SerializedJava(_) => Err(java("a serialised object")),
        ComponentObject::JavaObject(o) => Err(java(&o.full_class_name)),
    }
}

impl Plan {
    fn create(&self) -> Result<ComponentInstance, ComponentError> {
        Ok(match self {
            Plan::Native(make) => make(),
            Plan::Builtin(builtin) => builtin.create(),
            Plan::Shell(ComponentKind::Spout, command) => ComponentInstance::spout(ShellSpout::new(command.clone())),
            Plan::Shell(_, command) => ComponentInstance::bolt(ShellBolt::new(command.clone())),
        })
    }
}
