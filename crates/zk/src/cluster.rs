//! The handle that everybody holds: operations wait for the session, are tried again, and give up in time.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use storm_conf::Conf;
use tokio::sync::watch;
use tokio::time::Instant;
use zookeeper_client::Client;

use crate::ZkError;
use crate::delegate::Delegate;
use crate::keeper;
use crate::retry::{is_session_trouble, reconnect_pause};
use crate::settings::Settings;

/// Storm's state in ZooKeeper. Clones share one session, which is closed by [`Cluster::close`] or with the last clone.
///
/// A session that ZooKeeper has expired is replaced by a new one, and what this process had published in it
/// (`publish_*`, blobs, the latch) is made again. Operations meanwhile wait, as long as Storm's retry keys allow.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) shared: Arc<Shared>,
    guard: Arc<Guard>,
}

/// The session as Curator's `ConnectionState` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// There has been no session yet.
    Connecting,
    /// The first session is up.
    Connected,
    /// The connection is gone, the session may still be good: nobody may count on what it owns.
    Suspended,
    /// The session is gone, and its ephemeral nodes with it.
    Lost,
    /// The session is back, or a new one has taken its place with the same ephemeral nodes.
    Reconnected,
    /// Closed by its owner.
    Closed,
}

/// What the handle and the keeper of the session share.
pub(crate) struct Shared {
    pub settings: Settings,
    slot: watch::Sender<Slot>,
    state: watch::Sender<SessionState>,
    ephemerals: Mutex<BTreeMap<String, Bytes>>,
}

/// The session that can be used right now.
#[derive(Clone, Default)]
pub(crate) struct Slot {
    pub client: Option<Client>,
    /// Counts sessions, from 1.
    pub generation: u64,
    /// Why there is no client.
    trouble: Option<String>,
    closed: bool,
}

/// Ends the keeper with the last handle.
struct Guard {
    stop: watch::Sender<bool>,
}

impl Cluster {
    /// Connects, and returns when the session is up and Storm's directories exist.
    pub async fn connect(conf: &Conf) -> Result<Cluster, ZkError> {
        let cluster = Cluster::open(conf)?;
        cluster.client_by(Instant::now() + cluster.patience(), "connect").await?;
        Ok(cluster)
    }

    /// Returns at once; the session is made in the background, and operations wait for it. Needs a tokio runtime.
    pub fn open(conf: &Conf) -> Result<Cluster, ZkError> {
        let shared = Arc::new(Shared {
            settings: Settings::from_conf(conf)?,
            slot: watch::Sender::new(Slot::default()),
            state: watch::Sender::new(SessionState::Connecting),
            ephemerals: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(keeper::keep(shared.clone(), stopped));
        Ok(Cluster { shared, guard: Arc::new(Guard { stop }) })
    }

    /// Closes the session for all clones, and waits until the server knows, so that ephemeral nodes vanish now
    /// and not with the session's timeout.
    pub async fn close(&self) {
        self.guard.stop.send_replace(true);
        let mut state = self.session();
        // The keeper always gets there: its own wait for the server is bounded.
        let _closed = state.wait_for(|state| *state == SessionState::Closed).await;
    }

    /// How the session is doing, now and from now on.
    pub fn session(&self) -> watch::Receiver<SessionState> {
        self.shared.state.subscribe()
    }

    /// The servers, as in `host:port,host:port`.
    pub fn servers(&self) -> String {
        self.shared.settings.ensemble()
    }

    /// How this cluster writes Storm's structs, here and in `stormcode.ser`.
    pub fn delegate(&self) -> Delegate {
        self.shared.settings.delegate
    }

    /// The client of the present session, whose paths are below `storm.zookeeper.root`: for what has no typed operation.
    pub async fn client(&self) -> Result<Client, ZkError> {
        let (client, _) = self.client_by(Instant::now() + self.patience(), "connect").await?;
        Ok(client)
    }

    /// Runs one idempotent operation, again if the session fails under it, until Storm's retry keys say to give up.
    pub(crate) async fn run<T, F, Fut>(&self, verb: &str, path: &str, operation: F) -> Result<T, ZkError>
    where
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<T, zookeeper_client::Error>>,
    {
        let what = format!("{verb} {}{path}", self.shared.settings.root);
        let started = Instant::now();
        let deadline = started + self.patience();
        let mut tries = 0;
        loop {
            let (client, _) = self.client_by(deadline, &what).await?;
            // A request that is sent while the connection breaks would otherwise sit in the client until the
            // session expires.
            let result = tokio::time::timeout_at(deadline, operation(client)).await;
            let error = match result {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_elapsed) => zookeeper_client::Error::Timeout,
            };
            if !is_session_trouble(&error) {
                return Err(ZkError::Refused { servers: self.servers(), operation: what, source: error });
            }
            tracing::debug!(%error, operation = %what, "will be tried again");
            if tries >= self.shared.settings.retry.times || Instant::now() >= deadline {
                return Err(self.unreachable(&what, &error.to_string(), started.elapsed()));
            }
            // The keeper may not know yet that the connection has gone.
            tokio::time::sleep(reconnect_pause(tries, self.shared.settings.retry.ceiling)).await;
            tries += 1;
        }
    }

    async fn client_by(&self, deadline: Instant, what: &str) -> Result<(Client, u64), ZkError> {
        let started = Instant::now();
        let mut slot = self.shared.slots();
        let ready = tokio::time::timeout_at(deadline, slot.wait_for(|slot| slot.client.is_some() || slot.closed)).await;
        if let Ok(Ok(slot)) = &ready
            && let Some(client) = &slot.client
        {
            return Ok((client.clone(), slot.generation));
        }
        let closed = ready.is_ok();
        drop(ready);
        if closed {
            return Err(ZkError::Closed { operation: what.to_owned() });
        }
        let cause = slot.borrow().trouble.clone().unwrap_or_else(|| "no server has answered yet".to_owned());
        Err(self.unreachable(what, &cause, started.elapsed()))
    }

    fn unreachable(&self, what: &str, cause: &str, waited: Duration) -> ZkError {
        ZkError::Unreachable { servers: self.servers(), operation: what.to_owned(), cause: cause.to_owned(), waited }
    }

    fn patience(&self) -> Duration {
        let budget = self.shared.settings.retry.budget();
        if budget.is_zero() { self.shared.settings.connection_timeout } else { budget }
    }
}

impl Shared {
    pub fn slots(&self) -> watch::Receiver<Slot> {
        self.slot.subscribe()
    }

    /// Waits for a usable session; `None` when there will be none any more.
    pub async fn usable(&self) -> Option<(Client, u64)> {
        let mut slots = self.slots();
        let slot = slots.wait_for(|slot| slot.client.is_some() || slot.closed).await.ok()?;
        slot.client.clone().map(|client| (client, slot.generation))
    }

    /// Nodes that belong to this process: the keeper makes them again in every new session.
    pub fn ephemerals(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.ephemerals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn up(&self, client: Client, generation: u64) {
        self.slot.send_replace(Slot { client: Some(client), generation, trouble: None, closed: false });
        self.state.send_if_modified(|state| {
            let next = match state {
                SessionState::Connecting => SessionState::Connected,
                SessionState::Connected | SessionState::Reconnected => return false,
                _ => SessionState::Reconnected,
            };
            *state = next;
            true
        });
    }

    pub fn down(&self, state: SessionState, trouble: &str) {
        self.trouble(trouble);
        self.state.send_if_modified(|now| {
            let changed = *now != state && *now != SessionState::Connecting;
            if changed {
                *now = state;
            }
            changed
        });
    }

    pub fn trouble(&self, trouble: &str) {
        self.slot.send_modify(|slot| {
            slot.client = None;
            slot.trouble = Some(trouble.to_owned());
        });
    }

    /// First step of the end: nobody gets the client any more.
    pub fn closing(&self) {
        self.slot.send_modify(|slot| {
            slot.client = None;
            slot.closed = true;
        });
    }

    pub fn closed(&self) {
        self.state.send_replace(SessionState::Closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(port: u16) -> Conf {
        let mut conf = Conf::default();
        conf.set("storm.zookeeper.servers", "127.0.0.1");
        conf.set("storm.zookeeper.port", port);
        conf.set("storm.zookeeper.retry.times", 1);
        conf.set("storm.zookeeper.retry.interval", 50);
        conf
    }

    fn is_send<T: Send>(value: T) -> T {
        value
    }

    #[tokio::test]
    async fn a_dead_ensemble_is_named_with_its_cause() {
        // A port that is bound and does not listen refuses connections.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let error = is_send(Cluster::connect(&conf(port))).await.err().expect("nobody listens");
        assert_eq!(error.code(), "zk/unreachable");
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}: Connection refused")), "{text}");
        assert!(text.contains("storm.zookeeper.servers"), "{text}");
    }

    #[tokio::test]
    async fn operations_of_a_closed_cluster_fail_at_once() {
        let cluster = Cluster::open(&conf(1)).unwrap();
        let waiting = tokio::spawn({
            let cluster = cluster.clone();
            async move { is_send(cluster.report_error("t", "c", &Default::default())).await }
        });
        is_send(cluster.close()).await;
        assert_eq!(*cluster.session().borrow(), SessionState::Closed);
        assert_eq!(cluster.storms().await.unwrap_err().code(), "zk/closed");
        let early = waiting.await.unwrap().unwrap_err();
        assert!(matches!(early.code(), "zk/closed" | "zk/unreachable"), "{early}");
    }
}
