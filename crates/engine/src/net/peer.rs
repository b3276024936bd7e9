//! The connecting side: one other worker, and what goes there.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::accept::Arrival;
use super::codec;
use super::frame::{self, FrameReader, WireError};
use super::parcel::{Dispatch, Parcel};
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
/// Contributions that come when this much waits are dropped; their trees time out. Tuples are bounded by credit.
const MAX_WAITING: usize = 128 << 20;

/// Another worker.
pub(super) struct Peer {
    pub(super) address: String,
    dispatch: Mutex<Dispatch>,
    /// The driver has something to write.
    pending: Notify,
    driver: Mutex<Option<AbortHandle>>,
}

impl Peer {
    /// A worker, and the task that connects to it until [`Peer::close`].
    pub(super) fn start(
        address: String,
        shared: &SharedRef,
        runtime: &tokio::runtime::Handle,
        topology_id: &Arc<str>,
    ) -> Arc<Peer> {
        let peer = Peer { address, dispatch: Mutex::default(), pending: Notify::new(), driver: Mutex::default() };
        let peer = Arc::new(peer);
        let driver = runtime.spawn(peer.clone().drive(shared.clone(), topology_id.clone()));
        *lock(&peer.driver) = Some(driver.abort_handle());
        peer
    }

    /// Sends a parcel, which is empty afterwards; false if it is still full because the table is another by now.
    ///
    /// A line that is free is written to at once, by the calling thread: that spares waking another one. What the line does not
    /// take is left to the driver, and while that writes, parcels gather behind it.
    pub(super) fn send(&self, shared: &Shared, table_version: u64, parcel: &mut Parcel) -> bool {
        let mut dispatch = lock(&self.dispatch);
        // Under the lock: a task that has moved must not be charged here after `keep_only`.
        if shared.peers.version() != table_version {
            return false;
        }
        if dispatch.closed {
            let gone = dispatch.refuse(parcel);
            drop(dispatch);
            release(shared, gone);
            return true;
        }
        if dispatch.dropping {
            dispatch.lose(parcel);
            return true;
        }
        let Some((mut begun, line)) = dispatch.accept(parcel) else { return true };
        drop(dispatch);
        // Errors are left to the driver, which meets them as well.
        let all = begun.write(&line).unwrap_or(false);
        if lock(&self.dispatch).wrote(begun, &line, all) {
            self.pending.notify_one();
        }
        true
    }

    /// Whether contributions for it are worth gathering.
    pub(super) fn takes_contributions(&self) -> bool {
        lock(&self.dispatch).queued <= MAX_WAITING
    }

    /// Forgets what was written, and on demand what waits, and gives the credit back.
    fn forget(&self, shared: &Shared, waiting_too: bool) {
        let mut dispatch = lock(&self.dispatch);
        let written = dispatch.hang_up();
        let waiting = if waiting_too { dispatch.throw_away() } else { Vec::new() };
        drop(dispatch);
        release(shared, written.into_iter().chain(waiting));
    }

    /// Gives back the credit of tasks that this worker has no more: nobody there will.
    pub(super) fn keep_only(&self, shared: &Shared, stays: impl Fn(i32) -> bool) {
        let gone = lock(&self.dispatch).keep_only(stays);
        release(shared, gone);
    }

    pub(super) fn close(&self, shared: &Shared) {
        lock(&self.dispatch).closed = true;
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
        let mut failed = Instant::now();
        loop {
            let connecting = tokio::time::timeout(CONNECT_TIME, connect(&self.address, &topology_id)).await;
            let error = match connecting.unwrap_or(Err(WireError::Silent)) {
                Ok(stream) => {
                    let (reader, writer) = stream.into_split();
                    let line = Arc::new(writer);
                    let (dropped, lost) = lock(&self.dispatch).connect(line.clone());
                    if !lost.is_empty() {
                        release(&shared, lost);
                        fail_what_was_lost(shared.clone(), None);
                    }
                    tracing::info!(peer = %self.address, dropped, "connected to another worker");
                    let error = tokio::select! {
                        error = self.write(&line) => error,
                        error = self.take_credit(reader, &shared) => error,
                    };
                    self.forget(&shared, false);
                    fail_what_was_lost(shared.clone(), None);
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
                let first = !std::mem::replace(&mut lock(&self.dispatch).dropping, true);
                if first {
                    tracing::warn!(peer = %self.address, "still away; tuples for it are dropped until it is back");
                }
                // What is dropped costs credit until here, or else the source would emit as fast as it can into nothing.
                self.forget(&shared, true);
                // Not each time: trees that take long have to come to an end in between.
                if first || failed.elapsed() >= AWAY {
                    fail_what_was_lost(shared.clone(), None);
                    failed = Instant::now();
                }
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    /// Writes what data threads could not.
    async fn write(&self, line: &OwnedWriteHalf) -> WireError {
        let mut done = None;
        loop {
            let Some(mut begun) = lock(&self.dispatch).turn_of_driver(done.take()) else {
                self.pending.notified().await;
                continue;
            };
            loop {
                match begun.write(line) {
                    Ok(true) => break,
                    Ok(false) => return WireError::CutOff,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => return WireError::Io(error),
                }
                if let Err(error) = line.writable().await {
                    return WireError::Io(error);
                }
            }
            done = Some(begun);
            // A long queue must not keep the credit from being read.
            tokio::task::yield_now().await;
        }
    }

    async fn take_credit(&self, reader: OwnedReadHalf, shared: &Shared) -> WireError {
        let mut frames = FrameReader::new(reader);
        loop {
            match frames.next().await {
                Ok(Some((frame::CREDIT, body))) => match codec::decode_credit(&body) {
                    Ok(credit) => {
                        for (task, cost) in credit {
                            let cost = lock(&self.dispatch).credit(task, cost);
                            release(shared, [(task, cost)]);
                        }
                    }
                    Err(error) => return error,
                },
                Ok(Some((kind, _))) => return WireError::UnknownKind(kind),
                Ok(None) => return WireError::CutOff,
                Err(error) => return error,
            }
        }
    }
}

pub(super) fn release(shared: &Shared, costs: impl IntoIterator<Item = (i32, i64)>) {
    for (task, cost) in costs {
        if cost > 0 {
            shared.release(task, cost);
        }
    }
}

/// Some time from now, fails the trees that are open now, and drops what came by a connection that has ended and still waits:
/// it is sent again, and a task that takes nothing must not gather it once for each connection.
pub(super) fn fail_what_was_lost(shared: SharedRef, arrival: Option<Arc<Arrival>>) {
    let Some(timeout) = shared.settings.message_timeout else { return };
    let before = shared.micros(Instant::now());
    tokio::spawn(async move {
        tokio::time::sleep(LOSS_GRACE.min(timeout)).await;
        for thread in &shared.threads {
            thread.post(Mail::FailBefore { micros: before });
            if let Some(arrival) = &arrival {
                thread.post(Mail::Orphans(arrival.clone()));
            }
        }
    });
}

async fn connect(address: &str, topology_id: &str) -> Result<TcpStream, WireError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&frame::greeting(topology_id)).await?;
    let mut answer = [0; frame::MAGIC.len()];
    stream.read_exact(&mut answer).await?;
    frame::check_magic(&answer)?;
    Ok(stream)
}
