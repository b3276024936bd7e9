//! Why there is no log to read.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("no worker of \"{name}\" has logged on this machine")]
    NoTopology { name: String, root: PathBuf },
    #[error("{name} has no log on this machine")]
    NoDaemon { name: String, path: PathBuf },
    #[error("the workers of {id} have logged nothing yet")]
    Silent { id: String, folder: PathBuf },
    #[error("none of the workers of {id} that are asked for has logged on this machine")]
    NoSlot { id: String, folder: PathBuf },
    #[error("\"{text}\" is no regular expression: {cause}")]
    Pattern { text: String, cause: String },
}

impl LogError {
    pub fn code(&self) -> &'static str {
        match self {
            LogError::Unreadable { .. } => "logs/unreadable",
            LogError::Pattern { .. } => "usage/grep",
            _ => "logs/none",
        }
    }

    /// The file or folder that was looked at.
    pub fn place(&self) -> Option<&PathBuf> {
        match self {
            LogError::Unreadable { path, .. } | LogError::NoDaemon { path, .. } => Some(path),
            LogError::NoTopology { root, .. } => Some(root),
            LogError::Silent { folder, .. } | LogError::NoSlot { folder, .. } => Some(folder),
            LogError::Pattern { .. } => None,
        }
    }
}
