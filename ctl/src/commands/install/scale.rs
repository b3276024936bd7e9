//! `stormctl scale-out` and `stormctl scale-in`: hosts that join a cluster, and hosts that leave it.

use std::sync::Arc;

use serde_json::Map;
use storm_install::host::answer;
use storm_install::journal::Store;
use storm_install::plan::{Leaving, leave, staying, without};
use storm_install::spec::{Cluster, Host, Ssh};

use super::fleet::known_hosts;
use super::progress::Progress;
use super::report::Planned;
use super::rolling::{how, planned, remembered};
use super::run::{Job, Look, connect, interrupted};
use super::{failure, state};
use crate::cli::Global;
use crate::cli::install::{ScaleIn, ScaleOut};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub(super) async fn add(printer: Printer, global: &Global, args: &ScaleOut) -> Result<(), Failure> {
    let cluster = remembered(args.name.as_deref())?;
    let wanted = match &args.file {
        Some(file) => {
            let mut described = Cluster::read(file)?;
            described.conf.extend(crate::submission::settings(&global.set));
            only_more(&cluster, described, &file.display().to_string())?
        }
        None => with_hosts(&cluster, args)?,
    };
    wanted.check()?;
    let job = Job { keep_program: true, ..Job::new(printer, global, "scale-out") };
    job.run(&wanted, &how(args.dry_run)).await?;
    if args.file.is_none() && !args.dry_run {
        printer.note("add to the hosts of its cluster.yaml:");
        for host in &wanted.hosts[cluster.hosts.len()..] {
            let roles: Vec<&str> = host.roles.iter().map(|r| r.word()).collect();
            printer.note(&format!("- {{name: {}, roles: [{}]}}", host.name, roles.join(", ")));
        }
    }
    Ok(())
}

/// The description, if it has nothing but more hosts.
fn only_more(cluster: &Cluster, described: Cluster, file: &str) -> Result<Cluster, Failure> {
    let conflict = |what: String| Failure::new(Exit::Conflict, "scale-out/description", what);
    if described.name != cluster.name {
        let what = format!("{file} describes {}, and not {}", described.name, cluster.name);
        return Err(conflict(what).hint("name its file with --file"));
    }
    let gone: Vec<&str> =
        cluster.hosts.iter().map(|h| h.name.as_str()).filter(|name| described.host(name).is_none()).collect();
    if !gone.is_empty() {
        return Err(conflict(format!("{file} has no {} any more", gone.join(", "))).hint(format!(
            "stormctl scale-in {} {}      takes hosts out",
            cluster.name,
            gone.join(" ")
        )));
    }
    let mut old = described.clone();
    old.hosts.retain(|h| cluster.host(&h.name).is_some());
    let mut before = cluster.clone();
    for hosts in [&mut old.hosts, &mut before.hosts] {
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if old != before {
        return Err(conflict(format!("{file} changes more than hosts that are added"))
            .hint(format!("stormctl plan --file {file}      shows all of it")));
    }
    Ok(described)
}

fn with_hosts(cluster: &Cluster, args: &ScaleOut) -> Result<Cluster, Failure> {
    let mut wanted = cluster.clone();
    for name in &args.hosts {
        if cluster.host(name).is_some() {
            let what = format!("{name} is a host of {} already", cluster.name);
            return Err(Failure::new(Exit::Conflict, "scale-out/host", what)
                .hint("other roles are given to a host in cluster.yaml: stormctl plan --file cluster.yaml"));
        }
        wanted.hosts.push(Host {
            name: name.clone(),
            roles: args.roles.iter().map(|role| role.of_cluster()).collect(),
            local: false,
            dir: None,
            ssh: Ssh::default(),
            conf: Map::new(),
            zoo_cfg: Map::new(),
        });
    }
    Ok(wanted)
}

pub(super) async fn remove(printer: Printer, global: &Global, args: &ScaleIn) -> Result<(), Failure> {
    let cluster = remembered(Some(&args.name))?;
    known_hosts(&cluster, &args.hosts)?;
    let how = Leaving { wait_secs: args.wait_secs, force: args.force, lost: args.lost };
    // What the description forbids is told before anybody is asked.
    staying(&cluster, &args.hosts, how)?;
    let what = |host: &String| match args.lost {
        true => format!("this takes {host} out of {} for good, and does nothing on it", cluster.name),
        false => format!("this moves what runs on {host} to other hosts, and removes all of {} from it", cluster.name),
    };
    let lost = args.hosts.iter().map(|host| (what(host), host.clone())).collect();
    let job = Job { keep_program: true, lost, ..Job::new(printer, global, "scale-in") };
    if args.lost {
        give_up(&job, &cluster, args, how).await?;
    } else {
        let sources = job.sources(&cluster, &Look { only: args.dry_run, ..Look::default() }).await?;
        planned(&job, &cluster, args.dry_run, |survey| {
            leave(&cluster, &args.hosts, &survey.known, &sources, how).map_err(failure)
        })
        .await?;
    }
    if !args.dry_run {
        printer.note(&format!("take {} out of the hosts of its cluster.yaml, if there is one", args.hosts.join(", ")));
    }
    Ok(())
}

/// Takes hosts out that nobody can ask any more.
async fn give_up(job: &Job<'_>, cluster: &Cluster, args: &ScaleIn, how: Leaving) -> Result<(), Failure> {
    let progress = Arc::new(Progress::new(job.printer));
    silent(cluster, &args.hosts, &progress).await?;
    let left = without(cluster, &args.hosts);
    let hosts = connect(&left, &progress).await?;
    let done = async {
        let survey = job.survey(&left, &hosts).await?;
        let made = async |only: bool| {
            let look = Look { only, lost: args.hosts.clone(), ..Look::default() };
            let sources = job.sources(&left, &look).await?;
            leave(cluster, &args.hosts, &survey.known, &sources, how).map_err(failure)
        };
        // No certificate is taken back before somebody has agreed.
        let shown = made(true).await?;
        let shown = Planned { plan: &shown, findings: &[], files: false };
        if args.dry_run {
            return job.printer.show(&shown);
        }
        job.agreed(&shown)?;
        let plan = made(false).await?;
        let store = Store::open(&state()?, &cluster.name)?;
        job.replace(&store, &plan)?;
        job.carry_out(&plan, &store, &hosts, &progress).await
    }
    .await;
    hosts.close().await;
    done
}

/// Hosts that answer are not lost: their daemons would go on as part of a cluster that has forgotten them.
async fn silent(cluster: &Cluster, names: &[String], progress: &Progress) -> Result<(), Failure> {
    for host in cluster.hosts.iter().filter(|h| names.contains(&h.name)) {
        let answer = tokio::select! {
            answer = answer(cluster, host) => answer?,
            _ = tokio::signal::ctrl_c() => return Err(interrupted(&cluster.name)),
        };
        let Some(said) = answer else {
            progress.line(&host.name, "does not answer");
            continue;
        };
        let refusal = Failure::new(Exit::Refused, "scale-in/alive", format!("{} is not lost: it answers", host.name));
        return Err(said
            .into_iter()
            .fold(refusal, Failure::evidence)
            .hint(format!("stormctl scale-in {} {}      takes out a host that is there", cluster.name, host.name)));
    }
    Ok(())
}
