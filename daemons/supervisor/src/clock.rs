//! The one clock of the supervisor.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::slot::Millis;

/// Milliseconds since the supervisor started, and the time of day for what goes to others.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    pub fn now(&self) -> Millis {
        Instant::now().duration_since(self.origin).as_millis() as Millis
    }

    /// When it will be `at` on this clock.
    pub fn instant(&self, at: Millis) -> Instant {
        self.origin + Duration::from_millis(at)
    }

    /// Seconds since 1970.
    pub fn unix_secs(&self) -> i64 {
        // Before 1970 only with a broken clock.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs() as i64
    }
}
