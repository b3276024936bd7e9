//! What waits to be written to a child.
//!
//! Writing never waits: what the child's pipe does not take stays here until there is room, so a child that does not read holds
//! up nothing else.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ChildStdin;

use super::message::{excerpt, unframed};

/// Written at once.
const BATCH: usize = 32 << 10;
/// Answers that a child does not read; beyond this it is not listened to either, until it reads.
const URGENT_BYTES: usize = 64 << 20;

/// The heartbeat tuple; its id is no tuple's.
const HEARTBEAT: &[u8] = b"{\"id\":\"0\",\"comp\":null,\"stream\":\"__heartbeat\",\"task\":-1,\"tuple\":[]}\nend\n";

pub(crate) struct Outbox {
    /// Does not block. `None` when nobody reads any more.
    stdin: Option<ChildStdin>,
    /// Messages under way, and how much of them has gone.
    batch: Vec<u8>,
    written: usize,
    /// Handshake, commands and lists of task ids: before everything else, and never held back.
    urgent: VecDeque<Vec<u8>>,
    urgent_bytes: usize,
    tuples: VecDeque<Vec<u8>>,
    heartbeat: bool,
    max_pending: usize,
    /// It was said that there is no room.
    refused: Cell<bool>,
    last_sent: Vec<u8>,
}

impl Outbox {
    pub(crate) fn new(stdin: ChildStdin, max_pending: usize) -> Outbox {
        Outbox {
            stdin: Some(stdin),
            batch: Vec::new(),
            written: 0,
            urgent: VecDeque::new(),
            urgent_bytes: 0,
            tuples: VecDeque::new(),
            heartbeat: false,
            max_pending,
            refused: Cell::new(false),
            last_sent: Vec::new(),
        }
    }

    pub(crate) fn urgent(&mut self, message: Vec<u8>) {
        self.urgent_bytes += message.len();
        self.urgent.push_back(message);
    }

    /// True if it is the first that waits.
    pub(crate) fn tuple(&mut self, message: Vec<u8>) -> bool {
        self.tuples.push_back(message);
        self.tuples.len() == 1
    }

    /// Asks the child for a sign of life, before any tuple that waits.
    pub(crate) fn heartbeat(&mut self) {
        self.heartbeat = true;
    }

    /// Whether there is room for a tuple. Once there was none, half of the places must be free, so that tuples come in groups.
    pub(crate) fn has_room(&self) -> bool {
        let limit = if self.refused.get() { self.max_pending / 2 + 1 } else { self.max_pending };
        let room = self.tuples.len() < limit;
        self.refused.set(!room);
        room
    }

    /// Whether the child reads its answers, so that it makes sense to listen to it.
    pub(crate) fn answers_are_read(&self) -> bool {
        self.urgent_bytes < URGENT_BYTES
    }

    /// The pipe, if something waits for room in it.
    pub(crate) fn wants_room(&self) -> Option<BorrowedFd<'_>> {
        let waits = self.written < self.batch.len();
        self.stdin.as_ref().filter(|_| waits).map(AsFd::as_fd)
    }

    /// What was sent last and how many tuples wait, for people.
    pub(crate) fn state(&self) -> (String, usize) {
        (excerpt(unframed(&self.last_sent)), self.tuples.len())
    }

    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Writes what the pipe takes.
    pub(crate) fn pump(&mut self) {
        while self.stdin.is_some() && (self.written < self.batch.len() || self.next_batch()) {
            let Some(stdin) = &mut self.stdin else { return };
            match stdin.write(&self.batch[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(cause) => {
                    // The reading side sees the end of the child and knows more about it.
                    tracing::debug!(%cause, "a child does not read any more");
                    self.stdin = None;
                }
            }
        }
    }

    /// Gathers what goes next, when all before has gone. False for nothing.
    fn next_batch(&mut self) -> bool {
        self.batch.clear();
        self.written = 0;
        while self.batch.len() < BATCH
            && let Some(message) = self.urgent.pop_front()
        {
            self.urgent_bytes -= message.len();
            self.batch.extend_from_slice(&message);
            self.last_sent = message;
        }
        if std::mem::take(&mut self.heartbeat) {
            self.batch.extend_from_slice(HEARTBEAT);
        }
        while self.batch.len() < BATCH
            && let Some(message) = self.tuples.pop_front()
        {
            self.batch.extend_from_slice(&message);
            self.last_sent = message;
        }
        !self.batch.is_empty()
    }
}
