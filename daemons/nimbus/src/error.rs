//! Why Nimbus cannot start.

use std::io;
use std::path::PathBuf;

use crate::blobs::BlobError;

#[derive(Debug, thiserror::Error)]
pub enum NimbusError {
    #[error("the configuration cannot be used:\n  {}", mistakes.join("\n  "))]
    Config { mistakes: Vec<String> },
    #[error("cannot listen on {address}: {source}; another Nimbus may be running, or set nimbus.thrift.port")]
    Bind { address: String, source: io::Error },
    #[error("cannot use the folder {path}: {source}; see storm.local.dir")]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error("{0}")]
    History(#[from] storm_thrift::local_state::LocalStateError),
    #[error(transparent)]
    ZooKeeper(#[from] storm_zk::ZkError),
}

impl NimbusError {
    /// A short stable word for programs to match on.
    pub fn code(&self) -> &'static str {
        match self {
            NimbusError::Config { .. } => "nimbus/config",
            NimbusError::Bind { .. } => "nimbus/bind",
            NimbusError::Folder { .. } => "nimbus/folder",
            NimbusError::Blobs(e) => e.code(),
            NimbusError::History(e) => e.code(),
            NimbusError::ZooKeeper(e) => e.code(),
        }
    }
}
