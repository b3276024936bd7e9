//! How a data thread goes to sleep without missing a call.
//!
//! The sleeper says that it sleeps, then looks once more for work, then parks. A caller publishes its work, then looks whether
//! the sleeper sleeps. Both have a full fence between the two steps, so at least one of them sees the other; without the fences both could look
//! too early, and the work would lie there until something else happens. `tests/handshakes.rs` checks this with loom, which is why this file
//! takes its primitives from the parent module.

use super::sync::{AtomicBool, Bell, Ordering, fence};
use std::sync::OnceLock;

/// One thread's bed.
pub(crate) struct Sleeper {
    sleeping: AtomicBool,
    bell: OnceLock<Bell>,
}

impl Sleeper {
    pub(crate) fn new() -> Sleeper {
        Sleeper { sleeping: AtomicBool::new(false), bell: OnceLock::new() }
    }

    /// Tells what wakes the thread that sleeps here. Before that, wakes go nowhere, and nothing is lost as the thread looks for
    /// work before it first sleeps.
    pub(crate) fn occupy(&self, bell: Bell) {
        let _ = self.bell.set(bell);
    }

    /// Sleeps, unless there is work. `park` is to return when the bell has been rung since it last did; it may return early for
    /// other reasons or none. Whether it slept.
    pub(crate) fn sleep(&self, has_work: impl FnOnce() -> bool, park: impl FnOnce()) -> bool {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let idle = !has_work();
        if idle {
            park();
        }
        self.sleeping.store(false, Ordering::Relaxed);
        idle
    }

    /// Whether the sleeper sleeps, and may not have seen what was published before this call: whoever published it must
    /// wake it, or do its work.
    pub(crate) fn needs_waking(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed)
    }

    /// Wakes the sleeper if it sleeps. To be called after the work has been published.
    pub(crate) fn wake(&self) {
        if self.needs_waking()
            // One of several callers is enough.
            && self.sleeping.compare_exchange(true, false, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && let Some(bell) = self.bell.get()
        {
            bell.ring();
        }
    }

    pub(crate) fn bell(&self) -> Option<&Bell> {
        self.bell.get()
    }

    /// A hint: whether it sleeps just now.
    #[inline]
    pub(crate) fn is_asleep(&self) -> bool {
        self.sleeping.load(Ordering::Relaxed)
    }
}
