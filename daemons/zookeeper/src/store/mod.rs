//! What makes the state durable: a log of transactions, snapshots of the whole, and the directory they lie in.

mod dir;
mod frame;
mod log;
mod recover;
mod snapshot;
mod writer;

pub use dir::DataDir;
pub use frame::{Salt, ScanError, Tail, scan, seal};
pub use log::{LogFile, header_length};
pub use recover::{Recovered, recover};
pub use writer::{Batch, LogStats, Release, Writer, WriterHandle};
