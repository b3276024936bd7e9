//! One file for each verb or family of verbs.

pub mod describe;
pub mod kill;
pub mod lifecycle;
pub mod list;
pub mod topology;
pub mod version;
