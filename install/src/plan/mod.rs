//! From what is wanted and what the hosts say to the steps between: pure.

mod client;
mod files;
mod former;
mod health;
mod leave;
mod make;
mod rolling;
#[cfg(test)]
mod tests;
mod units;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::agents::HostFiles;
use crate::facts::{Hello, HostFacts, Look, Tools};
use crate::site::sha256;
use crate::spec::{Cluster, Host, Role, Service};
use crate::step::{Crew, Daemon, Step};

pub use client::client;
pub use files::{storm_yaml, zoo_cfg};
pub use health::Health;
pub use leave::{Leaving, leave, staying};
pub use make::plan;
pub use rolling::{back, restart};
pub use units::{unit_name, unit_text};

/// The role that no description gives to a single host: it is on all or on none.
pub(crate) const AGENT: &str = "agent";

/// What is known of a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub hello: Hello,
    pub facts: HostFacts,
}

/// What the operator's machine has to give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Of this program.
    pub program_sha256: String,
    pub zookeeper: Option<Packed>,
    pub storm: Option<Packed>,
    /// Whether a word count ends it.
    pub check: bool,
    /// The file by which every `stormctl` of the user finds a cluster on this very machine.
    pub pointer: Option<PathBuf>,
    /// An earlier run did not come to its end, which is the check.
    pub unfinished: bool,
    /// What the agents need, by host.
    pub agents: BTreeMap<String, HostFiles>,
    /// On how many hosts supervisors restart at once; none stands for one.
    pub batch: usize,
    /// Hosts that have a program keep it.
    pub keep_program: bool,
}

/// The archive of a release, on the operator's machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    pub file: PathBuf,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Of its content: the same plan has the same one.
    pub id: String,
    pub cluster: Cluster,
    pub steps: Vec<Step>,
    /// What should be known before it is done.
    pub notes: Vec<String>,
    /// Hosts that are no part of the cluster any more when it is done.
    #[serde(default)]
    pub leaving: Vec<String>,
    /// Those of them that nobody can ask any more.
    #[serde(default)]
    pub lost: Vec<String>,
}

/// The same content has the same id.
fn id_of(cluster: &Cluster, steps: &[Step]) -> String {
    sha256(serde_json::to_string(&(cluster, steps)).unwrap_or_default().as_bytes())[..12].to_owned()
}

impl Plan {
    /// With its id.
    fn new(cluster: &Cluster, steps: Vec<Step>, notes: Vec<String>) -> Plan {
        let id = id_of(cluster, &steps);
        Plan { id, cluster: cluster.clone(), steps, notes, leaving: Vec::new(), lost: Vec::new() }
    }

    /// A part of it, as a plan of its own.
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(&Step) -> bool) -> Plan {
        self.steps.retain(|step| wanted(step));
        Plan::new(&self.cluster, self.steps, Vec::new())
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The cluster with those hosts that can be asked.
    pub fn at_hand(&self) -> Cluster {
        without(&self.cluster, &self.lost)
    }

    /// What is left to remember when it is done and hosts have left.
    pub fn without_leavers(&self) -> Option<Plan> {
        if self.leaving.is_empty() {
            return None;
        }
        let (id, cluster) = (self.id.clone(), without(&self.cluster, &self.leaving));
        let (steps, notes, leaving, lost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Some(Plan { id, cluster, steps, notes, leaving, lost })
    }

    /// What is still on hosts that are lost, for the case that one comes back.
    pub fn left_behind(&self) -> Vec<String> {
        let lost = self.cluster.hosts.iter().filter(|h| self.lost.contains(&h.name));
        lost.map(|host| left_behind(&self.cluster, host)).collect()
    }
}

/// The cluster without these hosts.
pub fn without(cluster: &Cluster, names: &[String]) -> Cluster {
    let mut left = cluster.clone();
    left.hosts.retain(|h| !names.contains(&h.name));
    left
}

fn left_behind(cluster: &Cluster, host: &Host) -> String {
    let dir = host.dir.as_ref().unwrap_or(&cluster.dir).display();
    let roles = host.roles.iter().map(|role| role.word()).chain(cluster.agents.then_some(AGENT));
    let units: Vec<String> = roles.map(|role| unit_name(&cluster.name, role)).collect();
    let units = match cluster.service {
        Service::Background => String::new(),
        Service::Auto => format!(", and the units {} if systemd has them", units.join(", ")),
        Service::Systemd | Service::SystemdUser => format!(", and the units {}", units.join(", ")),
    };
    format!(
        "nothing is removed from {name}: if it ever comes back, keep it off the network until its daemons are stopped, then \
         remove {dir}{units} (there: {dir}/bin/stormctl uninstall --dir {dir})",
        name = host.name
    )
}

/// The daemons of a host: what follows from the cluster and from who answers there.
pub fn crew(cluster: &Cluster, host: &Host, hello: &Hello) -> Crew {
    let service = match cluster.service {
        Service::Auto if hello.systemd && hello.uid == 0 => Service::Systemd,
        Service::Auto if hello.systemd_user => Service::SystemdUser,
        Service::Auto => Service::Background,
        named => named,
    };
    let servers = cluster.with(Role::Zookeeper).len();
    let mut roles = host.roles.clone();
    roles.sort_unstable();
    roles.dedup();
    let daemons = roles.into_iter().map(|role| {
        let apache = role == Role::Zookeeper && cluster.zookeeper.archive.is_some();
        Daemon {
            role: role.word().to_owned(),
            unit: unit_name(&cluster.name, role.word()),
            apache,
            java_home: cluster.zookeeper.java_home.clone().filter(|_| apache),
            waits: apache && servers > 1,
        }
    });
    let agent = cluster.agents.then(|| Daemon {
        role: AGENT.to_owned(),
        unit: unit_name(&cluster.name, AGENT),
        apache: false,
        java_home: None,
        waits: false,
    });
    let user = cluster.user.clone().filter(|user| *user != hello.user);
    Crew { dir: cluster.dir_on(host, &hello.home), service, user, daemons: daemons.chain(agent).collect() }
}

/// Whether a daemon is this program, and no release's.
fn is_ours(cluster: &Cluster, daemon: &Daemon) -> bool {
    !daemon.apache && (cluster.storm.is_none() || ["zookeeper", AGENT].contains(&daemon.role.as_str()))
}

/// Whether the host has a role of Storm's.
pub fn runs_storm(host: &Host) -> bool {
    host.roles.iter().any(|role| *role != Role::Zookeeper)
}

/// What must be looked at on a host before it can be planned for.
pub fn look(cluster: &Cluster, host: &Host, hello: &Hello, pointer: Option<&PathBuf>) -> Look {
    let crew = crew(cluster, host, hello);
    let paths = make::paths(cluster, host, &crew, hello, pointer);
    Look {
        paths,
        names: cluster.hosts.iter().map(|h| h.name.clone()).collect(),
        java: crew.daemons.iter().any(|d| d.apache),
        java_home: cluster.zookeeper.java_home.clone(),
        storm: cluster
            .storm
            .as_ref()
            .filter(|_| runs_storm(host))
            .map(|storm| Tools { java_home: storm.java_home.clone(), python: storm.python.clone() }),
        storm_yaml: storm_yaml(cluster, host, &crew),
        crew,
    }
}

/// The hosts of a plan with what they are to do, phase by phase.
pub fn phases(steps: &[Step]) -> BTreeMap<u32, BTreeMap<String, Vec<usize>>> {
    let mut phases: BTreeMap<u32, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        phases.entry(step.phase).or_default().entry(step.host.clone()).or_default().push(index);
    }
    phases
}
