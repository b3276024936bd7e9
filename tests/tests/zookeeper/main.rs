//! The ZooKeeper server of this workspace before the real clients: zkCli, Curator's recipes, kazoo, the Rust client;
//! beside Apache's own server; and killed again and again under load.

mod clients;
mod kill;
mod rust_client;
mod server;
mod transcript;
