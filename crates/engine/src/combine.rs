//! Where whole contributions to one tree meet before they travel.

use crate::ledger::Contribution;

const ENTRIES: usize = 1024;

/// A small direct-mapped table. Contributions to the same tree that arise on one thread within one activation become one, or
/// none at all when they cancel.
pub(crate) struct Combiner {
    entries: Vec<Contribution>,
    used: Vec<u16>,
    evicted: Vec<Contribution>,
}

const EMPTY: Contribution = Contribution { root: 0, word: 0, flags: 0 };

impl Combiner {
    pub(crate) fn new() -> Combiner {
        Combiner { entries: vec![EMPTY; ENTRIES], used: Vec::new(), evicted: Vec::new() }
    }

    /// Entries in use.
    pub(crate) fn len(&self) -> usize {
        self.used.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    #[inline]
    pub(crate) fn add(&mut self, c: Contribution) {
        // Neighbouring slots of one ledger, and the generation, spread over the table.
        let hash = (c.root ^ (c.root >> 28)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let at = (hash >> 54) as usize;
        let entry = &mut self.entries[at];
        if entry.root == c.root {
            entry.word ^= c.word;
            entry.flags |= c.flags;
            return;
        }
        if entry.root == 0 {
            self.used.push(at as u16);
        } else {
            self.evicted.push(*entry);
        }
        *entry = c;
    }

    /// Empties the table into `out`, leaving out what has cancelled.
    pub(crate) fn drain(&mut self, mut out: impl FnMut(Contribution)) {
        for c in self.evicted.drain(..) {
            if c.word != 0 || c.flags != 0 {
                out(c);
            }
        }
        for at in self.used.drain(..) {
            let c = std::mem::replace(&mut self.entries[at as usize], EMPTY);
            if c.word != 0 || c.flags != 0 {
                out(c);
            }
        }
    }
}
