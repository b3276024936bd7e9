//! Whole topologies on one engine or two, in this process.

mod acking;
mod flow;
mod groupings;
mod life;
mod network;
mod support;
mod threads;
