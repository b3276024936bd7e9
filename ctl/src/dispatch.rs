//! From the command line to the command that runs it, and from its end to the exit status.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use storm::builder::Natives;
use storm_conf::Reader;

use crate::cli::{Cli, Verb, Zk};
use crate::commands::{
    component, config, describe, jps, kill, lifecycle, list, local, logs, start, submit, version, zk,
};
use crate::context::Context;
use crate::daemons::{self, Daemon};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::quickstart;

pub fn main(args: impl IntoIterator<Item = String>) -> ExitCode {
    let began = Instant::now();
    let cli = match Cli::try_parse_from(crate::cli::uniform(args)) {
        Ok(cli) => cli,
        Err(e) => {
            // Help that was asked for is a result; clap knows which stream is right.
            let _ = e.print();
            return if e.use_stderr() { Exit::Usage } else { Exit::Ok }.into();
        }
    };
    if let Verb::Worker(args) = &cli.verb {
        return ExitCode::from(storm_worker::execute(&args.args, Natives::default()));
    }
    let printer = Printer::new(cli.global.output, cli.global.no_color);
    match run(cli, printer, began) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli, printer: Printer, began: Instant) -> Result<(), Failure> {
    let load = |reader| Context::load(printer, cli.global.clone(), reader);
    match cli.verb {
        Verb::Version => version::run(&printer),
        Verb::Jps(args) => jps::run(&printer, &args),
        Verb::Logs(args) => logs::run(&load(Reader::Operator)?, &args),
        Verb::Start(args) => start::start(&load(Reader::Operator)?, &args),
        Verb::Stop(args) => start::stop(&load(Reader::Operator)?, &args),
        Verb::Restart(args) => start::restart(&load(Reader::Operator)?, &args),
        Verb::Status(args) => start::status(&load(Reader::Operator)?, &args),
        Verb::Nimbus(args) => daemons::run(&Daemon::Nimbus, &args, &load(Reader::Daemon)?),
        Verb::Supervisor(args) => daemons::run(&Daemon::Supervisor, &args, &load(Reader::Daemon)?),
        Verb::DevZookeeper(args) => {
            daemons::run(&Daemon::Zookeeper { zoo_cfg: args.zoo_cfg }, &args.daemon, &load(Reader::Daemon)?)
        }
        Verb::Local(args) => local::run(&load(Reader::Client)?, &args),
        Verb::Config(verb) => runtime()?.block_on(config::run(printer, &cli.global, &verb)),
        Verb::Component(args) => component::run(&args.spec),
        Verb::Quickstart(args) => runtime()?.block_on(quickstart::run(printer, &cli.global, &args, began)),
        verb => client(&load(Reader::Client)?, verb),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(|e| Failure::io("cannot start the runtime", &e))
}

/// The commands that talk to the cluster and then end: one thread is enough for them.
fn client(ctx: &Context, verb: Verb) -> Result<(), Failure> {
    runtime()?.block_on(async {
        match verb {
            Verb::List => list::run(ctx).await,
            Verb::Describe(args) => describe::run(ctx, &args.name).await,
            Verb::Activate(args) => lifecycle::activate(ctx, &args.name).await,
            Verb::Deactivate(args) => lifecycle::deactivate(ctx, &args.name).await,
            Verb::Rebalance(args) => lifecycle::rebalance(ctx, &args).await,
            Verb::Kill(args) => kill::run(ctx, &args).await,
            Verb::Zk(Zk::Status(args)) => zk::status(ctx, &args).await,
            Verb::Submit(args) => submit::run(ctx, &args).await,
            _ => unreachable!("this verb needs no cluster"),
        }
    })
}
