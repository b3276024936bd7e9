//! `lines`: the lines of files, each until it has been acked.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::component::{ComponentError, MessageId, Progress, Spout};
use crate::context::TaskContext;
use crate::output::SpoutOutput;
use crate::value::ValueRef;

/// What is read at once; a longer line makes its block longer.
const BLOCK: usize = 128 << 10;
/// Blocks with lines that are not acked yet; at this size no more is read.
const HELD: usize = 64 << 20;
/// Lines that are not acked yet; at this number no more are emitted.
const UNACKED: usize = 1 << 20;
/// A longer line is an error.
const LONGEST_LINE: usize = 512 << 20;

/// Emits the lines of files, without their line feeds, as text where they are UTF-8 and as bytes where not.
///
/// A failed line is emitted again. After the last line the spout stays idle (or starts over, with `repeat`). The files
/// are shared out among the tasks by their position in the list.
pub struct LinesSpout {
    files: Vec<String>,
    repeat: bool,
    source: Source,
    blocks: VecDeque<Block>,
    first_block: u64,
    /// Blocks' bytes that are held, together.
    held: usize,
    /// Position in the last block of what has not been emitted.
    next: usize,
    lines: VecDeque<Line>,
    first_line: u64,
    failed: VecDeque<u64>,
}

struct Block {
    bytes: Vec<u8>,
    /// Lines that are not acked; the bytes go when there are none and the block is not the last.
    waiting: usize,
}

#[derive(Clone, Copy)]
struct Line {
    block: u64,
    start: usize,
    end: usize,
    acked: bool,
}

impl LinesSpout {
    /// A spout over these files; `-` is the standard input.
    pub fn new(files: Vec<String>, repeat: bool) -> LinesSpout {
        LinesSpout {
            files,
            repeat,
            source: Source::default(),
            blocks: VecDeque::new(),
            first_block: 0,
            held: 0,
            next: 0,
            lines: VecDeque::new(),
            first_line: 0,
            failed: VecDeque::new(),
        }
    }

    fn block(&mut self, number: u64) -> Option<&mut Block> {
        let index = number.checked_sub(self.first_block)?;
        self.blocks.get_mut(usize::try_from(index).ok()?)
    }

    fn line(&mut self, number: u64) -> Option<&mut Line> {
        let index = number.checked_sub(self.first_line)?;
        self.lines.get_mut(usize::try_from(index).ok()?)
    }

    fn emit(&mut self, number: u64, line: Line, out: &mut SpoutOutput<'_>) {
        let Some(block) = self.block(line.block) else { return };
        let bytes = &block.bytes[line.start..line.end];
        let value = std::str::from_utf8(bytes).map_or(ValueRef::Bytes(bytes), ValueRef::Str);
        out.emit_reliable(&[value], number);
    }

    /// The next line that has not been emitted; `None` when there is none (now).
    fn take_line(&mut self) -> Result<Option<Line>, ComponentError> {
        loop {
            if let Some(last) = self.blocks.back_mut() {
                let rest = &last.bytes[self.next..];
                if !rest.is_empty() {
                    let (length, skip) = match rest.iter().position(|b| *b == b'\n') {
                        Some(n) => (n, n + 1),
                        None => (rest.len(), rest.len()),
                    };
                    let start = self.next;
                    self.next += skip;
                    last.waiting += 1;
                    let block = self.first_block + self.blocks.len() as u64 - 1;
                    return Ok(Some(Line { block, start, end: start + length, acked: false }));
                }
            }
            if self.held >= HELD {
                return Ok(None);
            }
            let Some(bytes) = self.source.read_block(self.repeat)? else { return Ok(None) };
            self.free_acked();
            self.held += bytes.len();
            self.next = 0;
            self.blocks.push_back(Block { bytes, waiting: 0 });
        }
    }

    /// Lets go of blocks whose lines are all acked. Called when the last block has been emitted, and by acks.
    fn free_acked(&mut self) {
        while let Some(block) = self.blocks.front() {
            let unread = self.blocks.len() == 1 && self.next < block.bytes.len();
            if block.waiting > 0 || unread {
                return;
            }
            self.held -= block.bytes.len();
            self.blocks.pop_front();
            self.first_block += 1;
        }
    }
}

impl Spout for LinesSpout {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let tasks = ctx.component_tasks.len().max(1);
        let mine = self.files.iter().skip(ctx.task_index).step_by(tasks).cloned().collect();
        self.source = Source { files: mine, ..Source::default() };
        self.source.check()
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        if let Some(number) = self.failed.pop_front() {
            if let Some(line) = self.line(number).copied().filter(|l| !l.acked) {
                self.emit(number, line, out);
            }
            return Ok(Progress::Emitted);
        }
        if self.lines.len() >= UNACKED {
            return Ok(Progress::Exhausted);
        }
        match self.take_line()? {
            Some(line) => {
                let number = self.first_line + self.lines.len() as u64;
                self.lines.push_back(line);
                self.emit(number, line, out);
                Ok(Progress::Emitted)
            }
            None => Ok(Progress::Exhausted),
        }
    }

    fn ack(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let line = id.number().and_then(|number| self.line(number)).filter(|l| !l.acked);
        let Some(line) = line else { return Ok(()) };
        line.acked = true;
        let block = line.block;
        if let Some(block) = self.block(block) {
            block.waiting -= 1;
        }
        while self.lines.front().is_some_and(|l| l.acked) {
            self.lines.pop_front();
            self.first_line += 1;
        }
        self.free_acked();
        Ok(())
    }

    fn fail(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.failed.extend(id.number());
        Ok(())
    }

    fn blocking(&self) -> bool {
        self.files.iter().any(|f| f == "-")
    }
}

/// The files one after another, in blocks that end at line ends.
#[derive(Default)]
struct Source {
    files: Vec<String>,
    /// The file that is open or comes next.
    at: usize,
    open: Option<Box<dyn Read + Send>>,
    /// Read, but the line is not complete.
    rest: Vec<u8>,
    /// Something was read since the list was started; a list without lines must not be repeated for ever.
    productive: bool,
}

impl Source {
    /// All files can be opened, so that a wrong path is known at once and not after hours.
    fn check(&self) -> Result<(), ComponentError> {
        for path in self.files.iter().filter(|f| *f != "-") {
            let file = File::open(path).map_err(|e| cannot(path, "opened", &e))?;
            if file.metadata().is_ok_and(|m| m.is_dir()) {
                return Err(ComponentError::fatal(format!("{path} is a folder; name the files in it")));
            }
        }
        Ok(())
    }

    fn read_block(&mut self, repeat: bool) -> Result<Option<Vec<u8>>, ComponentError> {
        loop {
            if self.open.is_none() && !self.open_next(repeat)? {
                return Ok(None);
            }
            let (Some(reader), Some(path)) = (&mut self.open, self.files.get(self.at)) else { return Ok(None) };
            let known = self.rest.len();
            self.rest.resize(known + BLOCK.max(known), 0);
            // One read, not until the block is full: a pipe may give its lines one by one.
            let read = loop {
                match reader.read(&mut self.rest[known..]) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    done => break done,
                }
            };
            let read = read.map_err(|e| cannot(path, "read", &e))?;
            self.rest.truncate(known + read);
            if read == 0 {
                self.open = None;
                self.at += 1;
                if self.rest.is_empty() {
                    continue;
                }
                self.productive = true;
                return Ok(Some(std::mem::take(&mut self.rest)));
            }
            match self.rest[known..].iter().rposition(|b| *b == b'\n') {
                Some(n) => {
                    let rest = self.rest.split_off(known + n + 1);
                    self.productive = true;
                    return Ok(Some(std::mem::replace(&mut self.rest, rest)));
                }
                None if self.rest.len() > LONGEST_LINE => {
                    let limit = LONGEST_LINE >> 20;
                    return Err(ComponentError::fatal(format!("{path} has a line of more than {limit} MiB")));
                }
                None => {}
            }
        }
    }

    fn open_next(&mut self, repeat: bool) -> Result<bool, ComponentError> {
        if self.at >= self.files.len() {
            if !(repeat && self.productive) {
                return Ok(false);
            }
            self.at = 0;
            self.productive = false;
        }
        let path = &self.files[self.at];
        self.open = Some(if path == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|e| cannot(path, "opened", &e))?)
        });
        Ok(true)
    }
}

fn cannot(path: &str, what: &str, e: &io::Error) -> ComponentError {
    let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    ComponentError::fatal(format!("{} cannot be {what}: {e}", path.display()))
}
