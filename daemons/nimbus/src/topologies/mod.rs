//! Topologies: their states, what is stored of them, and what happens to them over time.

mod alarms;
mod changes;
mod names;
mod stored;
pub mod transitions;

pub use alarms::Alarms;
pub(crate) use changes::{override_resources, parse_overrides};
pub use names::{Blob, TopologyIds, topology_of_blob};
pub use stored::{Facts, FactsOf, Stored, StoredTopologies, conf_bytes, uses_blobs};
