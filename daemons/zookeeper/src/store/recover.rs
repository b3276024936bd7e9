//! Brings the state back: the newest whole snapshot, and the log from there on.

use std::fs;

use tracing::{info, warn};

use crate::error::ZooKeeperError;
use crate::state::State;
use crate::store::dir::DataDir;
use crate::store::frame::{Salt, Tail};
use crate::store::log::{self, Contents, LogFile};
use crate::store::snapshot;

/// A state and the log file that goes on from it.
#[derive(Debug)]
pub struct Recovered {
    pub state: State,
    pub log: LogFile,
    /// Transactions since the snapshot, which the next start would read again.
    pub replayed: u64,
}

/// Reads everything in `dir`. `salt` is for the log file that may have to be begun.
pub fn recover(dir: &DataDir, salt: Salt) -> Result<Recovered, ZooKeeperError> {
    remove_unfinished(dir)?;
    let logs = dir.list_logs()?;
    let state = match newest_snapshot(dir)? {
        Some(state) => state,
        None if logs.first().is_some_and(|(first, _)| *first > 1) => {
            return Err(ZooKeeperError::NoSnapshot { path: dir.snapshots().to_owned() });
        }
        None => State::default(),
    };
    replay(dir, state, logs, salt)
}

fn replay(
    dir: &DataDir,
    mut state: State,
    mut logs: Vec<(i64, std::path::PathBuf)>,
    salt: Salt,
) -> Result<Recovered, ZooKeeperError> {
    let gap = |first: i64, last: i64| ZooKeeperError::Gap { path: dir.logs().to_owned(), first, last };
    let start = logs.iter().rposition(|(first, _)| *first <= state.zxid + 1);
    match start {
        Some(start) => drop(logs.drain(..start)),
        None => {
            if let Some((first, _)) = logs.first() {
                return Err(gap(state.zxid + 1, first - 1));
            }
        }
    }
    let snapshot_zxid = state.zxid;
    let last = logs.len().saturating_sub(1);
    let mut open = None;
    for (index, (first, path)) in logs.iter().enumerate() {
        if *first > state.zxid + 1 {
            return Err(gap(state.zxid + 1, first - 1));
        }
        match log::read(path)? {
            Contents::Unborn if index == last => {
                warn!("{} was never begun: starting it again", path.display());
                open = Some(LogFile::create(path, salt)?);
            }
            Contents::Frames { salt, txns, end, tail } if index == last || tail == Tail::Clean => {
                for txn in txns.iter().filter(|txn| txn.zxid > snapshot_zxid) {
                    if txn.zxid != state.zxid + 1 {
                        return Err(gap(state.zxid + 1, txn.zxid - 1));
                    }
                    state.replay(txn).map_err(|error| ZooKeeperError::Damaged {
                        path: path.clone(),
                        offset: 0,
                        problem: format!("transaction {:#x}: {error}", txn.zxid),
                    })?;
                }
                if index == last {
                    if tail == Tail::Torn {
                        warn!("{}: cutting off a record at byte {end} that was never acknowledged", path.display());
                    }
                    open = Some(LogFile::reopen(path, salt, end)?);
                }
            }
            Contents::Unborn | Contents::Frames { .. } => {
                return Err(ZooKeeperError::Damaged {
                    path: path.clone(),
                    offset: 0,
                    problem: "the file is cut off, but later files exist".to_owned(),
                });
            }
        }
    }
    let log = match open {
        Some(log) => log,
        None => LogFile::create(&dir.log_path(state.zxid + 1), salt)?,
    };
    let replayed = u64::try_from(state.zxid - snapshot_zxid).unwrap_or(0);
    info!(zxid = state.zxid, nodes = state.tree.len(), sessions = state.sessions.len(), replayed, "state recovered");
    Ok(Recovered { state, log, replayed })
}

/// The state of the newest snapshot that is whole.
///
/// An older one will do as well if the newest is broken: logs are kept as far back as the oldest snapshot kept.
fn newest_snapshot(dir: &DataDir) -> Result<Option<State>, ZooKeeperError> {
    let snapshots = dir.list_snapshots()?;
    for (_, path) in snapshots.iter().rev() {
        match snapshot::read(path) {
            Ok(state) => return Ok(Some(state)),
            Err(error @ ZooKeeperError::Damaged { .. }) => warn!("trying an older snapshot: {error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Removes snapshots whose writing was cut off.
fn remove_unfinished(dir: &DataDir) -> Result<(), ZooKeeperError> {
    let listing = ZooKeeperError::storage("list", dir.snapshots());
    for entry in fs::read_dir(dir.snapshots()).map_err(listing)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(ZooKeeperError::storage("remove", &path))?;
        }
    }
    Ok(())
}
