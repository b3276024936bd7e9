//! What a task knows about itself and the topology around it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use storm_thrift::types::{GlobalStreamId, Grouping};

use crate::tuple::Fields;

/// One of a component's output streams.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputStream {
    /// Its fields.
    pub fields: Fields,
    /// Whether the emitter names the task each tuple goes to.
    pub direct: bool,
    /// Who takes it, and how.
    pub targets: BTreeMap<String, Grouping>,
}

/// One of a component's input streams.
#[derive(Debug, Clone, PartialEq)]
pub struct InputStream {
    /// Its fields.
    pub fields: Fields,
    /// How it is divided among the component's tasks.
    pub grouping: Grouping,
}

/// What a task knows about itself and the topology around it; passed to [`Spout::open`](crate::Spout::open) and
/// [`Bolt::prepare`](crate::Bolt::prepare), which may clone it.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// The topology's id, `<name>-<n>-<epoch seconds>`.
    pub topology_id: String,
    /// The component's id.
    pub component_id: String,
    /// The task's id, unique in the topology.
    pub task_id: i32,
    /// The task's position among the component's tasks, from 0.
    pub task_index: usize,
    /// Ids of all the component's tasks, ascending.
    pub component_tasks: Arc<[i32]>,
    /// The full configuration: cluster, topology, and this component's own, merged.
    pub conf: Arc<serde_json::Map<String, serde_json::Value>>,
    /// Component of every task, system components included.
    pub task_to_component: Arc<BTreeMap<i32, String>>,
    /// The component's output streams by name, system streams included.
    pub outputs: Arc<BTreeMap<String, OutputStream>>,
    /// The component's inputs.
    pub inputs: Arc<BTreeMap<GlobalStreamId, InputStream>>,
    /// Folder `resources` of the topology jar.
    pub resources_dir: PathBuf,
    /// Folder where child processes leave their pids.
    pub pid_dir: PathBuf,
    /// Port of this worker.
    pub worker_port: u16,
    /// Wakes this task from any thread.
    pub waker: Waker,
}

impl TaskContext {
    /// A context that stands alone, for tests of components: task 1 of `component`, no streams, current folder.
    pub fn detached(component: &str) -> TaskContext {
        TaskContext {
            topology_id: "detached-1-0".into(),
            component_id: component.into(),
            task_id: 1,
            task_index: 0,
            component_tasks: Arc::new([1]),
            conf: Arc::default(),
            task_to_component: Arc::new(BTreeMap::from([(1, component.to_owned())])),
            outputs: Arc::default(),
            inputs: Arc::default(),
            resources_dir: PathBuf::from("."),
            pid_dir: PathBuf::from("."),
            worker_port: 0,
            waker: Waker::new(|| {}),
        }
    }

    /// The component of a task.
    pub fn component_of(&self, task: i32) -> Option<&str> {
        self.task_to_component.get(&task).map(String::as_str)
    }

    /// A value of the configuration; `null` counts as absent.
    pub fn conf(&self, key: &str) -> Option<&serde_json::Value> {
        self.conf.get(key).filter(|v| !v.is_null())
    }

    /// The handle that wakes this task.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

/// Wakes a task from any thread: its [`Bolt::wake`](crate::Bolt::wake) or [`Spout::wake`](crate::Spout::wake) is called soon on its
/// own thread. Several wakes before that count as one.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// A waker that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Waker {
        Waker(Arc::new(wake))
    }

    /// Wakes the task.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}
