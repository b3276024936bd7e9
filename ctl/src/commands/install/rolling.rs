//! `stormctl restart --rolling` and `stormctl upgrade`: host by host, while the cluster goes on.

use std::sync::Arc;

use storm_install::journal::Store;
use storm_install::plan::{Plan, back, restart as plan_restart};
use storm_install::preflight::Survey;
use storm_install::spec::Cluster;

use super::fleet::known_hosts;
use super::progress::Progress;
use super::run::{Job, connect, in_force};
use super::{named, state};
use crate::cli::Global;
use crate::cli::install::{How, RollingRestart, Upgrade};
use crate::failure::Failure;
use crate::printer::Printer;

/// The cluster that was installed from here by this name.
pub(super) fn remembered(name: Option<&str>) -> Result<Cluster, Failure> {
    let name = named(name)?;
    in_force(&Store::open(&state()?, &name)?, &name)
}

/// What is asked of a plan here: to be shown only, or to be done.
pub(super) fn how(dry_run: bool) -> How {
    How { dry_run, show_files: false, no_check: true }
}

pub(super) async fn restart(printer: Printer, global: &Global, args: &RollingRestart) -> Result<(), Failure> {
    let cluster = remembered(args.name.as_deref())?;
    known_hosts(&cluster, &args.hosts)?;
    let job = Job::new(printer, global, "restart --rolling");
    let roles: Vec<&str> = args.roles.iter().map(|role| role.name()).collect();
    planned(&job, &cluster, args.dry_run, |survey| {
        Ok(plan_restart(&cluster, &survey.known, &roles, &args.hosts, args.batch))
    })
    .await
}

pub(super) async fn upgrade(printer: Printer, global: &Global, args: &Upgrade) -> Result<(), Failure> {
    let cluster = remembered(args.name.as_deref())?;
    if args.back {
        let job = Job::new(printer, global, "upgrade --back");
        return planned(&job, &cluster, args.dry_run, |survey| {
            back(&cluster, &survey.known, args.batch).map_err(Failure::from)
        })
        .await;
    }
    // Another program is one more thing that a plan of the same description finds and mends.
    let job = Job { batch: args.batch, ..Job::new(printer, global, "upgrade") };
    job.run(&cluster, &how(args.dry_run)).await
}

/// Looks at every host, decides, and does it. What is in a host's way does not matter here: it runs already.
pub(super) async fn planned(
    job: &Job<'_>,
    cluster: &Cluster,
    dry_run: bool,
    decide: impl FnOnce(&Survey) -> Result<Plan, Failure>,
) -> Result<(), Failure> {
    let progress = Arc::new(Progress::new(job.printer));
    let hosts = connect(cluster, &progress).await?;
    let done = async {
        let survey = job.survey(cluster, &hosts).await?;
        let plan = decide(&survey)?;
        job.settle(&plan, &[], &how(dry_run), &hosts, &progress).await
    }
    .await;
    hosts.close().await;
    done
}
