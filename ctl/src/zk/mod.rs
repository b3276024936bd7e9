//! ZooKeeper as Storm uses it: its tree as readable data, and its servers as processes.

pub mod glob;
pub mod guard;
pub mod install;
pub mod kinds;
pub mod launch;
pub mod node;
pub mod serving;
pub mod session;
pub mod thrift;
pub mod walk;
