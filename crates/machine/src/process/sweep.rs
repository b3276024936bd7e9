//! Ending everything that belongs to one cluster of this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

use super::identity::Identity;
use super::proc::{self, Entry};

/// Names the configuration file in the environment of every process of a cluster that we started: daemons hand it to
/// their workers, and those to their multilang children.
pub const MARK: &str = "STORMCTL_DAEMON_CONF";
/// In the environment of every worker and its children, whoever started the Supervisor.
const WORKER_MARK: &str = "STORM_WORKER_ID";

/// What belongs to one cluster of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    conf_file: Option<PathBuf>,
    workers_dir: Option<PathBuf>,
}

impl Scope {
    pub fn new(conf_file: Option<&Path>, local_dir: &Path) -> Scope {
        let conf_file = conf_file.and_then(|f| std::path::absolute(f).ok());
        Scope { conf_file, workers_dir: fs::canonicalize(local_dir.join("workers")).ok() }
    }

    fn holds(&self, entry: &Entry) -> bool {
        if let Some(file) = &self.conf_file
            && entry.variable(MARK).is_some_and(|mark| Path::new(&mark) == file)
        {
            return true;
        }
        // A worker of a Supervisor that somebody started by hand: told by its folder, and by a mark that no shell
        // which happens to stand there has.
        let Some(dir) = &self.workers_dir else { return false };
        entry.variable(WORKER_MARK).is_some()
            && fs::read_link(format!("/proc/{}/cwd", entry.pid)).is_ok_and(|cwd| cwd.starts_with(dir))
    }
}

/// The processes of the cluster, except this process itself.
pub fn members(scope: &Scope) -> Vec<Entry> {
    let me = std::process::id() as i32;
    proc::all().into_iter().filter(|e| e.pid != me && e.alive() && scope.holds(e)).collect()
}

/// Those of [`members`] that are no daemons: workers, and what they started.
pub fn workers(scope: &Scope) -> Vec<Entry> {
    let ours = |e: &Entry| crate::jps::native_role(e).is_some_and(|r| !r.is_worker());
    let daemon = |e: &Entry| ours(e) || crate::jps::apache_role(e).is_some();
    members(scope).into_iter().filter(|e| !daemon(e)).collect()
}

/// Asks these processes to end, and after `grace` makes them; returns when none is left.
pub fn end(entries: &[Entry], grace: Duration) {
    let identities: Vec<Identity> = entries.iter().filter_map(|e| Identity::of(e.pid)).collect();
    signal_all(&identities, Signal::TERM);
    if !wait_gone(&identities, grace) {
        signal_all(&identities, Signal::KILL);
        wait_gone(&identities, Duration::from_secs(5));
    }
}

/// Kills every member at once, and again until none is left: a member may start another one meanwhile.
pub fn kill_members(scope: &Scope) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let members = members(scope);
        if members.is_empty() || Instant::now() > deadline {
            return;
        }
        let groups: BTreeSet<i32> = members.iter().map(|e| e.group).collect();
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        for group in groups.into_iter().filter(|g| *g != own) {
            // Only a group that one of them leads is wholly theirs.
            if let Some(pid) = Pid::from_raw(group).filter(|_| members.iter().any(|e| e.pid == group)) {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            }
        }
        let identities: Vec<Identity> = members.iter().filter_map(|e| Identity::of(e.pid)).collect();
        signal_all(&identities, Signal::KILL);
        wait_gone(&identities, Duration::from_secs(1));
    }
}

/// From now on descendants whose parent ends become our children.
pub fn adopt_orphans() {
    // Without it they become children of the machine's first process, which is right as well.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Takes the exit status of children that have ended.
pub fn reap_orphans() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// Asks these processes to end, and does not wait.
pub fn ask(identities: &[Identity]) {
    signal_all(identities, Signal::TERM);
}

fn signal_all(identities: &[Identity], signal: Signal) {
    for identity in identities {
        // One that may not be signalled is not ours to end.
        let _ = identity.signal(signal);
    }
}

/// True when all were gone in time.
pub fn wait_gone(identities: &[Identity], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while identities.iter().any(|i| i.entry().is_some()) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
