//! Sums over Storm's windows of time: the last 10 minutes, 3 hours, day, and all of it.

/// Names of the windows, as Storm's statistics have them.
pub(crate) const WINDOWS: [&str; 4] = ["600", "10800", "86400", ":all-time"];
const LENGTHS: [u64; 3] = [600_000, 10_800_000, 86_400_000];
/// `num.stat.buckets`.
const BUCKETS: usize = 20;

/// How often [`Window::rotate`] is to be called, in milliseconds: one bucket of the shortest window.
pub(crate) const ROTATION: u64 = LENGTHS[0] / (BUCKETS as u64 - 1);

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    millis: u64,
    value: u64,
}

/// One growing number, seen through the windows.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    buckets: [[Bucket; BUCKETS]; 3],
    /// The number, and the time, at the last rotation.
    seen: u64,
    since: u64,
}

impl Window {
    pub(crate) fn new(now: u64) -> Window {
        Window { buckets: [[Bucket::default(); BUCKETS]; 3], seen: 0, since: now }
    }

    /// Closes the current bucket.
    pub(crate) fn rotate(&mut self, total: u64, now: u64) {
        let value = total.wrapping_sub(self.seen);
        let millis = now.saturating_sub(self.since);
        self.seen = total;
        self.since = now;
        for (buckets, length) in self.buckets.iter_mut().zip(LENGTHS) {
            buckets[0].millis += millis;
            buckets[0].value += value;
            if buckets[0].millis >= length / (BUCKETS as u64 - 1) {
                buckets.rotate_right(1);
                buckets[0] = Bucket::default();
            }
        }
    }

    /// The sums over the four windows. The oldest bucket counts in part, as far as the window reaches into it.
    pub(crate) fn counts(&self, total: u64, now: u64) -> [u64; 4] {
        self.read(total, now, |bucket, needed| (needed as f64 / bucket.millis as f64 * bucket.value as f64) as u64)
    }

    /// The sums over the four windows with the oldest bucket as a whole: what averages are made of.
    pub(crate) fn sums(&self, total: u64, now: u64) -> [u64; 4] {
        self.read(total, now, |bucket, _| bucket.value)
    }

    fn read(&self, total: u64, now: u64, part: impl Fn(&Bucket, u64) -> u64) -> [u64; 4] {
        let current = total.wrapping_sub(self.seen);
        let spent = now.saturating_sub(self.since);
        let mut out = [total; 4];
        for ((sum, buckets), length) in out.iter_mut().zip(&self.buckets).zip(LENGTHS) {
            *sum = current;
            let mut needed = length.saturating_sub(spent);
            for bucket in buckets {
                if needed < bucket.millis {
                    *sum += part(bucket, needed);
                    break;
                }
                *sum += bucket.value;
                needed -= bucket.millis;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_windows_forget_and_long_ones_do_not() {
        let mut w = Window::new(0);
        let mut total = 0;
        // 20 minutes at 10 per bucket.
        for i in 1..=38 {
            total += 10;
            w.rotate(total, i * ROTATION);
        }
        let now = 38 * ROTATION;
        let [ten_minutes, three_hours, day, all] = w.counts(total, now);
        assert_eq!((three_hours, day, all), (380, 380, 380));
        assert!((189..=191).contains(&ten_minutes), "{ten_minutes}");
        // 20 buckets after 10 idle minutes: nothing left in the shortest.
        for i in 39..=60 {
            w.rotate(total, i * ROTATION);
        }
        assert_eq!(w.counts(total, 60 * ROTATION), [0, 380, 380, 380]);
    }

    #[test]
    fn what_came_since_the_last_rotation_counts_at_once() {
        let mut w = Window::new(0);
        w.rotate(5, 1000);
        assert_eq!(w.counts(7, 1500), [7, 7, 7, 7]);
        assert_eq!(w.sums(7, 1500), [7, 7, 7, 7]);
    }
}
