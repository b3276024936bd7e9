//! Waiting for a condition with a deadline, never for luck.

use std::time::{Duration, Instant};

/// Waits until the condition gives a value; panics with `what` when the time is over.
#[track_caller]
pub fn wait_for<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the condition holds; panics with `what` when the time is over.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(limit, what, || condition().then_some(()));
}
