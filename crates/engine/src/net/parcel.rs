//! Frames gathered for another worker, and the line they leave by.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::net::tcp::OwnedWriteHalf;

use super::codec;
use super::frame::MAX_FRAME;
use crate::batch::Batch;
use crate::ledger::Contribution;

/// Bytes with which a parcel does not wait for more. A system call costs as much as copying some thousand of them.
const FULL: usize = 32 << 10;
/// Parcels kept for use again.
const SPARE: usize = 8;

/// Whole frames, and what the tuples in them cost.
#[derive(Default)]
pub(super) struct Parcel {
    bytes: Vec<u8>,
    /// By task.
    costs: Vec<(i32, i64)>,
    tuples: u64,
}

impl Parcel {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Adds a batch; false when that makes a frame that is too long, which is told.
    pub(super) fn add_batch(&mut self, batch: &Batch) -> bool {
        let before = self.bytes.len();
        codec::encode_batch(&mut self.bytes, batch);
        let size = self.bytes.len() - before;
        if size > MAX_FRAME {
            self.bytes.truncate(before);
            tracing::error!(
                task = batch.to,
                "a tuple of {size} bytes is too large to travel to another worker and was dropped"
            );
            return false;
        }
        self.tuples += batch.rows.len() as u64;
        match self.costs.iter_mut().find(|(task, _)| *task == batch.to) {
            Some((_, cost)) => *cost += batch.cost,
            None => self.costs.push((batch.to, batch.cost)),
        }
        true
    }

    pub(super) fn add_contributions(&mut self, task: i32, list: &[Contribution]) {
        codec::encode_contributions(&mut self.bytes, task, list);
    }

    /// Takes out the costs of tasks that don't stay.
    pub(super) fn keep_only(&mut self, stays: impl Fn(i32) -> bool) -> Vec<(i32, i64)> {
        self.costs.extract_if(.., |(task, _)| !stays(*task)).collect()
    }

    fn append(&mut self, other: &Parcel) {
        self.bytes.extend_from_slice(&other.bytes);
        self.costs.extend_from_slice(&other.costs);
        self.tuples += other.tuples;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.costs.clear();
        self.tuples = 0;
    }
}

/// Who writes to the line. Never two at a time: frames would mix.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    #[default]
    Nobody,
    /// A data thread, which does not wait for the line.
    Thread,
    /// The driver, which does.
    Driver,
}

/// A parcel under way, and how much of it has been written.
pub(super) struct Begun {
    parcel: Parcel,
    written: usize,
}

impl Begun {
    /// Writes what the line takes without waiting; whether that was all.
    pub(super) fn write(&mut self, line: &OwnedWriteHalf) -> std::io::Result<bool> {
        while self.written < self.parcel.bytes.len() {
            self.written += line.try_write(&self.parcel.bytes[self.written..])?;
        }
        Ok(true)
    }
}

/// What waits for a connection, and what the other side has not given credit for.
#[derive(Default)]
pub(super) struct Dispatch {
    /// The connection while there is one.
    line: Option<Arc<OwnedWriteHalf>>,
    writer: Writer,
    /// What a data thread could not write to its end.
    begun: Option<Begun>,
    queue: VecDeque<Parcel>,
    /// Bytes in the queue.
    pub(super) queued: usize,
    /// Cost of tuples written, by task.
    sent: BTreeMap<i32, i64>,
    spare: Vec<Parcel>,
    /// It has been away too long: tuples are dropped until it is back.
    pub(super) dropping: bool,
    dropped: u64,
    pub(super) closed: bool,
}

impl Dispatch {
    /// Takes in a parcel and leaves an empty one. If nobody is writing, the caller gets something to write, and is then to say how far
    /// it came by [`Dispatch::wrote`].
    pub(super) fn accept(&mut self, parcel: &mut Parcel) -> Option<(Begun, Arc<OwnedWriteHalf>)> {
        self.queued += parcel.bytes.len();
        match self.queue.back_mut() {
            Some(last) if last.bytes.len() + parcel.bytes.len() <= FULL => {
                last.append(parcel);
                parcel.clear();
            }
            _ => self.queue.push_back(std::mem::replace(parcel, self.spare.pop().unwrap_or_default())),
        }
        if self.writer != Writer::Nobody {
            return None;
        }
        let line = self.line.clone()?;
        let begun = self.next()?;
        self.writer = Writer::Thread;
        Some((begun, line))
    }

    /// Empties a parcel that cannot be sent; the costs to give back.
    pub(super) fn refuse(&mut self, parcel: &mut Parcel) -> Vec<(i32, i64)> {
        self.dropped += parcel.tuples;
        let costs = std::mem::take(&mut parcel.costs);
        parcel.clear();
        costs
    }

    /// Empties a parcel as if it had been sent and got lost: its costs are given back with those.
    pub(super) fn lose(&mut self, parcel: &mut Parcel) {
        for (task, cost) in self.refuse(parcel) {
            *self.sent.entry(task).or_default() += cost;
        }
    }

    fn next(&mut self) -> Option<Begun> {
        let parcel = self.queue.pop_front()?;
        self.queued -= parcel.bytes.len();
        for (task, cost) in &parcel.costs {
            *self.sent.entry(*task).or_default() += cost;
        }
        Some(Begun { parcel, written: 0 })
    }

    fn keep(&mut self, mut parcel: Parcel) {
        if self.spare.len() < SPARE && parcel.bytes.capacity() <= 4 * FULL {
            parcel.clear();
            self.spare.push(parcel);
        }
    }

    /// A data thread has written what the line took; whether the driver has to go on.
    pub(super) fn wrote(&mut self, begun: Begun, line: &Arc<OwnedWriteHalf>, all: bool) -> bool {
        if !self.line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            // The line has been hung up meanwhile, and everything on it forgotten.
            return false;
        }
        if all {
            self.keep(begun.parcel);
        } else {
            self.begun = Some(begun);
        }
        let more = self.begun.is_some() || !self.queue.is_empty();
        self.writer = if more { Writer::Driver } else { Writer::Nobody };
        more
    }

    /// What the driver is to write, if it is the driver's turn.
    pub(super) fn turn_of_driver(&mut self, done: Option<Begun>) -> Option<Begun> {
        if let Some(done) = done {
            self.keep(done.parcel);
        }
        if self.writer != Writer::Driver {
            return None;
        }
        let next = self.begun.take().or_else(|| self.next());
        if next.is_none() {
            self.writer = Writer::Nobody;
        }
        next
    }

    /// There is a line, and the driver begins with what has waited for it; how many tuples were dropped while there was none, and the
    /// costs of those that nobody was told of.
    pub(super) fn connect(&mut self, line: Arc<OwnedWriteHalf>) -> (u64, BTreeMap<i32, i64>) {
        self.line = Some(line);
        self.writer = Writer::Driver;
        self.dropping = false;
        (std::mem::take(&mut self.dropped), std::mem::take(&mut self.sent))
    }

    /// The line is gone, and with it what was written: the costs to give back.
    pub(super) fn hang_up(&mut self) -> BTreeMap<i32, i64> {
        self.line = None;
        self.writer = Writer::Nobody;
        self.begun = None;
        std::mem::take(&mut self.sent)
    }

    /// Throws away what waits: the costs to give back.
    pub(super) fn throw_away(&mut self) -> Vec<(i32, i64)> {
        self.queued = 0;
        self.spare = Vec::new();
        let thrown = std::mem::take(&mut self.queue);
        self.dropped += thrown.iter().map(|parcel| parcel.tuples).sum::<u64>();
        thrown.into_iter().flat_map(|parcel| parcel.costs).collect()
    }

    /// Forgets the costs of tasks that don't stay, and tells them.
    pub(super) fn keep_only(&mut self, stays: impl Fn(i32) -> bool) -> Vec<(i32, i64)> {
        let mut gone: Vec<(i32, i64)> = self.sent.extract_if(.., |task, _| !stays(*task)).collect();
        self.queue.iter_mut().for_each(|parcel| gone.extend(parcel.keep_only(&stays)));
        gone
    }

    /// Credit that came, but never more than was sent, whatever the other side says.
    pub(super) fn credit(&mut self, task: i32, cost: i64) -> i64 {
        let Some(sent) = self.sent.get_mut(&task) else { return 0 };
        let cost = cost.clamp(0, *sent);
        *sent -= cost;
        cost
    }
}
