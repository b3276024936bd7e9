//! The supervisor: brings topologies onto its machine and keeps their workers running.
#![forbid(unsafe_code)]

pub mod archive;
pub mod assignments;
pub mod blobs;
pub mod clock;
pub mod command;
pub mod driver;
pub mod error;
pub mod host;
pub mod java;
pub mod launch;
pub mod layout;
pub mod localizer;
pub mod ports;
pub mod processes;
pub mod record;
pub mod slot;
pub mod topology_files;
pub mod user_blobs;
