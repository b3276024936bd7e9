//! What waits to be written to a child, and the thread that writes it.
//!
//! Nobody but this thread ever waits for the child's standard input, so a child that does not read holds up nothing else.

use std::collections::VecDeque;
use std::io::Write;
use std::process::ChildStdin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::message::excerpt;
use crate::context::Waker;

/// Written at once.
const BATCH: usize = 32 << 10;
/// Answers that a child does not read; beyond this it is not listened to either, until it reads.
const URGENT_BYTES: usize = 64 << 20;

/// The heartbeat tuple; its id is no tuple's.
const HEARTBEAT: &[u8] = b"{\"id\":\"0\",\"comp\":null,\"stream\":\"__heartbeat\",\"task\":-1,\"tuple\":[]}\nend\n";

pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Condvar,
    max_pending: usize,
    waker: Waker,
}

#[derive(Default)]
struct Queue {
    /// Handshake, commands and lists of task ids: before everything else, and never held back.
    urgent: VecDeque<Vec<u8>>,
    urgent_bytes: usize,
    tuples: VecDeque<Vec<u8>>,
    heartbeat: bool,
    closed: bool,
    /// Someone was told that there is no room, and waits to be woken.
    refused: bool,
    last_sent: String,
}

impl Outbox {
    pub(crate) fn new(max_pending: usize, waker: Waker) -> Arc<Outbox> {
        Arc::new(Outbox { queue: Mutex::default(), filled: Condvar::new(), max_pending, waker })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn urgent(&self, message: Vec<u8>) {
        let mut queue = self.lock();
        queue.urgent_bytes += message.len();
        queue.urgent.push_back(message);
        self.filled.notify_one();
    }

    pub(crate) fn tuple(&self, message: Vec<u8>) {
        self.lock().tuples.push_back(message);
        self.filled.notify_one();
    }

    /// Asks the child for a sign of life, before any tuple that waits.
    pub(crate) fn heartbeat(&self) {
        self.lock().heartbeat = true;
        self.filled.notify_one();
    }

    /// Whether there is room for a tuple; when not, the waker is called once there is.
    pub(crate) fn has_room(&self) -> bool {
        let mut queue = self.lock();
        let room = queue.tuples.len() < self.max_pending;
        queue.refused |= !room;
        room
    }

    /// Whether the child reads its answers, so that it makes sense to give it more.
    pub(crate) fn answers_are_read(&self) -> bool {
        let mut queue = self.lock();
        let read = queue.urgent_bytes < URGENT_BYTES;
        queue.refused |= !read;
        read
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// What was sent last and how many tuples wait, for people.
    pub(crate) fn state(&self) -> (String, usize) {
        let queue = self.lock();
        (queue.last_sent.clone(), queue.tuples.len())
    }

    fn take(&self) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        let mut batch = Vec::new();
        loop {
            if queue.closed {
                return None;
            }
            while batch.len() < BATCH {
                let Some(message) = queue.urgent.pop_front() else { break };
                queue.urgent_bytes -= message.len();
                append(&mut batch, message, &mut queue.last_sent);
            }
            if std::mem::take(&mut queue.heartbeat) {
                batch.extend_from_slice(HEARTBEAT);
            }
            while batch.len() < BATCH {
                let Some(message) = queue.tuples.pop_front() else { break };
                append(&mut batch, message, &mut queue.last_sent);
            }
            if !batch.is_empty() {
                // Half empty and not just one free place, so that tuples come in groups.
                if queue.refused && queue.tuples.len() <= self.max_pending / 2 && queue.urgent_bytes < URGENT_BYTES {
                    queue.refused = false;
                    self.waker.wake();
                }
                return Some(batch);
            }
            queue = self.filled.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// The thread's work. It ends when the outbox is closed or the child's pipe is.
    pub(crate) fn write_to(&self, mut stdin: ChildStdin) {
        while let Some(batch) = self.take() {
            if let Err(cause) = stdin.write_all(&batch) {
                // The reading side sees the end of the child and knows more about it.
                tracing::debug!(%cause, "a child does not read any more");
                return;
            }
        }
    }
}

fn append(batch: &mut Vec<u8>, message: Vec<u8>, last: &mut String) {
    if batch.is_empty() || batch.len() + message.len() >= BATCH {
        *last = excerpt(message.strip_suffix(b"\nend\n").unwrap_or(&message));
    }
    batch.extend_from_slice(&message);
}
