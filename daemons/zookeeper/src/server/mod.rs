//! The running server: connections, the task that owns the state, and what it answers.

mod answers;
mod connection;
mod core;
mod listener;
mod outbox;
mod pending;
mod reads;
mod reports;
mod sessions;
mod stats;

pub use listener::run;
