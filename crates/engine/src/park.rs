//! How a data thread goes to sleep without missing a call.
//!
//! The sleeper says that it sleeps, then looks once more for work, then parks. A caller publishes its work, then looks whether
//! the sleeper sleeps. Both have a full fence between the two steps, so at least one of them sees the other; without the fences both could look
//! too early, and the work would lie there until something else happens. `tests/handshakes.rs` checks this with loom, which is why this file
//! takes its primitives from the parent module.

use super::sync::{AtomicBool, Ordering, Thread, current, fence, park_timeout};
use std::sync::OnceLock;
use std::time::Duration;

/// One thread's bed.
pub(crate) struct Sleeper {
    sleeping: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Sleeper {
    pub(crate) fn new() -> Sleeper {
        Sleeper { sleeping: AtomicBool::new(false), thread: OnceLock::new() }
    }

    /// Tells who sleeps here: the calling thread. Before that, wakes go nowhere, and nothing is lost as the thread looks for work
    /// before it first sleeps.
    pub(crate) fn occupy(&self) {
        let _ = self.thread.set(current());
    }

    /// Sleeps until woken or until the time is over, unless there is work. May also return early for no reason.
    pub(crate) fn sleep(&self, has_work: impl FnOnce() -> bool, limit: Option<Duration>) {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !has_work() {
            park_timeout(limit);
        }
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Wakes the sleeper if it sleeps. To be called after the work has been published.
    pub(crate) fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed)
            // One of several callers is enough.
            && self.sleeping.compare_exchange(true, false, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// A hint: whether it sleeps just now.
    #[inline]
    pub(crate) fn is_asleep(&self) -> bool {
        self.sleeping.load(Ordering::Relaxed)
    }
}
