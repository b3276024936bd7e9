//! The processes of a worker: which they are, when they end, how to end them.
//!
//! A worker is started as the leader of a process group of its own, with the mark [`MARK`] in its environment. Its multilang children
//! inherit both, so they are found even when a pid file is lost or a child has left the group. Nothing here needs the worker to
//! be a child of this process: after a restart of the supervisor it is not.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use tokio::net::unix::pipe;

/// Environment variable that holds the worker id in every process of a worker.
pub const MARK: &str = "STORM_WORKER_ID";

/// How often a process is looked at where the kernel has no process descriptors.
const POLL: Duration = Duration::from_millis(50);
/// Processes may fork while they are being killed: the list is made anew at least this often.
const RESCAN: Duration = Duration::from_millis(500);

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    pid: i32,
    group: i32,
    dead: bool,
}

/// How to recognise the processes of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarry {
    pub worker_id: String,
    /// The process that was started, which leads the group.
    pub leader: Option<i32>,
}

impl Quarry {
    /// The living processes of the worker.
    pub fn members(&self) -> Vec<i32> {
        self.members_under(Path::new("/proc"))
    }

    fn members_under(&self, proc: &Path) -> Vec<i32> {
        let me = std::process::id() as i32;
        stats(proc)
            .into_iter()
            // Processes of the kernel are in group 0.
            .filter(|s| !s.dead && s.pid != me && s.group != 0)
            .filter(|s| Some(s.group) == self.leader || is_marked(proc, s.pid, &self.worker_id))
            .map(|s| s.pid)
            .collect()
    }

    /// Sends `signal` to every process of the worker, and says whether there was any; those that are gone do not matter.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let members = self.members();
        let any = !members.is_empty();
        // The group at once first, so that no member forks away between two signals.
        if let Some(leader) = self.leader.filter(|l| members.contains(l)).and_then(Pid::from_raw) {
            gone_is_fine(kill_process_group(leader, signal))?;
        }
        for pid in members.into_iter().filter_map(Pid::from_raw) {
            gone_is_fine(kill_process(pid, signal))?;
        }
        Ok(any)
    }

    /// Returns when no process of the worker is left.
    pub async fn all_dead(&self) {
        loop {
            let members = self.members();
            if members.is_empty() {
                return;
            }
            let wait_for_each = async {
                for pid in members {
                    ended(pid).await;
                }
            };
            // Either way the list is made anew.
            let _rescan = tokio::time::timeout(RESCAN, wait_for_each).await;
        }
    }
}

fn gone_is_fine(result: Result<(), Errno>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// Returns when the process has ended; also when it is nobody's child of ours.
pub async fn ended(pid: i32) {
    let Some(id) = Pid::from_raw(pid) else { return };
    // A process descriptor is no pipe, but becomes readable like one; tokio has no other safe door for it.
    match pidfd_open(id, PidfdFlags::NONBLOCK).map(pipe::Receiver::from_owned_fd_unchecked) {
        Ok(Ok(fd)) => {
            if let Err(e) = fd.readable().await {
                // Only when the runtime shuts down, and then nobody waits any more.
                tracing::debug!("waiting for the end of process {pid} failed: {e}");
            }
        }
        Err(Errno::SRCH) => {}
        // No process descriptors on this kernel, or no descriptors left at all.
        Ok(Err(_)) | Err(_) => {
            while is_alive(pid) {
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

/// Whether there is such a process and it is no zombie.
pub fn is_alive(pid: i32) -> bool {
    stat(Path::new("/proc"), pid).is_some_and(|s| !s.dead)
}

/// Whether the process is one of the worker's: by its environment, else by its command line, as of a Java worker that
/// another supervisor started.
pub fn is_of_worker(pid: i32, worker_id: &str) -> bool {
    let proc = Path::new("/proc");
    is_marked(proc, pid, worker_id) || command_line(proc, pid).iter().any(|arg| arg == worker_id)
}

/// The process that the files under `pids/` name as the worker itself; stale numbers are seen through.
pub fn main_process(pids_dir: &Path, worker_id: &str) -> Option<i32> {
    let named: BTreeSet<i32> = pids_in(pids_dir);
    let proc = Path::new("/proc");
    let here = |pid: &i32| is_alive(*pid) && is_of_worker(*pid, worker_id);
    // The worker leads its group; multilang children do not.
    let leads = |pid: &i32| stat(proc, *pid).is_some_and(|s| s.group == s.pid);
    let living: Vec<i32> = named.into_iter().filter(here).collect();
    living
        .iter()
        .copied()
        .find(|pid| leads(pid))
        .or_else(|| living.first().copied())
        // A lost pid file does not make a worker invisible.
        .or_else(|| {
            stats(proc)
                .into_iter()
                .find(|s| !s.dead && s.group == s.pid && is_of_worker(s.pid, worker_id))
                .map(|s| s.pid)
        })
}

/// The numbers that a `pids` folder lists.
pub fn pids_in(dir: &Path) -> BTreeSet<i32> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeSet::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).filter(|pid| *pid > 1).collect()
}

/// Name of the program that a process runs.
pub fn program_of(pid: i32) -> Option<String> {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(comm.trim_end().to_owned())
}

/// Reads a file of `/proc`: they say that they are empty, and reading them bit by bit is slow.
pub(crate) fn read(path: &Path, likely: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(likely);
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_marked(proc: &Path, pid: i32, worker_id: &str) -> bool {
    let Ok(environ) = read(&proc.join(pid.to_string()).join("environ"), 16 << 10) else { return false };
    let mark = format!("{MARK}={worker_id}");
    environ.split(|b| *b == 0).any(|entry| entry == mark.as_bytes())
}

fn command_line(proc: &Path, pid: i32) -> Vec<String> {
    let Ok(bytes) = read(&proc.join(pid.to_string()).join("cmdline"), 4 << 10) else { return Vec::new() };
    bytes.split(|b| *b == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
}

fn stats(proc: &Path) -> Vec<Stat> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| stat(proc, pid)).collect()
}

fn stat(proc: &Path, pid: i32) -> Option<Stat> {
    let text = read(&proc.join(pid.to_string()).join("stat"), 1 << 10).ok()?;
    parse_stat(pid, &String::from_utf8_lossy(&text))
}

fn parse_stat(pid: i32, text: &str) -> Option<Stat> {
    // The name is in parentheses and may hold anything, parentheses too.
    let rest = text.get(text.rfind(')')? + 1..)?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let state = *fields.first()?;
    let group = fields.get(2)?.parse().ok()?;
    let threads: u32 = fields.get(17)?.parse().ok()?;
    // While its other threads are still ending, a process is shown as a zombie and yet holds its ports.
    let dead = matches!(state, "Z" | "X" | "x") && threads <= 1;
    Some(Stat { pid, group, dead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let rest = "1 40 40 0 -1 4194304 100 0 0 0 0 0 0 0 20 0";
        let stat = |text: &str| parse_stat(42, text);
        assert_eq!(stat(&format!("42 (a) Z (b)) S {rest} 1 0")), Some(Stat { pid: 42, group: 40, dead: false }));
        assert_eq!(stat(&format!("42 (sh) Z {rest} 1 0")), Some(Stat { pid: 42, group: 40, dead: true }));
        assert_eq!(stat(&format!("42 (sh) Z {rest} 3 0")), Some(Stat { pid: 42, group: 40, dead: false }));
        assert_eq!(stat("42 (sh"), None);
    }

    #[test]
    fn members_are_known_by_group_or_by_mark() {
        let dir = tempfile::tempdir().unwrap();
        let process = |pid: i32, group: i32, state: &str, environ: &str| {
            let at = dir.path().join(pid.to_string());
            fs::create_dir(&at).unwrap();
            fs::write(at.join("stat"), format!("{pid} (x) {state} 1 {group} 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0"))
                .unwrap();
            fs::write(at.join("environ"), environ).unwrap();
        };
        process(1_000_010, 1_000_010, "S", "A=1\0STORM_WORKER_ID=w\0");
        process(1_000_011, 1_000_010, "S", "");
        process(1_000_012, 1_000_012, "S", "STORM_WORKER_ID=w\0");
        process(1_000_013, 1_000_010, "Z", "");
        process(1_000_014, 1_000_014, "S", "STORM_WORKER_ID=wx\0");
        process(1_000_015, 0, "S", "");
        fs::create_dir(dir.path().join("net")).unwrap();
        let mut found = Quarry { worker_id: "w".to_owned(), leader: Some(1_000_010) }.members_under(dir.path());
        found.sort_unstable();
        assert_eq!(found, [1_000_010, 1_000_011, 1_000_012]);
    }
}
