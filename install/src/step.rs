//! What can be done on a host: one small thing at a time, each with what was seen before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::facts::Seen;
use crate::plan::Health;
use crate::spec::Service;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub host: String,
    /// The folder of the cluster on that host, where what is made is listed.
    pub dir: PathBuf,
    /// Steps of a phase may go on at once on all hosts; a phase begins when the one before is done everywhere.
    pub phase: u32,
    pub action: Action,
    /// What lay at the path when the plan was made: if something else lies there when it is done, it is not done.
    pub seen: Seen,
    /// For people: the lines that change in a file.
    pub diff: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// An account for the daemons.
    Account {
        user: String,
    },
    /// The folder of the cluster with its list of what was made, and the folders above it.
    Home {
        path: PathBuf,
    },
    Folder {
        path: PathBuf,
        mode: u32,
        owner: Option<String>,
        /// Daemons write in it, so what is in it goes with it.
        data: bool,
    },
    File {
        path: PathBuf,
        mode: u32,
        owner: Option<String>,
        sha256: String,
        body: Body,
    },
    /// A release, unpacked without its outermost folder.
    Unpack {
        path: PathBuf,
        archive: PathBuf,
        sha256: String,
        owner: Option<String>,
    },
    /// Daemons, made to run and waited for.
    Start {
        crew: Crew,
    },
    /// Daemons that have read an older configuration, or are an older program.
    Restart {
        crew: Crew,
        /// The processes that are meant, by role: one that was restarted since is left alone.
        #[serde(default)]
        was: BTreeMap<String, String>,
    },
    /// Waits until the cluster is as well as it was: before the next daemons have their turn.
    Gate {
        dir: PathBuf,
        health: Health,
    },
    /// A supervisor that offers no slots any more; its workers go on.
    Withdraw {
        crew: Crew,
        /// Its storm.yaml from now on.
        yaml: String,
        owner: Option<String>,
        mode: u32,
    },
    /// Has what runs on hosts that offer no slots moved to others, and waits until nothing is left there.
    Drain {
        dir: PathBuf,
        hosts: Vec<String>,
        /// How long the spouts of a topology are quiet before it moves.
        wait_secs: i32,
    },
    /// Waits until Nimbus has moved what ran on hosts that are lost, and misses them no more.
    Moved {
        dir: PathBuf,
        hosts: Vec<String>,
    },
    /// Takes away all that was made on a host that leaves, once its workers have ended.
    Leave {
        crew: Crew,
    },
    /// Stops daemons whose role a host has no more, with a supervisor its workers, and takes away what was made for them.
    Dismiss {
        crew: Crew,
        /// Files, and folders with all that was made in them.
        paths: Vec<PathBuf>,
    },
    /// Waits until Nimbus leads and knows so many supervisors; then, if it is wanted, a word count, judged.
    Check {
        dir: PathBuf,
        supervisors: usize,
        count: bool,
    },
    /// Waits until all daemons of the host serve, and have for a while.
    Serve {
        crew: Crew,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    Text(String),
    /// Keys and certificates: never shown, to nobody.
    Sealed(String),
    /// This very program; the one before it is kept.
    Program,
    /// The program that was there before.
    Former,
}

/// Daemons of a host, and who keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crew {
    /// The folder of the cluster on the host.
    pub dir: PathBuf,
    pub service: Service,
    /// The account they run as, when it is another than the installer's.
    pub user: Option<String>,
    pub daemons: Vec<Daemon>,
}

impl Crew {
    /// The same with these daemons only.
    #[must_use]
    pub fn only(&self, daemons: Vec<Daemon>) -> Crew {
        Crew { daemons, ..self.clone() }
    }

    pub fn has(&self, role: &str) -> bool {
        self.daemons.iter().any(|d| d.role == role)
    }

    fn words(&self) -> String {
        let names: Vec<&str> = self.daemons.iter().map(|d| d.role.as_str()).collect();
        format!("{} ({})", names.join(", "), self.service.word())
    }
}

/// A daemon of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// The verb's word: `nimbus`, `supervisor`, `zookeeper`.
    pub role: String,
    /// The unit, where systemd keeps it.
    pub unit: String,
    /// It is Apache's ZooKeeper, in the folder `zookeeper`.
    pub apache: bool,
    pub java_home: Option<PathBuf>,
    /// So many servers are needed until this one serves.
    pub waits: bool,
}

impl Action {
    /// The path that it changes, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Action::Home { path }
            | Action::Folder { path, .. }
            | Action::File { path, .. }
            | Action::Unpack { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether this is what it leads to.
    pub fn is_done_in(&self, seen: &Seen) -> bool {
        match (self, seen) {
            (Action::Home { .. } | Action::Folder { .. } | Action::Unpack { .. }, Seen::Folder) => true,
            (Action::File { sha256, .. }, Seen::File { sha256: now }) => sha256 == now,
            _ => false,
        }
    }

    pub fn words(&self) -> String {
        match self {
            Action::Account { user } => format!("make the account {user}"),
            Action::Home { path } | Action::Folder { path, .. } => format!("make the folder {}", path.display()),
            Action::File { path, body: Body::Program, .. } => format!("put this stormctl at {}", path.display()),
            Action::File { path, body: Body::Former, .. } => {
                format!("put the former stormctl back at {}", path.display())
            }
            Action::File { path, .. } => format!("write {}", path.display()),
            Action::Unpack { path, archive, .. } => {
                let name = archive.file_name().unwrap_or_default().to_string_lossy();
                format!("unpack {name} to {}", path.display())
            }
            Action::Start { crew } => format!("start {}", crew.words()),
            Action::Restart { crew, .. } => format!("restart {}", crew.words()),
            Action::Gate { .. } => "wait until the cluster is whole".to_owned(),
            Action::Withdraw { crew, .. } => format!("offer no slots any more: restart {}", crew.words()),
            Action::Drain { hosts, .. } => format!("move what runs on {} to other hosts", hosts.join(", ")),
            Action::Moved { hosts, .. } => format!("wait until Nimbus has moved what ran on {}", hosts.join(", ")),
            Action::Dismiss { crew, .. } => format!("stop {}, and remove what was installed for it", crew.words()),
            Action::Leave { crew } => {
                format!("stop everything, and remove what was installed in {}", crew.dir.display())
            }
            Action::Check { supervisors, count, .. } => {
                let count = if *count { ", then count words on the cluster" } else { "" };
                format!("wait for a leader and {supervisors} supervisors{count}")
            }
            Action::Serve { crew } => format!("see that they serve: {}", crew.words()),
        }
    }
}

/// The places below the folder of a cluster.
pub mod places {
    use std::path::{Path, PathBuf};

    pub fn program(dir: &Path) -> PathBuf {
        dir.join("bin/stormctl")
    }
    /// The program that was there before the last upgrade.
    pub fn former(dir: &Path) -> PathBuf {
        dir.join("bin/stormctl.before")
    }
    pub fn storm_yaml(dir: &Path) -> PathBuf {
        dir.join("conf/storm.yaml")
    }
    /// Certificates of the host's agent, where it looks for them.
    pub fn agent_tls(dir: &Path) -> PathBuf {
        dir.join("conf/agent-tls")
    }
    pub fn logs(dir: &Path) -> PathBuf {
        dir.join("logs")
    }
    pub fn data(dir: &Path) -> PathBuf {
        dir.join("data")
    }
    pub fn zookeeper_home(dir: &Path) -> PathBuf {
        dir.join("zookeeper")
    }
    /// Of a release of Apache Storm: each has a folder of its own.
    pub fn storm_home(dir: &Path, release: &str) -> PathBuf {
        dir.join("storm").join(release)
    }
    pub fn zookeeper_data(dir: &Path) -> PathBuf {
        dir.join("data/zookeeper")
    }
    /// What was made, line by line.
    pub fn manifest(dir: &Path) -> PathBuf {
        dir.join(".installed.jsonl")
    }
}
