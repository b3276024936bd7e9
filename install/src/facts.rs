//! What is asked of a host, and what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::step::Crew;

/// Who answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub hostname: String,
    pub user: String,
    pub uid: u32,
    pub home: PathBuf,
    /// Milliseconds since 1970 by the host's clock.
    pub clock_ms: i64,
    /// systemd runs the machine.
    pub systemd: bool,
    /// It also runs services of this user.
    pub systemd_user: bool,
    /// And goes on with them when the user logs out.
    #[serde(default)]
    pub lingers: bool,
}

/// What is to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub crew: Crew,
    pub paths: Vec<PathBuf>,
    /// Names that the host should know.
    pub names: Vec<String>,
    pub java: bool,
    pub java_home: Option<PathBuf>,
    /// What a release of Apache Storm is to be run with.
    pub storm: Option<Tools>,
    /// The storm.yaml that is to come, for the rules of `doctor`.
    pub storm_yaml: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    pub paths: BTreeMap<PathBuf, PathFacts>,
    pub names: BTreeMap<String, Name>,
    pub nofile: u64,
    pub memory_bytes: Option<u64>,
    pub free_bytes: Option<u64>,
    pub user_exists: bool,
    /// The first folder on the way to that of the cluster that the account of the daemons cannot enter.
    #[serde(default)]
    pub shut: Option<PathBuf>,
    pub java: Option<Java>,
    /// The one for Apache Storm.
    pub storm_java: Option<Java>,
    /// The first line of its `--version`, of the Python for Apache Storm.
    pub python: Option<String>,
    /// Roles whose daemon runs from this folder.
    pub running: Vec<String>,
    /// The daemons that were put there, each as the last start had it.
    #[serde(default)]
    pub installed: Vec<Crew>,
    /// Their processes, as far as they are known.
    #[serde(default)]
    pub processes: BTreeMap<String, Process>,
    /// What Nimbus says of the whole cluster, where a Nimbus runs.
    #[serde(default)]
    pub load: Option<Load>,
    /// What `doctor` finds in the coming configuration on this host.
    pub findings: Vec<Value>,
}

/// A daemon's process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id, its start and the machine's boot: another one after each restart.
    pub identity: String,
    /// It was started from another program than the one that lies in the folder now.
    pub outdated: bool,
    /// It is the leader of the ZooKeeper servers.
    pub leads: bool,
}

/// The cluster as its leading Nimbus tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The host of the leading Nimbus.
    pub leader: String,
    /// Hosts of every Nimbus.
    pub nimbuses: BTreeSet<String>,
    /// By host.
    pub supervisors: BTreeMap<String, Slots>,
    pub topologies: Vec<Topology>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// As many as are offered.
    pub offered: usize,
    pub used: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub id: String,
    pub name: String,
    pub status: String,
    /// Those that have a slot.
    pub executors: usize,
    /// On how many Nimbuses all lies that it is made of.
    #[serde(default)]
    pub copies: usize,
    /// How many workers it has on each host.
    pub workers: BTreeMap<String, usize>,
}

/// What lies at a path, as far as it matters to a step: the fingerprint that a plan carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    #[default]
    Nothing,
    Folder,
    File {
        sha256: String,
    },
    /// A link, a socket, a device.
    Other(String),
}

impl Seen {
    pub fn words(&self) -> String {
        match self {
            Seen::Nothing => "nothing".to_owned(),
            Seen::Folder => "a folder".to_owned(),
            Seen::File { sha256 } => format!("a file (sha256 {}...)", &sha256[..sha256.len().min(12)]),
            Seen::Other(what) => what.clone(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFacts {
    pub seen: Seen,
    /// Made by an installation, and as it was left.
    pub ours: bool,
    /// Made by an installation, and changed since.
    pub changed: bool,
    /// Of small files.
    pub text: Option<String>,
}

/// What a name means on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    pub addresses: Vec<IpAddr>,
    /// Names that the first address has there.
    pub reverse: Vec<String>,
    pub unknown: Option<String>,
}

/// Programs that are used, where they are named; else they are found on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    pub java_home: Option<PathBuf>,
    pub python: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Java {
    pub program: PathBuf,
    /// The first line of `java -version`.
    pub version: String,
}

impl Java {
    /// 17 of `openjdk version "17.0.15" 2025-04-15`, and 8 of `java version "1.8.0_392"`.
    pub fn major(&self) -> Option<u16> {
        let version = self.version.split('"').nth(1)?;
        let mut numbers = version.split(['.', '-', '+', '_']);
        match numbers.next()?.parse().ok()? {
            1 => numbers.next()?.parse().ok(),
            major => Some(major),
        }
    }
}

/// One try to reach a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub host: String,
    pub port: u16,
    /// Why not.
    pub failed: Option<String>,
}

/// A port that could not be listened on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busy {
    pub port: u16,
    pub why: String,
}

impl HostFacts {
    pub fn path(&self, path: &Path) -> PathFacts {
        self.paths.get(path).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_tell_their_version_in_two_ways() {
        let major = |version: &str| Java { program: PathBuf::new(), version: version.to_owned() }.major();
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major("java version \"1.8.0_392\""), Some(8));
        assert_eq!(major("openjdk version \"26-ea\" 2026-03-17"), Some(26));
        assert_eq!(major("Error: no libjvm"), None);
    }
}
