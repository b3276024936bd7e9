//! Topologies written in YAML, in the language of Apache Storm's Flux.
//!
//! Components are built-in ones (`className: lines`, `split`, `count`, `print`, `file`) and multilang ones
//! (`org.apache.storm.flux.wrappers.spouts.FluxShellSpout`, `...bolts.FluxShellBolt`). Other classes are Java's, and only
//! the Java client can make them.

mod build;
mod component;
mod error;
mod model;
mod read;
mod substitute;

pub use build::{FluxTopology, load};
pub use error::{FluxError, FluxProblem};
pub use substitute::{FluxOptions, parse_properties};
