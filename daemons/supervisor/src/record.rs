//! What the supervisor remembers across its restarts: which worker runs what on which port.

use std::collections::BTreeMap;
use std::path::Path;

use storm_thrift::local_state::{KEEP, LocalState, LocalStateError, Lost, keys};
use storm_thrift::types::{LSApprovedWorkers, LSSupervisorAssignments, LocalAssignment};

/// `local-assignments` and `approved-workers`, in memory and on disk.
#[derive(Debug)]
pub struct Record {
    state: LocalState,
    assignments: BTreeMap<i32, LocalAssignment>,
    workers: BTreeMap<String, i32>,
}

impl Record {
    pub fn open(dir: &Path) -> Result<Record, LocalStateError> {
        let state = LocalState::open(dir, KEEP)?;
        let assignments: Option<LSSupervisorAssignments> = state.get(keys::LOCAL_ASSIGNMENTS)?;
        let workers: Option<LSApprovedWorkers> = state.get(keys::APPROVED_WORKERS)?;
        Ok(Record {
            state,
            assignments: assignments.unwrap_or_default().assignments,
            workers: workers.unwrap_or_default().approved_workers,
        })
    }

    /// What was broken on disk.
    pub fn lost(&self) -> &[Lost] {
        self.state.lost()
    }

    pub fn assignments(&self) -> impl Iterator<Item = (u16, &LocalAssignment)> {
        self.assignments.iter().filter_map(|(port, a)| Some((u16::try_from(*port).ok()?, a)))
    }

    /// The workers on record for a port.
    pub fn workers_on(&self, port: u16) -> Vec<String> {
        self.workers.iter().filter(|(_, p)| **p == i32::from(port)).map(|(id, _)| id.clone()).collect()
    }

    pub fn worker_ids(&self) -> impl Iterator<Item = &str> {
        self.workers.keys().map(String::as_str)
    }

    /// The port is about to be given to this worker: others on record for it are no longer approved.
    pub fn launch(&mut self, port: u16, worker: &str, assignment: &LocalAssignment) -> Result<(), LocalStateError> {
        self.workers.retain(|_, p| *p != i32::from(port));
        self.workers.insert(worker.to_owned(), i32::from(port));
        self.assignments.insert(i32::from(port), assignment.clone());
        self.write()
    }

    /// Reaches the disk with the next change: until then it names a worker without a folder, which nobody adopts.
    pub fn remove_worker(&mut self, worker: &str) {
        self.workers.remove(worker);
    }

    pub fn forget(&mut self, port: u16) -> Result<(), LocalStateError> {
        if self.assignments.remove(&i32::from(port)).is_none() {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), LocalStateError> {
        let workers = LSApprovedWorkers { approved_workers: self.workers.clone() };
        let assignments = LSSupervisorAssignments { assignments: self.assignments.clone() };
        self.state.stage(keys::APPROVED_WORKERS, &workers);
        self.state.stage(keys::LOCAL_ASSIGNMENTS, &assignments);
        self.state.commit()
    }
}
