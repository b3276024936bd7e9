//! This machine: names, ports, disks, memory, processes, and the folders of its daemons.

use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, Default)]
pub struct Host {
    /// As Storm knows it.
    pub name: String,
    pub hosts_file: PathBuf,
    pub hosts: Vec<HostsLine>,
    /// The ports that the kernel gives to outgoing connections.
    pub ephemeral: Option<(u16, u16)>,
    pub memory_bytes: Option<u64>,
    /// The limit of the control group, if there is one.
    pub memory_limit: Option<u64>,
    pub dirs: Vec<Dir>,
    pub slots: Vec<Slot>,
    pub processes: Vec<Process>,
    pub children: Vec<Child>,
    pub supervisor_id: Option<String>,
    pub assignments: Vec<LocalAssignment>,
    pub workers: Vec<LocalWorker>,
    pub stores: Vec<Store>,
    /// Entries of Nimbus' inbox that lead out of it.
    pub inbox_escapes: Vec<PathBuf>,
    /// Blobs in this Nimbus' own store, by key; `None` without a store here.
    pub blobs: Option<Vec<String>>,
    pub logs: Vec<LogTail>,
    pub programs: Programs,
}

/// What is found by a variable or by name, as whoever asks would find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    pub java_home: Option<PathBuf>,
    /// It has a `bin/java`.
    pub java_home_is_one: bool,
    pub java_on_path: Option<PathBuf>,
    /// Every `storm` on PATH, in its order.
    pub storms: Vec<StormProgram>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StormProgram {
    pub path: PathBuf,
    /// It starts Apache Storm.
    pub apache: bool,
}

/// A line of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostsLine {
    pub line: usize,
    pub address: IpAddr,
    pub names: Vec<String>,
}

/// A folder that a key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dir {
    pub key: &'static str,
    pub path: PathBuf,
    pub exists: bool,
    /// Why nothing can be written there.
    pub unwritable: Option<String>,
    pub free_bytes: Option<u64>,
    pub free_inodes: Option<u64>,
    /// In memory, gone at the next start of the machine.
    pub in_memory: bool,
}

/// A port of `supervisor.slots.ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub port: u16,
    pub used: SlotUse,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotUse {
    Free,
    /// By a worker of this host's supervisor.
    OwnWorker(i32),
    /// By somebody else, in words.
    Foreign {
        pid: Option<i32>,
        holder: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessRole {
    Nimbus,
    Supervisor,
    ZooKeeper { config: Option<PathBuf> },
    Worker { topology_id: String, port: u16, worker_id: String },
}

/// A process of this host that has a role in Storm; of this cluster, as far as can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub role: ProcessRole,
    pub command: String,
}

/// What a worker has started: a component in another language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    pub pid: i32,
    pub worker_id: String,
    pub command: String,
    /// As in `/proc/<pid>/stat`: R, S, D, T...
    pub state: char,
    /// What in the kernel it waits in, when that is shown.
    pub waits_in: Option<String>,
}

/// What this supervisor is to run, by its own record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAssignment {
    pub port: u16,
    pub topology_id: String,
    /// Files of the topology that are not here.
    pub missing: Vec<PathBuf>,
}

/// A worker by the supervisor's record, its folder or its process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalWorker {
    pub id: String,
    pub folder: PathBuf,
    pub port: Option<u16>,
    pub topology_id: Option<String>,
    /// On the supervisor's record.
    pub approved: bool,
    /// Numbers in its `pids` folder.
    pub pid_files: Vec<i32>,
    /// The living process.
    pub pid: Option<i32>,
    /// Seconds since its last heartbeat.
    pub beat_age: Option<i64>,
}

/// A version store of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    pub path: PathBuf,
    /// The newest version that cannot be read, and why.
    pub broken: Option<(PathBuf, String)>,
    /// An older one can be.
    pub fallback: bool,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// `nimbus`, `supervisor`, `zookeeper`; a worker's is `worker:TOPOLOGY-ID:PORT`.
    pub of: String,
    pub path: PathBuf,
    /// Line number and text.
    pub lines: Vec<(usize, String)>,
}

impl LogTail {
    /// `file:line`, or the file where lines were not counted.
    pub fn place(&self, line: usize) -> String {
        match line {
            0 => self.path.display().to_string(),
            line => format!("{}:{line}", self.path.display()),
        }
    }
}

impl Host {
    pub fn log(&self, of: &str) -> Option<&LogTail> {
        self.logs.iter().find(|l| l.of == of)
    }

    pub fn process(&self, is: impl Fn(&ProcessRole) -> bool) -> Option<&Process> {
        self.processes.iter().find(|p| is(&p.role))
    }
}
