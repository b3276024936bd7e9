//! What one thread has to send with: batches, rings, the ledgers of its spouts, connections.

use std::sync::Arc;
use std::time::Instant;

use rtrb::{Consumer, Producer};
use storm_topology::ValueRef;

use crate::batch::Batch;
use crate::combine::Combiner;
use crate::ledger::{Contribution, Ledger};
use crate::net::PeerView;
use crate::ring::Outlet;
use crate::root::{self, Edges};
use crate::routes::{Edge, Lane, Place};
use crate::shared::SharedRef;

/// Where a ledger is, seen from one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Here(usize),
    Thread(usize),
    /// In another worker, with this task.
    Remote(i32),
}

/// Batches kept for use again.
const POOL: usize = 256;

pub(crate) struct Outbound {
    pub(crate) id: usize,
    pub(crate) shared: SharedRef,
    pub(crate) ids: Edges,
    /// By thread.
    pub(crate) data: Vec<Option<Outlet<Box<Batch>>>>,
    pub(crate) contributions: Vec<Option<Outlet<Contribution>>>,
    /// Where foreign batches go home to, by thread.
    pub(crate) homes: Vec<Option<Producer<Box<Batch>>>>,
    /// Where own batches come home from.
    pub(crate) returns: Vec<Consumer<Box<Batch>>>,
    #[expect(clippy::vec_box, reason = "batches travel as boxes; unboxing them here would copy them")]
    pool: Vec<Box<Batch>>,
    /// Batches for tasks of this thread, to be put in their queues when the current call is over.
    pub(crate) here: Vec<(usize, Box<Batch>)>,
    pub(crate) ledgers: Vec<Ledger>,
    /// By position of the spout task.
    pub(crate) owners: Arc<[Owner]>,
    combiner: Combiner,
    peers: PeerView,
    /// Contributions for ledgers in other workers, gathered per owner.
    remote: Vec<(i32, Vec<Contribution>)>,
    /// The last look at the clock, and the same as engine time.
    pub(crate) clock: Instant,
    /// Whether sleepers that get work wait until the turn ends; see `crew.rs`.
    pub(crate) defers: bool,
    /// The sleepers that wait for that.
    pub(crate) deferred: Vec<usize>,
    pub(crate) now: u64,
    max_rows: usize,
    /// Whether trees are tracked.
    pub(crate) acking: bool,
    /// Scratch space: roots and words that the rows of one run have released.
    pub(crate) released: Vec<(u64, u64)>,
    /// Scratch space for emits.
    pub(crate) chosen: Vec<usize>,
    pub(crate) roots: Vec<(u64, u64)>,
}

impl Outbound {
    pub(crate) fn new(id: usize, shared: SharedRef, seed: u64, owners: Vec<Owner>, ledgers: Vec<Ledger>) -> Outbound {
        let threads = shared.threads.len();
        let peers = PeerView::new(&shared.peers);
        Outbound {
            id,
            max_rows: shared.settings.max_rows,
            acking: shared.settings.acking,
            shared,
            ids: Edges::new(seed),
            data: (0..threads).map(|_| None).collect(),
            contributions: (0..threads).map(|_| None).collect(),
            homes: (0..threads).map(|_| None).collect(),
            returns: Vec::new(),
            pool: Vec::new(),
            here: Vec::new(),
            ledgers,
            owners: owners.into(),
            combiner: Combiner::new(),
            peers,
            remote: Vec::new(),
            clock: Instant::now(),
            defers: false,
            deferred: Vec::new(),
            now: 0,
            released: Vec::new(),
            chosen: Vec::new(),
            roots: Vec::new(),
        }
    }

    /// Looks at the clock.
    pub(crate) fn tick_clock(&mut self) -> Instant {
        self.clock = Instant::now();
        self.now = self.shared.micros(self.clock);
        self.clock
    }

    /// Appends a tuple to an edge's open batch, and sends the batch when it is full. Otherwise it waits for company, at most until
    /// the current activation ends.
    ///
    /// The tuple is in one tree, or, with a root of 0, in none; and in those in `more`.
    #[inline(always)]
    pub(crate) fn append(
        &mut self,
        (lanes, touched): (&mut [Lane], &mut Vec<usize>),
        (edge, from): (&Edge, i32),
        values: &[ValueRef<'_>],
        (root, id): (u64, u64),
        more: &[(u64, u64)],
    ) {
        let lane = &mut lanes[edge.lane];
        let batch = match &mut lane.open {
            Some(batch) if batch.stream == edge.stream => batch,
            _ => {
                touched.push(edge.lane);
                self.open(*edge, lane, from)
            }
        };
        batch.push(values, root, id);
        if !more.is_empty() {
            batch.add_roots(more);
        }
        if batch.rows.len() >= self.max_rows || batch.rows.weight() >= MAX_WEIGHT {
            self.flush(lane);
        }
    }

    /// Opens a lane's next batch.
    #[inline(never)]
    fn open<'a>(&mut self, edge: Edge, lane: &'a mut Lane, from: i32) -> &'a mut Box<Batch> {
        self.flush(lane);
        lane.open.insert(self.fresh(edge.stream, from, edge.to, edge.width))
    }

    /// Sends a lane's open batch.
    #[inline(never)]
    pub(crate) fn flush(&mut self, lane: &mut Lane) {
        let Some(mut batch) = lane.open.take() else { return };
        batch.cost = batch.weigh();
        match lane.place {
            Place::Here(at) => {
                self.shared.charge(lane.to, batch.cost);
                self.here.push((at, batch));
            }
            Place::Thread(thread) => {
                self.shared.charge(lane.to, batch.cost);
                if let Some(outlet) = &mut self.data[thread] {
                    outlet.send(batch);
                    self.call(thread);
                }
            }
            Place::Remote => {
                self.peers.send_batch(&self.shared, &batch, self.now);
                self.recycle(batch);
            }
        }
    }

    /// Sees to it that a thread looks at what it was sent: now, or when the turn ends.
    fn call(&mut self, thread: usize) {
        let to = &self.shared.threads[thread];
        if !self.defers || !to.may_be_helped(self.now) {
            to.sleeper.wake();
        } else if to.sleeper.needs_waking() && !self.deferred.contains(&thread) {
            self.deferred.push(thread);
        }
    }

    /// An empty batch.
    pub(crate) fn fresh(&mut self, stream: u32, from: i32, to: i32, width: usize) -> Box<Batch> {
        if self.pool.is_empty() {
            for home in &mut self.returns {
                if let Ok(chunk) = home.read_chunk(home.slots()) {
                    self.pool.extend(chunk);
                }
            }
        }
        let mut batch = self.pool.pop().unwrap_or_default();
        batch.clear(width);
        batch.stream = stream;
        batch.from = from;
        batch.to = to;
        batch.home = self.id;
        batch
    }

    /// Gives a batch back to the pool it came from.
    pub(crate) fn recycle(&mut self, mut batch: Box<Batch>) {
        if !batch.worth_keeping() {
            return;
        }
        batch.arrival = None;
        if batch.home == self.id {
            if self.pool.len() < POOL {
                self.pool.push(batch);
            }
        } else if let Some(Some(home)) = self.homes.get_mut(batch.home) {
            // A full ring means that its owner has enough of them.
            let _ = home.push(batch);
        }
    }

    /// Sends a whole contribution on its way, or takes it into the account when that is kept here.
    #[inline(always)]
    pub(crate) fn contribute(&mut self, c: Contribution) {
        match self.owners.get(root::owner(c.root)) {
            Some(Owner::Here(at)) => self.ledgers[*at].apply(c, self.now),
            Some(_) => self.combiner.add(c),
            None => {}
        }
    }

    /// Takes a contribution that another worker sent; one for a ledger that isn't here is dropped.
    pub(crate) fn contribute_here(&mut self, c: Contribution) {
        if let Some(Owner::Here(at)) = self.owners.get(root::owner(c.root)) {
            self.ledgers[*at].apply(c, self.now);
        }
    }

    /// Whether the combiner has gathered so much that more would get into each other's way.
    pub(crate) fn owes_much(&self) -> bool {
        self.combiner.len() >= MUCH
    }

    /// Sends what the combiner has gathered.
    pub(crate) fn flush_contributions(&mut self) {
        if self.combiner.is_empty() {
            return;
        }
        let Outbound { combiner, owners, contributions, remote, shared, .. } = self;
        let mut to = Vec::new();
        combiner.drain(|c| match owners[root::owner(c.root)] {
            Owner::Thread(thread) => {
                if let Some(outlet) = &mut contributions[thread] {
                    outlet.send(c);
                    if !to.contains(&thread) {
                        to.push(thread);
                    }
                }
            }
            Owner::Remote(task) => match remote.iter_mut().find(|(t, _)| *t == task) {
                Some((_, list)) => list.push(c),
                None => remote.push((task, vec![c])),
            },
            // Contributions to own ledgers don't come here.
            Owner::Here(_) => {}
        });
        for (task, list) in remote {
            if !list.is_empty() {
                self.peers.send_contributions(shared, *task, list, self.now);
                list.clear();
            }
        }
        for thread in to {
            self.call(thread);
        }
    }

    /// Sends what has been gathered for other workers and should not wait any longer; all of it, when the thread has nothing else to do.
    pub(crate) fn flush_network(&mut self, all: bool) {
        self.peers.flush(&self.shared, self.now, all);
    }

    /// Moves what waits for room in a ring; whether anything moved.
    pub(crate) fn retry(&mut self) -> bool {
        let mut moved = false;
        for thread in 0..self.data.len() {
            let data = self.data[thread].as_mut().is_some_and(Outlet::retry);
            let contributions = self.contributions[thread].as_mut().is_some_and(Outlet::retry);
            if data || contributions {
                self.shared.threads[thread].sleeper.wake();
                moved = true;
            }
        }
        moved
    }

    pub(crate) fn could_retry(&self) -> bool {
        self.data.iter().flatten().any(Outlet::could_retry)
            || self.contributions.iter().flatten().any(Outlet::could_retry)
    }
}

/// Contributions to be sent although the turn goes on.
const MUCH: usize = 256;
/// Bytes at which a batch is sent whatever its rows.
const MAX_WEIGHT: usize = 256 * 1024;
