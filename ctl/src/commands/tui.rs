//! `stormctl tui`: the world around the dashboard, which itself is in `storm-tui`.

mod act;
mod clipboard;
mod convert;
mod fleet;
mod foreground;
mod host;
mod input;
mod judge;
mod logs;
mod nimbus;
mod plain;
mod record;
mod run;
mod setup;
mod sources;
mod terminal;
mod zookeeper;

pub use run::run;
