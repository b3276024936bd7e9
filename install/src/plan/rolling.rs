//! Restarting while the cluster goes on: who has a turn when, and what must hold before the next one.

use std::collections::BTreeMap;

use super::make::{NIMBUS, REST, ZOOKEEPER};
use super::{Health, Known, Plan, crew, id_of, is_ours};
use crate::facts::{Load, Seen};
use crate::spec::{Cluster, Host, Role};
use crate::step::{Action, Body, Crew, Daemon, Step, places};
use crate::{Kind, Trouble};

/// A host where daemons are to be restarted.
#[derive(Debug, Clone)]
pub(super) struct Stale {
    pub(super) host: String,
    /// Only those daemons.
    pub(super) crew: Crew,
    /// What is put there before the first of them restarts.
    pub(super) program: Option<Step>,
}

/// The steps for all of them: ZooKeeper server by server, the leader last; then each Nimbus, the leading one last; then what
/// is on the other hosts, `batch` hosts at a time. Behind each turn is a gate, where the cluster was well before.
pub(super) fn turns(
    cluster: &Cluster,
    hosts: &BTreeMap<String, Known>,
    mut stale: Vec<Stale>,
    batch: usize,
) -> Vec<Step> {
    let load = load(hosts);
    let mut steps = Vec::new();
    for (first, role) in [(ZOOKEEPER, Some("zookeeper")), (NIMBUS, Some("nimbus")), (REST, None)] {
        let is_here = |daemon: &str| role.map_or(daemon != "zookeeper" && daemon != "nimbus", |role| daemon == role);
        let mut order: Vec<usize> =
            (0..stale.len()).filter(|at| stale[*at].crew.daemons.iter().any(|d| is_here(&d.role))).collect();
        order.sort_by_key(|at| role.is_some_and(|role| leads(role, &stale[*at].host, hosts, load)));
        let size = if role.is_some() { 1 } else { batch.max(1) };
        for (turn, members) in order.chunks(size).enumerate() {
            // Behind the phase of the starts, and each with one for its gate.
            let phase = first + 1 + 2 * u32::try_from(turn).unwrap_or_default();
            let mut restarted = Vec::new();
            for at in members {
                let one = &mut stale[*at];
                steps.extend(one.program.take().map(|step| Step { phase, ..step }));
                let daemons = one.crew.daemons.iter().filter(|d| is_here(&d.role)).cloned().collect();
                let crew = one.crew.only(daemons);
                let was = was(&crew, hosts.get(&one.host));
                restarted.push((one.host.clone(), crew.clone()));
                let (host, dir) = (one.host.clone(), crew.dir.clone());
                let action = Action::Restart { crew, was };
                steps.push(Step { host, dir, phase, action, seen: Seen::Nothing, diff: None });
            }
            if let Some(load) = load {
                steps.extend(gate(cluster, hosts, load, &restarted, phase + 1));
            }
        }
    }
    steps
}

/// What Nimbus said, to whichever host asked.
pub(super) fn load(hosts: &BTreeMap<String, Known>) -> Option<&Load> {
    hosts.values().find_map(|known| known.facts.load.as_ref())
}

fn leads(role: &str, host: &str, hosts: &BTreeMap<String, Known>, load: Option<&Load>) -> bool {
    if role == "nimbus" {
        return load.is_some_and(|l| l.leader == host);
    }
    hosts.get(host).and_then(|known| known.facts.processes.get(role)).is_some_and(|p| p.leads)
}

fn was(crew: &Crew, known: Option<&Known>) -> BTreeMap<String, String> {
    let identity = |role: &String| Some((role.clone(), known?.facts.processes.get(role)?.identity.clone()));
    crew.daemons.iter().filter_map(|d| identity(&d.role)).collect()
}

/// As well as before, and with those that have just restarted.
fn gate(
    cluster: &Cluster,
    hosts: &BTreeMap<String, Known>,
    load: &Load,
    restarted: &[(String, Crew)],
    phase: u32,
) -> Option<Step> {
    let mut health = Health::of(load, cluster);
    for (host, crew) in restarted {
        let name = cluster.host(host).map_or_else(|| host.clone(), |h| cluster.known_as(h));
        for daemon in &crew.daemons {
            match daemon.role.as_str() {
                "nimbus" => drop(health.nimbuses.insert(name.clone())),
                "supervisor" => drop(health.supervisors.insert(name.clone())),
                _ => {}
            }
        }
    }
    asked_at_nimbus(cluster, hosts, phase, |dir| Action::Gate { dir, health })
}

/// A step that asks Nimbus, on the first host that has one.
pub(super) fn asked_at_nimbus(
    cluster: &Cluster,
    hosts: &BTreeMap<String, Known>,
    phase: u32,
    action: impl FnOnce(std::path::PathBuf) -> Action,
) -> Option<Step> {
    let nimbus = *cluster.with(Role::Nimbus).first()?;
    let dir = cluster.dir_on(nimbus, &hosts.get(&nimbus.name)?.hello.home);
    let (host, action) = (nimbus.name.clone(), action(dir.clone()));
    Some(Step { host, dir, phase, action, seen: Seen::Nothing, diff: None })
}

/// The daemons of a host that run and for which this holds.
fn running(cluster: &Cluster, host: &Host, known: &Known, wanted: impl Fn(&Daemon) -> bool) -> Crew {
    let crew = crew(cluster, host, &known.hello);
    let runs = |role: &String| known.facts.running.contains(role);
    let daemons = crew.daemons.iter().filter(|d| runs(&d.role) && wanted(d)).cloned().collect();
    crew.only(daemons)
}

fn finished(cluster: &Cluster, hosts: &BTreeMap<String, Known>, stale: Vec<Stale>, batch: usize) -> Plan {
    let mut notes = Vec::new();
    if load(hosts).is_none() && !stale.is_empty() {
        notes.push("no Nimbus leads: that the cluster is whole cannot be waited for between two hosts".to_owned());
    }
    let mut steps = turns(cluster, hosts, stale, batch);
    steps.sort_by_key(|s| s.phase);
    Plan::new(cluster, steps, notes)
}

/// Every daemon of these roles on these hosts; no role and no host stand for all.
pub fn restart(
    cluster: &Cluster,
    hosts: &BTreeMap<String, Known>,
    roles: &[&str],
    names: &[String],
    batch: usize,
) -> Plan {
    let mut stale = Vec::new();
    for host in cluster.hosts.iter().filter(|h| names.is_empty() || names.contains(&h.name)) {
        let Some(known) = hosts.get(&host.name) else { continue };
        let wanted = |d: &Daemon| roles.is_empty() || roles.contains(&d.role.as_str());
        let crew = running(cluster, host, known, wanted);
        if !crew.daemons.is_empty() {
            stale.push(Stale { host: host.name.clone(), crew, program: None });
        }
    }
    finished(cluster, hosts, stale, batch)
}

/// The former program, on the hosts that have it.
pub fn back(cluster: &Cluster, hosts: &BTreeMap<String, Known>, batch: usize) -> Result<Plan, Trouble> {
    let mut stale = Vec::new();
    for host in &cluster.hosts {
        let Some(known) = hosts.get(&host.name) else { continue };
        let dir = cluster.dir_on(host, &known.hello.home);
        let (path, former) = (places::program(&dir), known.facts.path(&places::former(&dir)));
        let program = match former.seen {
            Seen::File { sha256 } if former.ours => {
                let now = known.facts.path(&path);
                if now.changed {
                    let what = format!("{} was changed since stormctl wrote it", path.display());
                    return Err(Trouble::new(Kind::Conflict, "install/in-the-way", what).on(&host.name));
                }
                let action = Action::File { path, mode: 0o755, owner: None, sha256, body: Body::Former };
                Some(Step { host: host.name.clone(), dir, phase: 0, action, seen: now.seen, diff: None })
            }
            _ => None,
        };
        let older = |role: &str| known.facts.processes.get(role).is_some_and(|p| p.outdated);
        let crew = running(cluster, host, known, |d| is_ours(cluster, d) && (program.is_some() || older(&d.role)));
        if program.is_some() || !crew.daemons.is_empty() {
            stale.push(Stale { host: host.name.clone(), crew, program });
        }
    }
    // Where nothing runs there is nothing to wait for.
    let (idle, stale): (Vec<Stale>, Vec<Stale>) = stale.into_iter().partition(|s| s.crew.daemons.is_empty());
    let mut plan = finished(cluster, hosts, stale, batch);
    plan.steps.splice(0..0, idle.into_iter().filter_map(|s| s.program));
    plan.id = id_of(cluster, &plan.steps);
    Ok(plan)
}
