//! Whether a worker has a supervisor that knows of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use storm_thrift::local_state::{keys, peek};
use storm_thrift::types::LSApprovedWorkers;

/// A worker, as its command line and its folder show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub topology: String,
    pub supervisor_port: Option<u16>,
    pub slot: Option<u16>,
    pub id: String,
    pub cwd: Option<PathBuf>,
}

/// A supervisor of this machine; the ports are unknown when it is somebody else's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervisor {
    pub pid: i32,
    pub ports: Option<BTreeSet<u16>>,
}

impl Worker {
    /// From the arguments of Storm's worker: topology, supervisor, the supervisor's port, port, worker.
    pub fn of_args(args: &[&str], cwd: Option<PathBuf>) -> Option<Worker> {
        let [topology, _, supervisor_port, slot, id] = *args else { return None };
        Some(Worker {
            topology: topology.to_owned(),
            supervisor_port: supervisor_port.parse().ok(),
            slot: slot.parse().ok(),
            id: id.to_owned(),
            cwd,
        })
    }

    /// `storm.local.dir` of its supervisor, by the worker's own folder in it.
    fn local_dir(&self) -> Option<&Path> {
        let workers = self.cwd.as_deref()?.ancestors().find(|d| d.ends_with(Path::new("workers").join(&self.id)))?;
        workers.parent()?.parent()
    }

    /// Which workers the supervisor has on record; `None` when that cannot be read.
    fn approved(&self) -> Option<BTreeSet<String>> {
        let state = self.local_dir()?.join("supervisor").join("localstate");
        let approved = peek::<LSApprovedWorkers>(&state, keys::APPROVED_WORKERS).ok()??;
        Some(approved.approved_workers.into_keys().collect())
    }

    /// Why nobody will look after this worker, restart it or end it; `None` when a supervisor does.
    pub fn orphan(&self, supervisors: &[Supervisor]) -> Option<String> {
        orphan(self, supervisors, self.approved().as_ref())
    }
}

fn orphan(worker: &Worker, supervisors: &[Supervisor], approved: Option<&BTreeSet<String>>) -> Option<String> {
    if supervisors.is_empty() {
        return Some("no supervisor runs".to_owned());
    }
    // Of one whose ports nobody shows us we cannot say that it is another.
    let may_own = |s: &Supervisor| match (&s.ports, worker.supervisor_port) {
        (Some(ports), Some(port)) => ports.contains(&port),
        _ => true,
    };
    if !supervisors.iter().any(may_own) {
        let port = worker.supervisor_port.unwrap_or_default();
        return Some(format!("no supervisor listens on its port {port}"));
    }
    match approved {
        Some(ids) if !ids.contains(&worker.id) => Some("its supervisor has no record of it".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(cwd: &str) -> Worker {
        Worker::of_args(&["wc-1-2", "sup", "6628", "6700", "w1"], Some(cwd.into())).unwrap()
    }

    fn supervisor(ports: Option<&[u16]>) -> Supervisor {
        Supervisor { pid: 1, ports: ports.map(|p| p.iter().copied().collect()) }
    }

    #[test]
    fn a_worker_needs_a_supervisor_that_knows_it() {
        let w = worker("/nowhere/workers/w1");
        let known = BTreeSet::from(["w1".to_owned()]);
        let other = BTreeSet::from(["w2".to_owned()]);
        let ours = [supervisor(Some(&[8000, 6628]))];
        assert_eq!(orphan(&w, &ours, None), None);
        assert_eq!(orphan(&w, &ours, Some(&known)), None);
        assert_eq!(orphan(&w, &ours, Some(&other)).as_deref(), Some("its supervisor has no record of it"));
        assert_eq!(orphan(&w, &[], None).as_deref(), Some("no supervisor runs"));
        let theirs = [supervisor(Some(&[7000]))];
        assert_eq!(orphan(&w, &theirs, None).as_deref(), Some("no supervisor listens on its port 6628"));
        assert_eq!(orphan(&w, &[supervisor(None)], None), None);
    }

    #[test]
    fn the_local_dir_is_above_the_workers_folder() {
        assert_eq!(worker("/s/local/workers/w1").local_dir(), Some(Path::new("/s/local")));
        assert_eq!(worker("/s/local/workers/w1/resources").local_dir(), Some(Path::new("/s/local")));
        assert_eq!(worker("/s/local/workers/w2").local_dir(), None);
        assert_eq!(Worker::of_args(&["a", "b"], None), None);
    }
}
