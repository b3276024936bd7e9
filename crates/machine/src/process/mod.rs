//! Processes of this machine: who they are, when they started, and how to end them for sure.

mod identity;
mod listener;
mod proc;
pub mod sweep;

pub use identity::{Identity, Record, RecordError, Recorded};
pub use listener::{Listeners, listener};
pub use proc::{Entry, all, name_self};
