//! Roles that a host has no more: what runs there moves first, then the daemon stops, and what was made for it goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::leave::{self, DRAIN, LEAVE, WHOLE};
use super::rolling::{asked_at_nimbus, load};
use super::{AGENT, Health, Known, crew, units};
use crate::facts::Seen;
use crate::site::sha256;
use crate::spec::{Cluster, Host, Role};
use crate::step::{Action, Crew, Daemon, Step, places};
use crate::{Kind, Trouble};

/// When all others have been told, and before the check.
const LAST: u32 = 35_000;

/// A daemon that was put on a host whose role it is no more.
struct Former<'a> {
    host: &'a Host,
    known: &'a Known,
    /// That daemon alone.
    crew: Crew,
}

impl Former<'_> {
    fn is(&self, role: Role) -> bool {
        self.crew.has(role.word())
    }

    fn runs(&self) -> bool {
        self.known.facts.running.iter().any(|role| self.crew.has(role))
    }

    fn dismiss(&self, phase: u32) -> Step {
        let dir = &self.crew.dir;
        let unit = |d: &Daemon| units::unit_path(self.crew.service, &d.unit, &self.known.hello);
        let mut paths: Vec<PathBuf> = self.crew.daemons.iter().filter_map(unit).collect();
        if self.crew.has(AGENT) {
            paths.push(places::agent_tls(dir));
        }
        let action = Action::Dismiss { crew: self.crew.clone(), paths };
        Step { host: self.host.name.clone(), dir: dir.clone(), phase, action, seen: Seen::Nothing, diff: None }
    }
}

fn all<'a>(cluster: &'a Cluster, hosts: &'a BTreeMap<String, Known>) -> Vec<Former<'a>> {
    let mut all = Vec::new();
    for host in &cluster.hosts {
        let Some(known) = hosts.get(&host.name) else { continue };
        let now = crew(cluster, host, &known.hello);
        let former = known.facts.installed.iter().filter(|one| !one.daemons.iter().all(|d| now.has(&d.role)));
        all.extend(former.map(|one| Former { host, known, crew: one.clone() }));
    }
    all
}

/// What is done about them.
#[derive(Debug, Default)]
pub(super) struct Dismissals {
    /// Before anything else.
    pub(super) before: Vec<Step>,
    /// When anything else is done.
    pub(super) after: Vec<Step>,
}

impl Dismissals {
    /// What the plan has to find in a storm.yaml that was changed on the way.
    pub(super) fn expect(&self, steps: &mut [Step]) {
        for withdrawn in &self.before {
            let Action::Withdraw { yaml, .. } = &withdrawn.action else { continue };
            let path = places::storm_yaml(&withdrawn.dir);
            let written = steps.iter_mut().filter(|s| s.host == withdrawn.host && s.action.path() == Some(&path));
            written.for_each(|step| step.seen = Seen::File { sha256: sha256(yaml.as_bytes()) });
        }
    }
}

/// Workers and ZooKeeper servers go first, with the care of a host that leaves; a Nimbus goes when there are others, and what
/// nobody depends on goes last.
pub(super) fn dismissals(cluster: &Cluster, hosts: &BTreeMap<String, Known>) -> Result<Dismissals, Vec<Trouble>> {
    let all = all(cluster, hosts);
    let mut dismissals = Dismissals::default();
    let with = |role: Role| all.iter().filter(|f| f.is(role)).collect::<Vec<_>>();
    servers(cluster, hosts, &with(Role::Zookeeper)).map_err(|t| vec![t])?;
    let working: Vec<&Former<'_>> = with(Role::Supervisor).into_iter().filter(|f| f.runs()).collect();
    dismissals.before = emptied(cluster, hosts, &working)?;
    let mut phase = LAST;
    for former in &all {
        if former.is(Role::Supervisor) || former.is(Role::Zookeeper) {
            dismissals.before.push(former.dismiss(LEAVE));
        } else if former.is(Role::Nimbus) {
            // One after the other, and the cluster is well before and behind.
            let gate = |phase, going| {
                let health = Health::of(load(hosts)?, cluster).without_nimbuses(going, cluster);
                asked_at_nimbus(cluster, hosts, phase, |dir| Action::Gate { dir, health })
            };
            dismissals.after.extend(gate(phase + 1, usize::from(former.runs())));
            dismissals.after.push(former.dismiss(phase + 2));
            dismissals.after.extend(gate(phase + 3, 0));
            phase += 3;
        } else {
            dismissals.after.push(former.dismiss(LAST));
        }
    }
    Ok(dismissals)
}

/// As few servers may go at once as may leave with their hosts.
fn servers(cluster: &Cluster, hosts: &BTreeMap<String, Known>, going: &[&Former<'_>]) -> Result<(), Trouble> {
    let has = |h: &&Host| hosts.get(&h.name).is_some_and(|k| k.facts.installed.iter().any(|c| c.has("zookeeper")));
    let staying: Vec<&Host> = cluster.with(Role::Zookeeper).into_iter().filter(has).collect();
    match going.len() {
        0 => Ok(()),
        1 => leave::majority(1 + staying.len(), &staying, hosts),
        n => Err(leave::at_once(n)),
    }
}

/// Their supervisors offer no slots any more, and what runs there moves.
fn emptied(
    cluster: &Cluster,
    hosts: &BTreeMap<String, Known>,
    working: &[&Former<'_>],
) -> Result<Vec<Step>, Vec<Trouble>> {
    if working.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = working.iter().map(|f| cluster.known_as(f.host)).collect();
    let load = leave::room(load(hosts), &names, "").map_err(|t| vec![t])?;
    let mut steps = Vec::new();
    for former in working {
        let now = crew(cluster, former.host, &former.known.hello);
        let daemons = now.daemons.iter().chain(&former.crew.daemons).cloned().collect();
        let mut host = former.host.clone();
        host.roles.push(Role::Supervisor);
        steps.extend(leave::withdraw(cluster, &host, former.known, &now.only(daemons)).map_err(|t| vec![t])?);
    }
    // The one that is asked has answered before: others may be about to come.
    let asked = hosts.iter().find(|(_, known)| known.facts.load.is_some());
    let Some((host, dir)) = asked.and_then(|(name, known)| {
        cluster.host(name).map(|host| (name.clone(), cluster.dir_on(host, &known.hello.home)))
    }) else {
        let what = "no Nimbus of the description leads: nothing could be moved to other hosts";
        return Err(vec![Trouble::new(Kind::Refused, "scale-in/no-leader", what)]);
    };
    let step =
        |phase, action| Step { host: host.clone(), dir: dir.clone(), phase, action, seen: Seen::Nothing, diff: None };
    steps.push(step(DRAIN, Action::Drain { dir: dir.clone(), hosts: names, wait_secs: leave::WAIT_SECS }));
    steps.push(step(WHOLE, Action::Gate { dir: dir.clone(), health: Health::of(load, cluster) }));
    Ok(steps)
}
