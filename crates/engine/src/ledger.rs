//! The account of one spout task's open trees.
//!
//! A tree's word is the XOR of all contributions to it. A contribution is made whole: the spout's is the XOR of the edges it
//! emitted, a bolt's is its input's edge XOR the edges of all it emitted with that input as an anchor, released when the input is
//! acked. Each edge is in exactly two contributions, so the word of a finished tree is 0; a set of contributions that
//! cancels must be closed under edges, and since a tree is connected only the whole tree is. That is why contributions may
//! be merged in any order on the way, but never be split.

use std::collections::VecDeque;

use storm_topology::MessageId;

use crate::root::{self, MAX_SLOTS};

/// What a contribution says besides its word.
pub(crate) const FLAG_FAIL: u8 = 1;
pub(crate) const FLAG_RESET: u8 = 2;

/// A message to a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contribution {
    pub(crate) root: u64,
    pub(crate) word: u64,
    pub(crate) flags: u8,
}

/// A tree that has come to its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) id: MessageId,
    /// Position of the stream among the spout's own.
    pub(crate) stream: u16,
    /// Engine time of the emit, microseconds.
    pub(crate) started: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acked,
    Failed,
    TimedOut,
}

struct Slot {
    word: u64,
    /// When it was emitted, or given more time.
    touched: u64,
    started: u64,
    id: Option<MessageId>,
    generation: u32,
    stream: u16,
}

pub(crate) struct Ledger {
    owner: usize,
    slots: Vec<Slot>,
    /// Last freed first, so that few slots are hot.
    free: Vec<u32>,
    first_generation: u32,
    pub(crate) settled: VecDeque<Settled>,
    open: usize,
}

impl Ledger {
    /// `seed` makes the generations of two lives of a task differ, so that what is still under way to the earlier one means nothing to
    /// this one.
    pub(crate) fn new(owner: usize, seed: u32) -> Ledger {
        let first_generation = root::next_generation(seed >> 4);
        Ledger { owner, slots: Vec::new(), free: Vec::new(), first_generation, settled: VecDeque::new(), open: 0 }
    }

    /// Trees that have not come to their end.
    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() == MAX_SLOTS
    }

    /// Reserves the name of a new tree. [`Ledger::open_tree`] must follow.
    ///
    /// # Panics
    /// When the ledger is full, which the caller has to ask first.
    #[inline]
    pub(crate) fn reserve(&mut self) -> u64 {
        if self.free.is_empty() {
            self.grow();
        }
        let slot = self.free.last().copied().unwrap_or_default();
        root::root(self.owner, slot, self.slots[slot as usize].generation)
    }

    #[cold]
    fn grow(&mut self) {
        assert!(!self.is_full(), "a spout was asked for tuples while its ledger was full");
        let first = self.slots.len();
        // Grown in segments; a slot never moves to another number.
        let until = (first * 2).clamp(64, MAX_SLOTS);
        let generation = self.first_generation;
        let slot = |_| Slot { word: 0, touched: 0, started: 0, id: None, generation, stream: 0 };
        self.slots.extend((first..until).map(slot));
        self.free.extend((first as u32..until as u32).rev());
    }

    /// Opens the tree just reserved, with the spout's own contribution.
    #[inline]
    pub(crate) fn open_tree(&mut self, root: u64, word: u64, id: MessageId, stream: u16, now: u64) {
        self.free.pop();
        let slot = &mut self.slots[root::slot(root)];
        slot.word = word;
        slot.touched = now;
        slot.started = now;
        slot.id = Some(id);
        slot.stream = stream;
        self.open += 1;
        if word == 0 {
            // It went to nobody.
            self.settle(root::slot(root), Outcome::Acked);
        }
    }

    /// Takes a contribution. One to a tree that has ended is dropped.
    #[inline]
    pub(crate) fn apply(&mut self, c: Contribution, now: u64) {
        let at = root::slot(c.root);
        let Some(slot) = self.slots.get_mut(at) else { return };
        if slot.generation != root::generation(c.root) || slot.id.is_none() {
            return;
        }
        slot.word ^= c.word;
        if c.flags & FLAG_FAIL != 0 {
            self.settle(at, Outcome::Failed);
        } else if slot.word == 0 {
            self.settle(at, Outcome::Acked);
        } else if c.flags & FLAG_RESET != 0 {
            slot.touched = now;
        }
    }

    /// Ends the trees that are older than `timeout` microseconds.
    pub(crate) fn sweep(&mut self, now: u64, timeout: u64) {
        if let Some(oldest) = now.checked_sub(timeout) {
            self.fail_before(oldest + 1);
        }
    }

    /// Ends the trees that were last touched before this time.
    pub(crate) fn fail_before(&mut self, micros: u64) {
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            if slot.id.is_some() && slot.touched < micros {
                self.settle(at, Outcome::TimedOut);
            }
        }
    }

    #[inline]
    fn settle(&mut self, at: usize, outcome: Outcome) {
        let slot = &mut self.slots[at];
        let Some(id) = slot.id.take() else { return };
        slot.generation = root::next_generation(slot.generation);
        self.settled.push_back(Settled { id, stream: slot.stream, started: slot.started, outcome });
        self.free.push(at as u32);
        self.open -= 1;
    }
}

#[cfg(test)]
mod tests;
