//! Clusters put on hosts: `install`, `plan`, `apply`, `uninstall`, `exec`.

mod adopt;
mod agents;
mod archives;
mod client;
mod describe;
mod fleet;
mod history;
mod progress;
mod report;
mod rolling;
mod run;
mod scale;
mod uninstall;
mod wizard;

use std::path::PathBuf;

use storm_conf::Environment;
use storm_install::{Kind, Trouble};

use crate::cli::Global;
use crate::cli::agent::Renew;
use crate::cli::install::{Exec, Install, Named, Plan, RollingRestart, ScaleIn, ScaleOut, Uninstall, Upgrade};
use crate::commands::new;
use crate::exit::Exit;
use crate::failure::{Failure, Fault};
use crate::printer::Printer;

pub async fn run(printer: Printer, global: &Global, verb: Install) -> Result<(), Failure> {
    match verb {
        Install::Single(args) => run::single(printer, global, *args).await,
        Install::Distributed(args) => run::distributed(printer, global, &args).await,
        Install::Client(args) => client::run(printer, global, &args).await,
        Install::Dev(args) => new::run(&printer, &args),
        Install::Adopt(args) => adopt::run(&printer, &args),
        Install::History(args) => history::run(&printer, &args),
    }
}

pub async fn plan(printer: Printer, global: &Global, args: &Plan) -> Result<(), Failure> {
    run::plan(printer, global, args).await
}

pub async fn apply(printer: Printer, global: &Global, args: &Named) -> Result<(), Failure> {
    run::apply(printer, global, args).await
}

pub async fn uninstall(printer: Printer, global: &Global, args: &Uninstall) -> Result<(), Failure> {
    uninstall::run(printer, global, args).await
}

pub async fn exec(printer: Printer, global: &Global, args: &Exec) -> Result<(), Failure> {
    fleet::exec(printer, global, args).await
}

/// New certificates for a cluster that was installed from here.
pub async fn renew_agents(printer: Printer, global: &Global, name: &str, args: &Renew) -> Result<(), Failure> {
    agents::renew(printer, global, name, args).await
}

/// Daemons of a whole cluster, one host after the other.
pub async fn restart(printer: Printer, global: &Global, args: &RollingRestart) -> Result<(), Failure> {
    rolling::restart(printer, global, args).await
}

pub async fn upgrade(printer: Printer, global: &Global, args: &Upgrade) -> Result<(), Failure> {
    rolling::upgrade(printer, global, args).await
}

pub async fn scale_out(printer: Printer, global: &Global, args: &ScaleOut) -> Result<(), Failure> {
    scale::add(printer, global, args).await
}

pub async fn scale_in(printer: Printer, global: &Global, args: &ScaleIn) -> Result<(), Failure> {
    scale::remove(printer, global, args).await
}

/// The other end of a connection: answers what is asked on its standard input.
pub async fn on_host() -> Result<(), Failure> {
    storm_install::site::serve().await.map_err(|e| Failure::io("the connection is lost", &e))
}

/// Where clusters are remembered.
fn state() -> Result<PathBuf, Failure> {
    Environment::of_process().own_state().ok_or_else(|| {
        Failure::new(Exit::Failed, "install/no-home", "there is no place to remember a cluster")
            .hint("set HOME or XDG_STATE_HOME")
    })
}

/// The cluster that is meant: the one that was named, or the only one.
fn named(name: Option<&str>) -> Result<String, Failure> {
    let all = storm_install::journal::Store::clusters(&state()?);
    match (name, all.as_slice()) {
        (Some(name), all) if all.iter().any(|n| n == name) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Failure::new(Exit::NotFound, "install/no-cluster", "no cluster was planned from here")
            .hint("stormctl plan --file cluster.yaml, or stormctl install single")),
        (Some(name), all) => {
            Err(Failure::new(Exit::NotFound, "install/no-cluster", format!("no cluster {name} was planned from here"))
                .evidence(if all.is_empty() { "there is none".to_owned() } else { all.join(", ") }))
        }
        (None, several) => Err(Failure::new(Exit::Usage, "install/which", "there are several clusters: name one")
            .evidence(several.join(", "))),
    }
}

impl From<Trouble> for Failure {
    fn from(t: Trouble) -> Failure {
        failure(vec![t])
    }
}

/// Several troubles are one failure, with the exit status of the first.
fn failure(troubles: Vec<Trouble>) -> Failure {
    let exit = match troubles.first().map(|t| t.kind) {
        Some(Kind::Wanted) => Exit::ConfigInvalid,
        Some(Kind::Unreachable) => Exit::Unreachable,
        Some(Kind::Missing) => Exit::NotInstalled,
        Some(Kind::Conflict) => Exit::Conflict,
        Some(Kind::Refused) => Exit::Refused,
        Some(Kind::Deadline) => Exit::Deadline,
        Some(Kind::Failed) | None => Exit::Failed,
    };
    let fault = |t: Trouble| Fault { code: t.code, message: t.message, evidence: t.evidence, hint: t.hint };
    Failure { exit, faults: troubles.into_iter().map(fault).collect() }
}
