//! The threads of the system that do the data threads' work.
//!
//! Each data thread has one of its own, which sleeps while there is nothing to do. Waking it costs more than a few tuples do, so
//! a thread that is itself mostly asleep does the work that it makes for a sleeper before it sleeps again. At low
//! load one thread does everything and the others sleep; a thread that has enough to do wakes the others at once.
//!
//! Whoever does a data thread's work holds its lock, and its sleeper sleeps with the lock free. What others publish for it they
//! announce to the sleeper as ever, who then waits for the lock if it must: so nothing is missed while somebody helps.
//! `tests/handshakes.rs` checks this with loom. Threads of blocking components are not helped, since they do not come back soon.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::shared::{SharedRef, lock};
use crate::thread::DataThread;

/// How long bolts may run before the spouts of the thread get a turn.
const BOLT_TURN: Duration = Duration::from_micros(500);
/// A thread that has not slept for so long has enough to do.
const LIGHT: Duration = Duration::from_micros(200);
/// How long one helps others before it looks after its own again. What takes longer is worth waking them.
const HELP: Duration = Duration::from_micros(50);
/// How long a thread that had more to do is woken at once, in microseconds.
const AT_ONCE: u64 = 10_000;
/// No sleep ends sooner by the clock. A spout with a tuple every few microseconds then emits some at a time: waking up costs more
/// than they do.
const REST: Duration = Duration::from_micros(250);
/// How often a thread that does not sleep looks at what it would wait for.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) struct Crew {
    shared: SharedRef,
    /// Empty when its work is over.
    threads: Vec<Mutex<Option<DataThread>>>,
}

type Held<'a> = MutexGuard<'a, Option<DataThread>>;

impl Crew {
    pub(crate) fn new(shared: SharedRef, threads: Vec<DataThread>) -> Crew {
        for thread in threads.iter().filter(|t| !t.blocking) {
            shared.threads[thread.out.id].allow_help(0);
        }
        Crew { shared, threads: threads.into_iter().map(|t| Mutex::new(Some(t))).collect() }
    }

    /// Does a data thread's work until it is told to stop, or a component dies.
    pub(crate) fn work(&self, me: usize) {
        let mut held = lock(&self.threads[me]);
        if let Some(own) = held.as_mut() {
            own.start();
        }
        // When it last slept, or looked what it could wait for.
        let mut woke = Instant::now();
        let mut looked = woke;
        while let Some(own) = held.as_mut().filter(|own| own.is_running()) {
            own.out.defers = woke.elapsed() < LIGHT;
            let worked = own.step(BOLT_TURN);
            let helped = self.see_to_deferred(own);
            if !worked && !helped && !own.look_out() {
                let slept;
                (held, slept) = self.sleep(me, held);
                if slept {
                    woke = Instant::now();
                    looked = woke;
                }
            } else if own.blocking && looked.elapsed() > LOOK {
                own.wait(Some(Duration::ZERO));
                looked = Instant::now();
            }
        }
        // What the components hold goes on the thread that opened them.
        if let Some(mut own) = held.take() {
            own.finish();
        }
    }

    /// Nothing to do: sleep until something happens or a spout wants to be asked.
    fn sleep<'a>(&'a self, me: usize, held: Held<'a>) -> (Held<'a>, bool) {
        let now = Instant::now();
        let deadline = held.as_ref().and_then(|own| own.deadline(now)).map(|at| at.max(now + REST));
        let limit = deadline.map(|at| at.saturating_duration_since(now));
        let shared = &self.shared.threads[me];
        shared.sleeps_until.store(deadline.map_or(u64::MAX, |at| self.shared.micros(at)), Ordering::Relaxed);
        if let Some(own) = held.as_ref().filter(|own| own.blocking) {
            let slept = shared.sleeper.sleep(|| own.has_work(now), || own.wait(limit));
            return (held, slept);
        }
        // The lock is free from the end of the last look.
        let last_look = move || held.as_ref().is_none_or(|own| own.has_work(now));
        let slept = shared.sleeper.sleep(last_look, || {
            if let Some(bell) = shared.sleeper.bell() {
                bell.wait(&[], limit);
            }
        });
        (lock(&self.threads[me]), slept)
    }

    /// Does the work of those sleepers who got some, or wakes them. Whether there were any.
    fn see_to_deferred(&self, own: &mut DataThread) -> bool {
        if own.out.deferred.is_empty() {
            return false;
        }
        let began = Instant::now();
        while let Some(other) = own.out.deferred.pop() {
            if !self.help(other, began, &mut own.out.deferred) {
                let other = &self.shared.threads[other];
                other.allow_help(self.shared.micros(Instant::now()) + AT_ONCE);
                other.sleeper.wake();
            }
        }
        true
    }

    /// Whether the sleeper's work is done and it can sleep on. `deferred` gets those who got work from that.
    fn help(&self, other: usize, began: Instant, deferred: &mut Vec<usize>) -> bool {
        let mut held = match self.threads[other].try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            // It is up, or somebody helps who may have had the last look already.
            Err(TryLockError::WouldBlock) => return false,
        };
        let Some(thread) = held.as_mut() else { return true };
        thread.out.defers = true;
        loop {
            thread.step(HELP);
            deferred.append(&mut thread.out.deferred);
            if !thread.is_running() {
                return false;
            }
            let now = Instant::now();
            if !thread.has_work(now) {
                // What was gathered for other workers waits for nobody: its own thread sleeps on.
                thread.out.flush_network(true);
                // It must not oversleep what has come to be due.
                let until = self.shared.threads[other].sleeps_until.load(Ordering::Relaxed);
                return thread.deadline(now).is_none_or(|at| self.shared.micros(at) >= until);
            }
            if now - began > HELP {
                return false;
            }
        }
    }
}
