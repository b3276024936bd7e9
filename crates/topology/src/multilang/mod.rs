//! Components in other languages: Storm's multilang protocol over the pipes of a child process, from both sides.
//!
//! A child that hangs, ends or talks nonsense is a fatal error of its component, which says what was asked last, what came
//! last, how the process ended and what it wrote to its standard error.

mod bolt;
mod child;
mod command;
mod context;
mod inbox;
mod json;
mod link;
mod message;
mod monitor;
mod outbox;
mod pair;
mod process;
mod spout;

pub use bolt::ShellBolt;
pub use child::{ChildError, run_child, serve_stdio};
pub use command::ShellCommand;
pub use context::{context_json, context_of};
pub use spout::ShellSpout;

/// Our own `storm.py`, for Python components: the names of Apache Storm's module of that name.
pub const STORM_PY: &str = include_str!("../../resources/storm.py");
