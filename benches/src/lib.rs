//! Throughput and latency, side by side with Apache Storm.
//!
//! `storm-benches` is the driver: it brings up both systems, runs the same topologies on them in turn, and prints the table.
//! `bench-topology` is the topology program that is measured on our side; `java/bench` is its twin for Apache Storm. Both are
//! configured by one document ([`load`]) and both count inside their components ([`meter`]).

#![forbid(unsafe_code)]

pub mod clock;
pub mod driver;
pub mod latency;
pub mod load;
pub mod meter;
