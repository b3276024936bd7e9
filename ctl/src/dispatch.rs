//! From the command line to the command that runs it, and from its end to the exit status.

use std::process::ExitCode;

use clap::Parser;
use storm_conf::Reader;

use crate::cli::{Cli, Verb};
use crate::commands::{describe, kill, lifecycle, list, version};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub fn main(args: impl IntoIterator<Item = String>) -> ExitCode {
    let cli = match Cli::try_parse_from(crate::cli::uniform(args)) {
        Ok(cli) => cli,
        Err(e) => {
            // Help that was asked for is a result; clap knows which stream is right.
            let _ = e.print();
            return if e.use_stderr() { Exit::Usage } else { Exit::Ok }.into();
        }
    };
    let printer = Printer::new(cli.global.output, cli.global.no_color);
    match run(cli, printer) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli, printer: Printer) -> Result<(), Failure> {
    let load = |reader| Context::load(printer, cli.global.clone(), reader);
    match &cli.verb {
        Verb::Version => version::run(&printer),
        Verb::List => client(&load(Reader::Client)?, list::run),
        Verb::Describe(args) => client(&load(Reader::Client)?, async |ctx| describe::run(ctx, &args.name).await),
        Verb::Activate(args) => client(&load(Reader::Client)?, async |ctx| lifecycle::activate(ctx, &args.name).await),
        Verb::Deactivate(args) => {
            client(&load(Reader::Client)?, async |ctx| lifecycle::deactivate(ctx, &args.name).await)
        }
        Verb::Rebalance(args) => client(&load(Reader::Client)?, async |ctx| lifecycle::rebalance(ctx, args).await),
        Verb::Kill(args) => client(&load(Reader::Client)?, async |ctx| kill::run(ctx, args).await),
        other => Err(Failure::new(Exit::Failed, "x", format!("{other:?}"))),
    }
}

/// Runs a command that talks to the cluster and then ends: one thread is enough.
fn client(ctx: &Context, command: impl AsyncFnOnce(&Context) -> Result<(), Failure>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::io("cannot start the runtime", &e))?;
    runtime.block_on(command(ctx))
}
