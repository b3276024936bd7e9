//! Which worker runs which task, and what a data thread has gathered for each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::parcel::Parcel;
use super::peer::{Peer, release};
use crate::batch::Batch;
use crate::ledger::Contribution;
use crate::shared::{Shared, SharedRef, lock};

/// Microseconds that something may wait for company while its thread is busy: each sending wakes up to two threads on the other
/// side. A thread that has nothing else to do sends at once.
const COMPANY: u64 = 400;

/// The workers, and for each task the position of its worker among them.
#[derive(Default)]
struct Places {
    peers: Vec<Arc<Peer>>,
    of_task: Vec<Option<usize>>,
}

impl Places {
    fn peer(&self, task: i32) -> Option<usize> {
        self.of_task.get(usize::try_from(task).ok()?.checked_sub(1)?).copied().flatten()
    }

    fn runs(&self, peer: &Arc<Peer>, task: i32) -> bool {
        self.peer(task).is_some_and(|at| Arc::ptr_eq(&self.peers[at], peer))
    }
}

/// Who runs each task of other workers.
pub(crate) struct PeerTable {
    version: AtomicU64,
    places: Mutex<Arc<Places>>,
}

impl PeerTable {
    pub(crate) fn new(tasks: usize) -> PeerTable {
        let places = Places { peers: Vec::new(), of_task: vec![None; tasks] };
        PeerTable { version: AtomicU64::new(0), places: Mutex::new(Arc::new(places)) }
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes a new assignment. Connections to workers that stay are kept; what was meant for others is dropped and replayed.
    pub(crate) fn update(
        shared: &SharedRef,
        runtime: &tokio::runtime::Handle,
        topology_id: &Arc<str>,
        peers: &BTreeMap<i32, String>,
    ) {
        let mut current = lock(&shared.peers.places);
        let mut known: BTreeMap<String, Arc<Peer>> =
            current.peers.iter().map(|peer| (peer.address.clone(), peer.clone())).collect();
        let mut next = Places { peers: Vec::new(), of_task: vec![None; current.of_task.len()] };
        let mut used: BTreeMap<&String, usize> = BTreeMap::new();
        for (task, address) in peers {
            let Some(slot) =
                usize::try_from(*task).ok().and_then(|t| t.checked_sub(1)).and_then(|i| next.of_task.get_mut(i))
            else {
                continue;
            };
            if shared.task(*task).thread.is_some() {
                continue;
            }
            *slot = Some(*used.entry(address).or_insert_with(|| {
                let peer = known.remove(address);
                let peer = peer.unwrap_or_else(|| Peer::start(address.clone(), shared, runtime, topology_id));
                next.peers.push(peer);
                next.peers.len() - 1
            }));
        }
        let next = Arc::new(next);
        *current = next.clone();
        shared.peers.version.fetch_add(1, Ordering::Release);
        drop(current);
        for peer in &next.peers {
            peer.keep_only(shared, |task| next.runs(peer, task));
        }
        for peer in known.into_values() {
            peer.close(shared);
        }
    }
}

/// Frames that one thread has gathered for one worker.
#[derive(Default)]
struct Gathered {
    parcel: Parcel,
    /// Engine time of the first.
    since: u64,
}

/// One thread's view of the table: it looks at the table again only when that has changed.
pub(crate) struct PeerView {
    version: u64,
    places: Arc<Places>,
    /// By peer.
    gathered: Vec<Gathered>,
    /// Peers for which there is something.
    waiting: Vec<usize>,
}

impl PeerView {
    pub(crate) fn new(table: &PeerTable) -> PeerView {
        // The version first: if the table changes in between, it is looked at once more.
        let version = table.version();
        let places = lock(&table.places).clone();
        let gathered = places.peers.iter().map(|_| Gathered::default()).collect();
        PeerView { version, places, gathered, waiting: Vec::new() }
    }

    /// Adds a batch to what is gathered for its worker. `now` is engine time.
    pub(crate) fn send_batch(&mut self, shared: &Shared, batch: &Batch, now: u64) {
        self.refresh(shared);
        let Some(at) = self.places.peer(batch.to) else {
            tracing::debug!(task = batch.to, "tuples for a task that is assigned to no worker were dropped");
            return;
        };
        let parcel = self.open(at, now);
        if !parcel.add_batch(batch) {
            return;
        }
        shared.charge(batch.to, batch.cost);
        if self.gathered[at].parcel.is_full() {
            self.send(shared, at);
        }
    }

    pub(crate) fn send_contributions(&mut self, shared: &Shared, task: i32, list: &[Contribution], now: u64) {
        self.refresh(shared);
        if let Some(at) = self.places.peer(task)
            && self.places.peers[at].takes_contributions()
        {
            self.open(at, now).add_contributions(task, list);
            if self.gathered[at].parcel.is_full() {
                self.send(shared, at);
            }
        }
    }

    /// Sends what has waited long enough, or all.
    pub(crate) fn flush(&mut self, shared: &Shared, now: u64, all: bool) {
        let mut i = 0;
        while i < self.waiting.len() {
            let at = self.waiting[i];
            if all || now.saturating_sub(self.gathered[at].since) >= COMPANY {
                self.send(shared, at);
            } else {
                i += 1;
            }
        }
    }

    fn open(&mut self, at: usize, now: u64) -> &mut Parcel {
        let Gathered { parcel, since } = &mut self.gathered[at];
        if parcel.is_empty() {
            *since = now;
            self.waiting.push(at);
        }
        parcel
    }

    fn send(&mut self, shared: &Shared, at: usize) {
        self.waiting.retain(|waiting| *waiting != at);
        let sent = self.places.peers[at].send(shared, self.version, &mut self.gathered[at].parcel);
        if !sent {
            self.refresh(shared);
        }
    }

    fn refresh(&mut self, shared: &Shared) {
        while shared.peers.version() != self.version {
            let old = std::mem::replace(self, PeerView::new(&shared.peers));
            for (peer, gathered) in old.places.peers.iter().zip(old.gathered) {
                let mut parcel = gathered.parcel;
                while !parcel.is_empty() {
                    // The worker drops tuples for tasks that it has no more, and gives no credit back for them.
                    release(shared, parcel.keep_only(|task| self.places.runs(peer, task)));
                    if !peer.send(shared, self.version, &mut parcel) {
                        *self = PeerView::new(&shared.peers);
                    }
                }
            }
        }
    }
}
