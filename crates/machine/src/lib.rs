//! One machine of a cluster as it is now: its processes by role, what they log, and what the rules about configuration
//! want to know of it.
#![forbid(unsafe_code)]

pub mod facts;
pub mod jps;
pub mod logs;
pub mod process;
pub mod programs;
