//! One file for each verb or family of verbs.

pub mod component;
pub mod config;
pub mod describe;
pub mod jps;
pub mod kill;
pub mod lifecycle;
pub mod list;
pub mod local;
pub mod logs;
pub mod start;
pub mod submit;
pub mod topology;
pub mod version;
pub mod zk;
