//! What keeps the driver from measuring.

use std::io;
use std::path::{Path, PathBuf};

/// Why something was not measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{place}: {cause}", place = place.display())]
    File { place: PathBuf, cause: io::Error },
    #[error("{place}:{line}: not a line of a result: {cause}", place = place.display())]
    Result { place: PathBuf, line: usize, cause: serde_json::Error },
    #[error("{place}: not a line of the meter: {cause}", place = place.display())]
    Line { place: PathBuf, cause: serde_json::Error },
    #[error("there is no row `{0}`; `storm-benches list` shows all")]
    NoRow(String),
    #[error("there is no setting in `{0}`; it must be KEY=VALUE")]
    Setting(String),
    #[error("{what} failed\n{output}")]
    Command { what: String, output: String },
    #[error("waited {secs} s for {what}\n{output}")]
    Patience { secs: u64, what: String, output: String },
    #[error("{0} ended and was started again while it was measured: its numbers mean nothing")]
    Restarted(String),
    #[error("no picture: {0}")]
    Picture(String),
    #[error("Nimbus: {0}")]
    Nimbus(#[from] storm_thrift::ClientError),
}

impl BenchError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            BenchError::File { .. } => "file",
            BenchError::Result { .. } => "bad-result",
            BenchError::Line { .. } => "bad-line",
            BenchError::NoRow(_) => "no-row",
            BenchError::Setting(_) => "bad-setting",
            BenchError::Command { .. } => "command-failed",
            BenchError::Patience { .. } => "too-slow",
            BenchError::Restarted(_) => "worker-restarted",
            BenchError::Picture(_) => "picture",
            BenchError::Nimbus(_) => "nimbus",
        }
    }

    /// Names the file of an I/O error.
    pub fn at(place: &Path) -> impl FnOnce(io::Error) -> BenchError {
        let place = place.to_owned();
        move |cause| BenchError::File { place, cause }
    }
}
