//! Reading on, batch by batch, so that whoever reads can stop, wait, or show what there is.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entry::Entry;
use super::error::LogError;
use super::filter::{Filter, Tail};
use super::merge::Merge;
use super::wanted::{Wanted, local_offset_secs};

/// How much text is looked through at most for one batch.
const LOOK_BYTES: usize = 8 << 20;

/// The wanted entries of some logs.
pub struct Reading {
    wanted: Wanted,
    merge: Merge,
    filter: Filter,
    offset_secs: i64,
    /// While only the last lines of what is there are asked for.
    tail: Option<Tail>,
    /// The last lines, still to be given.
    last: VecDeque<Entry>,
}

#[derive(Debug, Default)]
pub struct Batch {
    pub entries: Vec<Entry>,
    /// There is no more for now.
    pub end: bool,
}

impl Reading {
    /// Of many gigabytes only the end is read when only the last lines are asked for: older parts are left alone then.
    pub fn new(wanted: Wanted, filter: Filter, tail: Option<usize>) -> Reading {
        let since = filter.since.and_then(|ms| u64::try_from(ms).ok());
        let since = since.map(|ms| UNIX_EPOCH + Duration::from_millis(ms));
        let older = if tail.is_some() && since.is_none() { Some(SystemTime::now()) } else { since };
        let offset_secs = local_offset_secs();
        let mut merge = Merge::default();
        wanted.add_new(&mut merge, older, offset_secs);
        Reading { wanted, merge, filter, offset_secs, tail: tail.map(Tail::new), last: VecDeque::new() }
    }

    /// How many logs are read.
    pub fn sources(&self) -> usize {
        self.merge.len()
    }

    /// The error of having no log at all.
    pub fn nothing(&self) -> LogError {
        self.wanted.nothing()
    }

    /// Takes in logs that have come since.
    pub fn look_for_more(&mut self) {
        self.wanted.add_new(&mut self.merge, None, self.offset_secs);
    }

    /// The next entries, of about so many bytes; maybe none, although there are more to look at.
    pub fn batch(&mut self, bytes: usize) -> Result<Batch, LogError> {
        let mut batch = Batch::default();
        let (mut taken, mut looked) = (0, 0);
        while taken < bytes && looked < LOOK_BYTES {
            if let Some(entry) = self.last.pop_front() {
                taken += entry.text.len() + entry.label.len();
                batch.entries.push(entry);
                continue;
            }
            let Some(entry) = self.merge.next()? else {
                match self.tail.take() {
                    Some(tail) => self.last = tail.entries(),
                    None => {
                        batch.end = true;
                        break;
                    }
                }
                continue;
            };
            looked += entry.text.len() + 1;
            if !self.filter.lets(&entry) {
                continue;
            }
            match &mut self.tail {
                Some(tail) => tail.push(entry),
                None => {
                    taken += entry.text.len() + entry.label.len();
                    batch.entries.push(entry);
                }
            }
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    fn reading(dir: &std::path::Path, tail: Option<usize>) -> Reading {
        let wanted = Wanted::Daemon { name: "nimbus".into(), path: dir.join("nimbus.log") };
        Reading::new(wanted, Filter::default(), tail)
    }

    fn line(n: usize) -> String {
        format!("2026-08-02T10:00:{:02}.{:03}Z {n}\n", n / 1000 % 60, n % 1000)
    }

    #[test]
    fn batches_are_small_and_nothing_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("nimbus.log"), (0..5000).map(line).collect::<String>()).unwrap();
        let mut all = Vec::new();
        let mut one = reading(dir.path(), None);
        loop {
            let batch = one.batch(1000).unwrap();
            assert!(batch.entries.len() < 50);
            all.extend(batch.entries);
            if batch.end {
                break;
            }
        }
        let numbers: Vec<usize> = all.iter().map(|e| e.text[25..].trim().parse().unwrap()).collect();
        assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
        let mut file = fs::File::options().append(true).open(dir.path().join("nimbus.log")).unwrap();
        file.write_all(line(7).as_bytes()).unwrap();
        assert_eq!(one.batch(1000).unwrap().entries.len(), 1);
    }

    #[test]
    fn the_last_lines_come_first_and_then_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nimbus.log");
        fs::write(&path, (0..100).map(line).collect::<String>()).unwrap();
        let mut one = reading(dir.path(), Some(3));
        let batch = one.batch(1 << 20).unwrap();
        assert_eq!((batch.entries.len(), batch.end), (3, true));
        fs::File::options().append(true).open(&path).unwrap().write_all(line(1).as_bytes()).unwrap();
        assert_eq!(one.batch(1 << 20).unwrap().entries.len(), 1);
        fs::remove_file(&path).unwrap();
        let none = reading(dir.path(), None);
        assert_eq!((none.sources(), none.nothing().code()), (0, "logs/none"));
    }
}
