//! Why a daemon cannot serve.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the configuration cannot be used:\n  {}", mistakes.join("\n  "))]
    Config { mistakes: Vec<String> },
    #[error("cannot listen on {address}: {source}; another one may be running, or set {key}")]
    Bind { address: String, key: &'static str, source: io::Error },
}

impl HttpError {
    /// A short stable word for programs to match on.
    pub fn code(&self) -> &'static str {
        match self {
            HttpError::Config { .. } => "http/config",
            HttpError::Bind { .. } => "http/bind",
        }
    }
}
