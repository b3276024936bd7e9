//! The rules against made facts: each known case of people in trouble, and the neighbour of it that is no trouble.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "nothing is printed here")]

mod components;
mod hosts;
mod made;
mod nimbus;
mod topologies;
mod zookeeper;
