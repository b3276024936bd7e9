//! The handshake of sleeping and waking, in every order that the memory model allows.

#![allow(dead_code, reason = "the module under test is used in part")]

#[path = "../src/park.rs"]
mod park;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering, fence};
    pub(crate) use loom::thread::{Thread, current};

    pub(crate) fn park_timeout(_: Option<std::time::Duration>) {
        loom::thread::park();
    }
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use park::Sleeper;

/// Callers publish one piece of work each; the sleeper must get all of it. A missed call would leave it parked for ever, which
/// loom reports as a deadlock.
fn nothing_is_missed(callers: usize) {
    let mut model = loom::model::Builder::new();
    // With more switches than this the search takes minutes; mistakes of this kind need one or two.
    model.preemption_bound = Some(3);
    model.check(move || {
        let sleeper = Arc::new(Sleeper::new());
        let work = Arc::new(AtomicUsize::new(0));
        sleeper.occupy();
        let threads: Vec<_> = (0..callers)
            .map(|_| {
                let (sleeper, work) = (sleeper.clone(), work.clone());
                loom::thread::spawn(move || {
                    work.fetch_add(1, Ordering::Relaxed);
                    sleeper.wake();
                })
            })
            .collect();
        while work.load(Ordering::Relaxed) < callers {
            let seen = work.load(Ordering::Relaxed);
            if seen < callers {
                sleeper.sleep(|| work.load(Ordering::Relaxed) != seen, None);
            }
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
}

#[test]
fn one_caller() {
    nothing_is_missed(1);
}

#[test]
fn two_callers() {
    nothing_is_missed(2);
}
