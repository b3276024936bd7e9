//! `stormctl kill`.

use std::time::Duration;

use serde_json::json;
use storm_thrift::NimbusClient;
use storm_thrift::types::KillOptions;

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

use super::topology;

pub async fn run(ctx: &Context, args: &cli::Kill) -> Result<(), Failure> {
    // A topology goes after its own wait, which nobody here bounds but --timeout.
    let limit = Duration::from_secs(if args.wait { 3600 } else { 60 });
    ctx.within(limit, async {
        let mut nimbus = ctx.nimbus().await?;
        let mut killed = Vec::new();
        let mut failures = Vec::new();
        for name in &args.names {
            match kill_one(&mut nimbus, name, args).await {
                Ok(name) => killed.push(name),
                Err(failure) if args.ignore_errors => {
                    ctx.printer.failure(&failure);
                    failures.push(failure);
                }
                Err(failure) => {
                    report(ctx, &killed, args)?;
                    return Err(failure);
                }
            }
        }
        if args.wait && !args.dry.dry_run {
            for name in &killed {
                until_gone(&mut nimbus, name).await?;
            }
        }
        report(ctx, &killed, args)?;
        match failures.len() {
            0 => Ok(()),
            n if killed.is_empty() => Err(Failure::new(failures[0].exit, "kill/none", format!("killed none of {n}"))),
            n => Err(Failure::new(Exit::Partly, "kill/partly", format!("{n} of {} not killed", args.names.len()))),
        }
    })
    .await
}

fn report(ctx: &Context, killed: &[String], args: &cli::Kill) -> Result<(), Failure> {
    if killed.is_empty() {
        return Ok(());
    }
    let names = killed.join(", ");
    let message = match (args.wait, args.wait_secs) {
        _ if args.dry.dry_run => format!("would kill {names}"),
        (true, _) => format!("killed {names}"),
        (false, Some(0)) => format!("{names} ends now"),
        (false, Some(secs)) => format!("{names} ends in {secs} s; its spouts are inactive"),
        (false, None) => format!("{names} ends after its message timeout; its spouts are inactive"),
    };
    let mut details = serde_json::Map::new();
    details.insert("wait_secs".into(), json!(args.wait_secs));
    details.insert("gone".into(), json!(args.wait && !args.dry.dry_run));
    details.insert("dry_run".into(), json!(args.dry.dry_run));
    ctx.printer.show(&Change {
        action: "killed",
        names: killed.to_vec(),
        message,
        next: (!args.wait).then(|| "stormctl list".to_owned()),
        details,
    })
}

async fn kill_one(nimbus: &mut NimbusClient, name: &str, args: &cli::Kill) -> Result<String, Failure> {
    let topology = topology::find(nimbus, name).await?;
    if !args.dry.dry_run {
        let options = KillOptions { wait_secs: args.wait_secs };
        nimbus.kill_topology_with_opts(topology.name.clone(), options).await?;
    }
    Ok(topology.name)
}

/// Returns when no topology of this name is known any more.
pub async fn until_gone(nimbus: &mut NimbusClient, name: &str) -> Result<(), Failure> {
    while nimbus.get_topology_summaries().await?.iter().any(|t| t.name == name) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
