//! What the scheduler would do with a topology, without anything being done.

mod cluster;
mod gather;
mod report;

pub use cluster::Planned;
pub use gather::{cluster, stored};
