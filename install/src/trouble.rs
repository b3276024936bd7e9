//! What went wrong, on this host or on another: it travels in JSON.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Which sort of failure it is; the caller's exit status follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Failed,
    /// The description of what is wanted is wrong.
    Wanted,
    Unreachable,
    /// Something that is needed is not there.
    Missing,
    /// It exists already, or changed since it was planned.
    Conflict,
    Refused,
    /// Not done within the time limit.
    Deadline,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    pub kind: Kind,
    /// A stable word such as `install/moved`.
    pub code: String,
    pub message: String,
    pub evidence: Vec<String>,
    pub hint: Option<String>,
    /// Where it happened, when that is one host of several.
    #[serde(default)]
    pub host: Option<Box<str>>,
}

impl Trouble {
    pub fn new(kind: Kind, code: &str, message: impl Into<String>) -> Trouble {
        Trouble { kind, code: code.to_owned(), message: message.into(), evidence: Vec::new(), hint: None, host: None }
    }

    #[must_use]
    pub fn at(mut self, evidence: impl Into<String>) -> Trouble {
        self.evidence.push(evidence.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Trouble {
        self.hint = Some(hint.into());
        self
    }

    pub fn io(doing: &str, path: &Path, e: &io::Error) -> Trouble {
        let kind = match e.kind() {
            io::ErrorKind::PermissionDenied => Kind::Refused,
            _ => Kind::Failed,
        };
        Trouble::new(kind, "install/io", format!("cannot {doing} {}", path.display())).at(e.to_string())
    }

    /// The same, with the host where it happened.
    #[must_use]
    pub fn on(mut self, host: &str) -> Trouble {
        self.message = format!("{host}: {}", self.message);
        self.host = Some(host.into());
        self
    }
}
