//! The mesh: one ring for each ordered pair of threads that talk, with one writer and one reader each.
//!
//! `tests/handshakes.rs` checks with loom that neither end sleeps while the other waits for it, which is why this file takes its
//! primitives from the parent module.

use std::collections::VecDeque;
use std::sync::Arc;

use super::sync::{AtomicBool, Consumer, Ordering, Producer, PushError, RingBuffer, fence};

/// The writer's end.
///
/// A full ring never blocks the writer: what doesn't fit waits in an overflow, which credit (for tuples) and the number of
/// open trees (for contributions) keep small.
pub(crate) struct Outlet<T> {
    ring: Producer<T>,
    overflow: VecDeque<T>,
    stalled: Arc<AtomicBool>,
}

/// The reader's end.
pub(crate) struct Inlet<T> {
    /// The thread that writes.
    pub(crate) from: usize,
    ring: Consumer<T>,
    stalled: Arc<AtomicBool>,
}

pub(crate) fn ring<T>(from: usize, capacity: usize) -> (Outlet<T>, Inlet<T>) {
    let (producer, consumer) = RingBuffer::new(capacity);
    let stalled = Arc::new(AtomicBool::new(false));
    let outlet = Outlet { ring: producer, overflow: VecDeque::new(), stalled: stalled.clone() };
    (outlet, Inlet { from, ring: consumer, stalled })
}

impl<T> Outlet<T> {
    pub(crate) fn send(&mut self, item: T) {
        if self.overflow.is_empty() {
            match self.ring.push(item) {
                Ok(()) => return,
                Err(PushError::Full(item)) => self.overflow.push_back(item),
            }
        } else {
            self.overflow.push_back(item);
        }
        // Say that somebody waits for room, then look again: the reader makes room, then looks whether somebody waits.
        self.stalled.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.retry();
    }

    /// Moves what fits from the overflow into the ring; whether anything did.
    pub(crate) fn retry(&mut self) -> bool {
        let mut moved = false;
        while let Some(item) = self.overflow.pop_front() {
            if let Err(PushError::Full(item)) = self.ring.push(item) {
                self.overflow.push_front(item);
                self.stalled.store(true, Ordering::Relaxed);
                break;
            }
            moved = true;
        }
        moved
    }

    /// Whether something waits for room.
    #[cfg(test)]
    #[allow(dead_code, reason = "asked by tests/handshakes.rs")]
    pub(crate) fn waits(&self) -> bool {
        !self.overflow.is_empty()
    }

    /// Whether [`Outlet::retry`] would move anything.
    pub(crate) fn could_retry(&self) -> bool {
        !self.overflow.is_empty() && !self.ring.is_full()
    }
}

impl<T> Inlet<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Takes what is there now. True in the second place: the writer waits for room and has to be woken.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(T)) -> (usize, bool) {
        let count = self.ring.slots();
        if count == 0 {
            return (0, false);
        }
        if let Ok(chunk) = self.ring.read_chunk(count) {
            chunk.into_iter().for_each(&mut take);
        }
        fence(Ordering::SeqCst);
        let stalled = self.stalled.load(Ordering::Relaxed) && self.stalled.swap(false, Ordering::Relaxed);
        (count, stalled)
    }
}
