//! The slots of a supervisor as a whole: assignments in, workers out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use storm_thrift::types::{Assignment, SupervisorInfo, SupervisorWorkerHeartbeat, SupervisorWorkerHeartbeats};
use tokio::sync::watch;

use crate::assignments::{Assignments, plan};
use crate::blobs::BlobSource;
use crate::driver::{self, SlotHandle, SlotView, WorkerProcess};
use crate::host::{Host, lock};
use crate::ports;
use crate::slot::{Event, Slot};

/// A port that two topologies claim is complained about when it lasts for so many rounds: Nimbus may be in the middle of a change.
const CONFLICT_ROUNDS: u32 = 3;
/// Enough to need a block of the disk.
const PROBE_BYTES: usize = 4096;

#[derive(Debug)]
pub struct Supervisor<S> {
    pub host: Arc<Host<S>>,
    slots: tokio::sync::Mutex<BTreeMap<u16, SlotHandle>>,
    /// None until Nimbus has told: nothing is stopped before.
    assignments: Mutex<Option<Assignments>>,
    /// Counts the answers of Nimbus that were applied.
    round: AtomicU64,
    conflicts: Mutex<BTreeMap<u16, u32>>,
    busy_ports: Mutex<BTreeMap<u16, ports::Holder>>,
    /// Why no worker can be launched on this machine at all.
    unfit: Mutex<Option<String>>,
}

impl<S: BlobSource> Supervisor<S> {
    pub fn new(host: Arc<Host<S>>) -> Supervisor<S> {
        Supervisor {
            host,
            slots: tokio::sync::Mutex::default(),
            assignments: Mutex::default(),
            round: AtomicU64::new(0),
            conflicts: Mutex::default(),
            busy_ports: Mutex::default(),
            unfit: Mutex::default(),
        }
    }

    /// Takes over a slot with what was found on this machine at the start.
    pub async fn adopt(&self, slot: Slot, process: Option<WorkerProcess>) {
        let port = slot.port();
        if let Some(id) = slot.topology_id() {
            self.host.localizer.hold(port, id);
        }
        let handle = driver::spawn(self.host.clone(), slot, process);
        self.slots.lock().await.insert(port, handle);
    }

    /// Sends an event to the slot of a port, if there is one.
    pub async fn assign(&self, port: u16, event: Event) {
        if let Some(slot) = self.slots.lock().await.get(&port) {
            slot.send(event).await;
        }
    }

    pub fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Replaces all assignments by what Nimbus said. `asked_in` is the round in which the question was put: an answer that
    /// crossed with a push is older than that push and is dropped.
    pub async fn apply(&self, assignments: Assignments, asked_in: Option<u64>) {
        let mut slots = self.slots.lock().await;
        if asked_in.is_some_and(|round| round != self.round()) {
            return;
        }
        self.round.fetch_add(1, Ordering::AcqRel);
        let plan = plan(&self.host.supervisor_id, &assignments);
        self.note_conflicts(&plan.conflicts);
        *lock(&self.assignments) = Some(assignments);
        for port in plan.ports.keys() {
            slots.entry(*port).or_insert_with(|| driver::spawn(self.host.clone(), Slot::new(*port), None));
        }
        let mut ports = plan.ports;
        for (port, slot) in slots.iter() {
            if !plan.conflicts.contains_key(port) {
                slot.send(Event::Assign(ports.remove(port).map(Arc::new))).await;
            }
        }
    }

    fn note_conflicts(&self, now: &BTreeMap<u16, Vec<String>>) {
        let mut seen = lock(&self.conflicts);
        seen.retain(|port, _| now.contains_key(port));
        for (port, topologies) in now {
            let rounds = seen.entry(*port).or_insert(0);
            *rounds += 1;
            if *rounds == CONFLICT_ROUNDS {
                tracing::error!(
                    "port {port} is assigned to {}: the slot keeps what it has",
                    topologies.join(" and to ")
                );
            }
        }
    }

    /// What Nimbus assigned to a topology; `None` when it is not known here.
    pub fn assignment(&self, topology_id: &str) -> Option<Assignment> {
        lock(&self.assignments).as_ref()?.get(topology_id).cloned()
    }

    /// Whether Nimbus has been heard since the start.
    pub fn knows_assignments(&self) -> bool {
        lock(&self.assignments).is_some()
    }

    pub async fn views(&self) -> BTreeMap<u16, SlotView> {
        self.slots.lock().await.iter().map(|(port, slot)| (*port, slot.view().borrow().clone())).collect()
    }

    /// How the slot of a port is doing, now and from now on.
    pub async fn watch(&self, port: u16) -> Option<watch::Receiver<SlotView>> {
        self.slots.lock().await.get(&port).map(SlotHandle::view)
    }

    /// Stops looking after the workers, which go on.
    pub async fn stop(&self) {
        let slots = std::mem::take(&mut *self.slots.lock().await);
        for (_, slot) in slots {
            slot.stop().await;
        }
    }

    /// Looks which slot ports another program listens on, and says so when that changes.
    pub async fn probe_ports(&self, slot_ports: &[u16]) {
        let with_worker: BTreeSet<u16> =
            self.views().await.into_iter().filter(|(_, v)| v.worker_id.is_some()).map(|(port, _)| port).collect();
        let free = slot_ports.iter().filter(|port| !with_worker.contains(*port));
        let now: BTreeMap<u16, ports::Holder> = free
            .filter_map(|port| {
                let holder = ports::foreign_holder(*port, |pid| self.host.is_own_worker(pid))?;
                Some((*port, holder))
            })
            .collect();
        let mut before = lock(&self.busy_ports);
        for (port, holder) in &now {
            if before.get(port) != Some(holder) {
                tracing::warn!(
                    "port {port} of supervisor.slots.ports is held by {holder}: the slot is not offered until it is free"
                );
            }
        }
        for port in before.keys().filter(|port| !now.contains_key(*port)) {
            tracing::info!("port {port} is free again: the slot is offered");
        }
        *before = now;
    }

    /// Looks whether workers can have folders here, and says so when that changes: a full or read-only disk would take work and
    /// start nothing.
    pub fn probe_home(&self) {
        let path = self.host.layout.scratch().join("probe");
        let write = || -> io::Result<()> {
            fs::write(&path, [0; PROBE_BYTES])?;
            fs::remove_file(&path)
        };
        let now = write().err().map(|e| format!("cannot write {}: {e}", path.display()));
        let mut before = lock(&self.unfit);
        match (&*before, &now) {
            (None, Some(why)) => tracing::error!("{why}: no slot is offered until that works"),
            (Some(_), None) => tracing::info!("storm.local.dir can be written again: slots are offered"),
            _ => {}
        }
        *before = now;
    }

    /// What is published in ZooKeeper.
    pub async fn info(&self, slot_ports: &[u16]) -> SupervisorInfo {
        let views = self.views().await;
        let conf = &self.host.conf;
        let used = views.iter().filter(|(_, v)| v.topology_id.is_some()).map(|(port, _)| i64::from(*port));
        let busy = lock(&self.busy_ports);
        let fit = lock(&self.unfit).is_none();
        let offered = slot_ports.iter().filter(|port| fit && !busy.contains_key(*port)).map(|port| i64::from(*port));
        let scheduler_meta = conf.get("supervisor.scheduler.meta").and_then(|v| v.as_object()).map(|map| {
            map.iter().map(|(k, v)| (k.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_owned))).collect()
        });
        SupervisorInfo {
            time_secs: self.host.clock.unix_secs(),
            hostname: conf.hostname(),
            assignment_id: Some(self.host.supervisor_id.clone()),
            used_ports: Some(used.collect()),
            meta: Some(offered.collect()),
            scheduler_meta,
            uptime_secs: Some((self.host.clock.now() / 1000) as i64),
            version: Some(STORM_VERSION.to_owned()),
            resources_map: Some(self.capacity()),
            server_port: Some(i32::from(self.host.supervisor_port)),
        }
    }

    fn capacity(&self) -> BTreeMap<String, f64> {
        let conf = &self.host.conf;
        let mut capacity = BTreeMap::from([
            ("cpu.pcore.percent".to_owned(), conf.float("supervisor.cpu.capacity").unwrap_or(400.0)),
            ("memory.mb".to_owned(), conf.float("supervisor.memory.capacity.mb").unwrap_or(4096.0)),
        ]);
        if let Some(serde_json::Value::Object(more)) = conf.get("supervisor.resources.map") {
            capacity.extend(more.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))));
        }
        capacity
    }

    /// The heartbeats of all workers, as Nimbus wants them.
    pub fn heartbeats(&self) -> SupervisorWorkerHeartbeats {
        let beats = lock(&self.host.beats);
        let beat = |b: &storm_thrift::types::LSWorkerHeartbeat| SupervisorWorkerHeartbeat {
            storm_id: b.topology_id.clone(),
            executors: b.executors.clone(),
            time_secs: b.time_secs,
        };
        SupervisorWorkerHeartbeats {
            supervisor_id: self.host.supervisor_id.clone(),
            worker_heartbeats: beats.values().map(beat).collect(),
        }
    }

    /// The topologies that have to do with this machine, as far as Nimbus has told.
    pub fn assigned_topologies(&self) -> Option<BTreeSet<String>> {
        lock(&self.assignments).as_ref().map(|all| all.keys().cloned().collect())
    }

    pub async fn blobs_changed(&self, topology_id: &str) {
        for slot in self.slots.lock().await.values() {
            slot.send(Event::BlobsChanged { topology_id: topology_id.to_owned() }).await;
        }
    }
}

/// The version of Apache Storm whose protocols these are.
pub const STORM_VERSION: &str = "2.8.8";
