//! Storm's thrift types and services on the wire: a bounded binary codec, one declarative table per type, framed transport,
//! asynchronous client and server.
#![forbid(unsafe_code)]

#[macro_use]
mod table;
#[macro_use]
pub mod service;
pub mod client;
pub mod describe;
pub mod drpc;
pub mod frame;
mod leader;
pub mod local_state;
pub mod message;
pub mod nimbus;
pub mod server;
pub mod supervisor;
pub mod types;
pub mod wire;

pub use client::{ClientError, ClientOptions, Connection};
pub use message::{ApplicationError, Exception, ServiceError};
pub use nimbus::{NimbusClient, NimbusHandler, NimbusService};
pub use server::{ServerOptions, serve};
pub use service::RequestContext;
pub use supervisor::{SupervisorClient, SupervisorHandler, SupervisorService};
pub use wire::{DecodeError, Reader, Wire, from_bytes, to_bytes};
