//! Who holds a thread that others need.
//!
//! A task that holds a shared thread for long stops every other task there. Each such time is counted; who does it often, or very
//! long, is told to its user as an error of the component, as nothing else of Storm's reaches him. A thread that the system takes the
//! processor from for a while holds nobody up by its own fault, so that time does not count.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use storm_topology::HOLDS_THREAD;

use crate::plan::Plan;
use crate::shared::SharedRef;
use crate::spec::ComponentReport;
use crate::task::Surroundings;

/// A task that holds a shared thread longer than this is counted.
pub(crate) const OVERLONG: Duration = Duration::from_millis(10);
/// One that does it for so long in a window is told, once a window.
const WINDOW: Duration = Duration::from_secs(60);
const TOO_MUCH: Duration = Duration::from_secs(1);
/// How often it is looked for one that does not come back at all.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
/// How old the knowledge of lost time may be.
const FRESH: u64 = 5_000;

/// How long a task has held its thread in the current window.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    since: u64,
    times: u64,
    sum: Duration,
    longest: Duration,
    told: bool,
}

/// The call of a component that a thread is in, for those who watch.
#[derive(Debug, Default)]
pub(crate) struct InCall {
    /// 0 outside of calls.
    task: AtomicI32,
    since: AtomicU64,
    /// The `since` of the call that was told of.
    told: AtomicU64,
}

impl InCall {
    #[inline]
    pub(crate) fn enter(&self, task: i32, now: u64) {
        self.since.store(now, Ordering::Relaxed);
        self.task.store(task, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn leave(&self) {
        self.task.store(0, Ordering::Relaxed);
    }

    /// A task that has been in its call for too long, told once for each call.
    pub(crate) fn stuck(&self, now: u64) -> Option<(i32, Duration)> {
        let task = self.task.load(Ordering::Relaxed);
        let since = self.since.load(Ordering::Relaxed);
        let held = Duration::from_micros(now.saturating_sub(since));
        let stuck = task != 0 && held >= TOO_MUCH && self.told.swap(since, Ordering::Relaxed) != since;
        stuck.then_some((task, held))
    }
}

/// The time that a thread was ready to run and did not get a processor.
struct LostTime {
    /// The kernel's count of this thread; not every kernel has it.
    file: Option<File>,
    lost: u64,
    read_at: u64,
}

thread_local! {
    static LOST: RefCell<LostTime> = RefCell::new(LostTime::of_this_thread());
}

/// Remembers how much time this thread has lost so far, unless it has just done so. To be called before components are.
#[inline]
pub(crate) fn before_calls(now: u64) {
    LOST.with_borrow_mut(|lost| lost.refresh(now));
}

impl LostTime {
    fn of_this_thread() -> LostTime {
        LostTime { file: File::open("/proc/thread-self/schedstat").ok(), lost: 0, read_at: 0 }
    }

    /// Nanoseconds so far.
    fn read(&self) -> u64 {
        let mut text = [0; 64];
        let read = self.file.as_ref().and_then(|file| file.read_at(&mut text, 0).ok()).unwrap_or(0);
        let text = std::str::from_utf8(&text[..read]).unwrap_or_default();
        text.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    fn refresh(&mut self, now: u64) {
        if now.saturating_sub(self.read_at) >= FRESH {
            self.read_at = now;
            self.lost = self.read();
        }
    }

    /// What was lost since it was last remembered.
    fn since(&mut self) -> Duration {
        let now = self.read();
        let before = std::mem::replace(&mut self.lost, now);
        Duration::from_nanos(self.lost.saturating_sub(before))
    }
}

impl Surroundings {
    /// The task has held a shared thread for so long.
    #[cold]
    pub(crate) fn held(&mut self, took: Duration, shared: &SharedRef, now: u64) {
        let took = took.saturating_sub(LOST.with_borrow_mut(LostTime::since));
        if took <= OVERLONG {
            return;
        }
        self.counts.overlong.add(1);
        let holds = &mut self.holds;
        if now.saturating_sub(holds.since) >= WINDOW.as_micros() as u64 {
            *holds = Holds { since: now, ..Holds::default() };
        }
        holds.times += 1;
        holds.sum += took;
        holds.longest = holds.longest.max(took);
        if holds.times == 1 {
            tracing::warn!(component = %self.identity.component, task = self.identity.task, "{HOLDS_THREAD} for {took:?}");
        }
        if holds.sum >= TOO_MUCH && !std::mem::replace(&mut holds.told, true) {
            let text = format!(
                "{HOLDS_THREAD} longer than {} ms: {} times, {} ms in all and at most {} ms at once in less than {} s. {ADVICE}",
                OVERLONG.as_millis(),
                holds.times,
                holds.sum.as_millis(),
                holds.longest.as_millis(),
                WINDOW.as_secs(),
            );
            shared.report(self.about(&text));
        }
    }
}

const ADVICE: &str = "Other tasks of the worker wait meanwhile; a component that waits for something says so with `blocking`, \
                      and gets a thread of its own";

/// Tells of the tasks that have not come back from their calls.
pub(crate) fn tell_of_the_stuck(shared: &SharedRef, plan: &Plan) {
    let now = shared.micros(Instant::now());
    // Whatever components need to open, they may have.
    let at_work = shared.threads.iter().filter(|thread| thread.is_shared() && thread.sleeper.bell().is_some());
    for thread in at_work {
        if let Some((task, held)) = thread.in_call.stuck(now) {
            let text = format!("{HOLDS_THREAD} for {} ms and has not let go of it. {ADVICE}", held.as_millis());
            shared.report(ComponentReport { component: plan.component(task).name.to_string(), task, message: text });
        }
    }
}
