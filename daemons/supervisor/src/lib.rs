//! The supervisor: brings topologies onto its machine and keeps their workers running.
//!
//! [`slot`] and [`assignments`] decide, [`driver`] and [`host`] act; [`run`] ties them to ZooKeeper and Nimbus.
#![forbid(unsafe_code)]

pub mod archive;
pub mod assignments;
pub mod blobs;
pub mod clock;
pub mod command;
pub mod driver;
mod error;
pub mod host;
pub mod java;
pub mod launch;
pub mod layout;
pub mod localizer;
mod nimbus_link;
pub mod ports;
pub mod processes;
pub mod record;
pub mod recovery;
mod run;
mod service;
pub mod slot;
pub mod supervisor;
pub mod topology_files;
pub mod troubles;
pub mod user_blobs;

pub use error::SupervisorError;
pub use recovery::kill_workers;
pub use run::{Options, Ready, run};
