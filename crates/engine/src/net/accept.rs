//! The accepting side: tuples come in, credit goes out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, TryAcquireError};
use tokio::task::JoinSet;

use super::codec;
use super::frame::{self, FrameReader, WireError};
use super::peer::fail_what_was_lost;
use crate::shared::{Mail, SharedRef, lock};

/// Connections at one time; a topology has far fewer workers.
const MAX_CONNECTIONS: usize = 1024;
const GREETING_TIME: Duration = Duration::from_secs(10);

/// A frame on its way to a data thread.
pub(crate) struct InFrame {
    pub(crate) kind: u8,
    pub(crate) body: Bytes,
    pub(crate) arrival: Arc<Arrival>,
}

impl InFrame {
    /// Its share of what may be under way from one connection.
    pub(crate) fn share(&self) -> u32 {
        share(&self.body)
    }
}

fn share(body: &Bytes) -> u32 {
    (body.len() / 256 + 1) as u32
}

/// A connection that tuples came by, for those who process them.
pub(crate) struct Arrival {
    peer: SocketAddr,
    /// Credit to give back, by task.
    credit: Mutex<BTreeMap<i32, i64>>,
    owed: Notify,
    /// Credit that is worth a frame.
    worth: i64,
    /// Bounds what a peer that keeps to no credit can make this worker hold.
    room: Semaphore,
    broken: AtomicBool,
}

impl Arrival {
    /// Tuples have been processed.
    pub(crate) fn give_back(&self, task: i32, cost: i64) {
        let mut credit = lock(&self.credit);
        let owed = credit.entry(task).or_default();
        *owed += cost;
        if *owed >= self.worth {
            self.owed.notify_one();
        }
    }

    /// A frame is no longer held.
    pub(crate) fn let_go(&self, share: u32) {
        self.room.add_permits(share as usize);
    }

    /// A frame made no sense: the connection is not worth keeping.
    pub(crate) fn refuse(&self, error: &WireError) {
        if !self.broken.swap(true, Ordering::AcqRel) {
            tracing::warn!(peer = %self.peer, "another worker's connection is dropped: {error}");
        }
        self.room.close();
        self.owed.notify_one();
    }
}

/// Accepts connections until aborted.
pub(crate) async fn serve(listener: TcpListener, shared: SharedRef, topology_id: Arc<str>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let strangers = Arc::new(Strangers::default());
    // Ends with this function, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (shared, topology_id, strangers) = (shared.clone(), topology_id.clone(), strangers.clone());
                connections.spawn(async move {
                    if let Err(error) = connection(stream, peer, &shared, &topology_id).await {
                        strangers.note(peer, &error);
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept connections of other workers: {error}; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Speaks of each unwelcome host once.
#[derive(Default)]
struct Strangers {
    seen: Mutex<Vec<std::net::IpAddr>>,
}

impl Strangers {
    fn note(&self, peer: SocketAddr, error: &WireError) {
        let first = {
            let mut seen = lock(&self.seen);
            let first = !seen.contains(&peer.ip()) && seen.len() < MAX_CONNECTIONS;
            if first {
                seen.push(peer.ip());
            }
            first
        };
        if first {
            tracing::warn!(%peer, "a connection to the worker's port was dropped: {error}; further ones from there are not told");
        } else {
            tracing::debug!(%peer, "a connection to the worker's port was dropped: {error}");
        }
    }
}

async fn connection(
    mut stream: TcpStream,
    peer: SocketAddr,
    shared: &SharedRef,
    topology_id: &str,
) -> Result<(), WireError> {
    stream.set_nodelay(true)?;
    let greeting = frame::read_greeting(&mut stream, topology_id);
    let greeted = tokio::time::timeout(GREETING_TIME, greeting).await.map_err(|_| WireError::Silent)?;
    if matches!(greeted, Ok(()) | Err(WireError::OtherVersion(_))) {
        // One of another version learns ours from it.
        stream.write_all(&frame::MAGIC).await?;
    }
    greeted?;
    let limit = shared.settings.receive_limit;
    let local = shared.tasks.iter().filter(|t| t.thread.is_some()).count();
    let arrival = Arc::new(Arrival {
        peer,
        credit: Mutex::default(),
        owed: Notify::new(),
        worth: (limit / 8).max(1),
        // Twice the credit of all tasks: who keeps to credit never waits here.
        room: Semaphore::new((2 * limit as usize * local.max(1)).clamp(1 << 19, 1 << 28)),
        broken: AtomicBool::new(false),
    });
    let (reader, writer) = stream.into_split();
    let ended = tokio::select! {
        read = take_frames(FrameReader::new(reader), shared, &arrival) => read,
        written = give_credit(writer, &arrival) => written,
    };
    // Acks may have been under way, while what this worker sends there goes through as before.
    fail_what_was_lost(shared.clone(), Some(arrival.clone()));
    ended
}

async fn take_frames(
    mut reader: FrameReader<tokio::net::tcp::OwnedReadHalf>,
    shared: &SharedRef,
    arrival: &Arc<Arrival>,
) -> Result<(), WireError> {
    let mut posts = Posts::new(shared);
    loop {
        while let Some((kind, body)) = reader.arrived()? {
            if !matches!(kind, frame::BATCH | frame::CONTRIBUTIONS) {
                return Err(WireError::UnknownKind(kind));
            }
            let task = codec::addressee(&body)?;
            if task < 1 || task as usize > shared.tasks.len() {
                return Err(WireError::Malformed("it is for a task that the topology does not have"));
            }
            let Some(thread) = shared.task(task).thread else {
                // The sender has not heard yet that the task has moved. Its trees time out and are replayed.
                tracing::debug!(peer = %arrival.peer, task, "tuples for a task that is not here were dropped");
                continue;
            };
            let permit = match arrival.room.try_acquire_many(share(&body)) {
                Ok(permit) => Ok(permit),
                Err(TryAcquireError::Closed) => return Ok(()),
                Err(TryAcquireError::NoPermits) => {
                    // Nobody makes room for what has not been posted.
                    posts.send();
                    arrival.room.acquire_many(share(&body)).await
                }
            };
            match permit {
                Ok(permit) => permit.forget(),
                Err(_) => return Ok(()),
            }
            posts.add(thread, InFrame { kind, body, arrival: arrival.clone() });
        }
        posts.send();
        if !reader.read().await? {
            return Ok(());
        }
    }
}

/// What has come by one read, sorted by thread, so that each thread is called once.
struct Posts<'a> {
    shared: &'a SharedRef,
    by_thread: Vec<Vec<Mail>>,
}

impl Posts<'_> {
    fn new(shared: &SharedRef) -> Posts<'_> {
        Posts { shared, by_thread: shared.threads.iter().map(|_| Vec::new()).collect() }
    }

    fn add(&mut self, thread: usize, frame: InFrame) {
        self.by_thread[thread].push(Mail::Frame(frame));
    }

    fn send(&mut self) {
        for (thread, mail) in self.by_thread.iter_mut().enumerate().filter(|(_, mail)| !mail.is_empty()) {
            self.shared.threads[thread].post_all(mail);
        }
    }
}

async fn give_credit(mut writer: tokio::net::tcp::OwnedWriteHalf, arrival: &Arrival) -> Result<(), WireError> {
    let mut bytes = Vec::new();
    loop {
        arrival.owed.notified().await;
        if arrival.broken.load(Ordering::Acquire) {
            return Ok(());
        }
        let credit = std::mem::take(&mut *lock(&arrival.credit));
        if credit.is_empty() {
            continue;
        }
        bytes.clear();
        codec::encode_credit(&mut bytes, credit.into_iter());
        writer.write_all(&bytes).await?;
    }
}
