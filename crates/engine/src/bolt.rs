//! Running a bolt's task.

use storm_topology::{
    AckMode, Bolt, BoltOutput, Collector, ComponentError, Lineage, RowRun, RunEnd, Tuple, TupleSource,
};

use std::sync::Arc;

use crate::batch::Batch;
use crate::call::{Call, Role};
use crate::counters::InputCounts;
use crate::hold::OVERLONG;
use crate::ledger::{Contribution, FLAG_FAIL};
use crate::outbound::Outbound;
use crate::task::{ACTIVATION, Death, LocalTask, Pace, Program, Sources, Surroundings};

/// Why a bolt's task isn't running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// It has nothing to do.
    ForInput,
    /// It is in the run queue.
    InQueue,
    /// Somebody it sends to is full.
    ForCredit,
    /// It takes nothing until it is woken.
    ForWake,
}

pub(crate) struct BoltState {
    pub(crate) bolt: Box<dyn Bolt>,
    pub(crate) mode: AckMode,
    pub(crate) blocking: bool,
    pub(crate) waits: Waits,
    /// Next row of the first batch in the queue, and next extra root.
    row: usize,
    extra: usize,
    pace: Pace,
}

/// Rows per activation.
const ROWS: usize = 256;

impl BoltState {
    pub(crate) fn new(bolt: Box<dyn Bolt>, blocking: bool) -> BoltState {
        let pace = Pace::new(blocking);
        BoltState { bolt, mode: AckMode::Auto, blocking, waits: Waits::ForInput, row: 0, extra: 0, pace }
    }
}

/// How a run over some rows ended.
struct Rows {
    executed: u64,
    acked: u64,
    failed: u64,
    ready: bool,
    error: Option<ComponentError>,
}

impl LocalTask {
    /// One activation of a bolt; how many rows it took.
    pub(crate) fn run_bolt(&mut self, out: &mut Outbound, sources: &mut Sources) -> Result<usize, Death> {
        let LocalTask { around, program: Program::Bolt(state), queue, .. } = self else { return Ok(0) };
        state.waits = Waits::ForInput;
        let started = out.clock;
        let mut before = started;
        let mut total = 0;
        while total < ROWS {
            let Some(batch) = queue.front() else { break };
            let source = sources.get(batch.stream, batch.from);
            let end = batch.rows.len().min(state.row + state.pace.calls());
            let ran = run_rows(state, around, out, batch, &source, end);
            let after = out.tick_clock();
            let took = after - before;
            before = after;
            let ran = match ran {
                Ok(ran) => ran,
                Err(death) => {
                    around.flush(out);
                    return Err(death);
                }
            };
            total += ran.executed as usize;
            state.pace.learn(ran.executed as usize, took, state.blocking);
            count(around, batch, &ran, took.as_nanos() as u64, state.mode);
            if let Some(error) = ran.error {
                around.flush(out);
                return Err(Death(error.message().to_owned()));
            }
            if took > OVERLONG && !state.blocking {
                around.held(took, &out.shared, out.now);
            }
            if state.row == batch.rows.len()
                && let Some(batch) = queue.pop_front()
            {
                state.row = 0;
                state.extra = 0;
                finish(out, around.identity.task, batch);
            }
            if !ran.ready {
                state.waits = Waits::ForWake;
                break;
            }
            // What one that blocks has done must not wait for what it does next.
            if state.blocking || after - started >= ACTIVATION {
                break;
            }
            around.flush_to_sleepers(out);
        }
        around.flush(out);
        Ok(total)
    }

    /// The bolt's waker was called.
    pub(crate) fn wake_bolt(&mut self, out: &mut Outbound) -> Result<(), Death> {
        let LocalTask { around, program: Program::Bolt(state), .. } = self else { return Ok(()) };
        out.tick_clock();
        let bolt = &mut state.bolt;
        let result = around.guard(out, Role::Bolt { input: None }, |call| bolt.wake(&mut BoltOutput::new(call)));
        around.flush(out);
        result
    }
}

fn run_rows(
    state: &mut BoltState,
    around: &mut Surroundings,
    out: &mut Outbound,
    batch: &Batch,
    source: &Arc<TupleSource>,
    end: usize,
) -> Result<Rows, Death> {
    let mut ran = Rows { executed: 0, acked: 0, failed: 0, ready: true, error: None };
    let from = state.row;
    let result = if batch.extra.is_empty() {
        run_simple_rows(state, around, out, batch, source, end, &mut ran)
    } else {
        run_rows_of_several_trees(state, around, out, batch, source, end, &mut ran)
    };
    ran.executed = (state.row - from) as u64;
    result.map(|()| ran)
}

/// Rows that are in one tree each, or in none.
fn run_simple_rows(
    state: &mut BoltState,
    around: &mut Surroundings,
    out: &mut Outbound,
    batch: &Batch,
    source: &Arc<TupleSource>,
    end: usize,
    ran: &mut Rows,
) -> Result<(), Death> {
    let auto = state.mode == AckMode::Auto;
    let lineage = Lineage::new(None, out.now);
    let mut contributions = std::mem::take(&mut out.released);
    let BoltState { bolt, row, .. } = state;
    let result = around.guard(out, Role::Bolt { input: auto.then_some(&lineage) }, |call| {
        let halt = call.halt;
        let mut run = RowRun {
            rows: &batch.rows,
            roots: &batch.lineage,
            source,
            lineage: &lineage,
            halt,
            auto,
            next: *row,
            end,
            acked: 0,
            contributions: &mut contributions,
        };
        loop {
            let ended = bolt.execute_rows(&mut run, call);
            *row = run.next;
            match ended {
                RunEnd::Done => break,
                RunEnd::Unready => {
                    ran.ready = false;
                    break;
                }
                RunEnd::Error(e) if e.is_fatal() => {
                    ran.error = Some(e);
                    break;
                }
                RunEnd::Error(e) => ran.failed += u64::from(fail_row(call, &lineage, &e)),
            }
            if halt.get() {
                break;
            }
        }
        ran.acked = run.acked;
        Ok(())
    });
    // After a mistake or a panic the rows before it are acked all the same: they were processed.
    for (root, word) in contributions.drain(..) {
        out.contribute(Contribution { root, word, flags: 0 });
    }
    out.released = contributions;
    result
}

/// Rows of which some are in several trees.
fn run_rows_of_several_trees(
    state: &mut BoltState,
    around: &mut Surroundings,
    out: &mut Outbound,
    batch: &Batch,
    source: &Arc<TupleSource>,
    end: usize,
    ran: &mut Rows,
) -> Result<(), Death> {
    let auto = state.mode == AckMode::Auto;
    let received = out.now;
    let BoltState { bolt, row, extra, .. } = state;
    around.guard(out, Role::Bolt { input: None }, |call| {
        while *row < end && !call.halt.get() {
            if !bolt.ready() {
                ran.ready = false;
                break;
            }
            let lineage = batch.lineage_of(*row, extra, received);
            let tuple = Tuple::new(&batch.rows, *row, source, &lineage);
            *row += 1;
            let mut call = call.with_role(Role::Bolt { input: auto.then_some(&lineage) });
            match bolt.execute(&tuple, &mut BoltOutput::new(&mut call)) {
                Ok(()) if auto && !call.halt.get() && lineage.settle() => {
                    call.contribute_all(&lineage, 0);
                    ran.acked += 1;
                }
                Ok(()) => {}
                Err(e) if e.is_fatal() => {
                    ran.error = Some(e);
                    break;
                }
                Err(e) => ran.failed += u64::from(fail_row(&mut call, &lineage, &e)),
            }
        }
        Ok(())
    })
}

#[cold]
fn fail_row(call: &mut Call<'_>, lineage: &Lineage, error: &ComponentError) -> bool {
    call.report_error(error.message());
    let open = lineage.settle();
    if open {
        call.contribute_all(lineage, FLAG_FAIL);
    }
    open
}

fn count(around: &Surroundings, batch: &Batch, ran: &Rows, nanos: u64, mode: AckMode) {
    let at = around.identity.inputs.iter().position(|s| *s == batch.stream);
    let Some(counts): Option<&InputCounts> = at.and_then(|at| around.counts.inputs.get(at)) else { return };
    counts.executed.add(ran.executed);
    counts.execute_nanos.add(nanos);
    counts.acked.add(ran.acked);
    counts.failed.add(ran.failed);
    if mode == AckMode::Auto && ran.executed > 0 {
        counts.process_nanos.add(nanos * ran.acked / ran.executed);
    }
}

/// A batch has been processed: credit goes back to its senders, and the batch to its pool.
fn finish(out: &mut Outbound, task: i32, batch: Box<Batch>) {
    out.shared.release(task, batch.cost);
    if let Some((arrival, share)) = &batch.arrival {
        arrival.give_back(task, batch.cost);
        arrival.let_go(*share);
    }
    out.recycle(batch);
}
