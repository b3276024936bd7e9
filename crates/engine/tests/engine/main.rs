//! Whole topologies on one engine or two, in this process.

mod acking;
mod flow;
mod groupings;
mod life;
mod loops;
mod network;
mod order;
mod paused;
mod support;
mod threads;
mod trees;
