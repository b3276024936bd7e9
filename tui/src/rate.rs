//! Rates from counters that are seen from time to time.

use std::collections::VecDeque;

/// Workers report every so many seconds (60 by default), so between two reports a counter stands still although tuples
/// flow: the rate of the last change holds until the counter has stood still for longer than a report takes.
const HOLD_MS: u64 = 75_000;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rate {
    /// Counter and time at the last change.
    last: Option<(i64, u64)>,
    per_second: Option<f64>,
    changes: u32,
    /// Between the last two changes.
    interval_ms: Option<u64>,
}

impl Rate {
    pub fn see(&mut self, counter: i64, at_ms: u64) {
        match self.last {
            // A smaller counter is that of other workers.
            Some((before, since)) if counter > before && at_ms > since => {
                self.changes += 1;
                // The first change came at some time between two reports: it tells nothing of their distance.
                self.interval_ms = (self.changes > 1).then_some(at_ms - since);
                self.per_second = Some((counter - before) as f64 * 1000.0 / (at_ms - since) as f64);
                self.last = Some((counter, at_ms));
            }
            Some((before, since)) if counter == before => {
                let hold = self.interval_ms.map_or(HOLD_MS, |ms| (2 * ms + 2000).min(HOLD_MS));
                if at_ms.saturating_sub(since) > hold {
                    self.per_second = Some(0.0);
                }
            }
            _ => *self = Rate { last: Some((counter, at_ms)), ..Rate::default() },
        }
    }

    pub fn per_second(&self) -> Option<f64> {
        self.per_second
    }
}

/// The last values of a figure, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    values: VecDeque<f64>,
}

const KEPT: usize = 240;

impl Series {
    pub fn push(&mut self, value: f64) {
        if self.values.len() == KEPT {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator {
        self.values.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_between_two_reports_and_ends_after_a_silence() {
        let mut r = Rate::default();
        r.see(100, 0);
        assert_eq!(r.per_second(), None);
        for second in 1..60 {
            r.see(100, second * 1000);
        }
        r.see(6100, 60_000);
        assert_eq!(r.per_second(), Some(100.0));
        r.see(6100, 119_000);
        assert_eq!(r.per_second(), Some(100.0));
        r.see(6100, 140_000);
        assert_eq!(r.per_second(), Some(0.0));
    }

    #[test]
    fn quick_reports_make_quick_ends_and_new_workers_begin_anew() {
        let mut r = Rate::default();
        for (counter, at) in [(0, 0), (10, 1000), (20, 2000)] {
            r.see(counter, at);
        }
        assert_eq!(r.per_second(), Some(10.0));
        for at in 3..40 {
            r.see(20, at * 1000);
        }
        assert_eq!(r.per_second(), Some(0.0));
        r.see(5, 41_000);
        assert_eq!(r.per_second(), None);
    }

    #[test]
    fn a_series_is_bounded() {
        let mut s = Series::default();
        (0..1000).for_each(|n| s.push(f64::from(n)));
        assert_eq!(s.values().len(), KEPT);
        assert_eq!(s.values().next_back(), Some(999.0));
    }
}
