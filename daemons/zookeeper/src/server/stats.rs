//! Counters for the four-letter words.

use std::sync::atomic::{AtomicU64, Ordering};

/// Smallest, mean and largest of a stream of numbers.
#[derive(Debug)]
pub struct Latency {
    count: AtomicU64,
    total: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    last: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            total: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }
}

impl Latency {
    pub fn add(&self, us: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(us, Ordering::Relaxed);
        self.min.fetch_min(us, Ordering::Relaxed);
        self.max.fetch_max(us, Ordering::Relaxed);
        self.last.store(us, Ordering::Relaxed);
    }

    pub fn reset(&self) {
        self.count.store(0, Ordering::Relaxed);
        self.total.store(0, Ordering::Relaxed);
        self.min.store(u64::MAX, Ordering::Relaxed);
        self.max.store(0, Ordering::Relaxed);
    }

    pub fn min_ms(&self) -> u64 {
        match self.min.load(Ordering::Relaxed) {
            u64::MAX => 0,
            us => us / 1000,
        }
    }

    pub fn max_ms(&self) -> u64 {
        self.max.load(Ordering::Relaxed) / 1000
    }

    pub fn last_ms(&self) -> u64 {
        self.last.load(Ordering::Relaxed) / 1000
    }

    pub fn mean_ms(&self) -> f64 {
        match self.count.load(Ordering::Relaxed) {
            0 => 0.0,
            count => self.total.load(Ordering::Relaxed) as f64 / count as f64 / 1000.0,
        }
    }
}

/// Counters of the whole server, or of one connection.
#[derive(Debug, Default)]
pub struct Traffic {
    pub received: AtomicU64,
    pub sent: AtomicU64,
    pub latency: Latency,
}

impl Traffic {
    pub fn reset(&self) {
        self.received.store(0, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        self.latency.reset();
    }
}
