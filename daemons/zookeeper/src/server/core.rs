//! The one task that owns the state: it takes what connections send, decides, and hands the results to the log.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Duration, sleep_until};
use tracing::{info, warn};

use crate::jute::Writer;
use crate::proto::{EventType, Id, OpCode, encode_event};
use crate::server::connection::{Connection, Shared, ToCore};
use crate::server::pending::{Effect, Effects};
use crate::sessions::{SessionClock, first_session_id};
use crate::state::State;
use crate::store::{Batch, LogStats, Release};
use crate::tree::{Applied, acl};
use crate::txn::Txn;
use crate::watch::Watches;

/// Events taken from the queue before the log gets to work on them.
const EVENTS: usize = 256;
/// The same in bytes of log.
const BATCH_SIZE: usize = 1 << 20;

/// A connection that has or is getting a session.
#[derive(Debug)]
pub(super) struct Client {
    pub connection: Arc<Connection>,
    pub session: i64,
    pub timeout_ms: i32,
    pub ids: Vec<Id>,
    pub established_ms: i64,
    pub last_op: Option<OpCode>,
    pub last_xid: i32,
}

pub(super) struct Core {
    pub state: State,
    pub watches: Watches,
    pub clock: SessionClock,
    pub clients: HashMap<u64, Client>,
    /// The connection of each session that has one.
    pub connected: HashMap<i64, u64>,
    pub shared: Arc<Shared>,
    pub address: SocketAddr,
    pub log_stats: Arc<LogStats>,
    pub next_session: i64,
    pub random: fn() -> [u8; 16],
    pub started: Instant,
    txns: Writer,
    effects: Effects,
    batches: mpsc::Sender<Batch<Effects>>,
    submitted: u64,
    since_snapshot: u64,
}

impl Core {
    pub fn new(
        state: State,
        replayed: u64,
        shared: Arc<Shared>,
        address: SocketAddr,
        log_stats: Arc<LogStats>,
        batches: mpsc::Sender<Batch<Effects>>,
        random: fn() -> [u8; 16],
    ) -> Self {
        let next_session = first_session_id(wall_ms(), state.last_session);
        let clock = SessionClock::new(u64::from(shared.options.tick_time_ms));
        let mut core = Self {
            state,
            watches: Watches::default(),
            clock,
            clients: HashMap::new(),
            connected: HashMap::new(),
            shared,
            address,
            log_stats,
            next_session,
            random,
            started: Instant::now(),
            txns: Writer::new(),
            effects: Effects::default(),
            batches,
            submitted: 0,
            since_snapshot: replayed,
        };
        // Sessions of before: their clients have their whole timeout to come back.
        let now = core.now();
        for (id, session) in &core.state.sessions {
            core.clock.touch(*id, session.timeout_ms, now);
        }
        core
    }

    /// Runs until the log is gone.
    pub async fn run(mut self, mut from_connections: mpsc::Receiver<ToCore>) {
        let tick = u64::from(self.shared.options.tick_time_ms).max(1);
        let check = self.shared.options.container_check_interval_ms.max(1);
        let mut next_check = self.now() + check;
        let mut last = self.now();
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let wake_ms = self.clock.next().unwrap_or(u64::MAX).min(next_check).min(last + tick);
            let wake = tokio::time::Instant::from_std(self.started + Duration::from_millis(wake_ms));
            tokio::select! {
                biased;
                count = from_connections.recv_many(&mut events, EVENTS) => {
                    if count == 0 {
                        return;
                    }
                }
                () = sleep_until(wake) => {}
            }
            // A round lasts a tick at most. If this one took much longer, the server stood still (or the machine
            // slept) and could not hear its clients: that is no reason to end their sessions.
            let now = self.now();
            if now - last > 2 * tick {
                warn!("the server stood still for {} ms: sessions get as much more time", now - last);
                self.clock.postpone(now - last - tick);
            }
            last = now;
            for event in events.drain(..) {
                self.handle(event, now);
                if self.txns.len() > BATCH_SIZE && !self.flush().await {
                    return;
                }
            }
            self.expire(now);
            if now >= next_check {
                self.delete_candidates();
                next_check = now + check;
            }
            if !self.flush().await {
                return;
            }
        }
    }

    fn handle(&mut self, event: ToCore, now: u64) {
        match event {
            ToCore::Connect { connection, request } => self.connect(connection, &request, now),
            ToCore::Packet { connection, packet, received, in_flight } => {
                self.packet(connection, packet, received, now);
                drop(in_flight);
            }
            ToCore::Disconnected { connection } => self.disconnected(connection),
            ToCore::Word { word, answer } => {
                if answer.send(self.report(word)).is_err() {
                    info!("whoever asked {word} did not wait for the answer");
                }
            }
        }
    }

    /// Milliseconds since the start.
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Hands what was decided to the log. False if there is no log any more.
    async fn flush(&mut self) -> bool {
        let txns = std::mem::take(&mut self.txns).into_vec();
        let effects = std::mem::take(&mut self.effects);
        // Nothing is under way that these answers could tell of too early.
        if txns.is_empty() && self.log_stats.released.load(Ordering::Acquire) == self.submitted {
            effects.release();
            return true;
        }
        if txns.is_empty() && effects.0.is_empty() {
            return true;
        }
        let snapshot = self.snapshot_due(txns.len());
        self.submitted += 1;
        self.batches.send(Batch { txns, release: effects, snapshot }).await.is_ok()
    }

    fn snapshot_due(&mut self, new_bytes: usize) -> Option<Box<State>> {
        let options = &self.shared.options;
        let length = self.log_stats.log_length.load(Ordering::Relaxed) + new_bytes as u64;
        let due = self.since_snapshot >= options.snap_count || length >= options.snap_size_limit;
        if new_bytes == 0 || !due || self.log_stats.snapshotting.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.since_snapshot = 0;
        Some(Box::new(self.state.clone()))
    }

    /// Puts a transaction into the next batch.
    pub fn log(&mut self, txn: &Txn) {
        txn.write(&mut self.txns);
        self.since_snapshot += 1;
    }

    /// Tells those who watch.
    pub fn fire<'a>(&mut self, outcome: impl IntoIterator<Item = &'a Applied>) {
        let zxid = self.state.zxid;
        for applied in outcome {
            for (event, watchers) in self.watches.fire(&applied.events) {
                if watchers.is_empty() {
                    continue;
                }
                let packet = encode_event(zxid, event.kind, &event.path);
                for client in watchers.iter().filter_map(|watcher| self.clients.get(watcher)) {
                    if acl::check(&event.acl, crate::proto::Perms::READ, &client.ids).is_ok() {
                        let to = Arc::clone(&client.connection);
                        self.effects.0.push(Effect::Event { to, packet: packet.clone() });
                    }
                }
            }
        }
    }

    /// Tells one client of an event it missed while it was away.
    pub fn tell(&mut self, connection: u64, kind: EventType, path: &str) {
        if let Some(client) = self.clients.get(&connection) {
            let to = Arc::clone(&client.connection);
            self.effects.0.push(Effect::Event { to, packet: encode_event(-1, kind, path) });
        }
    }

    pub fn answer(&mut self, to: &Arc<Connection>, packet: Bytes, received: Instant) {
        self.effects.0.push(Effect::Answer { to: Arc::clone(to), packet, received });
    }

    pub fn close(&mut self, to: &Arc<Connection>) {
        self.effects.0.push(Effect::Close { to: Arc::clone(to) });
    }

    fn delete_candidates(&mut self) {
        for path in self.state.tree.candidates(wall_ms()) {
            match self.state.delete_candidate(&path, wall_ms()) {
                Ok(Some((txn, outcome))) => {
                    info!("deleting the empty container {path}");
                    self.log(&txn);
                    self.fire(&outcome);
                }
                Ok(None) => {}
                Err(error) => warn!("cannot delete the empty container {path}: {error}"),
            }
        }
    }
}

/// The wall clock, which goes into the tree and nowhere else.
pub(super) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
