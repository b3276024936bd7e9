//! Running a bolt's task.

use storm_topology::{AckMode, Bolt, BoltOutput, Collector, ComponentError, Lineage, Tuple, TupleSource};

use std::sync::Arc;

use crate::batch::Batch;
use crate::call::Role;
use crate::counters::InputCounts;
use crate::hold::OVERLONG;
use crate::ledger::FLAG_FAIL;
use crate::outbound::Outbound;
use crate::task::{ACTIVATION, Death, LocalTask, Program, Sources, Surroundings};

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
}

/// Rows per activation.
const ROWS: usize = 256;
/// Rows between two looks at the clock.
const CHUNK: usize = 32;

impl BoltState {
    pub(crate) fn new(bolt: Box<dyn Bolt>, blocking: bool) -> BoltState {
        BoltState { bolt, mode: AckMode::Auto, blocking, waits: Waits::ForInput, row: 0, extra: 0 }
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
        let started = out.tick_clock();
        let mut before = started;
        let mut total = 0;
        while total < ROWS {
            let Some(batch) = queue.front() else { break };
            let source = sources.get(batch.stream, batch.from);
            let chunk = if state.blocking { 1 } else { CHUNK };
            let end = batch.rows.len().min(state.row + chunk);
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
            if after - started >= ACTIVATION {
                break;
            }
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
    let auto = state.mode == AckMode::Auto;
    let received = out.now;
    let BoltState { bolt, row, extra, .. } = state;
    // One guard for many rows: entering it costs as much as a small tuple.
    around.guard(out, Role::Bolt { input: None }, |call| {
        while *row < end {
            if !bolt.ready() {
                ran.ready = false;
                break;
            }
            let lineage = batch.lineage_of(*row, extra, received);
            let tuple = Tuple::new(&batch.rows, *row, source, &lineage);
            *row += 1;
            ran.executed += 1;
            let mut call = call.with_role(Role::Bolt { input: auto.then_some(&lineage) });
            let result = bolt.execute(&tuple, &mut BoltOutput::new(&mut call));
            match result {
                Ok(()) if auto => {
                    if lineage.settle() {
                        call.contribute_all(&lineage, 0);
                        ran.acked += 1;
                    }
                }
                Ok(()) => {}
                Err(e) if e.is_fatal() => {
                    ran.error = Some(e);
                    break;
                }
                Err(e) => ran.failed += u64::from(fail_row(&mut call, &lineage, &e)),
            }
            if call.fault.is_some() {
                break;
            }
        }
        Ok(())
    })?;
    Ok(ran)
}

#[cold]
fn fail_row(call: &mut crate::call::Call<'_>, lineage: &Lineage, error: &ComponentError) -> bool {
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
