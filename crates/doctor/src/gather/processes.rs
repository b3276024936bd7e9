//! Processes of this cluster on this host.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use storm_supervisor::processes::MARK;

use crate::facts::{Child, Config, Process, ProcessRole};

/// One line of the process table.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub pid: i32,
    pub state: char,
    pub start_ticks: u64,
    pub args: Vec<String>,
}

impl Entry {
    pub fn command(&self) -> String {
        let text = self.args.join(" ");
        match text.char_indices().nth(120) {
            Some((at, _)) => format!("{}...", &text[..at]),
            None => text,
        }
    }
}

pub(super) fn table() -> Vec<Entry> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|e| entry(e.file_name().to_str()?.parse().ok()?)).collect()
}

fn entry(pid: i32) -> Option<Entry> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let state = fields.first()?.chars().next()?;
    let args = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut args: Vec<String> = args.split(|b| *b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    args.pop();
    let alive = !matches!(state, 'Z' | 'X') && !args.is_empty();
    alive.then_some(Entry { pid, state, start_ticks: fields.get(19)?.parse().ok()?, args })
}

/// Whether an address is this host's: only such a one can be bound.
pub(super) fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

/// The daemons of this cluster: ours say so in their files, Apache's by their class and folders.
pub(super) fn daemons(config: &Config, table: &[Entry]) -> Vec<Process> {
    let mut found = Vec::new();
    let native = [
        ("nimbus", ProcessRole::Nimbus),
        ("supervisor", ProcessRole::Supervisor),
        ("zookeeper", ProcessRole::ZooKeeper { config: None }),
    ];
    for (name, role) in native {
        let file = config.conf.local_dir().join("run").join(format!("{name}.pid"));
        if let Some(entry) =
            recorded(&file).and_then(|(pid, ticks)| table.iter().find(|e| e.pid == pid && e.start_ticks == ticks))
        {
            let role = match role {
                ProcessRole::ZooKeeper { .. } => ProcessRole::ZooKeeper { config: own_zoo_cfg(entry) },
                role => role,
            };
            found.push(Process { pid: entry.pid, role, command: entry.command() });
        }
    }
    for entry in table {
        // One that was started by stormctl is in a file of its own, too.
        let known = found.iter().any(|p: &Process| p.pid == entry.pid);
        if let Some(role) = java_role(config, entry).filter(|_| !known) {
            found.push(Process { pid: entry.pid, role, command: entry.command() });
        }
    }
    found
}

/// Process and start in the file of one of our daemons.
fn recorded(file: &Path) -> Option<(i32, u64)> {
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    Some((json["pid"].as_i64()?.try_into().ok()?, json["start_ticks"].as_u64()?))
}

/// What follows `dev-zookeeper`, if it is a file.
fn own_zoo_cfg(entry: &Entry) -> Option<PathBuf> {
    let last = PathBuf::from(entry.args.last()?);
    let last = fs::read_link(format!("/proc/{}/cwd", entry.pid)).map_or(last.clone(), |cwd| cwd.join(&last));
    last.extension().is_some_and(|e| e == "cfg").then_some(last)
}

fn java_role(config: &Config, entry: &Entry) -> Option<ProcessRole> {
    let has = |class: &str| entry.args.iter().any(|a| a == class);
    let property = |name: &str| entry.args.iter().find_map(|a| a.strip_prefix(name)).map(PathBuf::from);
    if has("org.apache.zookeeper.server.quorum.QuorumPeerMain") {
        let cfg = PathBuf::from(entry.args.last()?);
        // Other clusters may have one on this host, too.
        let near = config.file.as_ref().and_then(|f| f.parent()).is_some_and(|dir| cfg.starts_with(dir));
        let listens = super::zookeeper::zoo_cfg(&cfg)
            .and_then(|c| c.get("clientPort").map(|(_, port)| port.to_owned()))
            .is_some_and(|port| port == config.port("storm.zookeeper.port", 2181).to_string());
        return (near || listens).then_some(ProcessRole::ZooKeeper { config: Some(cfg) });
    }
    let role = if has("org.apache.storm.daemon.nimbus.Nimbus") {
        ProcessRole::Nimbus
    } else if has("org.apache.storm.daemon.supervisor.Supervisor") {
        ProcessRole::Supervisor
    } else {
        return None;
    };
    let ours = property("-Dstorm.home=").is_some_and(|home| home == config.conf.home())
        || property("-Dstorm.log.dir=").is_some_and(|dir| dir == config.conf.log_dir());
    ours.then_some(role)
}

/// Who of the table was started for which worker.
pub(super) fn marked(table: &[Entry]) -> BTreeMap<i32, String> {
    let mark = format!("{MARK}=");
    let worker = |entry: &Entry| {
        let environ = fs::read(format!("/proc/{}/environ", entry.pid)).ok()?;
        let id = environ.split(|b| *b == 0).find_map(|v| v.strip_prefix(mark.as_bytes()))?;
        Some((entry.pid, String::from_utf8_lossy(id).into_owned()))
    };
    table.iter().filter_map(worker).collect()
}

/// What these workers have started.
pub(super) fn children(table: &[Entry], marked: &BTreeMap<i32, String>, workers: &BTreeMap<String, i32>) -> Vec<Child> {
    let child = |entry: &Entry| {
        let worker_id = marked.get(&entry.pid)?;
        let worker = workers.get(worker_id)?;
        if entry.pid == *worker {
            return None;
        }
        let waits_in = fs::read_to_string(format!("/proc/{}/wchan", entry.pid)).ok();
        let waits_in = waits_in.map(|w| w.trim().to_owned()).filter(|w| !w.is_empty() && w != "0");
        Some(Child {
            pid: entry.pid,
            worker_id: worker_id.clone(),
            command: entry.command(),
            state: entry.state,
            waits_in,
        })
    };
    table.iter().filter_map(child).collect()
}
