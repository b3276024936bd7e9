//! From the command line to the command that runs it, and from its end to the exit status.

use std::process::ExitCode;
use std::time::Instant;

use storm::builder::Natives;
use storm_conf::Reader;

use crate::cli::{Cli, Verb};
use crate::commands::{
    admin, agent, backup, blobstore, complete, component, conf_value, config, context, credentials, describe, doctor,
    drpc, explain, get_errors, health, heartbeats, install, java, jps, kill, kill_workers, lifecycle, list, local,
    log_level, logs, man, monitor, new, schema, shell, smoke, start, submit, tui, version, why, zk,
};
use crate::context::Context;
use crate::contexts;
use crate::daemons::{self, Daemon};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::quickstart;
use crate::watch;

pub fn main(args: impl IntoIterator<Item = String>) -> ExitCode {
    let began = Instant::now();
    let args: Vec<String> = args.into_iter().collect();
    let cli = match crate::cli::parse(args.clone()) {
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
    if let Some(every) = cli.global.watch {
        return watch::run(&args, cli, every, printer);
    }
    match run(cli, printer, began) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

pub fn run(mut cli: Cli, printer: Printer, began: Instant) -> Result<(), Failure> {
    if let Verb::Jar(args) = &mut cli.verb {
        args.hoist(&mut cli.global);
    }
    if cli.verb.is_about_a_cluster() {
        match contexts::settle(&mut cli.global, cli.verb.reader()) {
            // A current name that is gone is told, and must not hide the others.
            Err(failure) if failure.exit == Exit::NotFound && matches!(cli.verb, Verb::Context(_)) => {
                printer.failure(&failure);
            }
            settled => settled?,
        }
    }
    let load = |reader| Context::load(printer, cli.global.clone(), reader);
    match cli.verb {
        Verb::Version => version::run(&printer),
        Verb::Context(verb) => context::run(&printer, &cli.global, &verb),
        Verb::Explain(args) => explain::run(printer, &cli.global, &args),
        Verb::Schema(args) => schema::run(&printer, &args),
        Verb::Completions(args) => complete::script(&printer, args.shell),
        Verb::Complete(args) => complete::answer(&printer, args),
        Verb::Man(args) => man::run(&printer, &args),
        Verb::Repl => Err(shell::no_repl()),
        Verb::Jps(args) => match &args.hosts {
            None => jps::run(&printer, &args),
            Some(hosts) => runtime()?.block_on(jps::of_hosts(&load(Reader::Operator)?, &args, hosts)),
        },
        Verb::Logs(args) => runtime()?.block_on(logs::run(&load(Reader::Operator)?, &args)),
        Verb::Start(args) => start::start(&load(Reader::Operator)?, &args),
        Verb::Stop(args) => start::stop(&load(Reader::Operator)?, &args),
        Verb::Restart(args) => match args.rolling() {
            Some(rolling) => runtime()?.block_on(install::restart(printer, &cli.global, &rolling)),
            None => start::restart(&load(Reader::Operator)?, &args.local),
        },
        Verb::Status(args) => start::status(&load(Reader::Operator)?, &args),
        Verb::Nimbus(args) => daemons::run(&Daemon::Nimbus, &args, &load(Reader::Daemon)?),
        Verb::Supervisor(args) => daemons::run(&Daemon::Supervisor, &args, &load(Reader::Daemon)?),
        Verb::Ui(args) => daemons::run(&Daemon::Ui, &args, &load(Reader::Daemon)?),
        Verb::Logviewer(args) => daemons::run(&Daemon::Logviewer, &args, &load(Reader::Daemon)?),
        Verb::Agent(args) => match &args.verb {
            None => daemons::run(&Daemon::Agent, &args.daemon, &load(Reader::Daemon)?),
            Some(verb) => {
                let runtime = runtime()?;
                let ended = runtime.block_on(agent::run(&load(Reader::Operator)?, verb));
                // Nobody waits for standard input, which one of them reads.
                runtime.shutdown_background();
                ended
            }
        },
        Verb::DevZookeeper(args) => {
            daemons::run(&Daemon::Zookeeper { zoo_cfg: args.zoo_cfg }, &args.daemon, &load(Reader::Daemon)?)
        }
        Verb::Local(args) => local::run(&load(Reader::Client)?, &args),
        Verb::Jar(args) => java::jar(&load(Reader::Client)?, &args),
        Verb::Classpath => java::show_classpath(&load(Reader::Client)?, false),
        Verb::ServerClasspath => java::show_classpath(&load(Reader::Daemon)?, true),
        Verb::Localconfvalue(args) => conf_value::run(&load(Reader::Client)?, &args.key),
        Verb::Remoteconfvalue(args) => conf_value::run(&load(Reader::Daemon)?, &args.key),
        Verb::NodeHealthCheck => health::run(&load(Reader::Operator)?),
        Verb::KillWorkers(args) => kill_workers::run(&load(Reader::Operator)?, &args),
        Verb::Why(args) => runtime()?.block_on(why::run(&printer, &cli.global, &args)),
        Verb::Doctor(args) => runtime()?.block_on(doctor::run(&printer, &cli.global, &args)),
        Verb::Tui(args) => tui::run(load(Reader::Client)?, &args),
        Verb::Config(verb) => runtime()?.block_on(config::run(printer, &cli.global, &verb)),
        Verb::Install(verb) => runtime()?.block_on(install::run(printer, &cli.global, verb)),
        Verb::Plan(args) => runtime()?.block_on(install::plan(printer, &cli.global, &args)),
        Verb::Apply(args) => runtime()?.block_on(install::apply(printer, &cli.global, &args)),
        Verb::Uninstall(args) => runtime()?.block_on(install::uninstall(printer, &cli.global, &args)),
        Verb::Upgrade(args) => runtime()?.block_on(install::upgrade(printer, &cli.global, &args)),
        Verb::ScaleOut(args) => runtime()?.block_on(install::scale_out(printer, &cli.global, &args)),
        Verb::ScaleIn(args) => runtime()?.block_on(install::scale_in(printer, &cli.global, &args)),
        Verb::Exec(args) => runtime()?.block_on(install::exec(printer, &cli.global, &args)),
        Verb::OnHost => runtime()?.block_on(install::on_host()),
        Verb::New(args) => new::run(&printer, &args),
        Verb::Component(args) => component::run(&args.spec),
        Verb::Quickstart(args) => runtime()?.block_on(quickstart::run(printer, &cli.global, &args, began)),
        Verb::Zk(verb) if verb.is_service() => runtime()?.block_on(zk::run(&load(Reader::Operator)?, &verb)),
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
            Verb::Activate(args) => lifecycle::activate(ctx, &args).await,
            Verb::Deactivate(args) => lifecycle::deactivate(ctx, &args).await,
            Verb::Rebalance(args) => lifecycle::rebalance(ctx, &args).await,
            Verb::Kill(args) => kill::run(ctx, &args).await,
            Verb::Zk(verb) => zk::run(ctx, &verb).await,
            Verb::Submit(args) => submit::run(ctx, &args).await,
            Verb::Monitor(args) => monitor::run(ctx, &args).await,
            Verb::GetErrors(args) => get_errors::run(ctx, &args.name).await,
            Verb::SetLogLevel(args) => log_level::run(ctx, &args).await,
            Verb::UploadCredentials(args) => credentials::run(ctx, &args).await,
            Verb::Admin(verb) => admin::run(ctx, &verb).await,
            Verb::Heartbeats(verb) => heartbeats::run(ctx, &verb).await,
            Verb::Blobstore(verb) => blobstore::run(ctx, &verb).await,
            Verb::Smoke(args) => smoke::run(ctx, &args).await,
            Verb::Backup(args) => backup::backup(ctx, &args).await,
            Verb::Restore(args) => backup::restore(ctx, &args).await,
            Verb::DrpcClient(args) => drpc::run(ctx, &args).await,
            Verb::Shell(args) => shell::run(ctx, &args).await,
            _ => unreachable!("this verb needs no cluster"),
        }
    })
}
