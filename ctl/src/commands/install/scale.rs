//! `stormctl scale-out` and `stormctl scale-in`: hosts that join a cluster, and hosts that leave it.

use serde_json::Map;
use storm_install::plan::{Leaving, leave, staying};
use storm_install::spec::{Cluster, Host, Ssh};

use super::failure;
use super::fleet::known_hosts;
use super::rolling::{how, planned, remembered};
use super::run::{Job, Look};
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
    // What the description forbids is told before anybody is asked.
    staying(&cluster, &args.hosts, args.force)?;
    let what = |host: &String| {
        format!("this moves what runs on {host} to other hosts, and removes all of {} from it", cluster.name)
    };
    let lost = args.hosts.iter().map(|host| (what(host), host.clone())).collect();
    let job = Job { keep_program: true, lost, ..Job::new(printer, global, "scale-in") };
    let leaving = Leaving { wait_secs: args.wait_secs, force: args.force };
    let sources = job.sources(&cluster, &Look { only: args.dry_run, ..Look::default() }).await?;
    planned(&job, &cluster, args.dry_run, |survey| {
        leave(&cluster, &args.hosts, &survey.known, &sources, leaving).map_err(failure)
    })
    .await?;
    if !args.dry_run {
        printer.note(&format!("take {} out of the hosts of its cluster.yaml, if there is one", args.hosts.join(", ")));
    }
    Ok(())
}
