//! The components.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use storm::prelude::*;
use storm_tests::kept::Kept;
use storm_tests::position::Position;
use storm_tests::word_count::{HOLD, STOP, record, recording, sentence};

/// How often a component looks whether it was told something.
const LOOK: Duration = Duration::from_millis(20);
/// So many sentences may be sent before the position is written again.
const AHEAD: u64 = 1 << 12;

fn folder(ctx: &TaskContext) -> Result<PathBuf, ComponentError> {
    let dir = ctx.conf.get("word.count.dir").and_then(|dir| dir.as_str());
    dir.map(PathBuf::from).ok_or_else(|| ComponentError::fatal("word.count.dir is not set"))
}

/// Whether a file is there, asked of the disk not more often than makes sense.
struct Told {
    file: PathBuf,
    asked: Instant,
    there: bool,
}

impl Told {
    fn new(file: PathBuf) -> Told {
        Told { there: file.exists(), file, asked: Instant::now() }
    }

    fn is_there(&mut self) -> bool {
        if self.asked.elapsed() >= LOOK {
            self.there = self.file.exists();
            self.asked = Instant::now();
        }
        self.there
    }
}

/// Emits numbered sentences as fast as it is asked, or so many a second (`word.count.per.second`), until it is told to stop.
pub struct Source(pub Option<Sending>);

pub struct Sending {
    kept: Kept,
    position: Position,
    file: PathBuf,
    stop: Told,
    per_second: Option<u64>,
    /// Since when, and how many.
    fresh: (Instant, u64),
}

impl Sending {
    fn is_early(&self) -> bool {
        let (since, sent) = self.fresh;
        let due = |rate: u64| u128::from(rate) * since.elapsed().as_millis() / 1000;
        self.per_second.is_some_and(|rate| u128::from(sent) > due(rate))
    }

    fn write(&mut self, promised: u64, settled: bool) -> io::Result<()> {
        self.position = Position { base: self.kept.base(), promised, settled, ..self.position };
        self.position.write(&self.file)
    }
}

impl Spout for Source {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let dir = folder(ctx)?;
        let file = Position::file(&dir);
        let position = Position::read(&file)?;
        let kept = Kept::resume(position.base, position.promised);
        let per_second = ctx.conf.get("word.count.per.second").and_then(|rate| rate.as_u64());
        let stop = Told::new(dir.join(STOP));
        self.0 = Some(Sending { kept, position, file, stop, per_second, fresh: (Instant::now(), 0) });
        Ok(())
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let Some(sending) = &mut self.0 else { return Ok(Progress::Exhausted) };
        let number = match sending.kept.again() {
            Some(number) => number,
            None if sending.stop.is_there() => {
                if sending.kept.is_settled() && !sending.position.settled {
                    sending.write(sending.kept.next(), true)?;
                }
                return Ok(Progress::Idle);
            }
            None if sending.is_early() => return Ok(Progress::Idle),
            None => {
                sending.fresh.1 += 1;
                if sending.kept.next() == sending.position.promised {
                    sending.write(sending.position.promised + AHEAD, false)?;
                }
                match sending.kept.fresh() {
                    Some(number) => number,
                    None => return Ok(Progress::Exhausted),
                }
            }
        };
        out.emit_reliable(values![number as i64, sentence(number)], number);
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        if let (Some(sending), Some(number)) = (&mut self.0, id.number()) {
            sending.position.strange += u64::from(!sending.kept.ack(number));
        }
        Ok(())
    }

    fn fail(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        if let (Some(sending), Some(number)) = (&mut self.0, id.number()) {
            sending.position.strange += u64::from(!sending.kept.fail(number));
        }
        Ok(())
    }
}

/// Splits sentences into words, each with its sentence's number and its place there.
pub struct Split;

impl Bolt for Split {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let number = tuple.int(0)?;
        for (place, word) in tuple.str(1)?.split(' ').enumerate() {
            out.emit(values![word, number, place as i64]);
        }
        Ok(())
    }
}

/// Writes each word down before it is acked. Takes none while it is told to hold.
pub struct Record(pub Option<Recording>);

pub struct Recording {
    file: File,
    hold: Told,
}

fn create(dir: &Path, task: i32) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(dir.join(recording(task, std::process::id())))
}

impl Bolt for Record {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let dir = folder(ctx)?;
        self.0 = Some(Recording { file: create(&dir, ctx.task_id)?, hold: Told::new(dir.join(HOLD)) });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let Some(recording) = &mut self.0 else { return Err(ComponentError::fatal("not prepared")) };
        while recording.hold.is_there() {
            std::thread::sleep(LOOK);
        }
        recording.file.write_all(&record(tuple.int(1)? as u64, tuple.int(2)? as u64))?;
        Ok(())
    }

    fn blocking(&self) -> bool {
        true
    }
}
