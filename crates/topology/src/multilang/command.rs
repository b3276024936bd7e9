//! What is run for a component.

use std::fmt;
use std::time::Duration;

use storm_thrift::types::ShellComponent;

use crate::context::TaskContext;

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ShellCommand {
    /// The program first.
    pub argv: Vec<String>,
}

impl ShellCommand {
    /// A program and its arguments.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> ShellCommand {
        ShellCommand { argv: argv.into_iter().map(Into::into).collect() }
    }

    /// The two words of a thrift component; an absent or empty script is no argument.
    pub fn of(shell: &ShellComponent) -> ShellCommand {
        let words = [shell.execution_command.clone(), shell.script.clone().filter(|s| !s.is_empty())];
        ShellCommand { argv: words.into_iter().flatten().collect() }
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.argv.join(" "))
    }
}

/// What the configuration says about children.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A child that owes an answer and is silent for longer is dead.
    pub(crate) silence: Duration,
    /// Tuples that wait to be written to a bolt.
    pub(crate) max_pending: usize,
}

impl Limits {
    pub(crate) fn of(ctx: &TaskContext) -> Limits {
        let number = |key: &str| {
            let v = ctx.conf(key)?;
            v.as_u64().or_else(|| v.as_str()?.parse().ok()).filter(|n| *n > 0)
        };
        let seconds = number("topology.subprocess.timeout.secs").or_else(|| number("supervisor.worker.timeout.secs"));
        let pending = number("topology.shellbolt.max.pending").and_then(|n| usize::try_from(n).ok());
        Limits { silence: Duration::from_secs(seconds.unwrap_or(30)), max_pending: pending.unwrap_or(100) }
    }
}
