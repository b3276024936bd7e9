//! What tasks are told about themselves and the topology.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use storm_thrift::types::GlobalStreamId;
use storm_topology::system::SystemComponent;
use storm_topology::{Fields, InputStream, OutputStream, TaskContext, Waker};

use crate::shared::SharedRef;
use crate::spec::EngineSpec;

struct OfComponent {
    conf: Arc<Map<String, Value>>,
    tasks: Arc<[i32]>,
    outputs: Arc<BTreeMap<String, OutputStream>>,
    inputs: Arc<BTreeMap<GlobalStreamId, InputStream>>,
}

/// The parts that tasks share, made once.
pub(crate) struct Contexts {
    components: BTreeMap<String, OfComponent>,
    task_to_component: Arc<BTreeMap<i32, String>>,
}

impl Contexts {
    pub(crate) fn new(spec: &EngineSpec) -> Contexts {
        let topology = &spec.topology;
        let of = |c: &SystemComponent| {
            let mut targets = topology.targets(&c.id);
            let outputs = c.streams.iter().map(|(name, s)| {
                let targets = targets.remove(name).unwrap_or_default();
                let fields = Fields::new(s.fields.iter().cloned());
                (name.clone(), OutputStream { fields, direct: s.direct, targets })
            });
            let inputs = c.inputs.iter().filter_map(|(id, grouping)| {
                let stream = topology.component(&id.component_id)?.streams.get(&id.stream_id)?;
                let fields = Fields::new(stream.fields.iter().cloned());
                Some((id.clone(), InputStream { fields, grouping: grouping.clone() }))
            });
            OfComponent {
                conf: Arc::new(c.conf.clone()),
                tasks: c.tasks.as_slice().into(),
                outputs: Arc::new(outputs.collect()),
                inputs: Arc::new(inputs.collect()),
            }
        };
        Contexts {
            components: topology.components().iter().map(|c| (c.id.clone(), of(c))).collect(),
            task_to_component: Arc::new(topology.task_to_component()),
        }
    }

    pub(crate) fn of(&self, spec: &EngineSpec, shared: &SharedRef, task: i32) -> TaskContext {
        let component_id = self.task_to_component[&task].clone();
        let of = &self.components[&component_id];
        // Weak: a waker that a component hands to some thread of its own must not keep the engine alive.
        let engine = Arc::downgrade(shared);
        TaskContext {
            topology_id: spec.topology_id.clone(),
            task_id: task,
            task_index: of.tasks.iter().position(|t| *t == task).unwrap_or_default(),
            component_tasks: of.tasks.clone(),
            conf: of.conf.clone(),
            task_to_component: self.task_to_component.clone(),
            outputs: of.outputs.clone(),
            inputs: of.inputs.clone(),
            resources_dir: spec.resources_dir.clone(),
            pid_dir: spec.pid_dir.clone(),
            worker_port: spec.worker_port,
            waker: Waker::new(move || {
                if let Some(shared) = engine.upgrade() {
                    shared.wake_task(task);
                }
            }),
            component_id,
        }
    }
}
