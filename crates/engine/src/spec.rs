//! What an engine is started with, and how it is held.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_thrift::types::ExecutorInfo;
use storm_topology::ComponentFactory;
use storm_topology::system::SystemTopology;

/// What an engine is started with.
pub struct EngineSpec {
    /// The topology's id. Workers of other topologies are turned away at the port.
    pub topology_id: String,
    /// The topology, with tasks numbered.
    pub topology: SystemTopology,
    /// The worker's full configuration. (What components see is in `topology`.)
    pub conf: Map<String, Value>,
    /// The executors this worker runs. `[-1,-1]` may be among them and is ignored.
    pub executors: Vec<ExecutorInfo>,
    /// Makes the programs of the components.
    pub factory: Arc<dyn ComponentFactory>,
    /// Where the other tasks are: task to `host:port`.
    pub peers: BTreeMap<i32, String>,
    /// Where other workers connect to; `None` for a topology of one process.
    pub listener: Option<std::net::TcpListener>,
    /// Runs sockets and timers.
    pub runtime: tokio::runtime::Handle,
    /// How many data threads; 0 is one per core.
    pub data_threads: usize,
    /// Folder `resources` of the topology jar.
    pub resources_dir: PathBuf,
    /// Folder where child processes leave their pids.
    pub pid_dir: PathBuf,
    /// This worker's port, as components see it.
    pub worker_port: u16,
}

impl EngineSpec {
    /// A topology that runs entirely in this process: all executors as the topology starts with, no peers.
    ///
    /// Must be called on a tokio runtime, which then serves the engine's timers.
    pub fn in_process(
        topology_id: &str,
        topology: SystemTopology,
        conf: Map<String, Value>,
        factory: Arc<dyn ComponentFactory>,
    ) -> EngineSpec {
        let executors = topology.executors(&topology.start_executors()).into_values().flatten().collect();
        EngineSpec {
            topology_id: topology_id.to_owned(),
            topology,
            conf,
            executors,
            factory,
            peers: BTreeMap::new(),
            listener: None,
            runtime: tokio::runtime::Handle::current(),
            data_threads: 0,
            resources_dir: PathBuf::from("."),
            pid_dir: PathBuf::from("."),
            worker_port: 0,
        }
    }
}

/// Something that went wrong in a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentReport {
    /// The component.
    pub component: String,
    /// The task.
    pub task: i32,
    /// What happened.
    pub message: String,
}

impl fmt::Display for ComponentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "component `{}` (task {}): {}", self.component, self.task, self.message)
    }
}

/// The engine's own settings, read from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `topology.message.timeout.secs`; `None` when `topology.enable.message.timeouts` is false.
    pub(crate) message_timeout: Option<Duration>,
    /// Whether trees are tracked: `topology.acker.executors` is not 0.
    pub(crate) acking: bool,
    /// `topology.executor.receive.buffer.size`: what may wait for a task.
    pub(crate) receive_limit: i64,
    /// `topology.producer.batch.size` when it asks for more than Storm's default of 1 (1 is taken as "engine's choice").
    pub(crate) max_rows: usize,
    /// Whether shuffles keep to this worker while it keeps up.
    pub(crate) load_aware: bool,
}

/// Rows per batch at most.
const MAX_ROWS: usize = 256;

impl Settings {
    pub(crate) fn read(conf: &Map<String, Value>, topology: &SystemTopology) -> Settings {
        let int = |key: &str| conf.get(key).and_then(number);
        let bool = |key: &str, or: bool| conf.get(key).and_then(Value::as_bool).unwrap_or(or);
        let secs = int("topology.message.timeout.secs").unwrap_or(30).max(1);
        let ackers = topology.component(storm_topology::system::ACKER).map_or(0, |c| c.tasks.len());
        let rows = int("topology.producer.batch.size").filter(|n| *n > 1).unwrap_or(MAX_ROWS as i64);
        Settings {
            message_timeout: bool("topology.enable.message.timeouts", true).then(|| Duration::from_secs(secs as u64)),
            acking: ackers > 0,
            receive_limit: int("topology.executor.receive.buffer.size").unwrap_or(32768).clamp(64, 1 << 24),
            max_rows: rows.clamp(1, 4096) as usize,
            load_aware: !bool("topology.disable.loadaware.messaging", false),
        }
    }
}

/// A whole number, also when written as `30.0`.
pub(crate) fn number(v: &Value) -> Option<i64> {
    v.as_i64().or_else(|| v.as_f64().map(|f| f as i64))
}
