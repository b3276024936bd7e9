//! The agent of a host: what runs there, what it logs and how it is configured, to be asked and changed from afar.
//!
//! [`run`] serves, [`client`] asks, [`authority`] makes the certificates with which both sides prove who they are.
#![forbid(unsafe_code)]

mod accept;
mod address;
pub mod authority;
pub mod client;
mod clock;
mod convert;
mod digest;
mod error;
mod events;
mod gate;
mod names;
mod options;
#[allow(missing_docs)]
pub mod proto;
mod purpose;
mod run;
mod service;
mod tls;
mod wire;

pub use address::Address;
pub use digest::sha256;
pub use error::AgentError;
pub use options::Options;
pub use purpose::Purpose;
pub use run::{run, run_on};
pub use tls::{Certificate, TlsError};
