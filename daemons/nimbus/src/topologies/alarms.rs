//! What is due later: the end of a kill's or a rebalance's wait.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    Remove,
    DoRebalance,
}

/// One alarm of each kind per topology. Of two alarms of a kind the earlier one stands, as in Storm, where both would
/// ring and the second find nothing left to do.
#[derive(Debug, Default)]
pub struct Alarms {
    due: Mutex<BTreeMap<(String, Alarm), Instant>>,
    changed: Notify,
}

impl Alarms {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, Alarm), Instant>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn arm(&self, topology_id: &str, alarm: Alarm, after: Duration) {
        let at = Instant::now() + after;
        self.lock().entry((topology_id.to_owned(), alarm)).and_modify(|due| *due = at.min(*due)).or_insert(at);
        self.changed.notify_one();
    }

    /// When this Nimbus does not lead any more, the next leader sets its own.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Waits for the next one that is due and takes it out. One caller at a time.
    pub async fn next(&self) -> (String, Alarm) {
        loop {
            let first = self.lock().iter().min_by_key(|(_, due)| **due).map(|(k, due)| (k.clone(), *due));
            match first {
                None => self.changed.notified().await,
                Some((key, due)) if due <= Instant::now() => {
                    // An arm in between can only have made it earlier; a clear has taken it away.
                    if self.lock().remove(&key).is_some() {
                        return key;
                    }
                }
                Some((_, due)) => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = self.changed.notified() => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn alarms_ring_in_order_and_the_earlier_of_two_stands() {
        let alarms = Alarms::default();
        let start = Instant::now();
        alarms.arm("a", Alarm::Remove, Duration::from_secs(30));
        alarms.arm("b", Alarm::DoRebalance, Duration::from_secs(10));
        alarms.arm("a", Alarm::Remove, Duration::from_secs(5));
        alarms.arm("a", Alarm::Remove, Duration::from_secs(60));
        assert_eq!(alarms.next().await, ("a".to_owned(), Alarm::Remove));
        assert_eq!(start.elapsed().as_secs(), 5);
        assert_eq!(alarms.next().await, ("b".to_owned(), Alarm::DoRebalance));
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_set_while_waiting_is_heard() {
        let alarms = std::sync::Arc::new(Alarms::default());
        let waiting = tokio::spawn({
            let alarms = alarms.clone();
            async move { alarms.next().await }
        });
        tokio::task::yield_now().await;
        alarms.arm("a", Alarm::Remove, Duration::from_millis(1));
        assert_eq!(waiting.await.unwrap().0, "a");
    }
}
