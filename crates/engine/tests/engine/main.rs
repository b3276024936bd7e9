//! Whole topologies on one engine or two, in this process.

mod acking;
mod support;
