//! Topologies: how they are described, checked, packed and submitted, and the traits that spouts and bolts implement.
#![forbid(unsafe_code)]

mod describe;
pub mod jar;
pub mod system;

pub use describe::{DescriptionError, TopologyDescription};
