//! How long an operation is tried: Storm's retry keys.

use std::time::Duration;

/// `storm.zookeeper.retry.times`, `.interval` and `.intervalceiling.millis`.
///
/// Storm sleeps between tries, longer each time. We need no sleep, because we see the session come back; what
/// remains of the keys is their sum, the time after which an operation gives up, and the number of tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    pub times: u32,
    pub interval: Duration,
    pub ceiling: Duration,
}

impl RetryPolicy {
    /// The sum of Storm's sleeps.
    pub fn budget(&self) -> Duration {
        (0..self.times).map(|i| self.interval.saturating_mul(1 << i.min(30)).min(self.ceiling)).sum()
    }
}

/// Whether the session, not the operation, is at fault: the same request may well succeed later.
pub(crate) fn is_session_trouble(error: &zookeeper_client::Error) -> bool {
    use zookeeper_client::Error::*;
    matches!(
        error,
        ConnectionLoss
            | SessionExpired
            | SessionMoved
            | Timeout
            | ClientClosed
            | NoHosts
            | Throttled
            // Broken sockets arrive as these two.
            | UnexpectedError(_)
            | Custom(_)
    )
}

/// The pause before the next round of connecting to a dead ensemble: short at first, as a server that is being
/// started with us is up in a moment.
pub(crate) fn reconnect_pause(round: u32, ceiling: Duration) -> Duration {
    let pause = Duration::from_millis(10).saturating_mul(1 << round.min(7));
    pause.min(Duration::from_secs(1)).min(ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_the_sum_of_storms_sleeps() {
        let policy = |times, ms, ceiling| RetryPolicy {
            times,
            interval: Duration::from_millis(ms),
            ceiling: Duration::from_millis(ceiling),
        };
        assert_eq!(policy(5, 1000, 30_000).budget(), Duration::from_secs(1 + 2 + 4 + 8 + 16));
        assert_eq!(policy(5, 1000, 3_000).budget(), Duration::from_secs(1 + 2 + 3 + 3 + 3));
        assert_eq!(policy(0, 1000, 30_000).budget(), Duration::ZERO);
        assert_eq!(policy(29, 1000, 30_000).budget(), Duration::from_secs(1 + 2 + 4 + 8 + 16 + 24 * 30));
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let ceiling = Duration::from_secs(30);
        let pauses: Vec<_> = (0..9).map(|round| reconnect_pause(round, ceiling).as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(reconnect_pause(20, Duration::from_millis(50)).as_millis(), 50);
    }
}
