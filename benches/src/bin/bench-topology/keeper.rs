//! A reliable source: it keeps each text until it was acked, sends it again when it failed, and remembers beyond its own death
//! what it has sent. So in the end every text that was ever sent must have been acked, whatever died meanwhile.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use storm::prelude::*;
use storm_benches::clock;
use storm_benches::load::Load;
use storm_benches::meter::{Meter, TaskMeter};
use storm_tests::kept::Kept;
use storm_tests::position::Position;

/// So many texts may be sent before the position is written again.
const AHEAD: u64 = 1 << 16;

pub struct Keeper {
    texts: &'static [&'static str],
    running: Option<Running>,
}

impl Keeper {
    pub fn new(texts: &'static [&'static str]) -> Keeper {
        Keeper { texts, running: None }
    }
}

struct Running {
    rate: Option<u64>,
    /// When it was first asked.
    start: u64,
    sent: u64,
    kept: Kept,
    position: Position,
    file: PathBuf,
    meter: Arc<TaskMeter>,
}

impl Running {
    /// Writes down what the next life has to know, before anything is sent that it would not.
    fn write(&mut self, promised: u64, settled: bool) -> io::Result<()> {
        self.position = Position { base: self.kept.base(), promised, settled, ..self.position };
        self.position.write(&self.file)
    }

    /// The next text, if it is its time.
    fn fresh(&mut self) -> Result<Result<u64, Progress>, ComponentError> {
        if let Some(rate) = self.rate {
            let now = clock::nanos();
            if self.start == 0 {
                self.start = now;
            }
            let due = self.start + (u128::from(self.sent) * 1_000_000_000 / u128::from(rate)) as u64;
            if due > now {
                return Ok(Err(Progress::IdleUntil(Instant::now() + Duration::from_nanos(due - now))));
            }
        }
        if self.kept.next() == self.position.promised {
            self.write(self.position.promised + AHEAD, false)?;
        }
        let id = self.kept.fresh();
        self.sent += u64::from(id.is_some());
        Ok(id.ok_or(Progress::Exhausted))
    }
}

impl Spout for Keeper {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let load = Load::read(&ctx.conf)?;
        let file = Position::file(&load.dir);
        let position = Position::read(&file)?;
        let meter = Meter::of_process(&load.dir).map_err(ComponentError::fatal)?.task(&ctx.component_id, ctx.task_id);
        let kept = Kept::resume(position.base, position.promised);
        self.running = Some(Running { rate: load.rate, start: 0, sent: 0, kept, position, file, meter });
        Ok(())
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let Some(running) = &mut self.running else { return Ok(Progress::Exhausted) };
        let id = match running.kept.again() {
            Some(id) => id,
            None if running.meter.stopped() => {
                if running.kept.is_settled() && !running.position.settled {
                    running.write(running.kept.next(), true)?;
                }
                return Ok(Progress::Idle);
            }
            None => match running.fresh()? {
                Ok(id) => id,
                Err(progress) => return Ok(progress),
            },
        };
        let text = self.texts[(id % self.texts.len() as u64) as usize];
        out.emit_reliable(values![text], id);
        running.meter.emitted();
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        if let (Some(running), Some(id)) = (&mut self.running, id.number()) {
            running.position.strange += u64::from(!running.kept.ack(id));
            running.meter.acked();
        }
        Ok(())
    }

    fn fail(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        if let (Some(running), Some(id)) = (&mut self.running, id.number()) {
            running.position.strange += u64::from(!running.kept.fail(id));
            running.meter.failed();
        }
        Ok(())
    }
}
