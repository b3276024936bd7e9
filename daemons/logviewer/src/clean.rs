//! Which logs of workers go. Pure: what is there comes in, what is to be removed comes out.

use std::time::{Duration, SystemTime};

use crate::files::Slot;
use crate::root::Entry;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Logs of a worker that has ended and written nothing for so long are old.
    pub age: Duration,
    /// Bytes for each worker, and for all of the host.
    pub each: u64,
    pub sum: u64,
}

/// The logs of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub slot: Slot,
    pub alive: bool,
    /// When something was last made in its folder or removed from it: a worker that starts has no file yet.
    pub touched: SystemTime,
    pub files: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The folder with all that is in it.
    Slot(Slot),
    File(Slot, String),
}

/// What a living worker, or the supervisor on its behalf, has open or reads.
fn in_use(name: &str) -> bool {
    ["log", "err", "out", "current", "yaml", "pid", "metrics"]
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(|front| front.ends_with('.') && front.len() > 1))
}

/// What tells who the logs belong to.
fn describes(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".pid")
}

impl Kept {
    fn may_go(&self, file: &Entry) -> bool {
        if self.alive { !in_use(&file.name) } else { !describes(&file.name) }
    }

    fn size(&self) -> u64 {
        self.files.iter().map(|f| f.len).sum()
    }

    fn is_old(&self, now: SystemTime, age: Duration) -> bool {
        // What a clock that was set back has made is young too.
        let young = |time: SystemTime| now.duration_since(time).map_or(true, |since| since < age);
        !self.alive && !young(self.touched) && !self.files.iter().any(|file| young(file.modified))
    }
}

/// Old workers go as a whole; then the oldest files, while a worker or all of them have too much.
pub fn removals(all: &[Kept], limits: &Limits, now: SystemTime) -> Vec<Removal> {
    let (old, stay): (Vec<&Kept>, Vec<&Kept>) = all.iter().partition(|kept| kept.is_old(now, limits.age));
    let mut removals: Vec<Removal> = old.into_iter().map(|kept| Removal::Slot(kept.slot.clone())).collect();
    // By worker, and then over all, from the oldest on.
    let mut candidates = Vec::new();
    let mut sum = 0;
    for kept in stay {
        let mut size = kept.size();
        let mut files: Vec<&Entry> = kept.files.iter().filter(|f| kept.may_go(f)).collect();
        files.sort_by(|a, b| a.modified.cmp(&b.modified).then_with(|| a.name.cmp(&b.name)));
        for file in files {
            if size > limits.each {
                size -= file.len;
                removals.push(Removal::File(kept.slot.clone(), file.name.clone()));
            } else {
                candidates.push((file.modified, kept, file));
            }
        }
        sum += size;
    }
    candidates.sort_by_key(|(modified, ..)| *modified);
    for (_, kept, file) in candidates {
        if sum <= limits.sum {
            break;
        }
        sum -= file.len;
        removals.push(Removal::File(kept.slot.clone(), file.name.clone()));
    }
    removals
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { age: Duration::from_secs(1000), each: 100, sum: 150 };

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    fn kept(port: &str, alive: bool, files: &[(&str, u64, u64)]) -> Kept {
        let file = |(name, len, age): &(&str, u64, u64)| Entry {
            name: (*name).to_owned(),
            is_dir: false,
            len: *len,
            modified: now() - Duration::from_secs(*age),
        };
        let slot = Slot { topology: "t".into(), port: port.into() };
        let touched = now() - Duration::from_secs(20_000);
        Kept { slot, alive, touched, files: files.iter().map(file).collect() }
    }

    fn said(all: &[Kept]) -> Vec<String> {
        let word = |removal| match removal {
            Removal::Slot(slot) => slot.port,
            Removal::File(slot, name) => format!("{}/{name}", slot.port),
        };
        removals(all, &LIMITS, now()).into_iter().map(word).collect()
    }

    #[test]
    fn old_logs_of_the_dead_go_and_those_of_the_living_stay() {
        let files = [("worker.log", 10, 5000), ("worker.yaml", 1, 9000)];
        assert_eq!(said(&[kept("1", false, &files), kept("2", true, &files)]), ["1"]);
        assert_eq!(said(&[kept("1", false, &[("worker.log", 10, 999), ("gc.log", 1, 9000)])]), Vec::<String>::new());
        assert_eq!(said(&[kept("1", false, &[])]), ["1"], "an empty folder of a worker that has ended");
        let starting = Kept { touched: now(), ..kept("1", false, &[]) };
        assert_eq!(said(&[starting]), Vec::<String>::new(), "the folder of a worker that starts");
    }

    #[test]
    fn a_worker_with_too_much_loses_its_oldest_parts() {
        let files =
            [("worker.log", 90, 0), ("worker.log.1.gz", 30, 10), ("worker.log.2.gz", 30, 20), ("worker.pid", 1, 900)];
        assert_eq!(said(&[kept("1", true, &files)]), ["1/worker.log.2.gz", "1/worker.log.1.gz"]);
        // What it writes to stays, however large it is.
        assert_eq!(
            said(&[kept("1", true, &[("worker.log", 500, 0), ("worker.log.err", 500, 500)])]),
            Vec::<String>::new()
        );
        assert_eq!(said(&[kept("1", false, &[("worker.log", 500, 0), ("worker.yaml", 1, 500)])]), ["1/worker.log"]);
    }

    #[test]
    fn all_together_the_oldest_go_first() {
        let one = kept("1", false, &[("worker.log", 40, 50), ("worker.log.1.gz", 40, 500)]);
        let two = kept("2", true, &[("worker.log", 40, 0), ("worker.log.1.gz", 40, 400)]);
        assert_eq!(said(&[one, two]), ["1/worker.log.1.gz"]);
    }

    #[test]
    fn what_is_in_use_is_told_by_its_name() {
        for name in
            ["worker.log", "worker.log.err", "worker.yaml", "worker.pid", "worker.log.metrics", "gc.log.0.current"]
        {
            assert!(in_use(name), "{name}");
        }
        for name in ["worker.log.1.gz", "worker.log.1", "log", "heap.bin"] {
            assert!(!in_use(name), "{name}");
        }
    }
}
