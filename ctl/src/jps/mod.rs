//! Processes by role, as the JDK's `jps` lists them, with our native daemons among the JVMs.

mod config;
mod hsperf;
mod native;
mod owner;
mod report;

pub use native::native_role;
pub use report::list;
