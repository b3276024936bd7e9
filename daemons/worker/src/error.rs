//! Why a worker could not become one, and how a worker ends.

use std::io;
use std::path::PathBuf;

use storm_engine::EngineError;
use storm_thrift::local_state::LocalStateError;
use storm_topology::system::InvalidTopology;
use storm_zk::ZkError;

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("{0}; usage: worker TOPOLOGY-ID SUPERVISOR-ID SUPERVISOR-PORT PORT WORKER-ID, as a supervisor starts it")]
    Usage(String),
    #[error("the worker's configuration {place}: {problem}")]
    Conf { place: String, problem: String },
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is not what Nimbus stored: {problem}; the supervisor fetches it again when it is deleted")]
    TopologyFile { path: PathBuf, problem: String },
    #[error(transparent)]
    Topology(#[from] InvalidTopology),
    #[error("port {port} of this worker cannot be used: {source}; see who has it with `ss -ltnp`")]
    Port { port: u16, source: io::Error },
    #[error("nobody can say what this worker shall run: {supervisor}; {zookeeper}")]
    NoAssignment { supervisor: String, zookeeper: String },
    #[error(transparent)]
    Zk(#[from] ZkError),
    #[error(transparent)]
    LocalState(#[from] LocalStateError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl WorkerError {
    /// A short stable word for programs to match on.
    pub fn code(&self) -> &'static str {
        match self {
            WorkerError::Usage(_) => "worker-usage",
            WorkerError::Conf { .. } => "worker-conf",
            WorkerError::Io { .. } => "worker-io",
            WorkerError::TopologyFile { .. } => "worker-topology-file",
            WorkerError::Topology(_) => "worker-topology",
            WorkerError::Port { .. } => "worker-port",
            WorkerError::NoAssignment { .. } => "worker-no-assignment",
            WorkerError::Zk(e) => e.code(),
            WorkerError::LocalState(e) => e.code(),
            WorkerError::Engine(e) => e.code(),
        }
    }

    /// Storm's status of a worker that fails outside its executors.
    pub fn exit_code(&self) -> u8 {
        match self {
            WorkerError::Usage(_) => 2,
            _ => 20,
        }
    }
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to.
    Stopped,
    /// It is not, or not quite, assigned to this slot any more; or a component died.
    Died,
    /// A multilang child died.
    ChildDied,
    /// It did not stop in the time that a supervisor gives.
    Stuck,
}

impl Exit {
    /// The status that Storm's worker ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Stopped => 0,
            Exit::Died => 1,
            Exit::ChildDied => 11,
            Exit::Stuck => 20,
        }
    }
}
