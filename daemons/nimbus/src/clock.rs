//! The one place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time, as Storm's structs carry it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    pub fn now_ms(self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    pub fn now_secs(self) -> i64 {
        self.now_ms() / 1000
    }

    /// For the fields that are 32 bits wide in Storm 2.8.
    pub fn now_secs32(self) -> i32 {
        i32::try_from(self.now_secs()).unwrap_or(i32::MAX)
    }
}
