//! Why a supervisor does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use storm_thrift::local_state::LocalStateError;
use storm_zk::ZkError;

#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("configuration: {key} is {found}: {problem}")]
    Conf { key: &'static str, found: String, problem: &'static str },
    #[error("cannot listen on {address} (supervisor.thrift.port): {source}{holder}")]
    Bind { address: SocketAddr, source: std::io::Error, holder: String },
    #[error("another supervisor works in {home}: give this one a storm.local.dir of its own, or stop the other")]
    HomeTaken { home: PathBuf },
    #[error("cannot {doing} {path}: {source}; check storm.local.dir and who may write there")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    LocalState(#[from] LocalStateError),
    #[error(transparent)]
    Zk(#[from] ZkError),
}

impl SupervisorError {
    /// A stable word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            SupervisorError::Conf { .. } => "supervisor/conf",
            SupervisorError::Bind { .. } => "supervisor/port-taken",
            SupervisorError::HomeTaken { .. } => "supervisor/home-taken",
            SupervisorError::Io { .. } => "supervisor/local-dir",
            SupervisorError::LocalState(_) => "supervisor/local-state",
            SupervisorError::Zk(e) => e.code(),
        }
    }

    pub(crate) fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> SupervisorError {
        let path = path.to_owned();
        move |source| SupervisorError::Io { doing, path, source }
    }
}
