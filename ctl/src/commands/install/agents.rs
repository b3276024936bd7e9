//! `stormctl agent renew --name CLUSTER`: new certificates for the agents of a cluster that was installed from here, brought to
//! its hosts as an installation brings its files.

use std::sync::Arc;

use storm_install::agents::Anew;
use storm_install::journal::Store;
use storm_install::step::{Step, places};

use super::progress::Progress;
use super::report::Planned;
use super::run::{Job, Look, RENEW, connect, in_force};
use super::{named, state};
use crate::change::Change;
use crate::cli::Global;
use crate::cli::agent::Renew;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub(super) async fn renew(printer: Printer, global: &Global, name: &str, args: &Renew) -> Result<(), Failure> {
    if !args.force && !args.names.is_empty() {
        return Err(Failure::new(Exit::Usage, "usage/force", "what is due is renewed on every host")
            .hint("say --force to renew what is not due, of these hosts"));
    }
    let name = named(Some(name))?;
    let store = Store::open(&state()?, &name)?;
    let cluster = in_force(&store, &name)?;
    if !cluster.agents {
        return Err(Failure::new(Exit::NotFound, "install/no-agents", format!("the hosts of {name} have no agents"))
            .hint("say agents: true in its description, then stormctl plan --file cluster.yaml"));
    }
    if let Some(unknown) = args.names.iter().find(|n| cluster.host(n).is_none()) {
        let all: Vec<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
        return Err(Failure::new(Exit::NotFound, "install/no-host", format!("{name} has no host {unknown}"))
            .evidence(all.join(", ")));
    }
    // The plan that is kept is what `apply` goes on with: one that was not carried out must not be forgotten.
    let last = store.audit()?.pop().filter(|run| run.result == "done");
    let plan = store.load()?;
    if !last.is_some_and(|last| plan.is_none_or(|plan| plan.is_empty() || plan.id == last.plan)) {
        return Err(Failure::new(
            Exit::Conflict,
            "install/unfinished",
            format!("what was planned for {name} is not done"),
        )
        .hint(format!("stormctl apply {name}      brings what is due, too")));
    }
    let job = Job { ask_first: false, ..Job::new(printer, global, RENEW) };
    let progress = Arc::new(Progress::new(printer));
    let hosts = connect(&cluster, &progress).await?;
    let anew = Anew { all: args.force && args.names.is_empty(), names: args.names.clone() };
    let looked = job.look(&cluster, &hosts, Look { check: false, only: args.dry_run, anew, ..Look::default() }).await;
    let done = match looked {
        Ok((plan, _)) => {
            let plan = plan
                .only(|step: &Step| step.action.path().is_some_and(|p| p.starts_with(places::agent_tls(&step.dir))));
            if args.dry_run {
                printer.show(&Planned { plan: &plan, findings: &[], files: false })
            } else if plan.is_empty() {
                let message = format!("nothing is due on the hosts of {name}");
                printer.show(&Change { action: "renewed", message, ..Change::default() })
            } else {
                store.save(&plan)?;
                job.carry_out(&plan, &store, &hosts, &progress).await
            }
        }
        Err(failure) => Err(failure),
    };
    hosts.close().await;
    done
}
