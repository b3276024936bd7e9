//! What is on disk, and what comes back from it however it was cut.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use storm_zookeeper::jute::Writer as Jute;
use storm_zookeeper::state::{Session, State};
use storm_zookeeper::store::{Batch, DataDir, LogStats, Release, Writer, WriterHandle, recover};
use storm_zookeeper::tree::Rules;
use storm_zookeeper::txn::Txn;
use storm_zookeeper::{Options, ZooKeeperError};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::tree::{anybody, create, delete, set};

fn options(dir: &Path) -> Options {
    Options::new(dir, (Ipv4Addr::LOCALHOST, 0).into())
}

/// Numbers that were released, in order.
#[derive(Clone, Default)]
struct Released(Arc<Mutex<Vec<i64>>>);

struct Number(Released, i64);

impl Release for Number {
    fn release(self) {
        self.0.0.lock().unwrap().push(self.1);
    }
}

struct Log {
    state: State,
    released: Released,
    stats: Arc<LogStats>,
    batches: mpsc::Sender<Batch<Number>>,
    writer: WriterHandle,
}

impl Log {
    fn open(dir: &Path) -> Self {
        let dir = DataDir::open(&options(dir)).unwrap();
        let recovered = recover(&dir, *b"salt").unwrap();
        let (batches, incoming) = mpsc::channel(4);
        let stats = Arc::new(LogStats::default());
        let salt = Box::new(|| *b"next");
        let writer = Writer::new(Arc::new(dir), recovered.log, Arc::clone(&stats), 3, salt, incoming);
        let writer = writer.spawn(|| ()).unwrap();
        Self { state: recovered.state, released: Released::default(), stats, batches, writer }
    }

    fn write(&mut self, txn: &Txn, snapshot: bool) {
        let mut bytes = Jute::new();
        txn.write(&mut bytes);
        let snapshot = snapshot.then(|| {
            // As the core does: one at a time.
            while self.stats.snapshotting.swap(true, Ordering::AcqRel) {
                std::thread::yield_now();
            }
            Box::new(self.state.clone())
        });
        let release = Number(self.released.clone(), txn.zxid);
        self.batches.blocking_send(Batch { txns: bytes.into_vec(), release, snapshot }).ok().unwrap();
    }

    fn step(&mut self, n: i64, snapshot: bool) {
        let name = format!("/n{}", n / 3);
        let operation = match n % 3 {
            0 => create(&name, i32::from(n % 2 == 0)),
            1 => set(&name, -1),
            _ if n % 5 == 0 => delete(&name),
            _ => set(&name, -1),
        };
        let (txn, _) = self.state.execute(anybody(), Rules::default(), &[operation], n).unwrap();
        self.write(&txn.unwrap(), snapshot);
    }

    fn close(self) -> State {
        drop(self.batches);
        self.writer.join().unwrap().unwrap();
        let released = self.released.0.lock().unwrap();
        assert!(released.is_sorted());
        assert_eq!(released.last().copied().unwrap_or(self.state.zxid), self.state.zxid);
        self.state
    }
}

fn files(dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("native-1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
        .collect();
    files.sort();
    files
}

fn recovered(dir: &Path) -> Result<State, ZooKeeperError> {
    recover(&DataDir::open(&options(dir)).unwrap(), *b"salt").map(|recovered| recovered.state)
}

#[test]
fn everything_comes_back() {
    let dir = TempDir::new().unwrap();
    let mut log = Log::open(dir.path());
    let session = log.state.create_session(77, Session { timeout_ms: 4000, password: [9; 16] }, 1);
    log.write(&session, false);
    (0..20).for_each(|n| log.step(n, false));
    let written = log.close();
    assert_eq!(recovered(dir.path()).unwrap(), written);
    // And goes on from there.
    let mut log = Log::open(dir.path());
    assert_eq!(log.state, written);
    (30..40).for_each(|n| log.step(n, false));
    let written = log.close();
    assert_eq!(recovered(dir.path()).unwrap(), written);
}

#[test]
fn cut_at_every_byte_the_log_gives_what_was_whole() {
    let dir = TempDir::new().unwrap();
    let mut log = Log::open(dir.path());
    let mut states = vec![(log.state.clone(), log.stats.log_length.load(Ordering::Relaxed))];
    for n in 0..8 {
        log.step(n, false);
        // One frame each: wait until it is on disk.
        while log.stats.released.load(Ordering::Acquire) < n as u64 + 1 {
            std::thread::yield_now();
        }
        states.push((log.state.clone(), log.stats.log_length.load(Ordering::Relaxed)));
    }
    log.close();
    let file = files(dir.path(), "log.").remove(0);
    let whole = fs::read(&file).unwrap();
    let end = states.last().unwrap().1;
    assert!(whole[end as usize..].iter().all(|byte| *byte == 0), "space reserved in advance");
    for cut in 0..=end {
        for zeros in [0, 100] {
            let mut bytes = whole[..cut as usize].to_vec();
            bytes.resize(bytes.len() + zeros, 0);
            if (cut as usize) < storm_zookeeper::store::header_length() && zeros > 0 {
                // The header is synced before the file is used; half a header with more behind it is not our doing.
                continue;
            }
            fs::write(&file, bytes).unwrap();
            // Zeros that were cut off and then put back were never missing.
            let same = whole[cut as usize..].iter().take(zeros).take_while(|byte| **byte == 0).count() as u64;
            let expected = states.iter().rev().find(|(_, length)| *length <= cut + same).unwrap_or(&states[0]);
            let state = recovered(dir.path()).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(state, expected.0, "cut at {cut}");
        }
    }
    // What was cut off is gone for good: writing goes on behind the last whole record.
    fs::write(&file, &whole[..end as usize - 1]).unwrap();
    let mut log = Log::open(dir.path());
    assert_eq!(log.state, states[states.len() - 2].0);
    log.step(30, false);
    let written = log.close();
    assert_eq!(recovered(dir.path()).unwrap(), written);
}

#[test]
fn a_damaged_record_with_whole_ones_behind_it_stops_the_start() {
    let dir = TempDir::new().unwrap();
    let mut log = Log::open(dir.path());
    for n in 0..4 {
        log.step(n, false);
        while log.stats.released.load(Ordering::Acquire) < n as u64 + 1 {
            std::thread::yield_now();
        }
    }
    log.close();
    let file = files(dir.path(), "log.").remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[40] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let error = recovered(dir.path()).unwrap_err();
    assert_eq!(error.code(), "zookeeper/data-damaged");
    assert!(error.to_string().contains("byte 20"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "nothing was changed");
}

#[test]
fn snapshots_shorten_the_log_and_old_files_go() {
    let dir = TempDir::new().unwrap();
    let mut log = Log::open(dir.path());
    (0..60).for_each(|n| log.step(n, n % 10 == 9));
    let written = log.close();
    let (snapshots, logs) = (files(dir.path(), "snapshot."), files(dir.path(), "log."));
    assert_eq!(snapshots.len(), 3, "{snapshots:?}");
    assert!(logs.len() <= 4, "{logs:?}");
    assert_eq!(recovered(dir.path()).unwrap(), written);

    // Without the newest snapshot, or with half of it, an older one and more of the log do.
    let newest = snapshots.last().unwrap();
    let bytes = fs::read(newest).unwrap();
    fs::write(newest, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(recovered(dir.path()).unwrap(), written);
    fs::remove_file(newest).unwrap();
    assert_eq!(recovered(dir.path()).unwrap(), written);

    // Half a snapshot under its temporary name is swept away.
    fs::write(newest.with_extension("tmp"), b"half").unwrap();
    assert_eq!(recovered(dir.path()).unwrap(), written);
    assert!(!newest.with_extension("tmp").exists());

    // Without any snapshot the log alone does not reach back.
    for snapshot in files(dir.path(), "snapshot.") {
        fs::remove_file(snapshot).unwrap();
    }
    assert_eq!(recovered(dir.path()).unwrap_err().code(), "zookeeper/no-snapshot");
}

#[test]
fn a_missing_log_is_noticed() {
    let dir = TempDir::new().unwrap();
    let mut log = Log::open(dir.path());
    (0..30).for_each(|n| log.step(n, n % 10 == 9));
    log.close();
    for snapshot in files(dir.path(), "snapshot.").split_off(1) {
        fs::remove_file(snapshot).unwrap();
    }
    let logs = files(dir.path(), "log.");
    fs::remove_file(&logs[logs.len() - 2]).unwrap();
    let error = recovered(dir.path()).unwrap_err();
    assert_eq!(error.code(), "zookeeper/data-gap", "{error}");
}

#[test]
fn a_snapshot_is_the_state() {
    let dir = TempDir::new().unwrap();
    let mut log = Log::open(dir.path());
    let session = log.state.create_session(5, Session { timeout_ms: 1, password: [3; 16] }, 1);
    log.write(&session, false);
    (0..29).for_each(|n| log.step(n, false));
    log.step(29, true);
    let written = log.close();
    for file in files(dir.path(), "log.") {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(recovered(dir.path()).unwrap(), written);
}

#[test]
fn one_server_at_a_time_and_no_foreign_data() {
    let dir = TempDir::new().unwrap();
    let held = DataDir::open(&options(dir.path())).unwrap();
    let error = DataDir::open(&options(dir.path())).unwrap_err();
    assert_eq!(error.code(), "zookeeper/data-dir-locked");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(held);
    DataDir::open(&options(dir.path())).unwrap();

    let apache = TempDir::new().unwrap();
    fs::create_dir(apache.path().join("version-2")).unwrap();
    let error = DataDir::open(&options(apache.path())).unwrap_err();
    assert_eq!(error.code(), "zookeeper/data-dir-foreign");
}
