//! Leading, and waiting to lead.

use std::sync::Arc;
use std::time::Duration;

use storm_thrift::ServiceError;
use storm_thrift::types::NimbusSummary;
use storm_zk::{LeaderLatch, ZkError};

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

impl Nimbus {
    /// Queues for leadership and follows it, until the process ends.
    pub(crate) async fn follow_leadership(self: Arc<Self>) {
        let latch = loop {
            match LeaderLatch::join(&self.cluster, self.me.participant()).await {
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
        if *role.borrow() == Role::Gaining {
            // Either way out is an answer; a time-out means neither came.
            let _settled = tokio::time::timeout(PATIENCE, role.wait_for(|r| *r != Role::Gaining)).await;
        }
        if self.leads() {
            return Ok(());
        }
        let leader = if self.connected() {
            match self.cluster.participants().await {
                Ok(queue) => queue.into_iter().next().unwrap_or_else(|| "nobody yet".to_owned()),
                Err(e) => format!("unknown: {e}"),
            }
        } else {
            format!("unknown: there is no connection to ZooKeeper at {}", self.cluster.servers())
        };
        Err(ServiceError::internal(format!(
            "not a leader, current leader is {leader} (this is {})",
            self.me.participant()
        )))
    }

    /// Answers at once while this Nimbus leads, or while nobody can say who does.
    pub(crate) async fn leader_summary(&self) -> Result<NimbusSummary, ServiceError> {
        if self.leads() {
            return Ok(self.own_summary(true));
        }
        if !self.connected() {
            // The last that is known: reads go on here, and a mutating call tells why it cannot.
            return Ok(self.own_summary(false));
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
