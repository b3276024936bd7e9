//! The directory of a server's files, held by one process at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::ZooKeeperError;
use crate::options::Options;

/// Our files lie in a folder of their own, named for their format. Apache ZooKeeper's is `version-2`.
const FORMAT: &str = "native-1";
const APACHE: &str = "version-2";
const LOCK: &str = "zookeeper.lock";

/// Directories that this process holds until it drops this (or dies: the lock is the kernel's).
#[derive(Debug)]
pub struct DataDir {
    snapshots: PathBuf,
    logs: PathBuf,
    _locks: Vec<File>,
}

impl DataDir {
    pub fn open(options: &Options) -> Result<Self, ZooKeeperError> {
        let mut locks = vec![claim(&options.data_dir)?];
        let snapshots = options.data_dir.join(FORMAT);
        let mut logs = snapshots.clone();
        if let Some(dir) = options.data_log_dir.as_ref().filter(|dir| **dir != options.data_dir) {
            locks.push(claim(dir)?);
            logs = dir.join(FORMAT);
        }
        for (dir, parent) in
            [(&snapshots, &options.data_dir), (&logs, options.data_log_dir.as_ref().unwrap_or(&options.data_dir))]
        {
            fs::create_dir_all(dir).map_err(ZooKeeperError::storage("create", dir))?;
            sync(parent)?;
        }
        Ok(Self { snapshots, logs, _locks: locks })
    }

    pub fn snapshots(&self) -> &Path {
        &self.snapshots
    }

    pub fn logs(&self) -> &Path {
        &self.logs
    }

    pub fn snapshot_path(&self, zxid: i64) -> PathBuf {
        self.snapshots.join(format!("snapshot.{zxid:016x}"))
    }

    pub fn log_path(&self, first_zxid: i64) -> PathBuf {
        self.logs.join(format!("log.{first_zxid:016x}"))
    }

    /// Snapshots by the number of their last transaction, oldest first.
    pub fn list_snapshots(&self) -> Result<Vec<(i64, PathBuf)>, ZooKeeperError> {
        list(&self.snapshots, "snapshot.")
    }

    /// Logs by the number of their first transaction, oldest first.
    pub fn list_logs(&self) -> Result<Vec<(i64, PathBuf)>, ZooKeeperError> {
        list(&self.logs, "log.")
    }
}

/// Creates the directory if need be and takes its lock.
fn claim(dir: &Path) -> Result<File, ZooKeeperError> {
    fs::create_dir_all(dir).map_err(ZooKeeperError::storage("create", dir))?;
    if dir.join(APACHE).is_dir() && !dir.join(FORMAT).is_dir() {
        return Err(ZooKeeperError::ForeignData { path: dir.to_owned() });
    }
    let path = dir.join(LOCK);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(ZooKeeperError::storage("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // The holder's number is a courtesy; the message does without it if it cannot be read.
            let holder = file.read_to_string(&mut holder).ok().map(|_| holder.trim().to_owned());
            let holder = holder.filter(|pid| !pid.is_empty());
            return Err(ZooKeeperError::Locked { path: dir.to_owned(), holder });
        }
        Err(errno) => return Err(ZooKeeperError::storage("lock", &path)(errno.into())),
    }
    file.set_len(0).map_err(ZooKeeperError::storage("write", &path))?;
    writeln!(file, "{}", std::process::id()).map_err(ZooKeeperError::storage("write", &path))?;
    Ok(file)
}

fn list(dir: &Path, prefix: &str) -> Result<Vec<(i64, PathBuf)>, ZooKeeperError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(ZooKeeperError::storage("list", dir))? {
        let path = entry.map_err(ZooKeeperError::storage("list", dir))?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(prefix));
        if let Some(number) = number.and_then(|number| i64::from_str_radix(number, 16).ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Makes names in a directory durable.
pub fn sync(dir: &Path) -> Result<(), ZooKeeperError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(ZooKeeperError::storage("sync", dir))
}
