//! Storm's ZooKeeper tree as typed operations, a session that outlives its connections, and the leader latch.
#![forbid(unsafe_code)]

mod assignments;
mod blobs;
mod cluster;
mod delegate;
mod error;
mod error_nodes;
mod heartbeats;
mod keeper;
mod latch;
mod members;
mod nodes;
mod paths;
mod retry;
mod sequence;
mod settings;
mod topologies;
mod watches;

pub use blobs::BlobHolders;
pub use cluster::{Cluster, SessionState};
pub use delegate::{Delegate, ReadError, plain, read};
pub use error::ZkError;
pub use latch::LeaderLatch;
pub use paths::{decode_component, encode_component};
pub use watches::Changes;
