//! Leading, and waiting to lead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use storm_thrift::ServiceError;
use storm_thrift::types::NimbusSummary;
use storm_zk::{LeaderLatch, ZkError};
use tokio::time::Instant;

use crate::nimbus::{Nimbus, zk_failed};
use crate::topologies::transitions::Event;
use crate::view::shared;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Follower,
    /// The latch is won, the state is being read.
    Gaining,
    Leader,
}

const PAUSE: Duration = Duration::from_secs(1);
/// How long a call waits for a change of leaders that is under way.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Nimbus {
    /// Queues for leadership and follows it, until the process ends.
    pub(crate) async fn follow_leadership(self: Arc<Self>) {
        let latch = loop {
            match self.queue_up().await {
                Ok(latch) => break latch,
                Err(e) => {
                    tracing::warn!(code = e.code(), "cannot queue for leadership yet: {e}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let mut leads = latch.watch();
        loop {
            let elected = *leads.borrow_and_update();
            let role = *self.role.borrow();
            match (elected, role) {
                (false, Role::Follower) | (true, Role::Leader) => {}
                (false, _) => self.lose_leadership(),
                (true, _) => {
                    self.role.send_replace(Role::Gaining);
                    let gained = tokio::select! {
                        gained = self.gain_leadership() => gained,
                        _ = leads.wait_for(|l| !*l) => continue,
                    };
                    if let Err(e) = gained {
                        tracing::warn!(code = e.code(), "elected, but the cluster's state cannot be read yet: {e}");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    // Elected still, as far as the latch knows: a loss in between is seen in the next turn.
                    self.has_led.store(true, Ordering::Relaxed);
                    self.role.send_replace(Role::Leader);
                    self.wanted.notify_one();
                }
            }
            if leads.changed().await.is_err() {
                self.lose_leadership();
                return;
            }
        }
    }

    async fn queue_up(&self) -> Result<LeaderLatch, ZkError> {
        // This process has the port that the id names, so whoever queued under the id before is dead. Killed without a
        // word, he would keep everybody waiting until his session times out.
        let left = self.cluster.remove_left_places(&self.me.participant()).await?;
        if left > 0 {
            tracing::info!(left, "took the place of an earlier process at this address");
        }
        LeaderLatch::join(&self.cluster, self.me.participant()).await
    }

    async fn gain_leadership(&self) -> Result<(), ZkError> {
        let _changing = self.changing.lock().await;
        let (bases, assignments) = (self.cluster.storm_bases().await?, self.cluster.assignments().await?);
        let supervisors = self.cluster.supervisors().await?;
        self.views.change(|view| {
            view.bases = shared(bases);
            view.assignments = shared(assignments);
            view.supervisors = shared(supervisors);
        });
        self.heartbeats().gain_leadership(self.clock.now_ms());
        let view = self.view();
        for id in view.bases.keys() {
            // Also the look at the blobs: what is missing is told now, and does not keep us from leading. Apache
            // gives the leadership up here; with a single Nimbus that takes the healthy topologies down as well.
            let facts = self.facts(id).await;
            let wait = facts.known().map_or(self.settings.message_timeout_secs, |f| f.message_timeout_secs);
            self.run_transition(id, Event::GainLeadership, wait).await?;
        }
        tracing::info!(topologies = view.bases.len(), supervisors = view.supervisors.len(), "gained leadership");
        Ok(())
    }

    fn lose_leadership(&self) {
        if self.role.send_replace(Role::Follower) != Role::Follower {
            tracing::warn!("lost leadership; reads go on from what is known");
        }
        self.alarms.clear();
    }

    pub(crate) fn leads(&self) -> bool {
        *self.role.borrow() == Role::Leader
    }

    /// Lets a mutating call through on the leader only.
    pub(crate) async fn require_leader(&self) -> Result<(), ServiceError> {
        if self.leads() {
            return Ok(());
        }
        let mut role = self.role.subscribe();
        let deadline = Instant::now() + PATIENCE;
        let leader = loop {
            let leader = self.present_leader().await;
            if self.leads() {
                return Ok(());
            }
            // Another one leads; or there has been time enough for this one to.
            if leader.as_ref().is_ok_and(|l| *l != self.me.participant()) || Instant::now() >= deadline {
                break leader.unwrap_or_else(|why| format!("unknown: {why}"));
            }
            let look_again = Instant::now() + LOOK_AGAIN;
            // A time-out is a reason to look again.
            let _settled =
                tokio::time::timeout_at(look_again.min(deadline), role.wait_for(|r| *r == Role::Leader)).await;
        };
        Err(ServiceError::internal(format!(
            "not a leader, current leader is {leader} (this is {})",
            self.me.participant()
        )))
    }

    /// The first in the queue, or why nobody can say.
    async fn present_leader(&self) -> Result<String, String> {
        if !self.connected() {
            return Err(format!("there is no connection to ZooKeeper at {}", self.cluster.servers()));
        }
        let queue = self.cluster.participants().await.map_err(|e| e.to_string())?;
        queue.into_iter().next().ok_or_else(|| "nobody queues for leadership".to_owned())
    }

    /// Answers at once while this Nimbus leads, or while nobody can say who does.
    pub(crate) async fn leader_summary(&self) -> Result<NimbusSummary, ServiceError> {
        if self.leads() {
            return Ok(self.own_summary(true));
        }
        if !self.connected() {
            // The last that led, if that was this one: reads go on here, and a mutating call tells why it cannot.
            if self.has_led.load(Ordering::Relaxed) {
                return Ok(self.own_summary(false));
            }
            let why = self.present_leader().await.err().unwrap_or_default();
            return Err(ServiceError::internal(format!("no leader is known: {why}")));
        }
        let queue = self.cluster.participants().await.map_err(zk_failed)?;
        let Some(first) = queue.first() else {
            return Err(ServiceError::internal(
                "No nimbus leader participant host found, have you started your nimbus hosts?",
            ));
        };
        if *first == self.me.participant() {
            return Ok(self.own_summary(true));
        }
        self.has_led.store(false, Ordering::Relaxed);
        let mut parts = first.split(':');
        let (host, port) = (parts.next().unwrap_or_default(), parts.next().and_then(|p| p.parse::<i32>().ok()));
        let published = self.nimbuses().await?;
        let found = published.into_iter().find(|n| n.host == host && Some(n.port) == port);
        found.map(|n| NimbusSummary { is_leader: true, ..n }).ok_or(ServiceError::NoResult)
    }

    pub(crate) fn own_summary(&self, is_leader: bool) -> NimbusSummary {
        let uptime_secs = (self.clock.now_secs32() - self.me.started_secs).max(0);
        NimbusSummary { uptime_secs, is_leader, ..self.me.published() }
    }

    /// Every Nimbus that has published itself, with real uptimes, none marked as the leader.
    pub(crate) async fn nimbuses(&self) -> Result<Vec<NimbusSummary>, ServiceError> {
        if !self.connected() {
            return Ok(vec![self.own_summary(self.leads())]);
        }
        let now = self.clock.now_secs32();
        let read = || async { self.cluster.nimbuses().await };
        let published = self.caches.nimbuses.get(read).await.map_err(zk_failed)?;
        let with_uptime = |n: &NimbusSummary| NimbusSummary { uptime_secs: (now - n.uptime_secs).max(0), ..n.clone() };
        Ok(published.iter().map(with_uptime).collect())
    }
}
