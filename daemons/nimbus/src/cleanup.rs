//! What dead topologies leave behind, removed after a delay; and what clients leave in the inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use storm_thrift::ServiceError;
use storm_zk::ZkError;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::nimbus::{Nimbus, blocking};
use crate::topologies::{Blob, topology_of_blob};

const HOURLY: Duration = Duration::from_secs(3600);

/// When each leftover was first seen dead.
#[derive(Debug, Default)]
pub struct Noticed(BTreeMap<String, Instant>);

impl Noticed {
    /// The leftovers that have been dead for `delay`. One that lives again, or is gone, is forgotten.
    fn due(&mut self, dead: &BTreeSet<String>, delay: Duration, now: Instant) -> Vec<String> {
        self.0.retain(|id, _| dead.contains(id));
        for id in dead {
            self.0.entry(id.clone()).or_insert(now);
        }
        self.0.iter().filter(|(_, since)| now - **since >= delay).map(|(id, _)| id.clone()).collect()
    }
}

impl Nimbus {
    /// Cleans up every `nimbus.monitor.freq.secs` while it leads, until the process ends.
    pub(crate) async fn clean_up_forever(self: Arc<Self>) {
        let mut noticed = Noticed::default();
        let mut timer = interval(self.settings.monitor);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            if !self.leads() || !self.connected() {
                continue;
            }
            if let Err(e) = self.clean_up(&mut noticed).await {
                tracing::warn!("clean-up is put off: {e}");
            }
        }
    }

    async fn clean_up(&self, noticed: &mut Noticed) -> Result<(), ServiceError> {
        let zk = |e: ZkError| ServiceError::internal(e.to_string());
        // Read before the living: what is submitted in between is in one of the two.
        let mut found: BTreeSet<String> = self.cluster.heartbeat_topologies().await.map_err(zk)?.into_iter().collect();
        found.extend(self.cluster.error_topologies().await.map_err(zk)?);
        found.extend(self.blobs.keys().iter().filter_map(|key| topology_of_blob(key)).map(str::to_owned));
        // Straight from ZooKeeper, also those whose base cannot be read: doubt is no reason to delete.
        let living = self.cluster.storms().await.map_err(zk)?;
        for id in living.iter().chain(&self.names.ids()) {
            found.remove(id);
        }
        let due = noticed.due(&found, self.settings.blob_deletion_delay, Instant::now());
        for id in due {
            self.remove_leftovers(&id).await?;
            tracing::info!(topology = %id, "cleaned up");
        }
        Ok(())
    }

    async fn remove_leftovers(&self, id: &str) -> Result<(), ServiceError> {
        let zk = |e: ZkError| ServiceError::internal(e.to_string());
        self.cluster.teardown_heartbeats(id).await.map_err(zk)?;
        self.cluster.teardown_errors(id).await.map_err(zk)?;
        let mut keys = Vec::new();
        // Artifacts may be shared with other topologies; dependency jars are made for one.
        if let Ok(stored) = self.stored(id).await {
            let jars = stored.topology.dependency_jars.unwrap_or_default();
            keys.extend(jars.into_iter().filter(|key| !self.used_by_another(key)));
        }
        keys.extend(Blob::ALL.map(|b| b.key(id)));
        for key in keys {
            let blobs = self.blobs.clone();
            let name = key.clone();
            blocking(move || if blobs.contains(&name) { Ok(blobs.delete(&name)?) } else { Ok(()) }).await?;
            self.cluster.remove_blob(&key).await.map_err(zk)?;
        }
        Ok(())
    }

    fn used_by_another(&self, key: &str) -> bool {
        let view = self.view();
        view.bases.iter().any(|(id, base)| {
            // One that cannot be read may use it.
            self.stored.facts(id, base).known().is_none_or(|f| f.uses_blobs.contains(key))
        })
    }

    /// Ends idle transfers and removes old uploads, until the process ends.
    pub(crate) async fn clean_inbox_forever(self: Arc<Self>) {
        let mut timer = interval(self.settings.inbox_check.min(Duration::from_secs(60)));
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hour = Instant::now();
        loop {
            timer.tick().await;
            self.blob_uploads.expire();
            self.downloads.expire();
            let (inbox, age, blobs) = (self.inbox.clone(), self.settings.inbox_age, self.blobs.clone());
            let scratch = self.settings.blob_cleanup && hour.elapsed() >= HOURLY;
            if scratch {
                hour = Instant::now();
            }
            let cleaned = blocking(move || {
                if scratch {
                    blobs.remove_stale_scratch()?;
                }
                inbox.clean(age).map_err(|e| ServiceError::internal(format!("{}: {e}", inbox.dir().display())))
            })
            .await;
            if let Err(e) = cleaned {
                tracing::warn!("the inbox is not cleaned: {e}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_stays_dead_for_the_delay_goes() {
        let mut noticed = Noticed::default();
        let set = |ids: &[&str]| ids.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
        let delay = Duration::from_secs(300);
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);
        assert!(noticed.due(&set(&["a", "b"]), delay, at(0)).is_empty());
        assert!(noticed.due(&set(&["a"]), delay, at(299)).is_empty());
        assert_eq!(noticed.due(&set(&["a", "b"]), delay, at(300)), ["a"]);
        assert_eq!(noticed.due(&set(&["b"]), delay, at(600)), ["b"]);
    }
}
