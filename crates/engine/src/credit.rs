//! What waits for one task, and who has to hear that it has become less.
//!
//! Senders stop at the limit; they hear of it when the queue has fallen below half of that. A sender that saw the limit reached
//! cannot miss the fall: it looks again after it has said that it sleeps. `tests/handshakes.rs` checks this with loom, which is
//! why this file takes its primitives from the parent module.

use super::sync::{AtomicI64, Ordering};

pub(crate) struct Credit {
    queued: AtomicI64,
}

impl Credit {
    pub(crate) fn new() -> Credit {
        Credit { queued: AtomicI64::new(0) }
    }

    /// Cost of what was sent to the task and has not been processed.
    #[inline]
    pub(crate) fn queued(&self) -> i64 {
        self.queued.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn charge(&self, cost: i64) {
        self.queued.fetch_add(cost, Ordering::Relaxed);
    }

    /// Gives credit back; whether the senders have to be woken.
    pub(crate) fn release(&self, cost: i64, limit: i64) -> bool {
        let half = limit / 2;
        let before = self.queued.fetch_sub(cost, Ordering::Relaxed);
        before >= half && before - cost < half
    }
}
