//! A task on its thread: what is the same for spouts and bolts.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use storm_topology::{ComponentError, MessageId, TaskContext, TupleSource};

use crate::batch::Batch;
use crate::bolt::BoltState;
use crate::call::{Call, Identity, Role};
use crate::counters::TaskCounts;
use crate::hold::Holds;
use crate::outbound::Outbound;
use crate::plan::Plan;
use crate::routes::{Place, Routes};
use crate::spec::ComponentReport;
use crate::spout::SpoutState;

/// How long an activation may last before others get their turn.
pub(crate) const ACTIVATION: Duration = Duration::from_micros(50);

/// How much of an activation to run between two looks at the clock: many short calls, few long ones.
pub(crate) struct Pace {
    calls: usize,
}

impl Pace {
    /// Calls at most.
    const MOST: usize = 256;
    /// What they should not take longer than.
    const SLICE: Duration = Duration::from_micros(12);

    /// A component that blocks is looked at after each call.
    pub(crate) fn new(blocking: bool) -> Pace {
        Pace { calls: if blocking { 1 } else { 16 } }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// So many calls took so long.
    pub(crate) fn learn(&mut self, calls: usize, took: Duration, blocking: bool) {
        if took > Pace::SLICE {
            self.calls = (self.calls / 2).max(1);
        } else if calls >= self.calls && took < Pace::SLICE / 2 && !blocking {
            self.calls = (self.calls * 2).min(Pace::MOST);
        }
    }
}

pub(crate) enum Program {
    Spout(SpoutState),
    Bolt(BoltState),
}

/// What every call of a component needs, apart from the component itself.
pub(crate) struct Surroundings {
    pub(crate) identity: Identity,
    pub(crate) counts: Arc<TaskCounts>,
    pub(crate) routes: Routes,
    pub(crate) untracked: Vec<(usize, MessageId)>,
    pub(crate) fault: Option<String>,
    /// Set within a call when the component must not be called again at once.
    pub(crate) halt: Cell<bool>,
    pub(crate) throttle: Throttle,
    pub(crate) holds: Holds,
}

pub(crate) struct LocalTask {
    pub(crate) around: Surroundings,
    pub(crate) context: TaskContext,
    pub(crate) program: Program,
    /// What waits to be processed.
    pub(crate) queue: VecDeque<Box<Batch>>,
}

impl LocalTask {
    /// Whether its component may block.
    pub(crate) fn is_blocking(&self) -> bool {
        match &self.program {
            Program::Spout(state) => state.blocking(),
            Program::Bolt(state) => state.blocking,
        }
    }
}

/// A component cannot go on.
pub(crate) struct Death(pub(crate) String);

impl Surroundings {
    pub(crate) fn call<'a>(&'a mut self, out: &'a mut Outbound, role: Role<'a>) -> Call<'a> {
        Call {
            out,
            routes: &mut self.routes,
            counts: &self.counts,
            identity: &self.identity,
            role,
            untracked: &mut self.untracked,
            fault: &mut self.fault,
            halt: &self.halt,
            throttle: &self.throttle,
        }
    }

    /// Runs foreign code: its panics and its mistakes become deaths.
    pub(crate) fn guard<T>(
        &mut self,
        out: &mut Outbound,
        role: Role<'_>,
        run: impl FnOnce(&mut Call<'_>) -> Result<T, ComponentError>,
    ) -> Result<T, Death> {
        self.halt.set(false);
        out.shared.threads[out.id].in_call.enter(self.identity.task, out.now);
        let mut call = self.call(out, role);
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut call)));
        out.shared.threads[out.id].in_call.leave();
        let result = match result {
            Ok(Ok(v)) => Ok(v),
            Ok(Err(e)) => Err(Death(e.message().to_owned())),
            Err(panic) => Err(Death(panic_text(&*panic))),
        };
        match self.fault.take() {
            Some(fault) => Err(Death(fault)),
            None => result,
        }
    }

    /// Sends what the current activation has left in open batches, and counts what went the plain way.
    pub(crate) fn flush(&mut self, out: &mut Outbound) {
        let Routes { lanes, touched, plain, .. } = &mut self.routes;
        if let Some(plain) = plain
            && plain.emitted > 0
        {
            let counts = &self.counts.streams[plain.stream];
            counts.emitted.add(plain.emitted);
            counts.transferred.add(plain.emitted);
            plain.emitted = 0;
        }
        for at in touched.drain(..) {
            out.flush(&mut lanes[at]);
        }
    }

    /// Sends open batches to threads that sleep, which have nothing better to do than to take them now.
    pub(crate) fn flush_to_sleepers(&mut self, out: &mut Outbound) {
        let Routes { lanes, touched, .. } = &mut self.routes;
        for at in touched.iter() {
            let lane = &mut lanes[*at];
            if matches!(lane.place, Place::Thread(t) if !out.defers && out.shared.threads[t].sleeper.is_asleep()) {
                out.flush(lane);
            }
        }
    }

    pub(crate) fn about(&self, message: &str) -> ComponentReport {
        ComponentReport {
            component: self.identity.component.to_string(),
            task: self.identity.task,
            message: message.to_owned(),
        }
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(no message)"))
}

/// Lets a few errors through per interval (`topology.max.error.report.per.interval`, `topology.error.throttle.interval.secs`).
pub(crate) struct Throttle {
    pub(crate) interval_micros: u64,
    pub(crate) max: u32,
    since: Cell<u64>,
    count: Cell<u32>,
}

impl Throttle {
    pub(crate) fn new(interval_secs: i64, max: i64) -> Throttle {
        Throttle {
            interval_micros: interval_secs.max(0) as u64 * 1_000_000,
            max: max.clamp(0, i64::from(u32::MAX)) as u32,
            since: Cell::new(0),
            count: Cell::new(0),
        }
    }

    pub(crate) fn allows(&self, now: u64) -> bool {
        if now.saturating_sub(self.since.get()) >= self.interval_micros {
            self.since.set(now);
            self.count.set(0);
        }
        self.count.set(self.count.get().saturating_add(1));
        self.count.get() <= self.max
    }
}

/// Where tuples come from, made when first seen and then shared by all of them.
pub(crate) struct Sources {
    plan: Arc<Plan>,
    known: Vec<Option<Arc<TupleSource>>>,
}

impl Sources {
    pub(crate) fn new(plan: Arc<Plan>) -> Sources {
        let known = vec![None; plan.sources];
        Sources { plan, known }
    }

    /// The source of a batch. Batches from other workers were checked when they were decoded.
    pub(crate) fn get(&mut self, stream: u32, task: i32) -> Arc<TupleSource> {
        let Some(number) = self.plan.source_number(stream, task) else {
            return Arc::new(self.plan.source(stream, task));
        };
        let plan = &self.plan;
        self.known[number].get_or_insert_with(|| Arc::new(plan.source(stream, task))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_errors_is_thinned() {
        let t = Throttle::new(10, 2);
        let let_through = |from: u64| (0..100).filter(|i| t.allows(from + i)).count();
        assert_eq!(let_through(20_000_000), 2);
        assert_eq!(let_through(21_000_000), 0);
        assert_eq!(let_through(31_000_000), 2);
    }
}
