//! A process for sure: its id together with its start time and the machine's boot, so that an id which the kernel has
//! given to somebody else is never taken for it. And the file in which a daemon says who it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde_json::{Value, json};

use super::proc::Entry;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub pid: i32,
    pub start_ticks: u64,
    pub boot: String,
}

impl Identity {
    pub fn of(pid: i32) -> Option<Identity> {
        Some(Identity { pid, start_ticks: Entry::of(pid)?.start_ticks, boot: boot() })
    }

    /// The process, if it still runs and is the very same.
    pub fn entry(&self) -> Option<Entry> {
        if self.boot != boot() {
            return None;
        }
        Entry::of(self.pid).filter(|e| e.start_ticks == self.start_ticks && e.alive())
    }

    /// Signals it, unless it is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 0) else { return Ok(()) };
        // First hold the process, then look who it is: a number that changes hands in between cannot be hit by mistake.
        let sent = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(held) if self.entry().is_some() => rustix::process::pidfd_send_signal(held, signal),
            // Kernels before 5.3 cannot hold a process.
            Err(Errno::NOSYS) if self.entry().is_some() => rustix::process::kill_process(pid, signal),
            Ok(_) | Err(Errno::NOSYS | Errno::SRCH | Errno::INVAL) => Ok(()),
            Err(e) => Err(e),
        };
        match sent {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// What a daemon's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub identity: Identity,
    /// Where it serves, once it does.
    pub address: Option<String>,
    pub log: Option<PathBuf>,
}

impl Recorded {
    pub fn read(path: &Path) -> Option<Recorded> {
        let json: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Recorded {
            identity: Identity {
                pid: i32::try_from(json.get("pid")?.as_i64()?).ok()?,
                start_ticks: json.get("start_ticks")?.as_u64()?,
                boot: text("boot")?,
            },
            address: text("address"),
            log: text("log").map(PathBuf::from),
        })
    }

    fn json(&self) -> Value {
        json!({
            "pid": self.identity.pid,
            "start_ticks": self.identity.start_ticks,
            "boot": self.identity.boot,
            "address": self.address,
            "log": self.log,
        })
    }
}

/// The file of this very process; it is locked while the process lives, so a second daemon cannot start.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    file: File,
    recorded: Recorded,
}

#[derive(Debug)]
pub enum RecordError {
    /// Another process holds it.
    Taken(Option<Recorded>),
    Io(io::Error),
}

impl From<io::Error> for RecordError {
    fn from(e: io::Error) -> RecordError {
        RecordError::Io(e)
    }
}

impl Record {
    pub fn take(path: &Path, log: Option<PathBuf>) -> Result<Record, RecordError> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(RecordError::Taken(Recorded::read(path))),
            Err(fs::TryLockError::Error(e)) => return Err(e.into()),
        }
        let pid = std::process::id() as i32;
        let identity = Identity::of(pid).ok_or_else(|| io::Error::other("/proc does not show this process"))?;
        let mut record = Record { path: path.to_owned(), file, recorded: Recorded { identity, address: None, log } };
        record.write()?;
        Ok(record)
    }

    /// Says that the daemon serves now.
    pub fn ready(&mut self, address: String) -> io::Result<()> {
        self.recorded.address = Some(address);
        self.write()
    }

    /// The lock and the file stay when this process becomes another program: it is still the same process.
    pub fn outlive_exec(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(&self.file, rustix::io::FdFlags::empty())?)
    }

    /// Nobody may read half of it, and the lock stays with the file: so one write, then the rest is cut off.
    fn write(&mut self) -> io::Result<()> {
        let mut text = self.recorded.json().to_string();
        let mut old = String::new();
        self.file.rewind()?;
        self.file.read_to_string(&mut old)?;
        while text.len() < old.len() {
            text.push(' ');
        }
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Left behind it would only be found out of date.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_id_is_not_the_same_process() {
        let me = Identity::of(std::process::id() as i32).unwrap();
        assert!(me.entry().is_some());
        let before = Identity { start_ticks: me.start_ticks - 1, ..me.clone() };
        assert!(before.entry().is_none());
        before.signal(Signal::KILL).unwrap();
        let other_boot = Identity { boot: "x".into(), ..me };
        assert!(other_boot.entry().is_none());
        other_boot.signal(Signal::KILL).unwrap();
    }

    #[test]
    fn a_record_is_taken_once_and_says_when_it_is_ready() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/nimbus.pid");
        let mut record = Record::take(&path, Some("/var/log/a-long-path-of-a-log-file.log".into())).unwrap();
        assert_eq!(Recorded::read(&path).unwrap().address, None);
        record.ready("127.0.0.1:6627".into()).unwrap();
        let read = Recorded::read(&path).unwrap();
        assert_eq!(read.address.as_deref(), Some("127.0.0.1:6627"));
        assert!(read.identity.entry().is_some());
        match Record::take(&path, None) {
            Err(RecordError::Taken(Some(by))) => assert_eq!(by, read),
            other => panic!("{other:?}"),
        }
        drop(record);
        assert!(Recorded::read(&path).is_none());
    }
}
