//! `stormctl exec`: a command on all hosts at once.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use storm_install::journal::Store;
use storm_install::site::{Output, Reply, Request};
use storm_install::spec::Cluster;

use super::progress::Progress;
use super::run::{connect, in_force};
use super::{failure, named, state};
use crate::cli::Global;
use crate::cli::install::Exec;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

pub(super) async fn exec(printer: Printer, _global: &Global, args: &Exec) -> Result<(), Failure> {
    let name = named(args.name.as_deref())?;
    let mut cluster = in_force(&Store::open(&state()?, &name)?, &name)?;
    known_hosts(&cluster, &args.hosts)?;
    cluster.hosts.retain(|h| args.hosts.is_empty() || args.hosts.contains(&h.name));
    let progress = Arc::new(Progress::new(printer));
    let hosts = connect(&cluster, &progress).await?;
    let replies = hosts.ask_all(|_| Request::Run { words: args.command.clone() }).await;
    hosts.close().await;
    let (mut outputs, mut troubles) = (Vec::new(), Vec::new());
    for (host, reply) in replies {
        match reply {
            Ok(Reply::Ran { output }) => outputs.push((host, output)),
            Ok(_) => {}
            Err(trouble) => troubles.push(trouble),
        }
    }
    let failed: Vec<String> = outputs.iter().filter(|(_, o)| !o.ok()).map(|(host, _)| host.clone()).collect();
    printer.show(&Ran { outputs })?;
    if !troubles.is_empty() {
        let mut failure = failure(troubles);
        failure.exit = Exit::Partly;
        return Err(failure);
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(Exit::Partly, "exec/failed", format!("failed on {}", failed.join(", "))))
    }
}

/// Hosts that were named must be the cluster's.
pub(super) fn known_hosts(cluster: &Cluster, names: &[String]) -> Result<(), Failure> {
    let Some(unknown) = names.iter().find(|h| cluster.host(h).is_none()) else { return Ok(()) };
    let all: Vec<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
    let what = format!("{} has no host {unknown}", cluster.name);
    Err(Failure::new(Exit::NotFound, "install/no-host", what).evidence(all.join(", ")))
}

struct Ran {
    outputs: Vec<(String, Output)>,
}

impl Report for Ran {
    const KIND: &'static str = "ExecList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let one = |(host, o): &(String, Output)| json!({"host": host, "status": o.status, "stdout": o.stdout, "stderr": o.stderr});
        self.outputs.iter().map(one).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let width = self.outputs.iter().map(|(host, _)| host.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        for (host, output) in &self.outputs {
            for line in output.stdout.lines().chain(output.stderr.lines()) {
                text.push_str(&format!("{host:<width$}  {line}\n"));
            }
            if !output.ok() {
                let how = output.status.map_or("was killed".to_owned(), |s| format!("ended with status {s}"));
                text.push_str(&format!("{host:<width$}  ({how})\n"));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.outputs.iter().map(|(host, _)| host.clone()).collect()
    }
}
