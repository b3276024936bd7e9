//! `file`: tuples appended to a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::component::{AckMode, Bolt, ComponentError};
use crate::context::{TaskContext, Waker};
use crate::output::BoltOutput;
use crate::tuple::{OwnedTuple, Tuple};
use crate::value::ValueRef;

const FLUSH_BYTES: usize = 64 << 10;
const FLUSH_TUPLES: usize = 1024;

/// Appends each tuple as a line of values separated by tabs, and acks it once the line is in the file.
///
/// A line that was cut off when the worker died has not been acked, so it comes again: it is removed when the file is opened.
pub struct FileBolt {
    configured: PathBuf,
    open: Option<Open>,
    lines: Vec<u8>,
    tuples: Vec<OwnedTuple>,
}

struct Open {
    path: PathBuf,
    file: File,
    /// Everything up to here is whole lines.
    length: u64,
    waker: Waker,
}

impl FileBolt {
    /// A sink for this path.
    pub fn new(path: impl Into<PathBuf>) -> FileBolt {
        FileBolt { configured: path.into(), open: None, lines: Vec::new(), tuples: Vec::new() }
    }

    fn flush(&mut self, out: &mut BoltOutput<'_>) {
        if self.tuples.is_empty() {
            return;
        }
        let Some(open) = &mut self.open else { return };
        match open.append(&self.lines) {
            Ok(()) => self.tuples.drain(..).for_each(|t| out.ack(&t)),
            Err(e) => {
                out.report_error(&format!("cannot write to {}: {e}", open.path.display()));
                self.tuples.drain(..).for_each(|t| out.fail(&t));
            }
        }
        self.lines.clear();
    }
}

impl Open {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let Err(full) = self.file.write_all(lines) else {
            self.length += lines.len() as u64;
            return Ok(());
        };
        // Half of it may be there (a full disk); it will come again, so it goes.
        match self.file.set_len(self.length) {
            Ok(()) => Err(full),
            Err(e) => Err(io::Error::other(format!("{full}; the part that was written cannot be removed: {e}"))),
        }
    }
}

impl Bolt for FileBolt {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let mut path = self.configured.clone();
        if ctx.component_tasks.len() > 1 {
            path.as_mut_os_string().push(format!(".{}", ctx.task_index));
        }
        let (file, length) = open_whole_lines(&path)
            .map_err(|e| ComponentError::fatal(format!("cannot open {} to append to it: {e}", path.display())))?;
        self.open = Some(Open { path, file, length, waker: ctx.waker() });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if tuple.is_tick() {
            out.ack(tuple);
            return Ok(());
        }
        write_row(tuple, &mut self.lines);
        self.tuples.push(tuple.to_owned());
        if self.lines.len() >= FLUSH_BYTES || self.tuples.len() >= FLUSH_TUPLES {
            self.flush(out);
        } else if self.tuples.len() == 1 {
            // What gathers until the engine has handed out its batch is written together.
            if let Some(open) = &self.open {
                open.waker.wake();
            }
        }
        Ok(())
    }

    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.flush(out);
        Ok(())
    }

    fn ack_mode(&self) -> AckMode {
        AckMode::Manual
    }
}

/// Opens for appending, after the last whole line.
fn open_whole_lines(path: &Path) -> io::Result<(File, u64)> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let size = file.metadata()?.len();
    let length = last_line_end(&mut file, size)?;
    if length < size {
        tracing::warn!(path = %path.display(), bytes = size - length, "removed the last line, which was cut off");
        file.set_len(length)?;
    }
    Ok((file, length))
}

fn last_line_end(file: &mut File, size: u64) -> io::Result<u64> {
    const STEP: u64 = 8192;
    let mut end = size;
    let mut buffer = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        buffer.clear();
        (&mut *file).take(end - start).read_to_end(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// One line: values separated by tabs; bytes as they are. Line feeds inside a value are written `\n`.
pub(super) fn write_row(tuple: &Tuple<'_>, line: &mut Vec<u8>) {
    for (i, value) in tuple.values().enumerate() {
        if i > 0 {
            line.push(b'\t');
        }
        let start = line.len();
        match value {
            ValueRef::Str(v) => line.extend_from_slice(v.as_bytes()),
            ValueRef::Bytes(v) => line.extend_from_slice(v),
            other => line.extend_from_slice(other.to_string().as_bytes()),
        }
        if line[start..].contains(&b'\n') {
            let raw = line.split_off(start);
            for b in raw {
                if b == b'\n' {
                    line.extend_from_slice(b"\\n");
                } else {
                    line.push(b);
                }
            }
        }
    }
    line.push(b'\n');
}
