//! A finding: what is wrong, what shows it, why, and what to type.

use std::fmt;

use serde_json::{Value, json};

/// How urgent a finding is; the most urgent is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It explains something and needs nothing.
    Info,
    /// It will hurt, or hurts a little.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Cluster,
    Config { key: String },
    Host { name: String },
    Nimbus { address: String },
    ZooKeeper { address: String },
    Supervisor { name: String },
    Slot { host: String, port: u16 },
    Topology { name: String },
    Component { topology: String, component: String },
}

impl Subject {
    /// The topology that it belongs to, if it belongs to one.
    pub fn topology(&self) -> Option<&str> {
        match self {
            Subject::Topology { name } => Some(name),
            Subject::Component { topology, .. } => Some(topology),
            _ => None,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Subject::Cluster => "cluster",
            Subject::Config { .. } => "config",
            Subject::Host { .. } => "host",
            Subject::Nimbus { .. } => "nimbus",
            Subject::ZooKeeper { .. } => "zookeeper",
            Subject::Supervisor { .. } => "supervisor",
            Subject::Slot { .. } => "slot",
            Subject::Topology { .. } => "topology",
            Subject::Component { .. } => "component",
        }
    }

    pub fn name(&self) -> String {
        match self {
            Subject::Cluster => String::new(),
            Subject::Config { key: name }
            | Subject::Host { name }
            | Subject::Nimbus { address: name }
            | Subject::ZooKeeper { address: name }
            | Subject::Supervisor { name }
            | Subject::Topology { name } => name.clone(),
            Subject::Slot { host, port } => format!("{host}:{port}"),
            Subject::Component { topology, component } => format!("{topology}/{component}"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Cluster => f.write_str("cluster"),
            other => write!(f, "{} {}", other.kind(), other.name()),
        }
    }
}

/// What shows it, and where that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// `file:line`, `host:port`, a path, a znode, or a process.
    pub place: String,
    pub text: String,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.place, self.text)
    }
}

/// The way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What an operator types.
    pub command: String,
    /// The same as arguments of `stormctl`, when that can be done from here. Nothing else is ever applied.
    pub apply: Option<Vec<String>>,
    /// What is lost by it and has to be named by whoever applies it: a `yes` to everything is not enough.
    pub confirm: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable word such as `ports/slot-taken`.
    pub code: &'static str,
    pub severity: Severity,
    pub subject: Subject,
    pub message: String,
    pub evidence: Vec<Evidence>,
    pub cause: Option<String>,
    pub repair: Option<Repair>,
}

impl Finding {
    /// For programs; fields may be added, none is removed.
    pub fn json(&self) -> Value {
        json!({
            "code": self.code,
            "severity": self.severity.word(),
            "subject": {"kind": self.subject.kind(), "name": self.subject.name()},
            "message": self.message,
            "evidence": self.evidence.iter().map(|e| json!({"place": e.place, "text": e.text})).collect::<Vec<_>>(),
            "cause": self.cause,
            "repair": self.repair.as_ref().map(|r| json!({"command": r.command, "apply": r.apply, "confirm": r.confirm})),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_the_greatest_and_a_subject_names_itself() {
        assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Info);
        let component = Subject::Component { topology: "wc".into(), component: "split".into() };
        assert_eq!((component.to_string().as_str(), component.topology()), ("component wc/split", Some("wc")));
        assert_eq!(Subject::Slot { host: "h".into(), port: 6700 }.to_string(), "slot h:6700");
        assert_eq!(Subject::Cluster.to_string(), "cluster");
    }
}
