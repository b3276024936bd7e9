//! A log file that is rolled by size, with its older parts compressed, as Storm's log4j2 does it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Storm's worker.xml: 100 MB, then `worker.log.1.gz` to `.9.gz`, the highest number being the newest.
pub(crate) const MAX_BYTES: u64 = 100 << 20;
pub(crate) const MAX_FILES: u32 = 9;

pub(crate) struct RollingFile {
    path: PathBuf,
    file: File,
    written: u64,
    max_bytes: u64,
    max_files: u32,
    /// Compressing takes seconds, which whoever logs must not wait for.
    compressing: Option<JoinHandle<io::Result<()>>>,
}

impl RollingFile {
    pub fn open(path: &Path, max_bytes: u64, max_files: u32) -> io::Result<RollingFile> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(RollingFile {
            path: path.to_owned(),
            file,
            written,
            max_bytes,
            max_files: max_files.max(1),
            compressing: None,
        })
    }

    fn roll(&mut self) -> io::Result<()> {
        self.settle()?;
        let plain = with_suffix(&self.path, "rolled");
        fs::rename(&self.path, &plain)?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.written = 0;
        let (path, max) = (self.path.clone(), self.max_files);
        let thread = std::thread::Builder::new().name("log-gzip".to_owned());
        self.compressing = Some(thread.spawn(move || archive(&path, &plain, max))?);
        Ok(())
    }

    /// Waits for the compression under way.
    fn settle(&mut self) -> io::Result<()> {
        match self.compressing.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_panic)) => Err(io::Error::other("the thread that compresses logs panicked")),
        }
    }
}

impl Write for RollingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = self.written > 0 && self.written + line.len() as u64 > self.max_bytes;
        if full && let Err(error) = self.roll() {
            // Going on in the full file loses nothing; the log is the only place to say so.
            self.written = 0;
            let notice = format!("cannot roll {}: {error}\n", self.path.display());
            self.file.write_all(notice.as_bytes())?;
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for RollingFile {
    fn drop(&mut self) {
        if let Err(error) = self.settle() {
            tracing::debug!(%error, "log not compressed");
        }
    }
}

/// Gives the rolled file the next number; with all numbers taken the oldest goes and the others move down.
fn archive(path: &Path, plain: &Path, max: u32) -> io::Result<()> {
    let numbered = |n: u32| with_suffix(path, &format!("{n}.gz"));
    let mut next = (1..=max).rev().find(|n| numbered(*n).exists()).map_or(1, |n| n + 1);
    if next > max {
        for n in 1..max {
            if numbered(n + 1).exists() {
                fs::rename(numbered(n + 1), numbered(n))?;
            }
        }
        next = max;
    }
    let target = numbered(next);
    let half = with_suffix(path, "gz.tmp");
    let mut encoder = GzEncoder::new(File::create(&half)?, Compression::fast());
    io::copy(&mut File::open(plain)?, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::rename(half, target)?;
    fs::remove_file(plain)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn unpacked(path: &Path) -> String {
        let mut text = String::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_newest_parts_stay_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs").join("worker.log");
        let mut log = RollingFile::open(&path, 10, 3).unwrap();
        for n in 0..6 {
            writeln!(log, "line {n}..").unwrap();
        }
        drop(log);
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 5..\n");
        let parts: Vec<_> = (1..=3).map(|n| unpacked(&with_suffix(&path, &format!("{n}.gz")))).collect();
        assert_eq!(parts, ["line 2..\n", "line 3..\n", "line 4..\n"]);
        assert_eq!(fs::read_dir(dir.path().join("logs")).unwrap().count(), 4, "nothing else is left");
    }

    #[test]
    fn a_log_goes_on_where_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        writeln!(RollingFile::open(&path, 100, 2).unwrap(), "before").unwrap();
        writeln!(RollingFile::open(&path, 100, 2).unwrap(), "after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\n");
        writeln!(RollingFile::open(&path, 10, 2).unwrap(), "later").unwrap();
        assert_eq!(unpacked(&with_suffix(&path, "1.gz")), "before\nafter\n");
    }
}
