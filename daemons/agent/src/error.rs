//! Why an agent does not run.

use std::io;

use crate::tls::TlsError;

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}: {source}")]
    Bind { address: String, source: io::Error },
    #[error("cannot serve: {0}")]
    Serve(String),
}

impl AgentError {
    pub fn code(&self) -> &'static str {
        match self {
            AgentError::Tls(e) => e.code(),
            AgentError::Bind { .. } => "agent/bind",
            AgentError::Serve(_) => "agent/serve",
        }
    }
}
