//! What can go wrong between us and ZooKeeper.

use std::time::Duration;

use crate::delegate::ReadError;

#[derive(Debug, thiserror::Error)]
pub enum ZkError {
    /// The configuration names no ensemble that we could talk to.
    #[error("{key}: {problem}; {next}")]
    Config { key: String, problem: String, next: &'static str },

    /// No session with any server within the time that Storm's retry keys allow.
    #[error(
        "ZooKeeper at {servers} cannot be reached to {operation}: {cause} (tried for {:.1} s); \
         start it, or correct storm.zookeeper.servers and storm.zookeeper.port",
        waited.as_secs_f64()
    )]
    Unreachable { servers: String, operation: String, cause: String, waited: Duration },

    /// The server answered, and the answer was no.
    #[error("ZooKeeper at {servers} refused to {operation}: {source}")]
    Refused { servers: String, operation: String, source: zookeeper_client::Error },

    /// A node holds bytes that are not what Storm keeps there.
    #[error("ZooKeeper node {path} does not hold a {what}: {source}; {next}")]
    Data { path: String, what: &'static str, source: ReadError, next: &'static str },

    /// A blob key that no Nimbus holds.
    #[error("blob {key} is not in ZooKeeper: {path} has gone")]
    NoBlob { key: String, path: String },

    /// The session was closed by its owner.
    #[error("the ZooKeeper session was closed before it could {operation}")]
    Closed { operation: String },
}

impl ZkError {
    /// A short stable word for programs to match on.
    pub fn code(&self) -> &'static str {
        match self {
            ZkError::Config { .. } => "zk/config",
            ZkError::Unreachable { .. } => "zk/unreachable",
            ZkError::Refused { .. } => "zk/refused",
            ZkError::Data { .. } => "zk/data",
            ZkError::NoBlob { .. } => "zk/no-blob",
            ZkError::Closed { .. } => "zk/closed",
        }
    }
}
