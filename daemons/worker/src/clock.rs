//! The one place that asks what time it is.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall clock and uptime of this worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    /// Seconds since 1970, as Storm's 32-bit fields have them.
    pub fn now_secs(&self) -> i32 {
        i32::try_from(since_epoch().as_secs()).unwrap_or(i32::MAX)
    }

    pub fn uptime_secs(&self) -> i32 {
        i32::try_from(self.started.elapsed().as_secs()).unwrap_or(i32::MAX)
    }
}

/// Before 1970 only if the clock is broken.
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}
