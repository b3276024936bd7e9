//! What a data thread is woken by.
//!
//! Most wait for it alone. The thread of a component that watches pipes or sockets waits for those as well, so that what comes there wakes
//! it without a second thread between.

use std::io;
use std::os::fd::OwnedFd;
use std::thread::Thread;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use storm_topology::Watch;

pub(crate) enum Bell {
    Thread(Thread),
    Event(OwnedFd),
}

impl Bell {
    /// The bell of the calling thread; `watches` if it will wait for other things too.
    pub(crate) fn own(watches: bool) -> io::Result<Bell> {
        if !watches {
            return Ok(Bell::Thread(std::thread::current()));
        }
        Ok(Bell::Event(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    pub(crate) fn ring(&self) {
        match self {
            Bell::Thread(thread) => thread.unpark(),
            Bell::Event(event) => {
                // It fails only when it has been rung 2^64 times and nobody came.
                let _rung = rustix::io::write(event, &1_u64.to_ne_bytes());
            }
        }
    }

    /// Waits until it is rung, or one of the watches is ready, or the time is over. Which watches are ready.
    pub(crate) fn wait(&self, watches: &[Watch<'_>], limit: Option<Duration>) -> Vec<bool> {
        let event = match (self, limit) {
            (Bell::Event(event), _) => event,
            (Bell::Thread(_), Some(limit)) => {
                std::thread::park_timeout(limit);
                return Vec::new();
            }
            (Bell::Thread(_), None) => {
                std::thread::park();
                return Vec::new();
            }
        };
        let now = Instant::now();
        let rest = |watch: &Watch<'_>| watch.rests_until.filter(|until| *until > now);
        let limit = watches.iter().filter_map(rest).map(|until| until - now).chain(limit).min();
        let mut fds = vec![PollFd::new(event, PollFlags::IN)];
        let mut owners = Vec::new();
        for (at, watch) in watches.iter().enumerate() {
            let readable = watch.readable.filter(|_| rest(watch).is_none());
            for (fd, flag) in [(readable, PollFlags::IN), (watch.writable, PollFlags::OUT)] {
                if let Some(fd) = fd {
                    fds.push(PollFd::from_borrowed_fd(fd, flag));
                    owners.push(at);
                }
            }
        }
        let limit =
            limit.map(|limit| Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) });
        let mut ready = vec![false; watches.len()];
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => {
                if !fds[0].revents().is_empty() {
                    let mut count = [0; 8];
                    // Nothing to read is as good: the next wait will tell.
                    let _rung = rustix::io::read(event, &mut count);
                }
                for (fd, owner) in fds[1..].iter().zip(owners) {
                    ready[owner] |= !fd.revents().is_empty();
                }
            }
            // A descriptor that cannot be polled: its owner finds out what is wrong with it.
            Err(_) => ready.fill(true),
        }
        if limit.is_some() {
            let now = Instant::now();
            for (ready, watch) in ready.iter_mut().zip(watches) {
                *ready |= rest(watch).is_some_and(|until| until <= now);
            }
        }
        ready
    }
}
