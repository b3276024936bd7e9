//! A log on disk: older parts that were rolled away and compressed, the file that grows, and where we are in them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use super::entry::{Entry, stamp};
use super::error::LogError;

/// A line beyond this is shown in parts, so that a file without line ends costs little memory.
const LONGEST: u64 = 256 << 10;
/// A trace beyond this is shown in parts. With one more line, each of whose bytes may become three when they are no text,
/// it fits into what the clients of an agent take at once.
const LONGEST_ENTRY: usize = 1 << 20;

pub struct Source {
    label: String,
    path: PathBuf,
    /// Seconds by which local time is ahead of UTC.
    offset_secs: i64,
    /// Older parts that are still to be read, oldest first.
    older: VecDeque<PathBuf>,
    part: Option<Box<dyn BufRead + Send>>,
    file: Option<Growing>,
    /// A line whose end is not written yet.
    rest: Vec<u8>,
    /// The entry whose lines are being read.
    pending: Option<Entry>,
    last_millis: i64,
}

struct Growing {
    reader: BufReader<File>,
    inode: u64,
    at: u64,
}

impl Source {
    /// Older parts are read as well if they were written to after `since`.
    pub fn new(label: &str, path: PathBuf, since: Option<SystemTime>, offset_secs: i64) -> Source {
        let older = older_parts(&path, since);
        let (label, rest) = (label.to_owned(), Vec::new());
        Source { label, path, offset_secs, older, part: None, file: None, rest, pending: None, last_millis: 0 }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    /// The next entry; `None` when there is none for now.
    pub fn next(&mut self) -> Result<Option<Entry>, LogError> {
        loop {
            let Some(line) = self.line()? else {
                // Whoever follows wants to see it now; what is written to it later is an entry of its own.
                return Ok(self.pending.take());
            };
            match stamp(&line, self.offset_secs) {
                None if self.pending.as_ref().is_some_and(|p| p.text.len() < LONGEST_ENTRY) => {
                    if let Some(pending) = &mut self.pending {
                        pending.text.push('\n');
                        pending.text.push_str(&line);
                    }
                }
                own => {
                    self.last_millis = own.unwrap_or(self.last_millis);
                    let new = Entry { millis: self.last_millis, label: self.label.clone(), text: line };
                    if let Some(done) = self.pending.replace(new) {
                        return Ok(Some(done));
                    }
                }
            }
        }
    }

    /// The next complete line.
    fn line(&mut self) -> Result<Option<String>, LogError> {
        loop {
            if self.part.is_none() && !self.older.is_empty() {
                self.open_part();
                continue;
            }
            if let Some(part) = &mut self.part {
                // A part that was cut off, as by a full disk, is read as far as it goes.
                if part.take(LONGEST).read_until(b'\n', &mut self.rest).unwrap_or(0) == 0 {
                    self.part = None;
                    if self.rest.is_empty() {
                        continue;
                    }
                }
                return Ok(Some(self.take_line()));
            }
            if self.more()? == 0 && !self.reopened()? {
                return Ok(None);
            }
            if self.rest.ends_with(b"\n") || self.rest.len() as u64 >= LONGEST {
                return Ok(Some(self.take_line()));
            }
        }
    }

    fn open_part(&mut self) {
        let Some(path) = self.older.pop_front() else { return };
        // One that was removed meanwhile had its time.
        let Ok(file) = File::open(&path) else { return };
        self.part = Some(match path.extension().is_some_and(|e| e == "gz") {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(BufReader::new(file)),
        });
    }

    fn take_line(&mut self) -> String {
        let bytes = std::mem::take(&mut self.rest);
        let text = String::from_utf8_lossy(&bytes);
        text.trim_end_matches(['\n', '\r']).to_owned()
    }

    /// Reads on in the file that grows.
    fn more(&mut self) -> Result<u64, LogError> {
        let Some(growing) = &mut self.file else { return Ok(0) };
        let read = (&mut growing.reader).take(LONGEST).read_until(b'\n', &mut self.rest);
        let read = read.map_err(|source| LogError::Unreadable { path: self.path.clone(), source })? as u64;
        growing.at += read;
        Ok(read)
    }

    /// At the end of the file: whether there is another one now under its name, or it begins anew.
    fn reopened(&mut self) -> Result<bool, LogError> {
        let Ok(now) = fs::metadata(&self.path) else { return Ok(false) };
        if let Some(growing) = &self.file
            && growing.inode == now.ino()
            && growing.at <= now.len()
        {
            return Ok(false);
        }
        // What was written between our look and its new name.
        if self.file.as_ref().is_some_and(|g| g.inode != now.ino()) && self.more()? > 0 {
            return Ok(true);
        }
        // A line that was cut off by the change ends here.
        if !self.rest.is_empty() && !self.rest.ends_with(b"\n") {
            self.rest.push(b'\n');
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(LogError::Unreadable { path: self.path.clone(), source }),
        };
        let inode = file.metadata().map_or(now.ino(), |m| m.ino());
        self.file = Some(Growing { reader: BufReader::new(file), inode, at: 0 });
        Ok(true)
    }
}

/// `NAME.1`, `NAME.2.gz`, ... that were written to after `since`, oldest first. Log4j counts up and we count down, so
/// that only their times tell the order.
fn older_parts(path: &Path, since: Option<SystemTime>) -> VecDeque<PathBuf> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return VecDeque::new();
    };
    let mut parts: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let number = file.to_str().and_then(|f| f.strip_prefix(name)?.strip_prefix('.'));
        let number = number.map(|n| n.strip_suffix(".gz").unwrap_or(n));
        if !number.is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit())) {
            continue;
        }
        let Ok(written) = entry.metadata().and_then(|m| m.modified()) else { continue };
        if since.is_none_or(|since| written >= since) {
            parts.push((written, entry.path()));
        }
    }
    parts.sort();
    parts.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::Duration;

    fn all(source: &mut Source) -> Vec<String> {
        std::iter::from_fn(|| source.next().unwrap()).map(|e| e.text).collect()
    }

    fn old(path: &Path, secs: u64) {
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(secs)).unwrap();
    }

    #[test]
    fn a_rolled_file_is_followed_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        fs::write(&path, "1\n2\n").unwrap();
        let mut one = Source::new("w", path.clone(), None, 0);
        // Without times the whole file is one entry.
        assert_eq!(all(&mut one), ["1\n2"]);
        let mut writer = File::options().append(true).open(&path).unwrap();
        writer.write_all(b"late\nhalf").unwrap();
        fs::rename(&path, dir.path().join("w.1")).unwrap();
        fs::write(&path, "3\n").unwrap();
        assert_eq!(all(&mut one), ["late\nhalf\n3"]);
        fs::write(&path, "").unwrap();
        assert_eq!(all(&mut one), Vec::<String>::new());
        fs::write(&path, "4\nrest").unwrap();
        assert_eq!(all(&mut one), ["4"]);
        File::options().append(true).open(&path).unwrap().write_all(b" of it\n").unwrap();
        assert_eq!(all(&mut one), ["rest of it"]);
        fs::remove_file(&path).unwrap();
        assert_eq!(all(&mut one), Vec::<String>::new());
    }

    #[test]
    fn older_parts_come_first_compressed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        let line = |n: u32| format!("2026-08-02T10:00:0{n}.000Z {n}\n");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(line(1).as_bytes()).unwrap();
        fs::write(dir.path().join("w.7.gz"), gz.finish().unwrap()).unwrap();
        fs::write(dir.path().join("w.1"), line(2)).unwrap();
        fs::write(dir.path().join("w.err"), "no part").unwrap();
        old(&dir.path().join("w.7.gz"), 900);
        old(&dir.path().join("w.1"), 300);
        fs::write(&path, line(3)).unwrap();
        let ends = |since| {
            let mut source = Source::new("w", path.clone(), since, 0);
            all(&mut source).iter().map(|t| t[t.len() - 1..].to_owned()).collect::<String>()
        };
        assert_eq!(ends(None), "123");
        assert_eq!(ends(Some(SystemTime::now() - Duration::from_secs(600))), "23");
        fs::write(dir.path().join("w.7.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
        old(&dir.path().join("w.7.gz"), 900);
        assert_eq!(ends(None), "23", "a part that is cut off hides no other");
    }

    #[test]
    fn a_file_without_line_ends_costs_little() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        fs::write(&path, vec![b'x'; 3 * LONGEST as usize]).unwrap();
        let mut source = Source::new("w", path, None, 0);
        let read: usize = all(&mut source).iter().map(|t| t.replace('\n', "").len()).sum();
        assert_eq!(read, 3 * LONGEST as usize);
    }
}
