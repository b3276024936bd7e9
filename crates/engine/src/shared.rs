//! What the threads of an engine share: who waits for what, and how they call each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::credit::Credit;
use crate::hold::InCall;
use crate::net::{Arrival, InFrame, PeerTable};
use crate::park::Sleeper;
use crate::spec::{ComponentReport, Settings};

/// A message to a data thread, from outside the mesh of rings.
pub(crate) enum Mail {
    /// A tick tuple is due for a task.
    Tick { task: i32, seconds: i64 },
    /// Somebody called the task's waker.
    Wake { task: i32 },
    /// Look for trees that are too old.
    Sweep,
    /// Fail the trees that were last touched before this engine time.
    FailBefore { micros: u64 },
    /// Drop what came by this connection, which has ended, and still waits.
    Orphans(Arc<Arrival>),
    /// Bytes from another worker.
    Frame(InFrame),
    /// Close the components and end.
    Stop,
}

/// A thread as the others see it, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct ThreadShared {
    pub(crate) sleeper: Sleeper,
    pub(crate) in_call: InCall,
    /// From when on, in engine time, another thread may do its work while it sleeps; see `crew.rs`.
    helped_from: AtomicU64,
    /// Until when it sleeps if nobody wakes it, in engine time.
    pub(crate) sleeps_until: AtomicU64,
    mail: Mutex<Vec<Mail>>,
    has_mail: AtomicBool,
}

impl ThreadShared {
    fn new() -> ThreadShared {
        ThreadShared {
            sleeper: Sleeper::new(),
            in_call: InCall::default(),
            helped_from: AtomicU64::new(u64::MAX),
            sleeps_until: AtomicU64::new(u64::MAX),
            mail: Mutex::new(Vec::new()),
            has_mail: AtomicBool::new(false),
        }
    }

    /// Whether another thread may do its work while it sleeps.
    #[inline]
    pub(crate) fn may_be_helped(&self, now: u64) -> bool {
        now >= self.helped_from.load(Ordering::Relaxed)
    }

    /// Whether it is not that of a component that may block.
    pub(crate) fn is_shared(&self) -> bool {
        self.helped_from.load(Ordering::Relaxed) != u64::MAX
    }

    /// Lets others help from this moment on.
    pub(crate) fn allow_help(&self, from: u64) {
        self.helped_from.store(from, Ordering::Relaxed);
    }

    pub(crate) fn post(&self, mail: Mail) {
        self.leave(mail);
        self.sleeper.wake();
    }

    /// Posts without waking: the thread itself does this.
    fn leave(&self, mail: Mail) {
        lock(&self.mail).push(mail);
        self.has_mail.store(true, Ordering::Release);
    }

    /// Posts many at once, and leaves the vector empty.
    pub(crate) fn post_all(&self, mail: &mut Vec<Mail>) {
        lock(&self.mail).append(mail);
        self.has_mail.store(true, Ordering::Release);
        self.sleeper.wake();
    }

    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Takes all mail, giving an empty vector back for it.
    pub(crate) fn take_mail(&self, into: &mut Vec<Mail>) {
        let mut mail = lock(&self.mail);
        self.has_mail.store(false, Ordering::Release);
        std::mem::swap(&mut *mail, into);
    }
}

/// A task as its senders see it, here or in another worker. Each on its own cache lines: they are written by several threads.
#[repr(align(128))]
pub(crate) struct TaskShared {
    credit: Credit,
    /// A wake is under way.
    pub(crate) woken: AtomicBool,
    /// A tick is under way.
    pub(crate) tick_due: AtomicBool,
    /// Threads of this worker that send to it.
    pub(crate) upstream: Vec<usize>,
    /// Its thread in this worker.
    pub(crate) thread: Option<usize>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) threads: Box<[ThreadShared]>,
    /// Task n at n - 1.
    pub(crate) tasks: Box<[TaskShared]>,
    pub(crate) active: AtomicBool,
    pub(crate) peers: PeerTable,
    pub(crate) errors: mpsc::Sender<ComponentReport>,
    pub(crate) fatal: mpsc::Sender<ComponentReport>,
    epoch: Instant,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        threads: usize,
        tasks: Vec<(Option<usize>, Vec<usize>)>,
        peers: PeerTable,
        errors: mpsc::Sender<ComponentReport>,
        fatal: mpsc::Sender<ComponentReport>,
    ) -> Shared {
        let task = |(thread, upstream)| TaskShared {
            credit: Credit::new(),
            woken: AtomicBool::new(false),
            tick_due: AtomicBool::new(false),
            upstream,
            thread,
        };
        Shared {
            settings,
            threads: (0..threads).map(|_| ThreadShared::new()).collect(),
            tasks: tasks.into_iter().map(task).collect(),
            active: AtomicBool::new(false),
            peers,
            errors,
            fatal,
            epoch: Instant::now(),
        }
    }

    /// Engine time, microseconds.
    #[inline]
    pub(crate) fn micros(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_micros() as u64
    }

    /// Engine time, milliseconds.
    pub(crate) fn now_millis(&self) -> u64 {
        self.micros(Instant::now()) / 1000
    }

    pub(crate) fn task(&self, task: i32) -> &TaskShared {
        &self.tasks[task as usize - 1]
    }

    /// What waits for a task.
    #[inline]
    pub(crate) fn queued(&self, task: i32) -> i64 {
        self.task(task).credit.queued()
    }

    /// Whether nothing more should be sent to a task for now.
    #[inline]
    pub(crate) fn is_full(&self, task: i32) -> bool {
        self.queued(task) >= self.settings.receive_limit
    }

    pub(crate) fn charge(&self, task: i32, cost: i64) {
        self.task(task).credit.charge(cost);
    }

    /// Gives credit back, and wakes those who may have waited for it.
    pub(crate) fn release(&self, task: i32, cost: i64) {
        let task = self.task(task);
        if task.credit.release(cost, self.settings.receive_limit) {
            for thread in &task.upstream {
                self.threads[*thread].sleeper.wake();
            }
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    pub(crate) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Release);
        for t in &self.threads {
            t.sleeper.wake();
        }
    }

    /// Posts to a task's thread; nothing happens when the task isn't here.
    pub(crate) fn post(&self, task: i32, mail: Mail) {
        if let Some(thread) = self.task(task).thread {
            self.threads[thread].post(mail);
        }
    }

    /// Asks for the task's wake function to be called.
    pub(crate) fn wake_task(&self, task: i32) {
        if !self.task(task).woken.swap(true, Ordering::AcqRel) {
            self.post(task, Mail::Wake { task });
        }
    }

    /// The same from the task's own thread.
    pub(crate) fn leave_wake(&self, task: i32) {
        let to = self.task(task);
        if !to.woken.swap(true, Ordering::AcqRel)
            && let Some(thread) = to.thread
        {
            self.threads[thread].leave(Mail::Wake { task });
        }
    }

    pub(crate) fn report(&self, report: ComponentReport) {
        tracing::warn!(component = %report.component, task = report.task, "{}", report.message);
        if self.errors.try_send(report).is_err() {
            tracing::warn!("more errors than can be passed on; this one stays in the log only");
        }
    }

    /// A component cannot go on, and so the worker cannot.
    pub(crate) fn die(&self, report: ComponentReport) {
        tracing::error!(component = %report.component, task = report.task, "component died: {}", report.message);
        // The channel has room for more deaths than one worker needs.
        let _ = self.errors.try_send(report.clone());
        let _ = self.fatal.try_send(report);
    }
}

/// A lock that nobody holds while running foreign code, so that what a panicking thread left is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shorthand for the many who hold it.
pub(crate) type SharedRef = Arc<Shared>;
