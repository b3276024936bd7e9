//! The system topology: what the user gave plus the components and streams that Storm adds, numbered.
//!
//! Nimbus and every worker derive it on their own from the same two inputs, so it must come out the same everywhere.

mod component_conf;
mod derive;
mod error;
mod names;
mod normalise;
mod storm_keys;
mod tasks;
mod topology;
mod validate;

pub use component_conf::{component_conf, merged_component_conf};
pub use error::{InvalidTopology, TopologyProblem};
pub use names::*;
pub use normalise::normalise;
pub use tasks::executors_of;
pub use topology::{ComponentKind, Stream, SystemComponent, SystemTopology};
pub use validate::valid_topology_name;
