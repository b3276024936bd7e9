//! Running a spout's task.

use std::time::{Duration, Instant};

use storm_topology::{MessageId, Progress, Spout, SpoutOutput};

use crate::call::Role;
use crate::counters::TaskCounts;
use crate::hold::OVERLONG;
use crate::ledger::{Outcome, Settled};
use crate::outbound::Outbound;
use crate::shared::Shared;
use crate::task::{ACTIVATION, Death, LocalTask, Pace, Program, Surroundings};

/// When a spout is asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Now,
    At(Instant),
    /// When something happens.
    OnEvent,
}

pub(crate) struct SpoutState {
    pub(crate) spout: Box<dyn Spout>,
    pub(crate) ledger: usize,
    pub(crate) max_pending: usize,
    /// Whether the spout has been told that it is active.
    active: bool,
    next: Next,
    backoff: Duration,
    blocking: bool,
    pace: Pace,
}

/// Calls of `next_tuple` per activation.
const CALLS: usize = 256;
/// First and longest wait of an idle spout. An idle topology must cost next to nothing.
const SHORT_WAIT: Duration = Duration::from_millis(1);
const LONG_WAIT: Duration = Duration::from_millis(100);

impl SpoutState {
    pub(crate) fn new(spout: Box<dyn Spout>, ledger: usize, max_pending: usize, blocking: bool) -> SpoutState {
        SpoutState {
            spout,
            ledger,
            max_pending,
            active: false,
            next: Next::Now,
            backoff: SHORT_WAIT,
            blocking,
            pace: Pace::new(blocking),
        }
    }

    pub(crate) fn role(&self) -> Role<'static> {
        Role::Spout { ledger: self.ledger, max_pending: self.max_pending }
    }

    pub(crate) fn blocking(&self) -> bool {
        self.blocking
    }

    fn rouse(&mut self) {
        self.next = Next::Now;
        self.backoff = SHORT_WAIT;
    }

    /// When it wants to be asked, if that is a matter of time alone.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.next {
            Next::At(at) if self.active => Some(at),
            _ => None,
        }
    }

    fn has_room(&self, out: &Outbound) -> bool {
        let ledger = &out.ledgers[self.ledger];
        ledger.open() < self.max_pending && !ledger.is_full()
    }

    fn is_due(&self, now: Instant) -> bool {
        match self.next {
            Next::Now => true,
            Next::At(at) => now >= at,
            Next::OnEvent => false,
        }
    }
}

impl LocalTask {
    /// Whether [`LocalTask::run_spout`] would do anything.
    pub(crate) fn spout_has_work(&self, out: &Outbound, shared: &Shared, now: Instant) -> bool {
        let Program::Spout(state) = &self.program else { return false };
        state.active != shared.is_active()
            || !out.ledgers[state.ledger].settled.is_empty()
            || !self.around.untracked.is_empty()
            || (state.active && state.is_due(now) && state.has_room(out) && !self.around.routes.is_blocked(shared))
    }

    /// One activation of a spout: tells it what became of its tuples, and asks it for more. Whether it did anything.
    pub(crate) fn run_spout(&mut self, out: &mut Outbound) -> Result<bool, Death> {
        let LocalTask { around, program: Program::Spout(state), .. } = self else { return Ok(false) };
        let started = out.clock;
        let result = activation(state, around, out, started);
        around.flush(out);
        result
    }

    /// The spout's waker was called.
    pub(crate) fn wake_spout(&mut self, out: &mut Outbound) -> Result<(), Death> {
        let LocalTask { around, program: Program::Spout(state), .. } = self else { return Ok(()) };
        out.tick_clock();
        state.rouse();
        let role = state.role();
        let spout = &mut state.spout;
        let result = around.guard(out, role, |call| spout.wake(&mut SpoutOutput::new(call)));
        around.flush(out);
        result
    }
}

fn activation(
    state: &mut SpoutState,
    around: &mut Surroundings,
    out: &mut Outbound,
    started: Instant,
) -> Result<bool, Death> {
    let role = state.role();
    let mut worked = false;
    let active = out.shared.is_active();
    if state.active != active {
        state.active = active;
        state.rouse();
        worked = true;
        let spout = &mut state.spout;
        around.guard(out, role, |call| {
            let mut output = SpoutOutput::new(call);
            if active { spout.activate(&mut output) } else { spout.deactivate(&mut output) }
        })?;
    }
    worked |= tell_outcomes(state, around, out)?;
    if !state.active || !state.is_due(started) || around.routes.is_blocked(&out.shared) {
        return Ok(worked);
    }
    let mut before = started;
    let mut calls = 0;
    while calls < CALLS && state.next != Next::OnEvent && state.has_room(out) {
        let (spout, most) = (&mut state.spout, state.pace.calls());
        let asked = around.guard(out, role, |call| spout.next_tuples(most, call.halt, call))?;
        let progress = asked.progress;
        calls += asked.calls;
        worked |= asked.emitted;
        if asked.emitted {
            state.backoff = SHORT_WAIT;
        }
        let after = out.tick_clock();
        state.pace.learn(asked.calls, after - before, state.blocking);
        if after - before > OVERLONG && !state.blocking {
            around.held(after - before, &out.shared, out.now);
        }
        before = after;
        state.next = match progress {
            Progress::Emitted => Next::Now,
            Progress::Idle => {
                let wait = state.backoff;
                state.backoff = (wait * 2).min(LONG_WAIT);
                Next::At(after + wait)
            }
            Progress::IdleUntil(at) => Next::At(at),
            Progress::Exhausted => Next::OnEvent,
        };
        // What one that blocks has emitted must not wait for what it emits next.
        if state.blocking || progress != Progress::Emitted || after - started >= ACTIVATION {
            break;
        }
        around.flush_to_sleepers(out);
    }
    Ok(worked)
}

/// Tells the spout what became of its tuples; whether there was anything to tell.
fn tell_outcomes(state: &mut SpoutState, around: &mut Surroundings, out: &mut Outbound) -> Result<bool, Death> {
    let role = state.role();
    let SpoutState { spout, ledger, .. } = state;
    let settled = out.ledgers[*ledger].settled.len();
    let mut told = settled > 0;
    if told {
        around.guard(out, role, |call| {
            let now = call.out.now;
            for _ in 0..settled {
                let Some(settled) = call.out.ledgers[*ledger].settled.pop_front() else { break };
                count(call.counts, &settled, now);
                let Settled { id, outcome, .. } = settled;
                let mut output = SpoutOutput::new(call);
                match outcome {
                    Outcome::Acked => spout.ack(id, &mut output)?,
                    Outcome::Failed | Outcome::TimedOut => spout.fail(id, &mut output)?,
                }
            }
            Ok(())
        })?;
    }
    while !around.untracked.is_empty() {
        told = true;
        let ids: Vec<(usize, MessageId)> = std::mem::take(&mut around.untracked);
        let spout = &mut state.spout;
        around.guard(out, role, |call| {
            for (stream, id) in ids {
                call.counts.streams[stream].acked.add(1);
                spout.ack(id, &mut SpoutOutput::new(call))?;
            }
            Ok(())
        })?;
    }
    if told {
        state.rouse();
    }
    Ok(told)
}

fn count(counts: &TaskCounts, settled: &Settled, now: u64) {
    let counts = &counts.streams[settled.stream as usize];
    match settled.outcome {
        Outcome::Acked => {
            counts.acked.add(1);
            counts.complete_micros.add(now.saturating_sub(settled.started));
        }
        Outcome::Failed | Outcome::TimedOut => counts.failed.add(1),
    }
}
