//! `stormctl submit FILE [NAME]`: checked, planned, submitted, or put in the place of another.

use std::time::Duration;

use serde_json::{Map, Value, json};
use storm::submit::upload;
use storm_conf::Conf;
use storm_nimbus::foresee::{self, StoredTopology, Terms};
use storm_thrift::types::{InvalidTopologyException, KillOptions, StormBase, SubmitOptions, TopologyInitialStatus};
use storm_thrift::{Exception, NimbusClient, ServiceError};

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{self, Planned};
use crate::submission;

use super::kill;

pub async fn run(ctx: &Context, args: &cli::Submit) -> Result<(), Failure> {
    let package = submission::open(&args.file, &args.flux)?;
    let description = package.description();
    let name = args.name.clone().or_else(|| description.name.clone()).ok_or_else(submission::no_name)?;
    let mut conf = description.conf.clone();
    // As in Storm, what -c sets goes along with the topology.
    conf.extend(submission::settings(&ctx.global.set));
    let new = New { name, conf, package: &package };
    // A replaced topology goes after its own wait, which nobody here bounds but --timeout.
    let limit = Duration::from_secs(if args.replace { 3600 } else { 120 });
    ctx.within(limit, async {
        let mut nimbus = ctx.nimbus().await?;
        let old = old(&mut nimbus, &new.name).await?;
        if old.is_some() && !args.replace {
            return Err(Failure::new(
                Exit::Conflict,
                "nimbus/already-alive",
                format!("a topology \"{}\" runs already", new.name),
            )
            .hint(format!("stormctl submit {} --replace, or give it another name", args.file.display())));
        }
        if args.dry_run {
            return dry_run(ctx, &mut nimbus, &new, old).await;
        }
        if let Some(old) = old {
            return replace(ctx, &mut nimbus, &new, &old, args).await;
        }
        let location = upload(&mut nimbus, package.jar()).await?;
        let id = submit(&mut nimbus, &new, location, args.inactive).await?;
        done(ctx, &new, &id, args, Map::new())
    })
    .await
}

struct New<'a> {
    name: String,
    conf: Map<String, Value>,
    package: &'a storm::package::Package,
}

/// The id of the living topology of that name.
async fn old(nimbus: &mut NimbusClient, name: &str) -> Result<Option<String>, Failure> {
    Ok(nimbus.get_topology_summaries().await?.into_iter().find(|t| t.name == name).map(|t| t.id))
}

async fn submit(nimbus: &mut NimbusClient, new: &New<'_>, location: String, inactive: bool) -> Result<String, Failure> {
    let initial_status = if inactive { TopologyInitialStatus::Inactive } else { TopologyInitialStatus::Active };
    let options = SubmitOptions { initial_status, creds: None };
    let conf = Value::Object(new.conf.clone()).to_string();
    let topology = new.package.description().topology.clone();
    nimbus.submit_topology_with_opts(new.name.clone(), Some(location), conf, topology, options).await?;
    Ok(nimbus.get_topology_summary_by_name(new.name.clone()).await?.id)
}

fn done(ctx: &Context, new: &New<'_>, id: &str, args: &cli::Submit, more: Map<String, Value>) -> Result<(), Failure> {
    let state = if args.inactive { "submitted, inactive" } else { "submitted" };
    let mut details = Map::from_iter([("id".to_owned(), json!(id))]);
    details.extend(more);
    ctx.printer.show(&Change {
        action: "submitted",
        message: format!("{} is {state} as {id}", new.name),
        next: Some(match args.inactive {
            true => format!("stormctl activate {}", new.name),
            false => format!("stormctl describe {}", new.name),
        }),
        names: vec![new.name.clone()],
        details,
    })
}

/// Kills the old one when all that can be known of the new one before is known: it is in order, and its jar is there.
async fn replace(
    ctx: &Context,
    nimbus: &mut NimbusClient,
    new: &New<'_>,
    old_id: &str,
    args: &cli::Submit,
) -> Result<(), Failure> {
    let nimbus_conf = nimbus_conf(nimbus).await?;
    examined(nimbus, new, &nimbus_conf).await.map_err(|e| e.evidence(format!("{old_id} runs on as before")))?;
    let location = upload(nimbus, new.package.jar()).await?;
    nimbus.kill_topology_with_opts(new.name.clone(), KillOptions { wait_secs: args.wait_secs }).await?;
    ctx.printer.progress(&format!("waiting for the end of {old_id}"));
    kill::until_gone(nimbus, &new.name).await?;
    ctx.printer.progress_end();
    let id = submit(nimbus, new, location, args.inactive).await.map_err(|e| {
        e.evidence(format!("{old_id} is killed, and nothing is in its place")).hint(format!(
            "mend it, then: stormctl submit {} {}",
            args.file.display(),
            new.name
        ))
    })?;
    done(ctx, new, &id, args, Map::from_iter([("replaced".to_owned(), json!(old_id))]))
}

async fn dry_run(ctx: &Context, nimbus: &mut NimbusClient, new: &New<'_>, old: Option<String>) -> Result<(), Failure> {
    let nimbus_conf = nimbus_conf(nimbus).await?;
    let examined = examined(nimbus, new, &nimbus_conf).await?;
    let mut base = StormBase { name: new.name.clone(), ..StormBase::default() };
    base.num_workers = i32::try_from(examined.workers).unwrap_or(i32::MAX);
    let stored = StoredTopology { conf: examined.conf, topology: examined.topology };
    // Topologies are taken in the order of their ids, and this one will have one like that.
    let id = format!("{}-0-0", new.name);
    let details = foresee::details(&id, &base, &stored).map_err(|e| invalid(&e))?;
    let cluster = plan::cluster(ctx, nimbus, &nimbus_conf).await?;
    let plan = cluster.plan(Planned { name: new.name.clone(), details, instead_of: old });
    ctx.printer.show(&plan)?;
    plan.misfit().map_or(Ok(()), Err)
}

/// The cluster's own configuration.
pub async fn nimbus_conf(nimbus: &mut NimbusClient) -> Result<Conf, Failure> {
    let text = nimbus.get_nimbus_conf().await?;
    serde_json::from_str(&text).map(Conf::new).map_err(|e| {
        Failure::new(Exit::Failed, "nimbus/conf", "the configuration of Nimbus is no JSON").evidence(e.to_string())
    })
}

/// All that Nimbus would refuse it for, but its jar: that was read when the package was made.
async fn examined(nimbus: &mut NimbusClient, new: &New<'_>, cluster: &Conf) -> Result<foresee::Examined, Failure> {
    let topology = &new.package.description().topology;
    let mut blobs = Vec::new();
    for key in foresee::uses_blobs(&new.conf, topology) {
        if nimbus.is_remote_blob_exists(key.clone()).await? {
            blobs.push(key);
        }
    }
    let terms = Terms {
        cluster: cluster.map(),
        id: "",
        name: &new.name,
        submitter: "",
        max_slots: cluster.int("nimbus.slots.perTopology"),
        max_executors: cluster.int("nimbus.executors.perTopology"),
    };
    foresee::examine(&terms, new.conf.clone(), topology, |key| blobs.iter().any(|b| b == key)).map_err(|e| match e {
        ServiceError::Declared(Exception::InvalidTopologyException(InvalidTopologyException { msg })) => invalid(&msg),
        other => invalid(&other.to_string()),
    })
}

fn invalid(why: &str) -> Failure {
    let mut failure = Failure::new(Exit::Failed, "nimbus/invalid-topology", "the topology is not valid");
    for line in why.lines() {
        failure = failure.evidence(line.trim());
    }
    failure
}
