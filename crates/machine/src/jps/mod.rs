//! Processes by role, Java and native, with what the JDK's `jps` tells of them and more.

mod apache;
mod config;
mod hsperf;
mod native;
mod owner;
mod seen;

pub use apache::apache_role;
pub use native::{NativeRole, native_role};
pub use seen::{Seen, Slot, list};
