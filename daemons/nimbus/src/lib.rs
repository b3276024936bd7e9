//! Nimbus: accepts topologies, moves them through their states, schedules, publishes assignments, answers for the cluster.
#![forbid(unsafe_code)]

mod admin;
mod assign;
pub mod blobs;
mod caches;
mod cleanup;
mod clock;
mod error;
pub mod foresee;
mod handler;
mod heartbeats;
mod history;
mod inbox;
mod leader;
mod nimbus;
mod push;
mod reads;
mod round;
mod run;
mod settings;
mod submit;
mod sync;
mod topologies;
mod uploads;
mod view;

pub use error::NimbusError;
pub use nimbus::STORM_VERSION;
pub use run::run;
