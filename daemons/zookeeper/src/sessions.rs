//! When sessions expire.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The expiry of every live session, in buckets of one tick: touching a session often costs next to nothing, and a
/// session lives up to one tick longer than its timeout, as in Apache ZooKeeper.
///
/// Time is any monotonic clock in milliseconds.
#[derive(Debug)]
pub struct SessionClock {
    tick_ms: u64,
    buckets: BTreeMap<u64, BTreeSet<i64>>,
    expiry: HashMap<i64, u64>,
}

impl SessionClock {
    pub fn new(tick_ms: u64) -> Self {
        Self { tick_ms: tick_ms.max(1), buckets: BTreeMap::new(), expiry: HashMap::new() }
    }

    /// The session is alive at `now` and may be silent for `timeout_ms`.
    pub fn touch(&mut self, session: i64, timeout_ms: i32, now: u64) {
        let timeout = u64::try_from(timeout_ms).unwrap_or(0);
        let at = ((now + timeout) / self.tick_ms + 1) * self.tick_ms;
        match self.expiry.insert(session, at) {
            Some(before) if before == at => return,
            Some(before) => self.leave(session, before),
            None => {}
        }
        self.buckets.entry(at).or_default().insert(session);
    }

    pub fn remove(&mut self, session: i64) {
        if let Some(at) = self.expiry.remove(&session) {
            self.leave(session, at);
        }
    }

    /// When the next session expires if nobody is heard of.
    pub fn next(&self) -> Option<u64> {
        self.buckets.keys().next().copied()
    }

    /// Takes the sessions that have expired by `now`.
    pub fn expire(&mut self, now: u64) -> Vec<i64> {
        let mut expired = Vec::new();
        while let Some(bucket) = self.buckets.first_entry().filter(|bucket| *bucket.key() <= now) {
            expired.extend(bucket.remove());
        }
        expired.iter().for_each(|session| {
            self.expiry.remove(session);
        });
        expired
    }

    /// Gives everybody `ms` more: the server itself stood still for so long and could hear nobody.
    pub fn postpone(&mut self, ms: u64) {
        let shift = ms.div_ceil(self.tick_ms) * self.tick_ms;
        self.buckets = std::mem::take(&mut self.buckets).into_iter().map(|(at, set)| (at + shift, set)).collect();
        self.expiry.values_mut().for_each(|at| *at += shift);
    }

    /// The buckets, for `dump`.
    pub fn buckets(&self) -> &BTreeMap<u64, BTreeSet<i64>> {
        &self.buckets
    }

    fn leave(&mut self, session: i64, at: u64) {
        if let Some(bucket) = self.buckets.get_mut(&at) {
            bucket.remove(&session);
            if bucket.is_empty() {
                self.buckets.remove(&at);
            }
        }
    }
}

/// The first session id of a server that starts at `wall_ms`, in Apache ZooKeeper's layout (server id 0, five bytes
/// of time, two of counter), and above every id it ever gave.
pub fn first_session_id(wall_ms: i64, last: i64) -> i64 {
    let from_time = ((wall_ms as u64) << 24 >> 8) as i64;
    from_time.max(last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_session_lives_on() {
        let mut clock = SessionClock::new(100);
        clock.touch(1, 400, 0);
        clock.touch(2, 400, 50);
        assert_eq!(clock.next(), Some(500));
        assert!(clock.expire(499).is_empty());
        clock.touch(1, 400, 300);
        assert_eq!(clock.expire(500), [2]);
        assert_eq!(clock.expire(799), [] as [i64; 0]);
        assert_eq!(clock.expire(800), [1]);
        assert_eq!(clock.next(), None);
    }

    #[test]
    fn a_server_that_stood_still_blames_nobody() {
        let mut clock = SessionClock::new(100);
        clock.touch(1, 400, 0);
        clock.postpone(950);
        assert!(clock.expire(1000).is_empty());
        assert_eq!(clock.expire(1500), [1]);
    }

    #[test]
    fn ids_rise_even_if_the_wall_clock_goes_back() {
        let id = first_session_id(1_700_000_000_000, 0);
        assert!(id > 0 && id >> 56 == 0);
        assert_eq!(first_session_id(1_600_000_000_000, id), id + 1);
    }
}
