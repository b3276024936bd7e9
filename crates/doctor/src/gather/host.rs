//! This host: what can be read without asking anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use storm_supervisor::layout::{Layout, is_file_name};
use storm_supervisor::ports::Sockets;
use storm_supervisor::processes as worker_processes;
use storm_thrift::local_state::{inspect, keys, peek};
use storm_thrift::types::{LSApprovedWorkers, LSSupervisorAssignments, LSSupervisorId, LSWorkerHeartbeat};

use super::processes::{self, Entry};
use super::{disks, logs, programs};
use crate::facts::{Config, Host, HostsLine, LocalAssignment, LocalWorker, Process, ProcessRole, Slot, SlotUse, Store};

pub(super) fn host(config: &Config, hosts_file: &Path, asked: Option<&str>, now: i64, sockets: &Sockets) -> Host {
    let conf = &config.conf;
    let table = processes::table();
    let mut host = Host {
        name: conf.hostname(),
        hosts_file: hosts_file.to_owned(),
        hosts: hosts(&fs::read_to_string(hosts_file).unwrap_or_default()),
        ephemeral: ephemeral(),
        memory_bytes: memory(),
        memory_limit: memory_limit(),
        dirs: disks::dirs(config),
        processes: processes::daemons(config, &table),
        inbox_escapes: inbox_escapes(&conf.local_dir().join("nimbus/inbox")),
        blobs: blobs(
            &conf.str("blobstore.dir").map_or_else(|| conf.local_dir(), |d| conf.home().join(d)).join("blobs"),
        ),
        programs: programs::programs(),
        ..Host::default()
    };
    if let Ok(layout) = Layout::of(conf) {
        supervisor(&mut host, &layout, &table, now);
        host.slots = slots(config, &layout, &host.workers, &table, sockets);
        worker_logs(&mut host, &layout, asked);
    }
    for of in ["nimbus", "supervisor", "zookeeper"] {
        host.logs.extend(logs::tail(of.to_owned(), &conf.log_dir().join(format!("{of}.log"))));
    }
    host
}

fn hosts(text: &str) -> Vec<HostsLine> {
    let line = |(index, text): (usize, &str)| {
        let mut words = text.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        Some(HostsLine { line: index + 1, address, names: words.map(str::to_owned).collect() })
    };
    text.lines().enumerate().filter_map(line).collect()
}

fn ephemeral() -> Option<(u16, u16)> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kb: u64 =
        text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kb << 10)
}

/// The smallest limit of this process' control group and those above it, in either version.
fn memory_limit() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = |controller: &str| {
        own.lines().find_map(|l| {
            let mut parts = l.splitn(3, ':');
            let (_, kinds, path) = (parts.next()?, parts.next()?, parts.next()?);
            (kinds == controller).then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let mut limits = Vec::new();
    for (mount, file, path) in [
        ("/sys/fs/cgroup", "memory.max", group("")),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", group("memory")),
    ] {
        let Some(path) = path else { continue };
        for dir in Path::new(mount).join(path).ancestors().take_while(|d| d.starts_with(mount)) {
            let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
            // Version 1 writes a number beyond all memory for none.
            limits.extend(text.trim().parse::<u64>().ok().filter(|bytes| *bytes < 1 << 60));
        }
    }
    limits.into_iter().min()
}

fn inbox_escapes(inbox: &Path) -> Vec<PathBuf> {
    let links = fs::read_dir(inbox).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_symlink());
    let inside = fs::canonicalize(inbox).unwrap_or_default();
    links.filter(|p| fs::canonicalize(p).map_or(true, |target| !target.starts_with(&inside))).collect()
}

/// Keys of the blobs in Storm's own layout: `<bucket>/data_<key>/data`.
fn blobs(dir: &Path) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    for bucket in fs::read_dir(dir).ok()?.flatten() {
        for blob in fs::read_dir(bucket.path()).into_iter().flatten().flatten() {
            let name = blob.file_name().to_string_lossy().into_owned();
            if let Some(key) = name.strip_prefix("data_").filter(|_| blob.path().join("data").is_file()) {
                keys.push(key.to_owned());
            }
        }
    }
    Some(keys)
}

fn supervisor(host: &mut Host, layout: &Layout, table: &[Entry], now: i64) {
    // Stores that cannot be read are among the stores: the rest of the facts does without them.
    let id = peek::<LSSupervisorId>(&layout.identity(), keys::SUPERVISOR_ID).ok().flatten();
    host.supervisor_id = id.map(|i| i.supervisor_id);
    for path in [layout.local_state(), layout.identity()] {
        let (broken, fallback) = match inspect(&path) {
            Ok(None) => (None, true),
            Ok(Some((file, why, fallback))) => (Some((file, why)), fallback),
            Err(e) => (Some((path.clone(), e.to_string())), false),
        };
        host.stores.push(Store { path, broken, fallback });
    }
    let assignments = peek::<LSSupervisorAssignments>(&layout.local_state(), keys::LOCAL_ASSIGNMENTS).ok().flatten();
    let assignments = assignments.unwrap_or_default().assignments;
    for (port, assignment) in &assignments {
        let files = layout.stormdist(&assignment.topology_id);
        let missing = [files.jar(), files.code(), files.conf()].into_iter().filter(|f| !f.exists()).collect();
        let Ok(port) = u16::try_from(*port) else { continue };
        host.assignments.push(LocalAssignment { port, topology_id: assignment.topology_id.clone(), missing });
    }
    let approved = peek::<LSApprovedWorkers>(&layout.local_state(), keys::APPROVED_WORKERS).ok().flatten();
    let approved = approved.unwrap_or_default().approved_workers;
    let mut ids: BTreeSet<String> = approved.keys().cloned().collect();
    ids.extend(
        fs::read_dir(layout.workers())
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned()),
    );
    host.workers = ids.into_iter().map(|id| worker(id, layout, &approved, host, table, now)).collect();
    let marked = processes::marked(table);
    let lost = leftovers(table, &marked, host, layout);
    host.workers.extend(lost);
    let living: BTreeMap<String, i32> = host.workers.iter().filter_map(|w| Some((w.id.clone(), w.pid?))).collect();
    if !living.is_empty() {
        host.children = processes::children(table, &marked, &living);
    }
    for worker in &host.workers {
        if let (Some(pid), Some(port), Some(topology_id)) = (worker.pid, worker.port, &worker.topology_id) {
            let role = ProcessRole::Worker { topology_id: topology_id.clone(), port, worker_id: worker.id.clone() };
            let command = table.iter().find(|e| e.pid == pid).map(Entry::command).unwrap_or_default();
            host.processes.push(Process { pid, role, command });
        }
    }
}

/// The worker itself, whose last argument is its id: not its children, and not the wrapper that Apache's supervisor starts around it.
fn main_process(table: &[Entry], id: &str, pid_files: &[i32]) -> Option<i32> {
    let candidates: Vec<&Entry> =
        table.iter().filter(|e| e.args.len() > 5 && e.args.last().is_some_and(|a| a == id)).collect();
    let wrapper = |e: &Entry| e.args.iter().any(|a| a.ends_with(".LogWriter"));
    let named = candidates.iter().find(|e| pid_files.contains(&e.pid));
    named.or_else(|| candidates.iter().find(|e| !wrapper(e))).map(|e| e.pid)
}

/// Workers of this supervisor that have neither folder nor record any more, by their command lines.
fn leftovers(table: &[Entry], marked: &BTreeMap<i32, String>, host: &Host, layout: &Layout) -> Vec<LocalWorker> {
    let leftover = |entry: &Entry| {
        let id = marked.get(&entry.pid)?;
        // Topology, supervisor, its port, port, worker.
        let [topology, supervisor, _, port, worker] = entry.args.last_chunk::<5>()?;
        let ours = worker == id && Some(supervisor) == host.supervisor_id.as_ref();
        (ours && !host.workers.iter().any(|w| w.id == *id)).then(|| LocalWorker {
            id: id.clone(),
            folder: layout.worker(id).root().to_owned(),
            port: port.parse().ok(),
            topology_id: Some(topology.clone()),
            pid: Some(entry.pid),
            ..LocalWorker::default()
        })
    };
    table.iter().filter_map(leftover).collect()
}

fn worker(
    id: String,
    layout: &Layout,
    approved: &BTreeMap<String, i32>,
    host: &Host,
    table: &[Entry],
    now: i64,
) -> LocalWorker {
    let dir = layout.worker(&id);
    let mut worker =
        LocalWorker { folder: dir.root().to_owned(), approved: approved.contains_key(&id), ..LocalWorker::default() };
    worker.port = approved.get(&id).and_then(|p| u16::try_from(*p).ok());
    if is_file_name(&id) {
        worker.pid_files = worker_processes::pids_in(&dir.pids()).into_iter().collect();
        worker.pid =
            main_process(table, &id, &worker.pid_files).or_else(|| worker_processes::main_process(&dir.pids(), &id));
        // A link to the artifacts of topology and port.
        let artifacts = fs::read_link(dir.root().join("artifacts")).unwrap_or_default();
        worker.port = worker.port.or_else(|| artifacts.file_name()?.to_str()?.parse().ok());
        worker.topology_id = artifacts.parent().and_then(|p| Some(p.file_name()?.to_str()?.to_owned()));
        if let Ok(Some(beat)) = peek::<LSWorkerHeartbeat>(&dir.heartbeats(), keys::WORKER_HEARTBEAT) {
            worker.beat_age = Some((now - i64::from(beat.time_secs)).max(0));
            worker.topology_id = Some(beat.topology_id);
        }
    }
    if worker.topology_id.is_none() {
        worker.topology_id =
            host.assignments.iter().find(|a| Some(a.port) == worker.port).map(|a| a.topology_id.clone());
    }
    worker.id = id;
    worker
}

/// Only a host that is meant to have a supervisor has slots.
fn slots(config: &Config, layout: &Layout, workers: &[LocalWorker], table: &[Entry], sockets: &Sockets) -> Vec<Slot> {
    const KEY: &str = "supervisor.slots.ports";
    if !config.is_written(KEY) && !layout.supervisor().exists() || config.conf.bool("supervisor.enable") == Some(false)
    {
        return Vec::new();
    }
    let ports = config.conf.ints(KEY).into_iter().filter_map(|p| u16::try_from(p).ok());
    let slot = |port| {
        let own = workers.iter().filter_map(|w| w.pid).collect::<BTreeSet<i32>>();
        // A process that is not in the table any more is about to end, as a worker whose topology was killed.
        let ours = |pid| own.contains(&pid) || !table.iter().any(|e| e.pid == pid);
        let used = match sockets.foreign_holder(port, ours) {
            Some(holder) => SlotUse::Foreign { pid: holder.pid, holder: holder.to_string() },
            None => match workers.iter().find(|w| w.port == Some(port) && w.pid.is_some()).and_then(|w| w.pid) {
                Some(pid) => SlotUse::OwnWorker(pid),
                None => SlotUse::Free,
            },
        };
        Slot { port, used }
    };
    ports.map(slot).collect()
}

/// The logs of the topology's workers on this host.
fn worker_logs(host: &mut Host, layout: &Layout, asked: Option<&str>) {
    let Some(asked) = asked else { return };
    for topology in fs::read_dir(layout.artifacts_root()).into_iter().flatten().flatten() {
        let id = topology.file_name().to_string_lossy().into_owned();
        if id != asked && name_of(&id) != Some(asked) {
            continue;
        }
        for port in fs::read_dir(topology.path()).into_iter().flatten().flatten() {
            let of = format!("worker:{id}:{}", port.file_name().to_string_lossy());
            for file in ["worker.log", "worker.log.err"] {
                host.logs.extend(logs::tail(of.clone(), &port.path().join(file)));
            }
        }
    }
}

/// The name in a topology's id, `NAME-NUMBER-SECONDS`.
pub(super) fn name_of(id: &str) -> Option<&str> {
    let mut parts = id.rsplitn(3, '-');
    let numbers = [parts.next()?, parts.next()?];
    numbers.iter().all(|n| n.parse::<u64>().is_ok()).then(|| parts.next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_file_has_comments() {
        let lines = hosts("127.0.0.1 localhost\n# 10.0.0.1 x\n127.0.1.1\tn1 n1.example # old\nnonsense\n");
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[1].line, lines[1].names.as_slice()), (3, &["n1".to_owned(), "n1.example".to_owned()][..]));
    }

    #[test]
    fn a_link_out_of_the_inbox_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let inbox = dir.path().join("inbox");
        fs::create_dir(&inbox).unwrap();
        fs::write(inbox.join("stormjar-1.jar"), "").unwrap();
        std::os::unix::fs::symlink(inbox.join("stormjar-1.jar"), inbox.join("within")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", inbox.join("out")).unwrap();
        assert_eq!(inbox_escapes(&inbox), [inbox.join("out")]);
    }

    #[test]
    fn names_come_from_ids() {
        assert_eq!(name_of("my-topo-3-1700000000"), Some("my-topo"));
        assert_eq!(name_of("odd"), None);
    }
}
