//! The dashboard as a state, an update and a view. It reads no socket, file or clock: `ctl` does, and tells it.
//!
//! [`Model`] is the state. [`update`] takes a [`Msg`] and gives the [`Cmd`]s that the world shall execute. [`draw`] shows the
//! state. [`Model::wants`] names the [`Source`]s whose answers are needed at the moment.
#![forbid(unsafe_code)]

pub mod data;
mod dialog;
mod events;
mod facts;
mod filter;
mod graph;
pub mod keys;
mod logs;
mod message;
mod model;
mod rate;
mod replay;
mod rows;
mod source;
mod table;
mod text;
mod theme;
mod update;
mod verb;
mod view;
mod views;

pub use message::{Cmd, Done, Job, Msg, Run};
pub use model::{Model, Options};
pub use replay::Replay;
pub use source::{Answer, Data, Source, Trouble};
pub use table::{Cell, Table};
pub use text::harmless;
pub use theme::{Symbols, Theme};
pub use update::update;
pub use verb::{Effect, Judge, Verb};
pub use view::draw;
pub use views::{NAMED, View};
