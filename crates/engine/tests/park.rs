//! The handshake of sleeping and waking, in every order that the memory model allows.

#![allow(dead_code, reason = "the module under test is used in part")]

#[path = "../src/park.rs"]
mod park;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering, fence};

    pub(crate) struct Bell(pub(crate) loom::thread::Thread);

    impl Bell {
        pub(crate) fn ring(&self) {
            self.0.unpark();
        }
    }
}

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
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
        sleeper.occupy(sync::Bell(loom::thread::current()));
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
                sleeper.sleep(|| work.load(Ordering::Relaxed) != seen, loom::thread::park);
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

/// The same with callers who do the sleeper's work themselves when they can have the lock, and wake it when not.
fn nothing_is_missed_with_help(helpers: usize, callers: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let sleeper = Arc::new(Sleeper::new());
        let published = Arc::new(AtomicUsize::new(0));
        let done = Arc::new(Mutex::new(0));
        sleeper.occupy(sync::Bell(loom::thread::current()));
        let threads: Vec<_> = (0..helpers + callers)
            .map(|n| {
                let (sleeper, published, done) = (sleeper.clone(), published.clone(), done.clone());
                loom::thread::spawn(move || {
                    published.fetch_add(1, Ordering::Relaxed);
                    if n < callers {
                        return sleeper.wake();
                    }
                    if !sleeper.needs_waking() {
                        return;
                    }
                    let Ok(mut done) = done.try_lock() else { return sleeper.wake() };
                    *done = published.load(Ordering::Relaxed);
                    let end = *done == helpers + callers;
                    drop(done);
                    if end {
                        // It would sleep for ever, and rightly so.
                        sleeper.wake();
                    }
                })
            })
            .collect();
        let mut held = done.lock().unwrap();
        loop {
            *held = published.load(Ordering::Relaxed);
            if *held == helpers + callers {
                break;
            }
            let last_look = || {
                let work = published.load(Ordering::Relaxed) != *held;
                drop(held);
                work
            };
            sleeper.sleep(last_look, loom::thread::park);
            held = done.lock().unwrap();
        }
        drop(held);
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
}

#[test]
fn a_helper() {
    nothing_is_missed_with_help(1, 0);
}

#[test]
fn a_helper_and_a_caller() {
    nothing_is_missed_with_help(1, 1);
}
