//! `stormctl uninstall`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use storm_install::host::{Host, Hosts};
use storm_install::journal::Store;
use storm_install::plan::crew;
use storm_install::site::{Made, Reply, Request, Site, Undone};
use storm_install::spec::Cluster;
use storm_install::step::places;
use storm_install::{Kind, Trouble};

use super::progress::Progress;
use super::run::{connect, user};
use super::{describe, failure, named, state};
use crate::cli::Global;
use crate::cli::install::Uninstall;
use crate::confirm::severe;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

pub(super) async fn run(printer: Printer, global: &Global, args: &Uninstall) -> Result<(), Failure> {
    let default = describe::default_dir().ok().filter(|d| places::manifest(d).exists());
    let planned = !Store::clusters(&state()?).is_empty();
    let dir = args.dir.clone().or(default.filter(|_| args.name.is_none() && !planned));
    match dir {
        Some(dir) => folder(printer, global, args, std::path::absolute(&dir).unwrap_or(dir)).await,
        None => cluster(printer, global, args).await,
    }
}

/// What is in a folder of this machine.
async fn folder(printer: Printer, global: &Global, args: &Uninstall, dir: PathBuf) -> Result<(), Failure> {
    let mut host = Host::Local(Site::default());
    if args.dry_run {
        let made = made(host.ask(Request::Made { dir }).await?)?;
        return printer.show(&Removal { hosts: vec![("this machine".to_owned(), made)] });
    }
    let shown = dir.display().to_string();
    severe(&format!("this removes what is installed in {shown}"), &shown, global)?;
    let reply = host.ask(Request::Undo { dir: dir.clone(), keep_data: args.keep_data }).await?;
    forget(&dir)?;
    printer.show(&Removed { hosts: vec![("this machine".to_owned(), undone(reply)?)] })
}

/// The plan that was for this folder of this machine.
fn forget(dir: &Path) -> Result<(), Failure> {
    let state = state()?;
    let home = storm_conf::Environment::of_process().user_home.unwrap_or_default();
    for name in Store::clusters(&state) {
        let store = Store::open(&state, &name)?;
        let Some(plan) = store.load()? else { continue };
        let cluster = &store.in_force()?.unwrap_or(plan.cluster);
        if cluster.hosts.iter().all(|h| h.local && cluster.dir_on(h, &home) == dir) {
            store.begin(&user(), "uninstall", &plan.id)?.end(&[])?;
            store.forget()?;
        }
    }
    Ok(())
}

async fn cluster(printer: Printer, global: &Global, args: &Uninstall) -> Result<(), Failure> {
    let name = named(args.name.as_deref())?;
    let store = Store::open(&state()?, &name)?;
    let Some(cluster) = store.in_force()? else { return unapplied(printer, global, args, &name, &store) };
    let progress = Arc::new(Progress::new(printer));
    let hosts = connect(&cluster, &progress).await?;
    let result = remove(printer, global, args, &cluster, &store, &hosts, &progress).await;
    hosts.close().await;
    result
}

/// Of what was only planned there is nothing but the plan.
fn unapplied(printer: Printer, global: &Global, args: &Uninstall, name: &str, store: &Store) -> Result<(), Failure> {
    if args.dry_run {
        printer.note(&format!("nothing of {name} was applied: its plan would be forgotten"));
        return printer.show(&Removal { hosts: Vec::new() });
    }
    severe(&format!("this forgets the plan of {name}, of which nothing is applied"), name, global)?;
    store.begin(&user(), "uninstall", "-")?.end(&[])?;
    store.forget()?;
    printer.note(&format!("nothing of {name} was applied: its plan is forgotten"));
    printer.show(&Removed { hosts: Vec::new() })
}

async fn remove(
    printer: Printer,
    global: &Global,
    args: &Uninstall,
    cluster: &Cluster,
    store: &Store,
    hosts: &Hosts,
    progress: &Progress,
) -> Result<(), Failure> {
    let mut dirs = Vec::new();
    for host in &cluster.hosts {
        match hosts.ask(&host.name, Request::Hello).await? {
            Reply::Hello { hello } => dirs.push((host.name.clone(), crew(cluster, host, &hello).dir)),
            _ => return Err(odd()),
        }
    }
    let dir_of = |name: &str| dirs.iter().find(|(n, _)| n == name).map(|(_, d)| d.clone()).unwrap_or_default();
    if args.dry_run {
        let mut all = Vec::new();
        for (name, reply) in hosts.ask_all(|name| Request::Made { dir: dir_of(name) }).await {
            all.push((name, made(reply?)?));
        }
        return printer.show(&Removal { hosts: all });
    }
    let what = format!("this removes the cluster {} from {} hosts", cluster.name, cluster.hosts.len());
    severe(&what, &cluster.name, global)?;
    let run = store.begin(&user(), "uninstall", "-")?;
    let (mut all, mut troubles) = (Vec::new(), Vec::new());
    for (name, reply) in hosts.ask_all(|n| Request::Undo { dir: dir_of(n), keep_data: args.keep_data }).await {
        match reply {
            Ok(reply) => {
                progress.line(&name, "uninstalled");
                all.push((name, undone(reply)?));
            }
            // An earlier try has come so far.
            Err(t) if t.code == "uninstall/nothing" => all.push((name, Undone::default())),
            Err(trouble) => troubles.push(trouble),
        }
    }
    run.end(&troubles)?;
    if !troubles.is_empty() {
        return Err(failure(troubles));
    }
    if !args.keep_data {
        store.forget()?;
    }
    printer.show(&Removed { hosts: all })
}

fn odd() -> Failure {
    Trouble::new(Kind::Failed, "install/protocol", "an answer to another question").into()
}

fn undone(reply: Reply) -> Result<Undone, Failure> {
    match reply {
        Reply::Undone { undone } => Ok(undone),
        _ => Err(odd()),
    }
}

fn made(reply: Reply) -> Result<Vec<Made>, Failure> {
    match reply {
        Reply::Made { made } => Ok(made),
        _ => Err(odd()),
    }
}

/// What was removed, and what was not.
struct Removed {
    hosts: Vec<(String, Undone)>,
}

impl Report for Removed {
    const KIND: &'static str = "Uninstalled";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let kept =
            |u: &Undone| -> Vec<Value> { u.kept.iter().map(|(p, why)| json!({"path": p, "why": why})).collect() };
        self.hosts.iter().map(|(host, u)| json!({"host": host, "removed": u.removed, "kept": kept(u)})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut text = String::new();
        for (host, undone) in &self.hosts {
            text.push_str(&format!("{host}: {} files and folders removed\n", undone.removed));
            for (path, why) in &undone.kept {
                text.push_str(&format!("  kept: {} ({why})\n", path.display()));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.hosts.iter().map(|(host, _)| host.clone()).collect()
    }
}

/// What would be removed.
struct Removal {
    hosts: Vec<(String, Vec<Made>)>,
}

fn words(made: &Made) -> String {
    match made {
        Made::Account { user } => format!("the account {user}"),
        Made::Folder { path, data: true } => format!("{} and all that is in it", path.display()),
        Made::Folder { path, .. } | Made::File { path, .. } => path.display().to_string(),
        Made::Daemons { crew } => {
            let roles: Vec<&str> = crew.daemons.iter().map(|d| d.role.as_str()).collect();
            format!("the running {}", roles.join(", "))
        }
    }
}

impl Report for Removal {
    const KIND: &'static str = "UninstallPlan";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.hosts.iter().flat_map(|(host, made)| made.iter().map(move |m| json!({"host": host, "made": m}))).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut lines: Vec<String> = Vec::new();
        for (host, made) in &self.hosts {
            for line in made.iter().rev().map(|m| format!("{host}: {}", words(m))) {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines.iter().map(|l| format!("{l}\n")).collect()
    }

    fn names(&self) -> Vec<String> {
        self.hosts.iter().flat_map(|(_, made)| made.iter().map(words)).collect()
    }
}
