//! Processes by role, as the JDK's `jps` lists them, with our native daemons among the JVMs.

mod hsperf;
mod native;
mod report;

pub use native::native_role;
pub use report::list;
