//! The tree of nodes: what is in it ([`Tree`]), who may do what ([`acl`]), which requests are lawful ([`prepare`]),
//! and how a transaction changes it ([`apply`]).

pub mod acl;
mod apply;
mod data;
mod node;
mod path;
mod prepare;

pub use apply::{Applied, ApplyError, Event, apply};
pub use data::Tree;
pub use node::{Lifetime, Node};
pub use path::{InvalidPath, parent, validate};
pub use prepare::{Requester, Rules, prepare};
