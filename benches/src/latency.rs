//! Latencies in buckets. Both sides use the same ones while they run; percentiles are those of an HdrHistogram afterwards.

use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;

/// Buckets to each power of two, so that a bucket is at most 0.8 % wide: two significant digits.
const STEPS: usize = 128;
const STEP_BITS: u32 = STEPS.ilog2();
/// The last bucket takes all that is longer, from about 18 minutes on.
const LONGEST: u64 = (1 << 40) - 1;
/// How many buckets there are.
pub const BUCKETS: usize = index_of(LONGEST) + 1;

/// The bucket of a latency.
#[inline]
pub const fn index_of(nanos: u64) -> usize {
    let nanos = if nanos > LONGEST { LONGEST } else { nanos };
    let octave = (nanos | 1).ilog2().saturating_sub(STEP_BITS);
    octave as usize * STEPS + (nanos >> octave) as usize
}

/// The middle of a bucket.
pub fn middle_of(index: usize) -> u64 {
    let octave = (index / STEPS).saturating_sub(1);
    let low = ((index - octave * STEPS) as u64) << octave;
    low + ((1 << octave) >> 1)
}

/// Counts latencies. One thread writes, another may read at any time.
pub struct Recorder(Box<[AtomicU64]>);

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Recorder {
    #[inline]
    pub fn record(&self, nanos: u64) {
        let bucket = &self.0[index_of(nanos)];
        bucket.store(bucket.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The buckets that hold something.
    pub fn counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.0.iter().map(|bucket| bucket.load(Ordering::Relaxed)).enumerate();
        counts.filter(|(_, count)| *count > 0)
    }
}

/// An empty histogram for nanoseconds.
pub fn histogram() -> Histogram<u64> {
    // A little finer than the buckets, so that nothing is lost to it.
    Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds of constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_near_the_middle_of_its_bucket() {
        let mut nanos = 0;
        while nanos < LONGEST {
            let middle = middle_of(index_of(nanos));
            assert!(middle.abs_diff(nanos) as f64 <= nanos as f64 / 200.0 + 0.5, "{nanos} is put at {middle}");
            nanos += 1 + nanos / 37;
        }
        assert_eq!(index_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for nanos in 0..1 << 16 {
            let index = index_of(nanos);
            assert!(index == last || index == last + 1, "{nanos}: {index} after {last}");
            last = index;
        }
    }

    #[test]
    fn what_is_recorded_comes_back() {
        let recorder = Recorder::default();
        for nanos in [5, 5, 1_000_000] {
            recorder.record(nanos);
        }
        assert_eq!(recorder.counts().collect::<Vec<_>>(), [(5, 2), (index_of(1_000_000), 1)]);
    }
}
