//! What can go wrong with the server as a whole. What goes wrong with a request is a [`crate::proto::Code`].

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a `zoo.cfg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    pub line: usize,
    pub problem: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ZooKeeperError {
    #[error("cannot read {}: {cause}; name an existing zoo.cfg", path.display())]
    ConfigRead { path: PathBuf, cause: io::Error },

    #[error("{}", list_faults(path, faults))]
    Config { path: PathBuf, faults: Vec<ConfigFault> },

    #[error(
        "{}:{line}: {key} makes this server a member of an ensemble, but it is for one machine only; \
         run Apache ZooKeeper for an ensemble, or remove the server lines",
        path.display()
    )]
    Ensemble { path: PathBuf, line: usize, key: String },

    #[error("cannot listen on {address}: {cause}; free the port or choose another clientPort")]
    Bind { address: SocketAddr, cause: io::Error },

    #[error(
        "the data directory {} is in use by another server{}; stop that one or choose another dataDir",
        path.display(),
        holder.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked { path: PathBuf, holder: Option<String> },

    #[error(
        "{} holds data of Apache ZooKeeper, which this server does not read; \
         run Apache ZooKeeper on it, or choose another dataDir",
        path.display()
    )]
    ForeignData { path: PathBuf },

    #[error("cannot {action} {}: {cause}{}", path.display(), storage_hint(cause))]
    Storage { action: &'static str, path: PathBuf, cause: io::Error },

    #[error(
        "{} is damaged at byte {offset}: {problem}; acknowledged writes would be lost, so nothing was changed: \
         restore the data directory from a backup, or move the file away to accept the loss",
        path.display()
    )]
    Damaged { path: PathBuf, offset: u64, problem: String },

    #[error(
        "transactions {:#x} to {:#x} are missing in {}: restore the missing log or snapshot files from a backup",
        first, last, path.display()
    )]
    Gap { path: PathBuf, first: i64, last: i64 },

    #[error("no usable snapshot in {} and the log does not begin with the first transaction; restore a backup", path.display())]
    NoSnapshot { path: PathBuf },

    #[error("internal fault: {0}; please report it")]
    Internal(String),
}

impl ZooKeeperError {
    /// A stable word for scripts and exit codes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConfigRead { .. } => "zookeeper/config-read",
            Self::Config { .. } => "zookeeper/config",
            Self::Ensemble { .. } => "zookeeper/ensemble",
            Self::Bind { .. } => "zookeeper/bind",
            Self::Locked { .. } => "zookeeper/data-dir-locked",
            Self::ForeignData { .. } => "zookeeper/data-dir-foreign",
            Self::Storage { .. } => "zookeeper/storage",
            Self::Damaged { .. } => "zookeeper/data-damaged",
            Self::Gap { .. } => "zookeeper/data-gap",
            Self::NoSnapshot { .. } => "zookeeper/no-snapshot",
            Self::Internal(_) => "zookeeper/internal",
        }
    }

    pub(crate) fn storage(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Storage { action, path, cause }
    }
}

fn list_faults(path: &Path, faults: &[ConfigFault]) -> String {
    let lines = faults.iter().map(|fault| match fault.line {
        0 => format!("{}: {}", path.display(), fault.problem),
        line => format!("{}:{line}: {}", path.display(), fault.problem),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn storage_hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space",
        io::ErrorKind::PermissionDenied => "; give this user access to the data directory",
        io::ErrorKind::ReadOnlyFilesystem => "; choose a dataDir on a writable file system",
        _ => "",
    }
}
