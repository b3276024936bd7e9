//! From a description to a cluster that runs: connect, look, plan, ask, do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use storm_conf::Environment;
use storm_install::Trouble;
use storm_install::agents::Anew;
use storm_install::apply::{Event, Tell, apply as apply_steps};
use storm_install::archive::inspect_storm;
use storm_install::host::Hosts;
use storm_install::journal::Store;
use storm_install::plan::{Plan as InstallPlan, Sources, plan as make_plan};
use storm_install::preflight::{Finding, Level, Survey, examine, survey};
use storm_install::site::own_sha256;
use storm_install::spec::Cluster;

use super::progress::Progress;
use super::report::Planned;
use super::{archives, describe, failure, named, state, wizard};
use crate::change::Change;
use crate::cli::Global;
use crate::cli::install::{Distributed, How, Named, Plan, Single};
use crate::commands::config::ask;
use crate::confirm::severe;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

/// How long a step may wait for the cluster.
const LIMIT: Duration = Duration::from_secs(120);
/// And when Nimbus has to miss a host by itself: workers that had just started there are given `nimbus.task.launch.secs`.
const MISSED: Duration = Duration::from_secs(300);

pub(super) async fn single(printer: Printer, global: &Global, mut args: Single) -> Result<(), Failure> {
    let untold = args.file.is_none() && args.dir.is_none() && args.slots.is_none() && args.service.is_none();
    let untold = untold && args.host.is_none() && args.user.is_none();
    let untold = untold && args.storm_archive.is_none() && args.zookeeper_archive.is_none();
    if untold && ask::possible(global) && !global.yes {
        args = wizard::single(&printer, args)?;
    }
    let how = args.how.clone();
    let cluster = describe::cluster(&args, &global.set)?;
    Job { ask_first: false, ..Job::new(printer, global, "install single") }.run(&cluster, &how).await
}

pub(super) async fn distributed(printer: Printer, global: &Global, args: &Distributed) -> Result<(), Failure> {
    let default = Path::new("cluster.yaml");
    let untold = args.file.is_none() && !default.exists();
    let mut cluster = if untold && ask::possible(global) && !global.yes {
        wizard::distributed(&printer, default, args.how.dry_run)?
    } else {
        Cluster::read(args.file.as_deref().unwrap_or(default))?
    };
    cluster.conf.extend(crate::submission::settings(&global.set));
    Job::new(printer, global, "install distributed").run(&cluster, &args.how).await
}

pub(super) async fn plan(printer: Printer, global: &Global, args: &Plan) -> Result<(), Failure> {
    let mut cluster = Cluster::read(&args.file)?;
    cluster.conf.extend(crate::submission::settings(&global.set));
    let job = Job::new(printer, global, "plan");
    let progress = Arc::new(Progress::new(printer));
    let hosts = connect(&cluster, &progress).await?;
    let looked = job.look(&cluster, &hosts, Look { check: !args.no_check, ..Look::default() }).await;
    hosts.close().await;
    let (plan, findings) = looked?;
    let store = Store::open(&state()?, &cluster.name)?;
    store.save(&plan)?;
    settled(&store, &plan)?;
    printer.show(&Planned { plan: &plan, findings: &findings, files: false })?;
    if findings.iter().any(|f| f.level == Level::Error) {
        return Err(Failure::shown(Exit::Findings));
    }
    if !plan.is_empty() {
        printer.note(&format!("next: stormctl apply {}", cluster.name));
    }
    Ok(())
}

pub(super) async fn apply(printer: Printer, global: &Global, args: &Named) -> Result<(), Failure> {
    let name = named(args.name.as_deref())?;
    let store = Store::open(&state()?, &name)?;
    let plan = loaded(&store, &name)?;
    let job = Job { ask_first: false, ..Job::new(printer, global, "apply") };
    let progress = Arc::new(Progress::new(printer));
    let hosts = connect(&plan.at_hand(), &progress).await?;
    let done = job.carry_out(&plan, &store, &hosts, &progress).await;
    hosts.close().await;
    done
}

/// The command that brings new certificates, and does nothing else.
pub(super) const RENEW: &str = "agent renew";

/// What was planned for a cluster last.
pub(super) fn loaded(store: &Store, name: &str) -> Result<InstallPlan, Failure> {
    store.load()?.ok_or_else(|| {
        Failure::new(Exit::NotFound, "install/no-plan", format!("nothing was planned for {name}"))
            .hint("stormctl plan --file cluster.yaml")
    })
}

/// The cluster as it is on its hosts.
pub(super) fn in_force(store: &Store, name: &str) -> Result<Cluster, Failure> {
    store.in_force()?.ok_or_else(|| {
        let what = format!("{name} was planned, and nothing of it is applied");
        Failure::new(Exit::NotFound, "install/not-applied", what).hint(format!("stormctl apply {name}"))
    })
}

/// Hosts of the cluster that a description of it leaves out.
fn dropped(store: &Store, described: &Cluster) -> Result<Vec<String>, Failure> {
    let before = store.in_force()?.map(|cluster| cluster.hosts).unwrap_or_default();
    let gone = before.into_iter().filter(|h| !h.local && described.host(&h.name).is_none());
    Ok(gone.map(|h| h.name).collect())
}

/// With nothing to do the hosts are already as the plan has them.
fn settled(store: &Store, plan: &InstallPlan) -> Result<(), Failure> {
    if plan.is_empty() && dropped(store, &plan.cluster)?.is_empty() {
        store.enforce(&plan.cluster)?;
    }
    Ok(())
}

/// Connects to every host of the cluster.
pub(super) async fn connect(cluster: &Cluster, progress: &Arc<Progress>) -> Result<Hosts, Failure> {
    let remote = cluster.hosts.iter().any(|h| !h.local);
    let tell = |host: &str, what: &str| {
        if remote {
            progress.line(host, what);
        }
    };
    tokio::select! {
        hosts = Hosts::connect(cluster, tell) => hosts.map_err(|troubles| failure(unreached(cluster, troubles))),
        _ = tokio::signal::ctrl_c() => Err(interrupted(&cluster.name)),
    }
}

/// A host of a cluster that is there may also be gone for good.
fn unreached(cluster: &Cluster, troubles: Vec<Trouble>) -> Vec<Trouble> {
    let store = state().ok().and_then(|state| Store::open(&state, &cluster.name).ok());
    // Where nothing is known of the cluster there is no more to advise.
    let known = store.and_then(|store| store.in_force().ok().flatten());
    let gone = |trouble: &Trouble| {
        let host = trouble.host.as_deref().filter(|_| trouble.code == "install/ssh")?;
        known.as_ref()?.host(host).map(|h| h.name.clone())
    };
    let advise = |trouble: Trouble| match gone(&trouble) {
        Some(host) => {
            let usual = trouble.hint.as_ref().map_or(String::new(), |hint| format!("{hint}; "));
            let lost = format!("{usual}if it is gone for good: stormctl scale-in {} {host} --lost", cluster.name);
            trouble.hint(lost)
        }
        None => trouble,
    };
    troubles.into_iter().map(advise).collect()
}

pub(super) fn interrupted(name: &str) -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", "interrupted: what was not finished is left for the next run")
        .hint(format!("stormctl apply {name}      goes on where it was"))
}

pub(super) fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| rustix::process::geteuid().as_raw().to_string())
}

pub(super) struct Job<'a> {
    pub(super) printer: Printer,
    pub(super) global: &'a Global,
    pub(super) command: &'static str,
    /// Other machines are only changed when somebody has said so.
    pub(super) ask_first: bool,
    /// What is lost: a sentence, and the name that has to be typed.
    pub(super) lost: Vec<(String, String)>,
    /// On how many hosts supervisors restart at once.
    pub(super) batch: usize,
    /// Hosts that have a program keep it.
    pub(super) keep_program: bool,
}

/// What a plan is made for.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// A word count ends it.
    pub(super) check: bool,
    /// It is only shown.
    pub(super) only: bool,
    pub(super) anew: Anew,
    /// Hosts whose agents' keys are out of our hands.
    pub(super) lost: Vec<String>,
}

impl<'a> Job<'a> {
    pub(super) fn new(printer: Printer, global: &'a Global, command: &'static str) -> Job<'a> {
        Job { printer, global, command, ask_first: true, lost: Vec::new(), batch: 1, keep_program: false }
    }

    pub(super) async fn run(&self, cluster: &Cluster, how: &How) -> Result<(), Failure> {
        let progress = Arc::new(Progress::new(self.printer));
        let hosts = connect(cluster, &progress).await?;
        let result = self.with(cluster, how, &hosts, &progress).await;
        hosts.close().await;
        result
    }

    async fn with(&self, cluster: &Cluster, how: &How, hosts: &Hosts, progress: &Arc<Progress>) -> Result<(), Failure> {
        let look = Look { check: !how.no_check, only: how.dry_run, ..Look::default() };
        let (plan, findings) = self.look(cluster, hosts, look).await?;
        self.settle(&plan, &findings, how, hosts, progress).await
    }

    /// Shows a plan, asks, and does it.
    pub(super) async fn settle(
        &self,
        plan: &InstallPlan,
        findings: &[Finding],
        how: &How,
        hosts: &Hosts,
        progress: &Arc<Progress>,
    ) -> Result<(), Failure> {
        let wrong = findings.iter().any(|f| f.level == Level::Error);
        let planned = Planned { plan, findings, files: how.show_files };
        if how.dry_run || wrong || plan.is_empty() {
            self.printer.show(&planned)?;
            if !how.dry_run {
                settled(&Store::open(&state()?, &plan.cluster.name)?, plan)?;
            }
            return if wrong { Err(Failure::shown(Exit::Findings)) } else { Ok(()) };
        }
        self.agreed(&planned)?;
        let store = Store::open(&state()?, &plan.cluster.name)?;
        self.replace(&store, plan)?;
        self.carry_out(plan, &store, hosts, progress).await
    }

    /// Keeps the plan, and says so when another one that waited is forgotten.
    pub(super) fn replace(&self, store: &Store, plan: &InstallPlan) -> Result<(), Failure> {
        let begun = store.audit()?;
        let waited = store.load()?.filter(|old| !old.is_empty() && !begun.iter().any(|run| run.plan == old.id));
        if waited.is_some_and(|old| old.cluster != plan.cluster) {
            self.printer.note("the plan that waited for stormctl apply is forgotten: stormctl plan makes it anew");
        }
        Ok(store.save(plan)?)
    }

    /// What the hosts say, what is wrong with that, and what is to be done.
    pub(super) async fn look(
        &self,
        cluster: &Cluster,
        hosts: &Hosts,
        look: Look,
    ) -> Result<(InstallPlan, Vec<Finding>), Failure> {
        let sources = self.sources(cluster, &look).await?;
        let release = sources.storm.as_ref().map(|packed| inspect_storm(&packed.file)).transpose()?;
        let survey = Survey { storm: release, ..self.survey(cluster, hosts).await? };
        let findings = examine(cluster, &survey);
        let mut plan = make_plan(cluster, &survey.known, &sources).map_err(failure)?;
        let dropped = dropped(&Store::open(&state()?, &cluster.name)?, cluster)?;
        plan.notes.extend(dropped.iter().map(|host| {
            format!(
                "{host} is part of {0} and not in this description: nothing is changed there, and when this is applied it is \
                 forgotten; stormctl scale-in {0} {host}      takes it out",
                cluster.name
            )
        }));
        Ok((plan, findings))
    }

    /// What the hosts say.
    pub(super) async fn survey(&self, cluster: &Cluster, hosts: &Hosts) -> Result<Survey, Failure> {
        let pointer = Environment::of_process().current_cluster();
        tokio::select! {
            survey = survey(cluster, hosts, pointer.as_ref()) => survey.map_err(failure),
            _ = tokio::signal::ctrl_c() => Err(interrupted(&cluster.name)),
        }
    }

    /// What this machine has to give.
    pub(super) async fn sources(&self, cluster: &Cluster, look: &Look) -> Result<Sources, Failure> {
        let named = cluster.storm.as_ref().map(|storm| (&storm.archive, storm.sha512.as_deref()));
        let storm = archives::packed(&self.printer, named).await?;
        let named = cluster.zookeeper.archive.as_ref().map(|archive| (archive, cluster.zookeeper.sha512.as_deref()));
        let zookeeper = archives::packed(&self.printer, named).await?;
        let store = Store::open(&state()?, &cluster.name)?;
        let last = store.audit()?.pop();
        // Where nothing shall be made, it is made in a copy.
        let agents = if look.only { store.agents().copy()? } else { store.agents() };
        let now = SystemTime::now();
        let prepare = || {
            if !look.lost.is_empty() {
                agents.revoke(&look.lost, now)?;
            }
            agents.prepare(cluster, &user(), &look.anew, now)
        };
        Ok(Sources {
            program_sha256: own_sha256()?,
            zookeeper,
            storm,
            check: look.check,
            pointer: Environment::of_process().current_cluster(),
            agents: if cluster.agents { prepare()? } else { BTreeMap::new() },
            unfinished: last.is_some_and(|run| run.result != "done"),
            batch: self.batch,
            keep_program: self.keep_program,
        })
    }

    pub(super) fn agreed(&self, planned: &Planned<'_>) -> Result<(), Failure> {
        let asks = ask::possible(self.global) && !(self.lost.is_empty() && self.global.yes);
        // Whoever is not asked hears at least what is wrong.
        let said = if asks { planned.text(false) } else { planned.remarks() };
        if !said.is_empty() {
            self.printer.note(said.trim_end());
        }
        if !self.lost.is_empty() {
            return self.lost.iter().try_for_each(|(what, name)| severe(what, name, self.global));
        }
        if self.global.yes {
            return Ok(());
        }
        if asks {
            if ask::yes_or_no(&self.printer, "Do it?", true)? {
                return Ok(());
            }
            return Err(Failure::new(Exit::Refused, "confirm/refused", "nothing was done"));
        }
        if self.ask_first {
            return Err(Failure::new(
                Exit::Refused,
                "confirm/missing",
                "other machines would be changed: this must be confirmed",
            )
            .hint("say --yes, or --dry-run to see what would be done"));
        }
        Ok(())
    }

    pub(super) async fn carry_out(
        &self,
        plan: &InstallPlan,
        store: &Store,
        hosts: &Hosts,
        progress: &Arc<Progress>,
    ) -> Result<(), Failure> {
        let run = Arc::new(store.begin(&user(), self.command, &plan.id)?);
        store.enforce(&plan.cluster)?;
        store.agents().write_storm_yaml(&plan.cluster)?;
        let tell: Tell = {
            let progress = progress.clone();
            Arc::new(move |event: &Event<'_>| progress.event(event))
        };
        let name = &plan.cluster.name;
        let limit = self.global.timeout.unwrap_or(if plan.lost.is_empty() { LIMIT } else { MISSED });
        let done = tokio::select! {
            done = apply_steps(&plan.steps, hosts, &run, &tell, limit) => done,
            _ = tokio::signal::ctrl_c() => return Err(interrupted(name)),
        };
        let summary = match done {
            Ok(summary) => summary,
            Err(troubles) => {
                run.end(&troubles)?;
                let mut failure = failure(troubles);
                if !matches!(failure.exit, Exit::Conflict | Exit::Deadline) {
                    failure.exit = Exit::Partly;
                }
                let journal = run.path.display();
                if let Some(last) = failure.faults.last_mut() {
                    last.evidence.push(format!("every step is in {journal}"));
                    last.hint.get_or_insert(format!("mend it, then stormctl apply {name}      goes on where it was"));
                }
                return Err(failure);
            }
        };
        // Those who have left are not asked again.
        if let Some(left) = plan.without_leavers() {
            store.enforce(&left.cluster)?;
            store.save(&left)?;
            store.agents().write_storm_yaml(&left.cluster)?;
        }
        run.end(&[])?;
        plan.left_behind().iter().for_each(|note| self.printer.note(note));
        let mut details = serde_json::Map::new();
        details.insert("plan".into(), plan.id.clone().into());
        details.insert("changed".into(), summary.changed.into());
        details.insert("was_done".into(), summary.found_done.into());
        details.insert("journal".into(), run.path.to_string_lossy().into_owned().into());
        let hosts = plan.cluster.hosts.len() - plan.leaving.len();
        let action = done_word(self.command);
        let message = match self.command {
            RENEW => format!(
                "{} files are new on the hosts of {name}; running agents take them within a second",
                summary.changed
            ),
            _ => format!(
                "cluster {name} runs on {hosts} host{}: {} steps done, {} were done before",
                if hosts == 1 { "" } else { "s" },
                summary.changed,
                summary.found_done
            ),
        };
        self.printer.show(&Change {
            action,
            names: vec![name.clone()],
            message,
            next: (action == "installed").then(|| next(plan, store)),
            details,
        })
    }
}

/// What a command has done when it is done.
fn done_word(command: &str) -> &'static str {
    match command {
        "upgrade" | "upgrade --back" => "upgraded",
        "restart --rolling" => "restarted",
        "scale-out" => "scaled-out",
        "scale-in" => "scaled-in",
        RENEW => "renewed",
        _ => "installed",
    }
}

/// What is sensible to type now.
fn next(plan: &InstallPlan, store: &Store) -> String {
    let hosts = plan.cluster.hosts.as_slice();
    if !hosts.iter().any(|h| h.local) {
        let (name, file) = (&plan.cluster.name, store.agents().storm_yaml());
        return format!(
            "stormctl context set {name} --config {}      then stormctl --cluster {name} jps --hosts all",
            file.display()
        );
    }
    let local = plan.cluster.hosts.iter().any(|h| h.local);
    let found = storm_conf::LoadOptions::default().locate();
    let config: Option<PathBuf> = plan
        .steps
        .iter()
        .find(|s| local && s.dir.is_absolute())
        .map(|s| storm_install::step::places::storm_yaml(&s.dir));
    match config {
        Some(config) if found.as_ref() == Some(&config) => "stormctl list".to_owned(),
        Some(config) => format!("stormctl --config {} list", config.display()),
        None => {
            let nimbus = plan.cluster.with(storm_install::spec::Role::Nimbus);
            let seed = nimbus.first().map_or("HOST", |h| &h.name);
            format!("stormctl install client --nimbus {seed}      makes this machine a client of it")
        }
    }
}
