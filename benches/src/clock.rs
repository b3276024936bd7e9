//! The monotonic clock of the machine: the same number in every process, also in a JVM's `System.nanoTime`.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since the machine started.
#[inline]
pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Seconds since 1970, to tell results apart.
pub fn epoch_secs() -> u64 {
    clock_gettime(ClockId::Realtime).tv_sec as u64
}
