//! `stormctl`: Storm's daemons, topologies and cluster from one program.
#![forbid(unsafe_code)]

mod change;
mod cli;
mod commands;
mod context;
mod dispatch;
mod exit;
mod failure;
mod printer;
mod stats;
mod table;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dispatch::main(std::env::args())
}
