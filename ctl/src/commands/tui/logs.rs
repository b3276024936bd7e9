//! The logs of this host's workers and daemons, from their last part on; and of those of other hosts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use storm_conf::Conf;
use storm_tui::data::{LogBatch, LogLine};
use storm_tui::{Answer, Data, Source, Trouble};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::fleet::Lines;
use super::sources::now_ms;
use crate::agents::Ways;
use crate::cli::Role;
use crate::context::Context;

const LOOK: Duration = Duration::from_millis(100);
/// How much of what was written before is shown of each file.
const BEFORE: u64 = 128 << 10;
/// The most that is taken from one file at a time.
const CHUNK: u64 = 1 << 20;
/// A line beyond this is shown in parts.
const LONGEST: usize = 16 << 10;
/// Lines of one batch; more of them are counted, and not shown.
const MOST: usize = 5000;
/// Looks between two searches for new files, and between two signs of life.
const SEARCH: u32 = 10;

pub async fn follow(answers: Sender<Answer>, ctx: Arc<Context>, ways: Option<Arc<Ways>>, topology: Option<String>) {
    let source = Source::Logs { topology: topology.clone() };
    let mut elsewhere = Lines::follow(ctx.clone(), ways, topology.as_deref());
    let mut follower = Follower { conf: ctx.conf.clone(), topology, tails: BTreeMap::new(), anew: true };
    let (mut looks, mut dropped) = (0u32, 0);
    loop {
        let searching = looks.is_multiple_of(SEARCH);
        looks = looks.wrapping_add(1);
        let work = tokio::task::spawn_blocking(move || {
            let batch = follower.look(searching);
            (follower, batch)
        });
        let (back, batch) = match work.await {
            Ok(done) => done,
            // Whoever watches this task tells what broke it.
            Err(broken) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
            Err(_) => return,
        };
        follower = back;
        let result = match batch {
            Ok(mut batch) => {
                let told = elsewhere.take(MOST);
                if !told.is_empty() {
                    batch.lines.extend(told);
                    batch.lines.sort_by(|a, b| a.time.cmp(&b.time));
                }
                batch.dropped += dropped;
                if batch.lines.is_empty() && batch.dropped == 0 && !searching {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                Ok(Data::Logs(batch))
            }
            Err(cause) => Err(Trouble { cause, retry_in_ms: LOOK.as_millis() as u64 }),
        };
        let answer = Answer { source: source.clone(), at_ms: now_ms(), result };
        // A screen that cannot follow misses lines, and says how many; it never holds up anything.
        match answers.try_send(answer) {
            Ok(()) => dropped = 0,
            Err(TrySendError::Full(lost)) => {
                if let Ok(Data::Logs(batch)) = lost.result {
                    dropped = batch.dropped + batch.lines.len() as u64;
                    follower.anew |= batch.anew;
                }
            }
            Err(TrySendError::Closed(_)) => return,
        }
        tokio::time::sleep(LOOK).await;
    }
}

struct Follower {
    conf: Conf,
    /// A topology by name or id, or a daemon; `None` is all of them.
    topology: Option<String>,
    tails: BTreeMap<PathBuf, Tail>,
    /// Nothing was told yet.
    anew: bool,
}

impl Follower {
    fn look(&mut self, searching: bool) -> Result<LogBatch, String> {
        if searching {
            self.search()?;
        }
        let mut lines = Vec::new();
        for (path, tail) in &mut self.tails {
            tail.more(path, &mut lines).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        }
        // Stable: what one worker wrote stays in its order.
        lines.sort_by(|a: &LogLine, b| a.time.cmp(&b.time));
        let dropped = lines.len().saturating_sub(MOST);
        lines.drain(..dropped);
        let anew = std::mem::take(&mut self.anew);
        Ok(LogBatch { lines, dropped: dropped as u64, files: self.tails.len(), anew })
    }

    fn search(&mut self) -> Result<(), String> {
        let root = self.conf.artifacts_dir();
        let mut found: Vec<(PathBuf, String)> = Vec::new();
        let daemon = self.topology.as_ref().and_then(|name| Role::ALL.into_iter().find(|role| role.name() == name));
        let topologies = if daemon.is_some() { Vec::new() } else { entries(&root)? };
        for topology in topologies {
            let id = topology.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if self.topology.as_ref().is_some_and(|wanted| wanted != &id && wanted != name_of(&id)) {
                continue;
            }
            for slot in entries(&topology)? {
                let port = slot.file_name().unwrap_or_default().to_string_lossy().into_owned();
                found.push((slot.join("worker.log"), port));
            }
        }
        let daemons = Role::ALL.into_iter().filter(|role| self.topology.is_none() || daemon == Some(*role));
        found.extend(daemons.map(|role| (role.log_file(&self.conf), role.name().to_owned())));
        self.tails.retain(|path, _| found.iter().any(|(f, _)| f == path));
        for (path, label) in found {
            if path.is_file() {
                self.tails.entry(path).or_insert_with(|| Tail { label, ..Tail::default() });
            }
        }
        Ok(())
    }
}

/// What is in a folder; one that is not there is empty.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, String> {
    match fs::read_dir(dir) {
        Ok(list) => Ok(list.filter_map(|e| e.ok().map(|e| e.path())).collect()),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(e) => Err(format!("cannot list {}: {e}", dir.display())),
    }
}

/// The name in an id, `NAME-NUMBER-SECONDS`.
fn name_of(id: &str) -> &str {
    let mut parts = id.rsplitn(3, '-');
    let numbers = [parts.next(), parts.next()];
    let numeric = |part: &Option<&str>| part.is_some_and(|p| p.parse::<u64>().is_ok());
    match parts.next() {
        Some(name) if numbers.iter().all(numeric) => name,
        _ => id,
    }
}

#[derive(Default)]
struct Tail {
    label: String,
    file: Option<(File, u64)>,
    rest: Vec<u8>,
    time: String,
}

impl Tail {
    fn more(&mut self, path: &Path, lines: &mut Vec<LogLine>) -> std::io::Result<()> {
        let now = match fs::metadata(path) {
            Ok(now) => Some(now),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        let mut bytes = Vec::new();
        if let Some((file, at)) = &mut self.file {
            file.seek(SeekFrom::Start(*at))?;
            *at += file.take(CHUNK).read_to_end(&mut bytes)? as u64;
        }
        let moved = match (&self.file, &now) {
            (Some((file, at)), Some(now)) => {
                // Looked at after it was read: one that has grown meanwhile was not cut off.
                let old = file.metadata()?;
                old.ino() != now.ino() && bytes.is_empty() || now.ino() == old.ino() && old.len() < *at
            }
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if moved {
            let first = self.file.is_none();
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            // A file that was rolled is read from its beginning, one that is new to us from its last part.
            let from = if first { length.saturating_sub(BEFORE) } else { 0 };
            file.seek(SeekFrom::Start(from))?;
            let read = (&mut file).take(CHUNK).read_to_end(&mut bytes)? as u64;
            if from > 0
                && let Some(end) = bytes.iter().position(|b| *b == b'\n')
            {
                bytes.drain(..=end);
            }
            self.file = Some((file, from + read));
        }
        self.rest.append(&mut bytes);
        self.complete(lines);
        Ok(())
    }

    fn complete(&mut self, lines: &mut Vec<LogLine>) {
        let mut start = 0;
        while start < self.rest.len() {
            let room = &self.rest[start..self.rest.len().min(start + LONGEST)];
            let (end, next) = match room.iter().position(|b| *b == b'\n') {
                Some(at) => (start + at, start + at + 1),
                None if room.len() == LONGEST => (start + LONGEST, start + LONGEST),
                None => break,
            };
            let text = String::from_utf8_lossy(&self.rest[start..end]).trim_end_matches('\r').to_owned();
            if let Some(time) = time(&text) {
                self.time = time;
            }
            lines.push(LogLine { time: self.time.clone(), source: self.label.clone(), text });
            start = next;
        }
        self.rest.drain(..start);
    }
}

/// The time at the beginning of a line of ours or of Java Storm's, made comparable.
fn time(line: &str) -> Option<String> {
    let stamp = line.get(..23)?;
    let shape = stamp.bytes().zip(b"0000-00-00T00:00:00.000").all(|(c, form)| match form {
        b'0' => c.is_ascii_digit(),
        b'T' => c == b'T' || c == b' ',
        b'.' => c == b'.' || c == b',',
        other => c == *other,
    });
    shape.then(|| stamp.replace(' ', "T").replace(',', "."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn follower(home: &Path, topology: Option<&str>) -> Follower {
        let mut conf = Conf::defaults();
        conf.set("storm.home", home.display().to_string());
        conf.set("storm.log.dir", home.display().to_string());
        Follower { conf, topology: topology.map(str::to_owned), tails: BTreeMap::new(), anew: true }
    }

    fn texts(batch: LogBatch) -> Vec<String> {
        batch.lines.into_iter().map(|l| format!("{} {}", l.source, l.text)).collect()
    }

    #[test]
    fn workers_and_daemons_are_merged_by_time_and_followed_through_a_roll() {
        let dir = tempfile::tempdir().unwrap();
        let slot = dir.path().join("workers-artifacts/wc-1-100/6700");
        fs::create_dir_all(&slot).unwrap();
        let log = slot.join("worker.log");
        fs::write(&log, "2026-08-02T10:00:01.000Z a\n  at x\n2026-08-02T10:00:03.000Z c\nhalf").unwrap();
        fs::write(dir.path().join("nimbus.log"), "2026-08-02 10:00:02.000 b\n").unwrap();
        let mut all = follower(dir.path(), None);
        let first = texts(all.look(true).unwrap());
        let order: String = first.iter().map(|l| &l[l.len() - 1..]).collect();
        assert_eq!(order, "axbc");
        assert!(all.look(false).unwrap().lines.is_empty());
        File::options().append(true).open(&log).unwrap().write_all(b" line\n").unwrap();
        assert_eq!(texts(all.look(false).unwrap()), ["6700 half line"]);
        fs::rename(&log, slot.join("worker.log.1")).unwrap();
        fs::write(&log, "new\n").unwrap();
        assert_eq!(texts(all.look(false).unwrap()), ["6700 new"]);

        let of = |name: &str| texts(follower(dir.path(), Some(name)).look(true).unwrap());
        assert_eq!(of("wc"), ["6700 new"]);
        assert_eq!(of("wc-1-100"), ["6700 new"]);
        assert!(of("w").is_empty());
        assert_eq!(of("nimbus"), ["nimbus 2026-08-02 10:00:02.000 b"]);
    }

    #[test]
    fn each_line_comes_once_while_the_file_grows() {
        const LINES: usize = 200_000;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        let mut log = File::create(&path).unwrap();
        let writer = std::thread::spawn(move || {
            for first in (0..LINES).step_by(20) {
                let lines: String = (first..first + 20).map(|n| format!("{n}\n")).collect();
                log.write_all(lines.as_bytes()).unwrap();
            }
        });
        let (mut tail, mut lines) = (Tail::default(), Vec::new());
        tail.more(&path, &mut lines).unwrap();
        let first: usize = lines.first().map_or(0, |l| l.text.parse().unwrap());
        while first + lines.len() < LINES {
            tail.more(&path, &mut lines).unwrap();
        }
        writer.join().unwrap();
        let numbers: Vec<usize> = lines.iter().map(|l| l.text.parse().unwrap()).collect();
        assert_eq!(numbers, (first..LINES).collect::<Vec<_>>());
    }

    #[test]
    fn a_flood_is_cut_and_counted_and_a_line_without_end_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let flood: String = (0..MOST + 7).map(|n| format!("{n}\n")).collect();
        fs::write(dir.path().join("nimbus.log"), &flood).unwrap();
        let batch = follower(dir.path(), None).look(true).unwrap();
        assert_eq!((batch.lines.len(), batch.dropped), (MOST, 7));
        fs::write(dir.path().join("nimbus.log"), "x".repeat(3 * LONGEST + 1)).unwrap();
        let batch = follower(dir.path(), None).look(true).unwrap();
        assert_eq!(batch.lines.len(), 3);
    }
}
