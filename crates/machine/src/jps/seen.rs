//! What there is to tell of each process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::config;
use super::hsperf::{self, Jvm};
use super::native::{NativeRole, native_role};
use super::owner::{Supervisor, Worker};
use crate::process::{self, Entry, Listeners};

/// A process as it was seen at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    pub pid: i32,
    /// Ticks between the start of the machine and its own.
    pub start_ticks: u64,
    pub java: bool,
    /// `nimbus`, `worker` and so on; `-` for another JVM.
    pub role: String,
    /// Full class name or path of the jar; `None` when it cannot be known.
    pub class: Option<String>,
    pub main_args: String,
    pub vm_args: String,
    pub vm_flags: String,
    pub slot: Option<Slot>,
    pub uptime_secs: Option<i64>,
    pub resident_bytes: Option<u64>,
    pub cpu_secs: Option<f64>,
    /// Of one processor, over its whole life, as `ps` has it.
    pub cpu_percent: Option<f64>,
    /// Where it listens; `None` when we may not look, or did not.
    pub ports: Option<BTreeSet<u16>>,
    pub config: Option<PathBuf>,
    /// Why nobody looks after this worker.
    pub orphan: Option<String>,
}

/// Of a worker, or of the program that keeps a Java worker's output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slot {
    pub topology: String,
    pub port: Option<u16>,
    pub worker: String,
}

/// The processes of this machine, by ascending id; `detailed` with ports, configuration and orphans, which takes a look
/// at every open file of theirs.
pub fn list(temp: &Path, detailed: bool) -> Vec<Seen> {
    let mut found: Vec<(Seen, Option<Entry>)> = Vec::new();
    for jvm in hsperf::jvms(temp) {
        let entry = Entry::of(jvm.pid);
        found.push((Seen::of_jvm(jvm, entry.as_ref()), entry));
    }
    for entry in process::all() {
        if let Some(role) = native_role(&entry).filter(|_| entry.alive())
            && !found.iter().any(|(seen, _)| seen.pid == entry.pid)
        {
            found.push((Seen::of_native(&entry, &role), Some(entry)));
        }
    }
    found.sort_by_key(|(seen, _)| seen.pid);
    if detailed {
        detail(&mut found);
    }
    found.into_iter().map(|(seen, _)| seen).collect()
}

fn detail(found: &mut [(Seen, Option<Entry>)]) {
    let listeners = Listeners::read();
    for (seen, entry) in found.iter_mut().filter(|(seen, _)| seen.role != "jps") {
        seen.ports = listeners.of(seen.pid);
        seen.config = entry.as_ref().and_then(|e| config::file(e, seen.java, &seen.role));
    }
    let supervisors: Vec<Supervisor> = found
        .iter()
        .filter(|(seen, _)| seen.role == "supervisor")
        .map(|(seen, _)| Supervisor { pid: seen.pid, ports: seen.ports.clone() })
        .collect();
    for (seen, entry) in found {
        let worker = worker(&seen.role, &seen.main_args, entry.as_ref());
        seen.orphan = worker.and_then(|w| w.orphan(&supervisors));
    }
}

impl Seen {
    fn of_jvm(jvm: Jvm, entry: Option<&Entry>) -> Seen {
        let (class, main_args) = match &jvm.command {
            Some(command) => match command.split_once(' ') {
                Some((class, args)) => (Some(class.to_owned()), args.to_owned()),
                None => (Some(command.clone()), String::new()),
            },
            None => (None, String::new()),
        };
        let seen = Seen {
            pid: jvm.pid,
            java: true,
            role: class.as_deref().map_or("-", |c| role_of(short(c))).to_owned(),
            class,
            main_args,
            vm_args: jvm.args.unwrap_or_default(),
            vm_flags: jvm.flags.unwrap_or_default(),
            ..Seen::default()
        };
        seen.with_entry(entry)
    }

    fn of_native(entry: &Entry, role: &NativeRole) -> Seen {
        let seen = Seen {
            pid: entry.pid,
            role: role.name().to_owned(),
            class: Some(role.class().to_owned()),
            main_args: role.main_args(),
            ..Seen::default()
        };
        seen.with_entry(Some(entry))
    }

    /// A native process that is shown as a Java program of this class.
    pub fn of_entry(entry: &Entry, class: &str, main_args: String) -> Seen {
        let role = role_of(short(class)).to_owned();
        let seen = Seen { pid: entry.pid, role, class: Some(class.to_owned()), main_args, ..Seen::default() };
        seen.with_entry(Some(entry))
    }

    fn with_entry(mut self, entry: Option<&Entry>) -> Seen {
        self.slot = worker(&self.role, &self.main_args, entry).map(|w| Slot {
            topology: w.topology,
            port: w.slot,
            worker: w.id,
        });
        let Some(entry) = entry else { return self };
        let (uptime, cpu) = (entry.uptime_secs(), entry.cpu_secs());
        self.start_ticks = entry.start_ticks;
        self.uptime_secs = uptime.map(|s| s as i64);
        self.resident_bytes = Some(entry.resident_bytes);
        self.cpu_secs = Some(cpu);
        self.cpu_percent = uptime.filter(|s| *s > 0.0).map(|s| (cpu / s * 1000.0).round() / 10.0);
        self
    }

    /// The name as the JDK's `jps` has it.
    pub fn short(&self) -> Option<&str> {
        self.class.as_deref().map(short)
    }

    /// The slot of a worker; else the lowest port, which is the one clients know for every daemon of Storm and ZooKeeper.
    pub fn port(&self) -> Option<u16> {
        self.slot.as_ref().and_then(|s| s.port).or_else(|| self.ports.as_ref()?.first().copied())
    }
}

/// The JDK's rule: what follows the last slash, and of that what follows the last dot, unless it is a jar.
fn short(class: &str) -> &str {
    let name = class.rsplit_once(['/', '\\']).map_or(class, |(_, last)| last);
    match name.rsplit_once('.') {
        Some((package, last)) if !package.is_empty() && last != "jar" => last,
        _ => name,
    }
}

fn role_of(short: &str) -> &'static str {
    match short {
        "Nimbus" => "nimbus",
        "Supervisor" => "supervisor",
        "Worker" => "worker",
        "LogWriter" => "logwriter",
        "QuorumPeerMain" | "ZooKeeperServerMain" | "DevZookeeper" => "zookeeper",
        "UIServer" => "ui",
        "LogviewerServer" => "logviewer",
        "DRPCServer" => "drpc",
        "Pacemaker" => "pacemaker",
        "Jps" => "jps",
        _ => "-",
    }
}

/// A worker, or the program that keeps a Java worker's output and has its arguments at the end of its own.
fn worker(role: &str, main_args: &str, entry: Option<&Entry>) -> Option<Worker> {
    if !matches!(role, "worker" | "logwriter") {
        return None;
    }
    let args: Vec<&str> = main_args.split(' ').collect();
    let five = if role == "worker" { &args[..] } else { args.get(args.len().checked_sub(5)?..)? };
    Worker::of_args(five, entry.and_then(Entry::cwd))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java(command: Option<&str>) -> Seen {
        Seen::of_jvm(Jvm { pid: 1, command: command.map(str::to_owned), args: None, flags: None }, None)
    }

    #[test]
    fn names_are_cut_as_the_jdk_cuts_them() {
        for (command, short) in [
            ("org.apache.storm.daemon.nimbus.Nimbus", "Nimbus"),
            ("/opt/app/tool.jar --flag", "tool.jar"),
            ("jdk.compiler/com.sun.tools.javac.launcher.Main x", "Main"),
            ("Plain", "Plain"),
        ] {
            assert_eq!(java(Some(command)).short(), Some(short), "{command}");
        }
        assert_eq!((java(None).short(), java(None).role.as_str()), (None, "-"));
    }

    #[test]
    fn workers_are_told_by_their_arguments() {
        let worker = java(Some("org.apache.storm.daemon.worker.Worker wc-1-1 s 6628 6700 w"));
        let slot = Slot { topology: "wc-1-1".into(), port: Some(6700), worker: "w".into() };
        assert_eq!((worker.slot.as_ref(), worker.port()), (Some(&slot), Some(6700)));
        assert_eq!(java(Some("org.apache.storm.LogWriter java -server X wc-1-1 s 6628 6700 w")).slot, Some(slot));
        assert_eq!(java(Some("org.apache.storm.LogWriter x")).slot, None);
    }
}
