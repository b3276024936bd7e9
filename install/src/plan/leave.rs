//! Hosts that leave a cluster: what runs there moves first, then everything of it is taken off.

use std::collections::BTreeMap;

use super::id_of;
use super::rolling::{asked_at_nimbus, load};
use super::{Health, Known, Plan, Sources, crew, files, plan};
use crate::facts::{Load, Seen};
use crate::spec::{Cluster, Host, Role};
use crate::step::{Action, Crew, Step, places};
use crate::{Kind, Trouble};

const WITHDRAW: u32 = 0;
pub(super) const DRAIN: u32 = 1;
pub(super) const WHOLE: u32 = 2;
pub(super) const LEAVE: u32 = 3;
/// What the others have to learn comes behind.
pub(super) const THEN: u32 = 4;

/// How long the spouts of a topology are quiet before it moves, when nobody says.
pub(super) const WAIT_SECS: i32 = 2;

/// How hosts leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leaving {
    /// How long the spouts of a topology are quiet before it moves.
    pub wait_secs: i32,
    /// Also when topologies get fewer workers, or ZooKeeper survives no failure any more.
    pub force: bool,
    /// The hosts are gone already: nothing is asked of them, and nothing is done there.
    pub lost: bool,
}

fn refused(code: &str, message: String) -> Trouble {
    Trouble::new(Kind::Refused, code, message)
}

/// What stays when these hosts have left, or why they cannot leave: by the description alone.
pub fn staying(cluster: &Cluster, leaving: &[String], how: Leaving) -> Result<Cluster, Trouble> {
    let mut after = cluster.clone();
    after.hosts.retain(|h| !leaving.contains(&h.name));
    for role in [Role::Zookeeper, Role::Nimbus, Role::Supervisor] {
        if after.with(role).is_empty() {
            let what = format!("without {} no host has the role {}", leaving.join(", "), role.word());
            return Err(refused("scale-in/last", what).hint(if how.lost {
                "describe another host with that role in its place, then stormctl plan --file cluster.yaml"
            } else {
                "give another host that role first: stormctl scale-out; all of it is taken away by stormctl uninstall"
            }));
        }
    }
    let (before, now) = (cluster.with(Role::Zookeeper).len(), after.with(Role::Zookeeper).len());
    // Those that are lost have no voice: it is enough that the others are a majority, which is looked at.
    if before - now > 1 && !how.lost {
        return Err(at_once(before - now));
    }
    let survives = |n: usize| n.saturating_sub(1) / 2;
    if survives(now) < survives(before) && survives(now) == 0 && !how.force {
        let what = format!("{now} ZooKeeper servers would be left, and a majority of {now} survives no failure");
        return Err(refused("scale-in/zookeeper", what).hint(if how.lost {
            "say --force, then add another server: stormctl scale-out"
        } else {
            "add another server first, or say --force"
        }));
    }
    Ok(after)
}

pub(super) fn at_once(servers: usize) -> Trouble {
    let what = format!("{servers} ZooKeeper servers would leave at once, and the others might disagree");
    refused("scale-in/zookeeper", what).hint("take one after the other")
}

/// What Nimbus says, if what runs on these hosts finds a place elsewhere; `or` is what can be said to do it all the same.
pub(super) fn room<'a>(load: Option<&'a Load>, leaving: &[String], or: &str) -> Result<&'a Load, Trouble> {
    let Some(load) = load else {
        let what = "no Nimbus leads: nothing could be moved to other hosts".to_owned();
        return Err(refused("scale-in/no-leader", what).hint(format!("stormctl doctor, on a host of Nimbus{or}")));
    };
    let misfits = misfits(load, leaving);
    if misfits.is_empty() {
        return Ok(load);
    }
    let trouble = refused("scale-in/no-slots", format!("there are too few slots without {}", leaving.join(", ")));
    let hint = format!("add a host or slots first, or give topologies fewer workers: stormctl rebalance{or}");
    Err(misfits.into_iter().fold(trouble, Trouble::at).hint(hint))
}

/// The workers that would find no slot elsewhere, by topology.
pub fn misfits(load: &Load, leaving: &[String]) -> Vec<String> {
    let stays = |host: &&String| !leaving.contains(host);
    let others = load.supervisors.iter().filter(|(host, _)| stays(host));
    let mut free: usize = others.map(|(_, s)| s.offered.saturating_sub(s.used)).sum();
    let mut misfits = Vec::new();
    for topology in load.topologies.iter().filter(|t| t.status != "KILLED") {
        let here: usize = topology.workers.iter().filter(|(host, _)| !stays(host)).map(|(_, n)| n).sum();
        let all: usize = topology.workers.values().sum();
        let fit = here.min(free);
        free -= fit;
        if fit < here {
            misfits
                .push(format!("{}: {here} of its {all} workers have to move, and {fit} slots are left", topology.name));
        }
    }
    misfits
}

/// The steps; the plan's own description is that of before, so that a run that broke off finds every host.
pub fn leave(
    cluster: &Cluster,
    leaving: &[String],
    hosts: &BTreeMap<String, Known>,
    sources: &Sources,
    how: Leaving,
) -> Result<Plan, Vec<Trouble>> {
    let after = staying(cluster, leaving, how).map_err(|t| vec![t])?;
    let (before, others) = (cluster.with(Role::Zookeeper).len(), after.with(Role::Zookeeper));
    if others.len() < before {
        majority(before, &others, hosts).map_err(|t| vec![t])?;
    }
    let gone: Vec<&Host> = cluster.hosts.iter().filter(|h| leaving.contains(&h.name)).collect();
    let names: Vec<String> = gone.iter().map(|h| cluster.known_as(h)).collect();
    let load = load(hosts);
    let supervisors = gone.iter().any(|h| h.roles.contains(&Role::Supervisor));
    if supervisors && !how.force {
        room(load, &names, "; or say --force").map_err(|t| vec![t])?;
    }
    let mut steps = Vec::new();
    let mut troubles = Vec::new();
    for host in &gone {
        let Some(known) = hosts.get(&host.name) else { continue };
        let crew = crew(cluster, host, &known.hello);
        match withdraw(cluster, host, known, &crew) {
            Ok(step) => steps.extend(step),
            Err(trouble) => troubles.push(trouble),
        }
        let (name, dir) = (host.name.clone(), crew.dir.clone());
        let action = Action::Leave { crew };
        steps.push(Step { host: name, dir, phase: LEAVE, action, seen: Seen::Nothing, diff: None });
    }
    if !troubles.is_empty() {
        return Err(troubles);
    }
    let leads = |h: &&&Host| hosts.get(&h.name).is_some_and(|known| known.facts.running.iter().any(|r| r == "nimbus"));
    let nimbuses = if how.force { 0 } else { gone.iter().filter(leads).count() };
    if let Some(load) = load.filter(|_| supervisors || nimbuses > 0) {
        let mut health = Health::of(load, &after).without_nimbuses(nimbuses, cluster);
        let wait_secs = how.wait_secs;
        let drained = supervisors.then_some(names).into_iter();
        steps.extend(drained.filter_map(|names| {
            asked_at_nimbus(&after, hosts, DRAIN, |dir| match how.lost {
                true => Action::Moved { dir, hosts: names },
                false => Action::Drain { dir, hosts: names, wait_secs },
            })
        }));
        if how.force {
            health.executors.clear();
        }
        steps.extend(asked_at_nimbus(&after, hosts, WHOLE, |dir| Action::Gate { dir, health }));
    }
    let then = plan(&after, hosts, sources)?;
    steps.extend(then.steps.into_iter().map(|step| Step { phase: step.phase + THEN, ..step }));
    steps.sort_by_key(|s| s.phase);
    let id = id_of(cluster, &steps);
    let lost = if how.lost { leaving.to_vec() } else { Vec::new() };
    let made = Plan { id, cluster: cluster.clone(), steps, notes: then.notes, leaving: leaving.to_vec(), lost };
    let left = made.left_behind();
    Ok(Plan { notes: [made.notes.clone(), left].concat(), ..made })
}

/// Of so many servers those that stay must be able to decide without the others.
pub(super) fn majority(servers: usize, staying: &[&Host], hosts: &BTreeMap<String, Known>) -> Result<(), Trouble> {
    let runs =
        |h: &&&Host| hosts.get(&h.name).is_some_and(|known| known.facts.running.iter().any(|r| r == "zookeeper"));
    let (running, wanted) = (staying.iter().filter(runs).count(), servers / 2 + 1);
    if running >= wanted {
        return Ok(());
    }
    if staying.len() < wanted {
        let what = format!("{} of {servers} ZooKeeper servers would be left, which is no majority", staying.len());
        return Err(refused("scale-in/zookeeper", what).hint("add another server first, in a plan of its own"));
    }
    let down: Vec<&str> = staying.iter().filter(|h| !runs(h)).map(|h| h.name.as_str()).collect();
    let what = format!("{running} of the {} other ZooKeeper servers run: no majority of {servers}", staying.len());
    Err(refused("scale-in/zookeeper", what).at(format!("down: {}", down.join(", "))).hint("start them first"))
}

/// Its supervisor, one of these daemons, is to offer no slots, so that Nimbus puts nothing there.
pub(super) fn withdraw(cluster: &Cluster, host: &Host, known: &Known, all: &Crew) -> Result<Option<Step>, Trouble> {
    let mut quiet = host.clone();
    quiet.conf.insert("supervisor.slots.ports".to_owned(), serde_json::json!([]));
    let crew = all.only(all.daemons.iter().filter(|d| d.role == "supervisor").cloned().collect());
    if crew.daemons.is_empty() || !known.facts.running.iter().any(|r| r == "supervisor") {
        return Ok(None);
    }
    let path = places::storm_yaml(&crew.dir);
    if known.facts.path(&path).changed {
        let what = format!("{} was changed since stormctl wrote it", path.display());
        let trouble = Trouble::new(Kind::Conflict, "install/in-the-way", what).on(&host.name);
        return Err(trouble.hint("take the change into the description of the cluster, then move the file away"));
    }
    let yaml = files::storm_yaml(cluster, &quiet, all);
    let mode = files::mode(&yaml);
    let action = Action::Withdraw { crew, yaml, owner: cluster.user.clone(), mode };
    let (host, dir) = (host.name.clone(), all.dir.clone());
    Ok(Some(Step { host, dir, phase: WITHDRAW, action, seen: Seen::Nothing, diff: None }))
}
