//! What is wrong with a cluster, this host or a topology, and what to type against it.
//!
//! [`gather`] collects plain [`facts`], each collector with a time of its own and failing by itself, so that there is an
//! answer when every daemon is down. The [`rules`] are pure: facts in, [`Finding`]s out. Who shows or applies them is
//! somebody else's matter.
#![forbid(unsafe_code)]

pub mod facts;
mod finding;
pub mod gather;
pub mod rules;

pub use facts::Facts;
pub use finding::{Evidence, Finding, Repair, Severity, Subject};
pub use rules::{Draft, Rule, When, examine, explain};
