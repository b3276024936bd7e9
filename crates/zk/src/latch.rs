//! Leader election in the node format of Curator's `LeaderLatch`, so that Java's Nimbuses take part in it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;
use zookeeper_client::Error::{NoNode, NodeExists, Unimplemented};
use zookeeper_client::{Client, CreateMode, OneshotWatcher};

use crate::cluster::Shared;
use crate::nodes::{open, or_absent};
use crate::paths::{DIRECTORY, LEADER_LOCK, child};
use crate::retry::{is_session_trouble, reconnect_pause};
use crate::{Cluster, ZkError};

/// The part of the node's name that Curator orders by what follows it.
const LATCH: &str = "latch-";

/// Takes part in the election of Nimbus' leader until it is left or dropped.
///
/// Leadership ends with the connection, not only with the session: a leader that cannot see ZooKeeper does not know
/// whether it still is one.
pub struct LeaderLatch {
    cluster: Cluster,
    leader: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl LeaderLatch {
    /// Queues up with `host:port:tlsPort`, and returns when the place in the queue is known.
    pub async fn join(cluster: &Cluster, participant_id: impl Into<String>) -> Result<LeaderLatch, ZkError> {
        let place = Arc::new(tokio::sync::Mutex::new(Place::new(participant_id.into())));
        // The first step is taken here, so that a server that says no is heard of.
        cluster
            .run("queue for leadership at", LEADER_LOCK, |client| {
                let place = place.clone();
                async move { place.lock().await.take(&client).await.map(drop) }
            })
            .await?;
        let (set, leader) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(cluster.shared.clone(), place, set, stopped));
        let latch = LeaderLatch { cluster: cluster.clone(), leader, stop, task };
        let mut first = latch.leader.clone();
        // Marked as changed by the task as soon as it has looked, whatever it has found.
        let _looked = tokio::time::timeout(cluster.shared.settings.connection_timeout, first.changed()).await;
        Ok(latch)
    }

    pub fn is_leader(&self) -> bool {
        *self.leader.borrow()
    }

    /// Follows this process' own leadership. The value may be sent again without having changed.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.leader.clone()
    }

    /// Everybody in the queue by participant id, the leader first.
    pub async fn participants(&self) -> Result<Vec<String>, ZkError> {
        self.cluster.participants().await
    }

    /// Gives up the place, or the leadership, and waits until that is known.
    pub async fn leave(mut self) {
        self.stop.send_replace(true);
        // It ends by itself: waiting for the session is interrupted by the stop.
        let _ended = (&mut self.task).await;
    }
}

impl Cluster {
    /// Everybody who queues for Nimbus' leadership by participant id (`host:port:tlsPort`), the leader first.
    pub async fn participants(&self) -> Result<Vec<String>, ZkError> {
        self.run("read the queue at", LEADER_LOCK, |client| async move {
            let names = or_absent(client.list_children(LEADER_LOCK).await)?.unwrap_or_default();
            let reads: Vec<_> = in_order(names).iter().map(|name| client.get_data(&child(LEADER_LOCK, name))).collect();
            let mut ids = Vec::with_capacity(reads.len());
            for read in reads {
                if let Some((data, _)) = or_absent(read.await)? {
                    ids.push(String::from_utf8_lossy(&data).into_owned());
                }
            }
            Ok(ids)
        })
        .await
    }

    /// Takes places out of the queue that an earlier process with this participant id has left there: they would stand in
    /// the way until its session times out. The caller must know that the process is dead, as whoever has bound its port
    /// does. Answers how many there were.
    pub async fn remove_left_places(&self, participant_id: &str) -> Result<usize, ZkError> {
        self.run("clear left places out of the queue at", LEADER_LOCK, |client| async move {
            let mut removed = 0;
            for name in or_absent(client.list_children(LEADER_LOCK).await)?.unwrap_or_default() {
                let path = child(LEADER_LOCK, &name);
                if let Some((data, stat)) = or_absent(client.get_data(&path).await)?
                    && data == participant_id.as_bytes()
                    && stat.ephemeral_owner != client.session_id().0
                {
                    or_absent(client.delete(&path, None).await)?;
                    removed += 1;
                }
            }
            Ok(removed)
        })
        .await
    }
}

/// Our node in the queue.
struct Place {
    participant: String,
    /// Curator's protection: a node that was made while the connection broke is found again by this.
    mark: String,
    /// Name of the node, and the session that it belongs to.
    own: Option<(String, i64)>,
    /// Whether a node of ours may be there that we do not know of.
    may_linger: bool,
}

/// What a look at the queue has shown.
enum Rank {
    First(OneshotWatcher),
    Behind(OneshotWatcher),
}

impl Place {
    fn new(participant: String) -> Place {
        Place { participant, mark: format!("_c_{}-", Uuid::new_v4()), own: None, may_linger: false }
    }

    /// Makes the node, unless this session has it.
    async fn take(&mut self, client: &Client) -> Result<(), zookeeper_client::Error> {
        let session = client.session_id().0;
        if self.own.as_ref().is_some_and(|(_, owner)| *owner == session) {
            return Ok(());
        }
        if self.may_linger {
            self.clear(client).await?;
        }
        let prefix = format!("{LEADER_LOCK}/{}{LATCH}", self.mark);
        self.may_linger = true;
        for _ in 0..4 {
            match client.create(&prefix, self.participant.as_bytes(), &open(CreateMode::EphemeralSequential)).await {
                Ok((_, sequence)) => {
                    self.own = Some((format!("{}{LATCH}{sequence}", self.mark), session));
                    return Ok(());
                }
                // A container vanishes when it is empty, which may be now.
                Err(NoNode) => make_lock(client).await?,
                Err(error) => return Err(error),
            }
        }
        Err(NoNode)
    }

    /// Deletes every node of ours, of this session or an earlier one.
    async fn clear(&mut self, client: &Client) -> Result<(), zookeeper_client::Error> {
        self.own = None;
        for name in or_absent(client.list_children(LEADER_LOCK).await)?.unwrap_or_default() {
            if name.starts_with(&self.mark) {
                or_absent(client.delete(&child(LEADER_LOCK, &name), None).await)?;
            }
        }
        self.may_linger = false;
        Ok(())
    }

    async fn look(&mut self, client: &Client) -> Result<Rank, zookeeper_client::Error> {
        loop {
            self.take(client).await?;
            let Some((own, _)) = &self.own else { continue };
            let names = in_order(client.list_children(LEADER_LOCK).await?);
            match names.iter().position(|name| name == own) {
                // Somebody has deleted it.
                None => self.own = None,
                Some(0) => {
                    let (stat, watcher) = client.check_and_watch_stat(&child(LEADER_LOCK, own)).await?;
                    if stat.is_some() {
                        return Ok(Rank::First(watcher));
                    }
                }
                // The data is watched, not the existence, as that leaves no watch behind on a node that has gone.
                Some(n) => match client.get_and_watch_data(&child(LEADER_LOCK, &names[n - 1])).await {
                    Ok((_, _, watcher)) => return Ok(Rank::Behind(watcher)),
                    Err(NoNode) => {}
                    Err(error) => return Err(error),
                },
            }
        }
    }
}

async fn make_lock(client: &Client) -> Result<(), zookeeper_client::Error> {
    let made = match client.create(LEADER_LOCK, DIRECTORY, &open(CreateMode::Container)).await {
        Err(Unimplemented) => client.create(LEADER_LOCK, DIRECTORY, &open(CreateMode::Persistent)).await,
        made => made,
    };
    match made {
        Ok(_) | Err(NodeExists) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn run(
    shared: Arc<Shared>,
    place: Arc<tokio::sync::Mutex<Place>>,
    leader: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut place = place.lock_owned().await;
    let mut failures = 0;
    loop {
        let usable = tokio::select! {
            usable = shared.usable() => usable,
            _stopped_or_dropped = stop.wait_for(|stop| *stop) => break,
        };
        let Some((client, generation)) = usable else { break };
        let looked = tokio::select! {
            looked = place.look(&client) => looked,
            () = suspended(&shared, generation) => continue,
        };
        drop(client);
        let watcher = match looked {
            Ok(rank) => {
                failures = 0;
                let (first, watcher) = match rank {
                    Rank::First(watcher) => (true, watcher),
                    Rank::Behind(watcher) => (false, watcher),
                };
                leader.send_replace(first);
                watcher
            }
            Err(error) => {
                leader.send_replace(false);
                if !is_session_trouble(&error) {
                    tracing::warn!(%error, "cannot queue for leadership");
                }
                tokio::time::sleep(reconnect_pause(failures, shared.settings.retry.ceiling)).await;
                failures = failures.saturating_add(1);
                continue;
            }
        };
        tokio::select! {
            _event = watcher.changed() => {}
            () = suspended(&shared, generation) => { leader.send_replace(false); }
            _stopped_or_dropped = stop.wait_for(|stop| *stop) => break,
        }
    }
    leader.send_replace(false);
    let client = shared.slots().borrow().client.clone();
    if let Some(client) = client
        && let Err(error) = place.clear(&client).await
    {
        tracing::debug!(%error, "the place in the queue goes with the session");
    }
}

/// Returns when this session cannot be used any more.
async fn suspended(shared: &Shared, generation: u64) {
    let mut slots = shared.slots();
    let _gone_or_closed = slots.wait_for(|slot| slot.client.is_none() || slot.generation != generation).await;
}

/// The queue as Curator orders it: by what follows the last `latch-`.
fn in_order(mut names: Vec<String>) -> Vec<String> {
    names.sort_by(|a, b| key(a).cmp(key(b)));
    names
}

fn key(name: &str) -> &str {
    name.rfind(LATCH).map_or(name, |at| &name[at + LATCH.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_ordered_by_sequence_not_by_name() {
        let names = ["_c_ffff-latch-0000000002", "_c_0000-latch-0000000010", "_c_latch-x-latch-0000000001"];
        let ordered = in_order(names.map(str::to_owned).to_vec());
        assert_eq!(ordered, ["_c_latch-x-latch-0000000001", "_c_ffff-latch-0000000002", "_c_0000-latch-0000000010"]);
    }
}
