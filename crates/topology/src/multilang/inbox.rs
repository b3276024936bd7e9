//! What a child says: read in large pieces, taken message by message.

use std::io::{self, ErrorKind, Read as _};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ChildStdout;

use super::message::{LONGEST, excerpt};

/// Read at once.
const PIECE: usize = 64 << 10;

pub(crate) struct Inbox {
    /// Does not block.
    stdout: ChildStdout,
    buffer: Vec<u8>,
    /// The message that is not complete yet, and what has not been searched of it, start here.
    start: usize,
    line: usize,
    filled: usize,
    /// The pipe was empty when it was last read.
    empty: bool,
    /// The message that was taken last, where it is still in the buffer, and for people when not.
    last: Range<usize>,
    last_shown: String,
}

pub(crate) enum Read {
    Something,
    Nothing,
    End,
}

impl Inbox {
    pub(crate) fn new(stdout: ChildStdout) -> Inbox {
        Inbox {
            stdout,
            buffer: Vec::new(),
            start: 0,
            line: 0,
            filled: 0,
            empty: false,
            last: 0..0,
            last_shown: String::new(),
        }
    }

    /// The next message that has been read: lines up to one that is `end`.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        while let Some(length) = self.buffer[self.line..self.filled].iter().position(|b| *b == b'\n') {
            let line = self.line;
            self.line += length + 1;
            if self.buffer[line..line + length].trim_ascii_end() == b"end" {
                self.last = self.start..line;
                self.start = self.line;
                return Some(&self.buffer[self.last.clone()]);
            }
        }
        None
    }

    /// The pipe may have something again.
    pub(crate) fn look_again(&mut self) {
        self.empty = false;
    }

    /// Reads what there is, unless the pipe was found empty since [`Inbox::look_again`].
    pub(crate) fn read(&mut self) -> io::Result<Read> {
        if self.empty {
            return Ok(Read::Nothing);
        }
        if self.filled - self.start > LONGEST {
            let why = format!("a message of more than {} MiB", LONGEST >> 20);
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        self.make_room();
        loop {
            match self.stdout.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Ok(Read::End),
                Ok(n) => {
                    self.filled += n;
                    self.empty = self.filled < self.buffer.len();
                    return Ok(Read::Something);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.empty = true;
                    return Ok(Read::Nothing);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// For a piece at the end of the buffer.
    fn make_room(&mut self) {
        if self.start > 0 {
            if !self.last.is_empty() {
                self.last_shown = excerpt(&self.buffer[std::mem::take(&mut self.last)]);
            }
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.line -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.filled < PIECE / 2 {
            self.buffer.resize((self.filled * 2).max(PIECE), 0);
        }
    }

    /// What was said last, for people.
    pub(crate) fn last(&self) -> String {
        if self.last.is_empty() { self.last_shown.clone() } else { excerpt(&self.buffer[self.last.clone()]) }
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }
}
