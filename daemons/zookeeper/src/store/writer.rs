//! The thread that makes transactions durable and only then lets their answers go.
//!
//! While one sync runs, further batches queue up; the next sync covers all of them. So the rate of syncs is the
//! disk's, however many clients write.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::error::ZooKeeperError;
use crate::state::State;
use crate::store::dir::DataDir;
use crate::store::frame::Salt;
use crate::store::log::LogFile;
use crate::store::snapshot;

/// A frame is closed when it has so many bytes, even if more batches wait.
const FRAME_SIZE: usize = 4 << 20;

/// Something that may happen once everything decided before it is durable.
pub trait Release: Send + 'static {
    fn release(self);
}

/// Transactions, encoded, and what to release when they are durable.
#[derive(Debug)]
pub struct Batch<R> {
    pub txns: Vec<u8>,
    pub release: R,
    /// The state after these transactions, if a snapshot is due; the log goes on in a new file.
    pub snapshot: Option<Box<State>>,
}

/// How long syncs take.
#[derive(Debug, Default)]
pub struct LogStats {
    pub syncs: AtomicU64,
    pub total_us: AtomicU64,
    pub max_us: AtomicU64,
    /// True while a snapshot is being written.
    pub snapshotting: AtomicBool,
    /// Bytes in the log file that is being written.
    pub log_length: AtomicU64,
    /// Batches done, for those who want to know whether any is under way.
    pub released: AtomicU64,
}

/// The writing end. It runs until all senders of batches are gone or the disk fails.
pub struct Writer<R> {
    dir: Arc<DataDir>,
    log: LogFile,
    stats: Arc<LogStats>,
    retain: usize,
    salt: Box<dyn FnMut() -> Salt + Send>,
    batches: mpsc::Receiver<Batch<R>>,
    snapshotter: Option<JoinHandle<()>>,
}

/// What is left of the writer for its owner.
pub type WriterHandle = JoinHandle<Result<(), ZooKeeperError>>;

impl<R: Release> Writer<R> {
    pub fn new(
        dir: Arc<DataDir>,
        log: LogFile,
        stats: Arc<LogStats>,
        retain: usize,
        salt: Box<dyn FnMut() -> Salt + Send>,
        batches: mpsc::Receiver<Batch<R>>,
    ) -> Self {
        stats.log_length.store(log.length(), Ordering::Relaxed);
        Self { dir, log, stats, retain: retain.max(1), salt, batches, snapshotter: None }
    }

    /// Starts the thread. `done` is called when it ends, for whatever reason.
    pub fn spawn(self, done: impl FnOnce() + Send + 'static) -> Result<WriterHandle, ZooKeeperError> {
        let run = move || {
            let result = self.run();
            if let Err(error) = &result {
                error!("the transaction log cannot be written: {error}");
            }
            done();
            result
        };
        std::thread::Builder::new()
            .name("zookeeper-log".to_owned())
            .spawn(run)
            .map_err(|cause| ZooKeeperError::Internal(format!("cannot start a thread: {cause}")))
    }

    fn run(mut self) -> Result<(), ZooKeeperError> {
        while let Some(first) = self.batches.blocking_recv() {
            let mut releases = vec![first.release];
            let mut frame = first.txns;
            let mut snapshot = first.snapshot;
            while snapshot.is_none() && frame.len() < FRAME_SIZE {
                let Ok(next) = self.batches.try_recv() else { break };
                frame.extend_from_slice(&next.txns);
                releases.push(next.release);
                snapshot = next.snapshot;
            }
            if !frame.is_empty() {
                self.append(&frame)?;
            }
            let released = releases.len() as u64;
            releases.into_iter().for_each(Release::release);
            self.stats.released.fetch_add(released, Ordering::Release);
            if let Some(state) = snapshot {
                self.roll(state)?;
            }
        }
        if let Some(snapshotter) = self.snapshotter.take() {
            snapshotter.join().map_err(|_| ZooKeeperError::Internal("the snapshot thread panicked".to_owned()))?;
        }
        Ok(())
    }

    fn append(&mut self, frame: &[u8]) -> Result<(), ZooKeeperError> {
        let start = Instant::now();
        self.log.append(frame)?;
        let us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.stats.syncs.fetch_add(1, Ordering::Relaxed);
        self.stats.total_us.fetch_add(us, Ordering::Relaxed);
        self.stats.max_us.fetch_max(us, Ordering::Relaxed);
        self.stats.log_length.store(self.log.length(), Ordering::Relaxed);
        if us > 1_000_000 {
            warn!("syncing the transaction log took {} ms; clients may lose their sessions", us / 1000);
        }
        Ok(())
    }

    /// Begins a new log file and writes the snapshot beside it on a thread of its own.
    fn roll(&mut self, state: Box<State>) -> Result<(), ZooKeeperError> {
        let path = self.dir.log_path(state.zxid + 1);
        if path != self.log.path() {
            self.log = LogFile::create(&path, (self.salt)())?;
            self.stats.log_length.store(self.log.length(), Ordering::Relaxed);
        }
        if let Some(snapshotter) = self.snapshotter.take() {
            snapshotter.join().map_err(|_| ZooKeeperError::Internal("the snapshot thread panicked".to_owned()))?;
        }
        let (dir, stats, retain) = (Arc::clone(&self.dir), Arc::clone(&self.stats), self.retain);
        let take = move || {
            // A snapshot that fails costs only time at the next start: the log has everything.
            if let Err(error) = take_snapshot(&dir, &state, retain) {
                warn!("no snapshot was taken: {error}");
            }
            drop(state);
            stats.snapshotting.store(false, Ordering::Release);
        };
        let spawned = std::thread::Builder::new().name("zookeeper-snap".to_owned()).spawn(take);
        self.snapshotter =
            Some(spawned.map_err(|cause| ZooKeeperError::Internal(format!("cannot start a thread: {cause}")))?);
        Ok(())
    }
}

fn take_snapshot(dir: &DataDir, state: &State, retain: usize) -> Result<(), ZooKeeperError> {
    let path = dir.snapshot_path(state.zxid);
    snapshot::write(&path, state)?;
    info!("snapshot {} taken", path.display());
    for path in superfluous(&dir.list_snapshots()?, &dir.list_logs()?, retain) {
        fs::remove_file(&path).map_err(ZooKeeperError::storage("remove", &path))?;
    }
    Ok(())
}

/// Snapshots beyond the newest `retain`, and logs that end before the oldest of those.
fn superfluous(snapshots: &[(i64, PathBuf)], logs: &[(i64, PathBuf)], retain: usize) -> Vec<PathBuf> {
    let kept = snapshots.len().saturating_sub(retain);
    let Some((oldest, _)) = snapshots.get(kept) else {
        return Vec::new();
    };
    let old_snapshots = snapshots[..kept].iter().map(|(_, path)| path.clone());
    let old_logs = logs.windows(2).filter(|pair| pair[1].0 <= oldest + 1).map(|pair| pair[0].1.clone());
    old_snapshots.chain(old_logs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_kept_as_far_back_as_the_oldest_snapshot_needs() {
        let files = |numbers: &[i64], kind: &str| -> Vec<(i64, PathBuf)> {
            numbers.iter().map(|n| (*n, PathBuf::from(format!("{kind}{n}")))).collect()
        };
        let snapshots = files(&[10, 20, 30, 40], "s");
        let logs = files(&[1, 11, 21, 31, 41], "l");
        assert_eq!(superfluous(&snapshots, &logs, 3), [PathBuf::from("s10"), "l1".into(), "l11".into()]);
        assert_eq!(superfluous(&snapshots[..2], &logs[..3], 3), [PathBuf::from("l1")]);
        assert!(superfluous(&[], &logs, 3).is_empty());
    }
}
