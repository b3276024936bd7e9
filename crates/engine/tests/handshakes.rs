//! How threads wait for each other, in every order that the memory model allows: sleeping and waking, the full ring, credit. A call
//! that is missed leaves a thread parked for ever, which loom reports as a deadlock.

// The ring's cells are loom's, which sees every access and fails on two at a time; looking into one is unsafe by its signature.
#![allow(unsafe_code, reason = "only in the model of the ring")]
#![allow(dead_code, reason = "the modules under test are used in part")]

#[path = "../src/park.rs"]
mod bed;
#[path = "../src/credit.rs"]
mod credit;
#[path = "../src/ring.rs"]
mod ring;

mod sync {
    pub(crate) use super::model_ring::{Consumer, Producer, PushError, RingBuffer};
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicI64, Ordering, fence};

    pub(crate) struct Bell(pub(crate) loom::thread::Thread);

    impl Bell {
        pub(crate) fn of_this_thread() -> Bell {
            Bell(loom::thread::current())
        }

        pub(crate) fn ring(&self) {
            self.0.unpark();
        }
    }
}

/// `rtrb` as far as `ring.rs` uses it, on loom's primitives: the same two positions, the same orderings, and the same copy of the
/// reader's position at the writer, which may be old.
mod model_ring {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use std::cell::Cell;
    use std::sync::Arc;

    struct Buffer<T> {
        slots: Vec<UnsafeCell<Option<T>>>,
        head: AtomicUsize,
        tail: AtomicUsize,
    }

    // Loom watches the cells; the positions say whose they are.
    unsafe impl<T: Send> Sync for Buffer<T> {}

    impl<T> Buffer<T> {
        fn slot(&self, position: usize) -> &UnsafeCell<Option<T>> {
            &self.slots[position % self.slots.len()]
        }
    }

    pub(crate) struct RingBuffer;
    pub(crate) enum PushError<T> {
        Full(T),
    }
    pub(crate) struct Producer<T> {
        buffer: Arc<Buffer<T>>,
        cached_head: Cell<usize>,
        tail: usize,
    }
    pub(crate) struct Consumer<T> {
        buffer: Arc<Buffer<T>>,
        head: usize,
    }

    impl RingBuffer {
        #[allow(clippy::new_ret_no_self, reason = "as in rtrb")]
        pub(crate) fn new<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
            let slots = (0..capacity).map(|_| UnsafeCell::new(None)).collect();
            let buffer = Arc::new(Buffer { slots, head: AtomicUsize::new(0), tail: AtomicUsize::new(0) });
            let producer = Producer { buffer: buffer.clone(), cached_head: Cell::new(0), tail: 0 };
            (producer, Consumer { buffer, head: 0 })
        }
    }

    impl<T> Producer<T> {
        pub(crate) fn is_full(&self) -> bool {
            if self.tail - self.cached_head.get() == self.buffer.slots.len() {
                self.cached_head.set(self.buffer.head.load(Ordering::Acquire));
            }
            self.tail - self.cached_head.get() == self.buffer.slots.len()
        }

        pub(crate) fn push(&mut self, item: T) -> Result<(), PushError<T>> {
            if self.is_full() {
                return Err(PushError::Full(item));
            }
            self.buffer.slot(self.tail).with_mut(|slot| unsafe { *slot = Some(item) });
            self.tail += 1;
            self.buffer.tail.store(self.tail, Ordering::Release);
            Ok(())
        }
    }

    impl<T> Consumer<T> {
        pub(crate) fn slots(&self) -> usize {
            self.buffer.tail.load(Ordering::Acquire) - self.head
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.slots() == 0
        }

        /// What `rtrb` gives is read lazily and given back at once when it is dropped; so is this.
        pub(crate) fn read_chunk(&mut self, count: usize) -> Result<Vec<T>, ()> {
            let items = (0..count).filter_map(|i| {
                let slot = self.buffer.slot(self.head + i);
                slot.with_mut(|slot| unsafe { (*slot).take() })
            });
            let items = items.collect();
            self.head += count;
            self.buffer.head.store(self.head, Ordering::Release);
            Ok(items)
        }
    }
}

use bed::Sleeper;
use credit::Credit;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread::park;
use sync::Bell;

/// With more switches than this the search takes minutes; mistakes of this kind need one or two.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Callers publish one piece of work each; the sleeper must get all of it.
fn nothing_is_missed(callers: usize) {
    check(3, move || {
        let sleeper = Arc::new(Sleeper::new());
        let work = Arc::new(AtomicUsize::new(0));
        sleeper.occupy(Bell::of_this_thread());
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
                sleeper.sleep(|| work.load(Ordering::Relaxed) != seen, park);
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
    check(3, move || {
        let sleeper = Arc::new(Sleeper::new());
        let published = Arc::new(AtomicUsize::new(0));
        let done = Arc::new(Mutex::new(0));
        sleeper.occupy(Bell::of_this_thread());
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
            sleeper.sleep(last_look, park);
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

/// The writer sends more than the ring holds, and sleeps while what is left has no room; the reader sleeps while the ring is
/// empty. All must come, in order.
fn through_a_full_ring(capacity: usize, items: usize, preemptions: usize) {
    check(preemptions, move || {
        let (mut outlet, mut inlet) = ring::ring(0, capacity);
        let (writer, reader) = (Arc::new(Sleeper::new()), Arc::new(Sleeper::new()));
        reader.occupy(Bell::of_this_thread());
        let (writers, readers) = (writer.clone(), reader.clone());
        let sending = loom::thread::spawn(move || {
            writers.occupy(Bell::of_this_thread());
            for item in 0..items {
                outlet.send(item);
                readers.wake();
            }
            // As a data thread does between its turns.
            while outlet.waits() {
                if outlet.retry() {
                    readers.wake();
                } else {
                    writers.sleep(|| outlet.could_retry(), park);
                }
            }
        });
        let mut got = Vec::new();
        while got.len() < items {
            let (count, stalled) = inlet.drain(|item| got.push(item));
            if stalled {
                writer.wake();
            }
            if count == 0 {
                reader.sleep(|| !inlet.is_empty(), park);
            }
        }
        assert!(got.iter().copied().eq(0..items), "{got:?}");
        sending.join().unwrap();
    });
}

#[test]
fn a_full_ring_of_one() {
    through_a_full_ring(1, 3, 3);
}

#[test]
fn a_full_ring_of_two() {
    through_a_full_ring(2, 4, 2);
}

/// Two senders share a task's credit; each sleeps while the limit is reached. The task gives back what it has processed.
#[test]
fn credit_that_comes_back_is_never_missed() {
    const LIMIT: i64 = 2;
    check(2, || {
        let credit = Arc::new(Credit::new());
        let sent = Arc::new(AtomicUsize::new(0));
        let sleepers = [Arc::new(Sleeper::new()), Arc::new(Sleeper::new())];
        let task = Arc::new(Sleeper::new());
        task.occupy(Bell::of_this_thread());
        let senders: Vec<_> = sleepers
            .iter()
            .map(|own| {
                let (own, credit, sent, task) = (own.clone(), credit.clone(), sent.clone(), task.clone());
                loom::thread::spawn(move || {
                    own.occupy(Bell::of_this_thread());
                    for _ in 0..2 {
                        while credit.queued() >= LIMIT {
                            own.sleep(|| credit.queued() < LIMIT, park);
                        }
                        credit.charge(1);
                        sent.fetch_add(1, Ordering::Relaxed);
                        task.wake();
                    }
                })
            })
            .collect();
        let mut taken = 0;
        while taken < 4 {
            if sent.load(Ordering::Relaxed) == taken {
                task.sleep(|| sent.load(Ordering::Relaxed) != taken, park);
                continue;
            }
            taken += 1;
            if credit.release(1, LIMIT) {
                sleepers.iter().for_each(|s| s.wake());
            }
        }
        senders.into_iter().for_each(|t| t.join().unwrap());
    });
}
