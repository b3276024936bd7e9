//! The source of every topology: texts in turn, as fast as asked or each at its time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use storm::prelude::*;
use storm_benches::clock;
use storm_benches::load::Load;
use storm_benches::meter::{Meter, TaskMeter};

/// Of tuples emitted as fast as possible one in so many has its latency taken. (With a rate, every one.)
const TIMED: u64 = 16;
/// Marks the message id of a tuple whose latency is not taken. All others are the time from which it counts.
const UNTIMED: u64 = 1 << 63;

pub struct Texts {
    texts: &'static [&'static str],
    running: Option<Running>,
}

impl Texts {
    pub fn new(texts: &'static [&'static str]) -> Texts {
        Texts { texts, running: None }
    }
}

struct Running {
    ack: bool,
    rate: Option<u64>,
    /// When it was first asked.
    start: u64,
    sent: u64,
    next: usize,
    meter: Arc<TaskMeter>,
}

impl Spout for Texts {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let load = Load::read(&ctx.conf)?;
        let meter = Meter::of_process(&load.dir).map_err(ComponentError::fatal)?.task(&ctx.component_id, ctx.task_id);
        self.running = Some(Running { ack: load.ack, rate: load.rate, start: 0, sent: 0, next: 0, meter });
        Ok(())
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let Some(running) = &mut self.running else { return Ok(Progress::Exhausted) };
        if running.meter.stopped() {
            return Ok(Progress::Idle);
        }
        let from = match running.rate {
            None if running.sent.is_multiple_of(TIMED) && running.ack => clock::nanos(),
            None => UNTIMED | running.sent,
            Some(0) => return Ok(Progress::Idle),
            Some(rate) => {
                let now = clock::nanos();
                if running.start == 0 {
                    running.start = now;
                }
                // Its time, whenever it is really emitted.
                let due = running.start + (running.sent as u128 * 1_000_000_000 / u128::from(rate)) as u64;
                if due > now {
                    return Ok(Progress::IdleUntil(Instant::now() + Duration::from_nanos(due - now)));
                }
                due
            }
        };
        let text = self.texts[running.next];
        running.next = if running.next + 1 == self.texts.len() { 0 } else { running.next + 1 };
        if running.ack {
            out.emit_reliable(values![text], from);
        } else {
            out.emit(values![text]);
        }
        running.sent += 1;
        running.meter.emitted();
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        if let (Some(running), Some(from)) = (&self.running, id.number()) {
            running.meter.acked();
            if from & UNTIMED == 0 {
                running.meter.latency(clock::nanos().saturating_sub(from));
            }
        }
        Ok(())
    }

    fn fail(&mut self, _: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        if let Some(running) = &self.running {
            running.meter.failed();
        }
        Ok(())
    }
}
