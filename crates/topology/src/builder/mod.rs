//! Topologies put together in Rust.

mod declare;
pub(crate) mod groupings;
mod partial_key;
mod topology;

pub use declare::{BoltDeclarer, Declarer, SpoutDeclarer, TopologyBuilder};
pub use partial_key::partial_key_grouping;
pub use topology::{Natives, Topology, component_factory};
