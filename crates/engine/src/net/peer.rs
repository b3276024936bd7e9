//! The connecting side: one other worker, and what goes there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::codec;
use super::frame::{self, FrameReader, MAX_FRAME, WireError};
use crate::batch::Batch;
use crate::ledger::Contribution;
use crate::shared::{Mail, Shared, SharedRef, lock};

/// How long tuples for a worker that was there are kept while it is away; a restarted worker is back sooner.
const AWAY: Duration = Duration::from_secs(10);
/// The same for a worker that has never been there: it may still be starting.
const STARTING: Duration = Duration::from_secs(30);
/// Time for trees to complete after a worker was lost. Those that haven't by then were most likely lost with it, and are failed
/// at once rather than after `topology.message.timeout.secs`: a spout whose pending tuples are all lost would stand still for
/// as long.
const LOSS_GRACE: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Contributions beyond this are dropped; their trees time out. Tuples are bounded by credit.
const MAX_WAITING: usize = 128 << 20;

/// Another worker.
pub(crate) struct Peer {
    address: String,
    state: Mutex<Waiting>,
    pending: Notify,
    driver: Mutex<Option<AbortHandle>>,
}

/// What waits for the connection, and what the other side has not given credit for.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Cost of tuples in `bytes`, by task.
    waiting: BTreeMap<i32, i64>,
    /// Cost of tuples written, by task.
    sent: BTreeMap<i32, i64>,
    /// It has been away too long: tuples are dropped until it is back.
    dropping: bool,
    dropped: u64,
    closed: bool,
}

impl Peer {
    fn new(address: String) -> Peer {
        Peer { address, state: Mutex::default(), pending: Notify::new(), driver: Mutex::default() }
    }

    fn push_batch(&self, shared: &Shared, batch: &Batch) {
        let mut state = lock(&self.state);
        if state.dropping || state.closed {
            state.dropped += batch.rows.len() as u64;
            return;
        }
        let before = state.bytes.len();
        codec::encode_batch(&mut state.bytes, batch);
        let size = state.bytes.len() - before;
        if size > MAX_FRAME {
            state.bytes.truncate(before);
            state.dropped += batch.rows.len() as u64;
            tracing::error!(
                task = batch.to,
                "a tuple of {size} bytes is too large to travel to another worker and was dropped"
            );
            return;
        }
        *state.waiting.entry(batch.to).or_default() += batch.cost;
        shared.charge(batch.to, batch.cost);
        drop(state);
        self.pending.notify_one();
    }

    fn push_contributions(&self, task: i32, list: &[Contribution]) {
        let mut state = lock(&self.state);
        if state.dropping || state.closed || state.bytes.len() > MAX_WAITING {
            return;
        }
        codec::encode_contributions(&mut state.bytes, task, list);
        drop(state);
        self.pending.notify_one();
    }

    /// Forgets what was written and what waits, and gives the credit back.
    fn forget(&self, shared: &Shared, waiting_too: bool) {
        let mut state = lock(&self.state);
        let mut gone = std::mem::take(&mut state.sent);
        if waiting_too {
            state.bytes = Vec::new();
            for (task, cost) in std::mem::take(&mut state.waiting) {
                *gone.entry(task).or_default() += cost;
            }
        }
        drop(state);
        for (task, cost) in gone {
            shared.release(task, cost);
        }
    }

    /// Gives back the credit of tasks that this worker has no more: nobody there will.
    fn keep_only(&self, shared: &Shared, stays: impl Fn(i32) -> bool) {
        let mut gone = BTreeMap::new();
        {
            let mut state = lock(&self.state);
            let Waiting { waiting, sent, .. } = &mut *state;
            for costs in [waiting, sent] {
                costs.retain(|task, cost| {
                    let stays = stays(*task);
                    if !stays {
                        *gone.entry(*task).or_default() += *cost;
                    }
                    stays
                });
            }
        }
        for (task, cost) in gone {
            shared.release(task, cost);
        }
    }

    fn credit(&self, shared: &Shared, credit: Vec<(i32, i64)>) {
        for (task, cost) in credit {
            let cost = {
                let mut state = lock(&self.state);
                // Never more than was sent, whatever the other side says.
                let Some(sent) = state.sent.get_mut(&task) else { continue };
                let cost = cost.clamp(0, *sent);
                *sent -= cost;
                cost
            };
            if cost > 0 {
                shared.release(task, cost);
            }
        }
    }

    fn close(&self, shared: &Shared) {
        lock(&self.state).closed = true;
        if let Some(driver) = lock(&self.driver).take() {
            driver.abort();
        }
        self.forget(shared, true);
    }

    /// Connects, and connects again, for as long as the worker is a peer.
    async fn drive(self: Arc<Peer>, shared: SharedRef, topology_id: Arc<str>) {
        let mut away_since = Instant::now();
        let mut patience = STARTING;
        let mut retry = FIRST_RETRY;
        let mut told = false;
        loop {
            let connecting = tokio::time::timeout(CONNECT_TIME, connect(&self.address, &topology_id)).await;
            let error = match connecting.unwrap_or(Err(WireError::Silent)) {
                Ok(stream) => {
                    let dropped = {
                        let mut state = lock(&self.state);
                        state.dropping = false;
                        std::mem::take(&mut state.dropped)
                    };
                    tracing::info!(peer = %self.address, dropped, "connected to another worker");
                    let error = self.talk(&shared, stream).await;
                    self.forget(&shared, false);
                    fail_what_was_lost(shared.clone());
                    away_since = Instant::now();
                    patience = AWAY;
                    retry = FIRST_RETRY;
                    told = false;
                    error
                }
                Err(error) => error,
            };
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(peer = %self.address, "no connection to another worker: {error}; trying until there is one");
            }
            if away_since.elapsed() >= patience {
                let first = !std::mem::replace(&mut lock(&self.state).dropping, true);
                if first {
                    tracing::warn!(peer = %self.address, "still away; tuples for it are dropped until it is back");
                    self.forget(&shared, true);
                }
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    /// Writes what there is, as much at a time as has gathered while the last write was under way.
    async fn talk(&self, shared: &Shared, stream: TcpStream) -> WireError {
        let (reader, mut writer) = stream.into_split();
        let write = async {
            let mut bytes = Vec::new();
            loop {
                bytes.clear();
                {
                    let mut guard = lock(&self.state);
                    let state = &mut *guard;
                    std::mem::swap(&mut state.bytes, &mut bytes);
                    for (task, cost) in std::mem::take(&mut state.waiting) {
                        *state.sent.entry(task).or_default() += cost;
                    }
                }
                if bytes.is_empty() {
                    self.pending.notified().await;
                } else if let Err(error) = writer.write_all(&bytes).await {
                    return WireError::Io(error);
                }
            }
        };
        let read = async {
            let mut frames = FrameReader::new(reader);
            loop {
                match frames.next().await {
                    Ok(Some((frame::CREDIT, body))) => match codec::decode_credit(&body) {
                        Ok(credit) => self.credit(shared, credit),
                        Err(error) => return error,
                    },
                    Ok(Some((kind, _))) => return WireError::UnknownKind(kind),
                    Ok(None) => return WireError::CutOff,
                    Err(error) => return error,
                }
            }
        };
        tokio::select! { error = write => error, error = read => error }
    }
}

/// Some time from now, fails the trees that are open now.
fn fail_what_was_lost(shared: SharedRef) {
    if shared.settings.message_timeout.is_none_or(|timeout| timeout <= LOSS_GRACE) {
        return;
    }
    let before = shared.micros(Instant::now());
    tokio::spawn(async move {
        tokio::time::sleep(LOSS_GRACE).await;
        for thread in &shared.threads {
            thread.post(Mail::FailBefore { micros: before });
        }
    });
}

async fn connect(address: &str, topology_id: &str) -> Result<TcpStream, WireError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&frame::greeting(topology_id)).await?;
    let mut answer = [0; frame::MAGIC.len()];
    stream.read_exact(&mut answer).await?;
    if answer == frame::MAGIC { Ok(stream) } else { Err(WireError::Stranger) }
}

type ByTask = Arc<[Option<Arc<Peer>>]>;

/// Who runs each task of other workers.
pub(crate) struct PeerTable {
    version: AtomicU64,
    by_task: Mutex<ByTask>,
}

impl PeerTable {
    pub(crate) fn new(tasks: usize) -> PeerTable {
        PeerTable { version: AtomicU64::new(0), by_task: Mutex::new(vec![None; tasks].into()) }
    }

    /// Takes a new assignment. Connections to workers that stay are kept; what was meant for others is dropped and replayed.
    pub(crate) fn update(
        shared: &SharedRef,
        runtime: &tokio::runtime::Handle,
        topology_id: &Arc<str>,
        peers: &BTreeMap<i32, String>,
    ) {
        let mut current = lock(&shared.peers.by_task);
        let mut known: BTreeMap<String, Arc<Peer>> =
            current.iter().flatten().map(|p| (p.address.clone(), p.clone())).collect();
        let mut next: Vec<Option<Arc<Peer>>> = vec![None; current.len()];
        let mut used: BTreeMap<String, Arc<Peer>> = BTreeMap::new();
        for (task, address) in peers {
            let Some(slot) = usize::try_from(*task).ok().and_then(|t| t.checked_sub(1)).and_then(|i| next.get_mut(i))
            else {
                continue;
            };
            if shared.task(*task).thread.is_some() {
                continue;
            }
            let peer = used.entry(address.clone()).or_insert_with(|| {
                known.remove(address).unwrap_or_else(|| {
                    let peer = Arc::new(Peer::new(address.clone()));
                    let driver = runtime.spawn(peer.clone().drive(shared.clone(), topology_id.clone()));
                    *lock(&peer.driver) = Some(driver.abort_handle());
                    peer
                })
            });
            *slot = Some(peer.clone());
        }
        *current = next.into();
        drop(current);
        shared.peers.version.fetch_add(1, Ordering::Release);
        for (address, peer) in used {
            peer.keep_only(shared, |task| peers.get(&task) == Some(&address));
        }
        for peer in known.into_values() {
            peer.close(shared);
        }
    }
}

/// One thread's view of the table: it looks at the table again only when that has changed.
pub(crate) struct PeerView {
    version: u64,
    by_task: ByTask,
}

impl PeerView {
    pub(crate) fn new(table: &PeerTable) -> PeerView {
        PeerView { version: table.version.load(Ordering::Acquire), by_task: lock(&table.by_task).clone() }
    }

    fn peer(&mut self, shared: &Shared, task: i32) -> Option<&Arc<Peer>> {
        if shared.peers.version.load(Ordering::Acquire) != self.version {
            *self = PeerView::new(&shared.peers);
        }
        self.by_task[task as usize - 1].as_ref()
    }

    pub(crate) fn send_batch(&mut self, shared: &Shared, batch: &Batch) {
        match self.peer(shared, batch.to) {
            Some(peer) => peer.push_batch(shared, batch),
            None => tracing::debug!(task = batch.to, "tuples for a task that is assigned to no worker were dropped"),
        }
    }

    pub(crate) fn send_contributions(&mut self, shared: &Shared, task: i32, list: &[Contribution]) {
        if let Some(peer) = self.peer(shared, task) {
            peer.push_contributions(task, list);
        }
    }
}
