//! A standalone server of ZooKeeper's protocol, for clusters on one machine.
//!
//! It speaks to every ZooKeeper client: sessions, watches, ephemeral and sequential nodes, containers, multi, digest
//! authentication, four-letter words. An answer leaves the server only when everything it tells of is on disk. For an
//! ensemble there is Apache ZooKeeper; this server refuses to be configured as one.
//!
//! The way of a request: `server` reads a packet and hands it to the one task that owns the `state`; there
//! `tree` decides what changes, the change is applied, `watch`es fire; the transaction and all answers go to
//! `store`, whose thread syncs the log and then lets the answers out.

#![forbid(unsafe_code)]

mod error;
pub mod jute;
mod options;
pub mod proto;
mod server;
mod sessions;
pub mod state;
pub mod store;
pub mod tree;
pub mod txn;
pub mod watch;
mod words;
mod zoo_cfg;

pub use error::{ConfigFault, ZooKeeperError};
pub use options::{JUTE_MAX_BUFFER, Options};
pub use server::run;
pub use words::{WORDS, WordError, four_letter};
pub use zoo_cfg::{Entry, properties};
