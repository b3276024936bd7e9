//! `stormctl`: Storm's daemons, topologies and cluster from one program.
#![forbid(unsafe_code)]

mod change;
mod cli;
mod commands;
mod context;
mod daemons;
mod dispatch;
mod exit;
mod failure;
mod jps;
mod logging;
mod printer;
mod process;
mod quickstart;
mod roles;
mod service;
mod stats;
mod submission;
mod table;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dispatch::main(std::env::args())
}
