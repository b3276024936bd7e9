//! The data plane: moves tuples between tasks, tracks their trees, counts what happens.
//!
//! An [`Engine`] runs a worker's share of a topology. A few data threads run many executors each; tuples move in batches over
//! rings with one writer and one reader; the account of a tuple tree is kept by the spout's own thread. Components that block get a
//! thread of their own. Sockets and timers run on the caller's tokio runtime.
#![forbid(unsafe_code)]

mod batch;
mod bell;
mod bolt;
mod build;
mod call;
mod combine;
mod contexts;
mod counters;
mod credit;
mod crew;
mod engine;
mod error;
mod hash;
mod hold;
mod ledger;
mod net;
mod outbound;
mod park;
mod placement;
mod plan;
mod ring;
mod root;
mod routes;
mod shared;
mod spec;
mod spout;
mod stats;
mod sync;
mod task;
mod thread;
mod timer;
mod window;

pub use engine::{Engine, EngineHandle};
pub use error::EngineError;
pub use hash::{java_hash, java_list_hash, java_target};
pub use spec::{ComponentReport, EngineSpec};
