//! What waits to be sent to one client.
//!
//! The queue is bounded by what a client may have asked for and not yet read, and by the events it leaves unread. A
//! client that goes beyond is disconnected: it reconnects, sets its watches again, and has missed nothing for good.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};

/// How many requests of one client may be without an answer that has been sent.
const REQUESTS: usize = 64;
/// Unread events of one client, in bytes.
const EVENT_BYTES: usize = 8 << 20;
/// Unread answers of one client, in bytes.
const ANSWER_BYTES: usize = 128 << 20;
/// A client beyond this is dropped when all together are beyond [`ALL_BYTES`].
const FAIR_BYTES: usize = 4 << 20;
const ALL_BYTES: usize = 512 << 20;

/// Bytes waiting for all clients together.
#[derive(Debug, Default)]
pub struct Backlog(AtomicUsize);

#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    /// Something to send, or to stop for.
    wake: Notify,
    kicked: AtomicBool,
    gone: Notify,
    requests: Semaphore,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    answer_bytes: usize,
    event_bytes: usize,
    closing: bool,
}

#[derive(Debug)]
pub struct Item {
    pub bytes: Bytes,
    /// An answer to a request, not an event.
    pub answer: bool,
}

/// What the writing task is to do next.
#[derive(Debug)]
pub enum Next {
    Send(VecDeque<Item>),
    /// Everything was sent and nothing more will come.
    Finish,
}

impl Outbox {
    pub fn new() -> Self {
        Self {
            queue: Mutex::default(),
            wake: Notify::new(),
            kicked: AtomicBool::new(false),
            gone: Notify::new(),
            requests: Semaphore::new(REQUESTS),
        }
    }

    /// Queues a packet. False if the client has fallen too far behind and was disconnected for it.
    pub fn push(&self, item: Item, backlog: &Backlog) -> bool {
        let mut queue = self.queue();
        if queue.closing || self.is_kicked() {
            return true;
        }
        let size = item.bytes.len();
        if item.answer {
            queue.answer_bytes += size;
        } else {
            queue.event_bytes += size;
        }
        let all = backlog.0.fetch_add(size, Ordering::Relaxed) + size;
        let own = queue.answer_bytes + queue.event_bytes;
        let too_much = queue.event_bytes > EVENT_BYTES
            || queue.answer_bytes > ANSWER_BYTES
            || (all > ALL_BYTES && own > FAIR_BYTES);
        queue.items.push_back(item);
        drop(queue);
        if too_much {
            self.kick();
        } else {
            self.wake.notify_one();
        }
        !too_much
    }

    /// No more packets: what is queued is sent, then the connection is closed.
    pub fn close(&self) {
        self.queue().closing = true;
        self.wake.notify_one();
    }

    /// Ends the connection at once.
    pub fn kick(&self) {
        self.kicked.store(true, Ordering::Release);
        self.gone.notify_waiters();
        self.requests.close();
    }

    pub fn is_kicked(&self) -> bool {
        self.kicked.load(Ordering::Acquire)
    }

    /// Waits until somebody ends the connection.
    pub async fn kicked(&self) {
        let gone = self.gone.notified();
        if !self.is_kicked() {
            gone.await;
        }
    }

    /// Waits until the client may ask more; false if it may never again.
    pub async fn admit(&self) -> bool {
        self.requests.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok()
    }

    /// Requests of this client that are without an answer.
    pub fn outstanding(&self) -> usize {
        REQUESTS.saturating_sub(self.requests.available_permits())
    }

    pub async fn next(&self) -> Next {
        loop {
            {
                let mut queue = self.queue();
                if !queue.items.is_empty() {
                    return Next::Send(std::mem::take(&mut queue.items));
                }
                if queue.closing {
                    return Next::Finish;
                }
            }
            self.wake.notified().await;
        }
    }

    /// These packets have been handed to the socket.
    pub fn sent(&self, answers: usize, answer_bytes: usize, event_bytes: usize, backlog: &Backlog) {
        let mut queue = self.queue();
        queue.answer_bytes -= answer_bytes;
        queue.event_bytes -= event_bytes;
        drop(queue);
        backlog.0.fetch_sub(answer_bytes + event_bytes, Ordering::Relaxed);
        self.requests.add_permits(answers);
    }

    /// Gives back what was never sent.
    pub fn abandon(&self, backlog: &Backlog) {
        let mut queue = self.queue();
        queue.closing = true;
        queue.items.clear();
        let left = std::mem::take(&mut queue.answer_bytes) + std::mem::take(&mut queue.event_bytes);
        backlog.0.fetch_sub(left, Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // The queue is consistent after every statement, so a panic elsewhere cannot have broken it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
