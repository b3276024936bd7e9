//! The listing: plain as the JDK prints it, or with more columns.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::config;
use super::hsperf::{self, Jvm};
use super::native::{NativeRole, native_role};
use super::owner::{Supervisor, Worker};
use crate::cli;
use crate::printer::Report;
use crate::process::{self, Entry, Listeners};
use crate::table::{Side, Table, age, or_dash};

pub struct Listing {
    processes: Vec<Process>,
    options: Options,
}

#[derive(Debug, Clone, Copy, Default)]
struct Options {
    quiet: bool,
    long: bool,
    main_args: bool,
    vm_args: bool,
    vm_flags: bool,
}

struct Process {
    pid: i32,
    java: bool,
    /// Full class name or path of the jar; `None` when it cannot be known.
    class: Option<String>,
    main_args: String,
    vm_args: String,
    vm_flags: String,
    entry: Option<Entry>,
    details: Details,
}

/// What the JDK's jps does not tell; read only when it is asked for, as it takes a look at every open file.
#[derive(Debug, Default)]
struct Details {
    ports: Option<BTreeSet<u16>>,
    config: Option<PathBuf>,
    orphan: Option<String>,
}

/// The processes of this machine, as `jps` with these flags shows them; `detailed` for what goes beyond.
pub fn list(args: &cli::Jps, temp: &Path, detailed: bool) -> Listing {
    let mut processes: Vec<Process> = hsperf::jvms(temp).into_iter().map(Process::of_jvm).collect();
    let me = std::process::id() as i32;
    for entry in process::all() {
        if entry.pid == me {
            processes.push(Process::of_self(&entry));
        } else if let Some(role) = native_role(&entry).filter(|_| entry.alive())
            && !processes.iter().any(|p| p.pid == entry.pid)
        {
            processes.push(Process::of_native(&entry, &role));
        }
    }
    processes.sort_by_key(|p| p.pid);
    if detailed {
        detail(&mut processes);
    }
    let options = Options {
        quiet: args.quiet,
        long: args.long,
        main_args: args.main_args,
        vm_args: args.vm_args,
        vm_flags: args.vm_flags,
    };
    Listing { processes, options }
}

fn detail(processes: &mut [Process]) {
    let listeners = Listeners::read();
    for p in processes.iter_mut().filter(|p| p.role() != "jps") {
        p.details.ports = listeners.of(p.pid);
        p.details.config = p.entry.as_ref().and_then(|e| config::file(e, p.java, p.role()));
    }
    let supervisors: Vec<Supervisor> = processes
        .iter()
        .filter(|p| p.role() == "supervisor")
        .map(|p| Supervisor { pid: p.pid, ports: p.details.ports.clone() })
        .collect();
    for p in processes {
        p.details.orphan = p.worker().and_then(|w| w.orphan(&supervisors));
    }
}

impl Process {
    fn of_jvm(jvm: Jvm) -> Process {
        let entry = Entry::of(jvm.pid);
        let (class, main_args) = match &jvm.command {
            Some(command) => match command.split_once(' ') {
                Some((class, args)) => (Some(class.to_owned()), args.to_owned()),
                None => (Some(command.clone()), String::new()),
            },
            None => (None, String::new()),
        };
        Process {
            pid: jvm.pid,
            java: true,
            class,
            main_args,
            vm_args: jvm.args.unwrap_or_default(),
            vm_flags: jvm.flags.unwrap_or_default(),
            entry,
            details: Details::default(),
        }
    }

    fn of_native(entry: &Entry, role: &NativeRole) -> Process {
        Process {
            pid: entry.pid,
            java: false,
            class: Some(role.class().to_owned()),
            main_args: role.main_args(),
            vm_args: String::new(),
            vm_flags: String::new(),
            entry: Some(entry.clone()),
            details: Details::default(),
        }
    }

    fn of_self(entry: &Entry) -> Process {
        let verb = entry.args.iter().position(|a| a == "jps").map_or(entry.args.len(), |i| i + 1);
        Process {
            class: Some("jdk.jcmd/sun.tools.jps.Jps".to_owned()),
            main_args: entry.args[verb..].join(" "),
            ..Process::of_native(entry, &NativeRole::Nimbus)
        }
    }

    /// The JDK's rule: what follows the last slash, and of that what follows the last dot, unless it is a jar.
    fn short(&self) -> Option<&str> {
        let name = self.class.as_deref()?;
        let name = name.rsplit_once(['/', '\\']).map_or(name, |(_, last)| last);
        match name.rsplit_once('.') {
            Some((package, last)) if !package.is_empty() && last != "jar" => Some(last),
            _ => Some(name),
        }
    }

    fn role(&self) -> &'static str {
        match self.short().unwrap_or_default() {
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
    fn worker(&self) -> Option<Worker> {
        if !matches!(self.role(), "worker" | "logwriter") {
            return None;
        }
        let args: Vec<&str> = self.main_args.split(' ').collect();
        let five = if self.role() == "worker" { &args[..] } else { args.get(args.len().checked_sub(5)?..)? };
        Worker::of_args(five, self.entry.as_ref().and_then(Entry::cwd))
    }

    fn uptime_secs(&self) -> Option<i64> {
        self.entry.as_ref().and_then(Entry::uptime_secs).map(|s| s as i64)
    }

    /// Of one processor, over its whole life, as `ps` has it.
    fn cpu_percent(&self) -> Option<f64> {
        let entry = self.entry.as_ref()?;
        let uptime = entry.uptime_secs().filter(|s| *s > 0.0)?;
        Some((entry.cpu_secs() / uptime * 1000.0).round() / 10.0)
    }

    /// The slot of a worker; else the lowest port, which is the one clients know for every daemon of Storm and ZooKeeper.
    fn port(&self) -> Option<u16> {
        self.worker().and_then(|w| w.slot).or_else(|| self.details.ports.as_ref()?.first().copied())
    }

    fn line(&self, o: Options) -> String {
        if o.quiet {
            return format!("{}\n", self.pid);
        }
        let Some(class) = self.class.as_deref() else {
            return format!("{} -- process information unavailable\n", self.pid);
        };
        let name = if o.long { class } else { self.short().unwrap_or(class) };
        let mut line = format!("{} {name}", self.pid);
        let extra = [(o.main_args, &self.main_args), (o.vm_args, &self.vm_args), (o.vm_flags, &self.vm_flags)];
        for (_, text) in extra.iter().filter(|(shown, text)| *shown && !text.is_empty()) {
            line.push(' ');
            line.push_str(text);
        }
        line.push('\n');
        line
    }
}

impl Report for Listing {
    const KIND: &'static str = "ProcessList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let item = |p: &Process| {
            let worker = p.worker();
            json!({
                "pid": p.pid,
                "role": p.role(),
                "name": p.short(),
                "class": p.class,
                "args": p.main_args,
                "kind": if p.java { "java" } else { "native" },
                "topology": worker.as_ref().map(|w| w.topology.clone()),
                "slot": worker.as_ref().and_then(|w| w.slot),
                "worker": worker.map(|w| w.id),
                "port": p.port(),
                "ports": p.details.ports,
                "uptime_secs": p.uptime_secs(),
                "resident_bytes": p.entry.as_ref().map(|e| e.resident_bytes),
                "cpu_secs": p.entry.as_ref().map(Entry::cpu_secs),
                "cpu_percent": p.cpu_percent(),
                "config": p.details.config,
                "orphan": p.details.orphan.is_some(),
                "orphan_reason": p.details.orphan,
            })
        };
        self.processes.iter().map(item).collect()
    }

    fn text(&self, wide: bool) -> String {
        if !wide {
            return self.processes.iter().map(|p| p.line(self.options)).collect();
        }
        let mut table = Table::new(&[
            ("PID", Side::Right),
            ("NAME", Side::Left),
            ("ROLE", Side::Left),
            ("KIND", Side::Left),
            ("AGE", Side::Right),
            ("MIB", Side::Right),
            ("CPU%", Side::Right),
            ("PORT", Side::Right),
            ("SLOT", Side::Right),
            ("TOPOLOGY", Side::Left),
            ("ORPHAN", Side::Left),
            ("CONFIG", Side::Left),
        ]);
        for p in &self.processes {
            let worker = p.worker();
            table.row([
                p.pid.to_string(),
                or_dash(p.short()),
                p.role().to_owned(),
                if p.java { "java" } else { "native" }.to_owned(),
                or_dash(p.uptime_secs().map(age)),
                or_dash(p.entry.as_ref().map(|e| e.resident_bytes / (1024 * 1024))),
                or_dash(p.cpu_percent().map(|c| format!("{c:.1}"))),
                or_dash(p.port()),
                or_dash(worker.as_ref().and_then(|w| w.slot)),
                or_dash(worker.map(|w| w.topology)),
                or_dash(p.details.orphan.as_ref().map(|why| format!("yes: {why}"))),
                or_dash(p.details.config.as_ref().map(|c| c.display())),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.processes.iter().map(|p| p.pid.to_string()).collect()
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java(command: Option<&str>) -> Process {
        Process::of_jvm(Jvm {
            pid: 1,
            command: command.map(str::to_owned),
            args: Some("-Xmx1g -Dx=y".into()),
            flags: None,
        })
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
    }

    #[test]
    fn lines_have_what_the_flags_ask_for() {
        let worker = java(Some("org.apache.storm.daemon.worker.Worker wc-1-1 s 6628 6700 w"));
        assert_eq!(worker.line(Options::default()), "1 Worker\n");
        assert_eq!(worker.line(Options { quiet: true, ..Options::default() }), "1\n");
        let lm = Options { long: true, main_args: true, ..Options::default() };
        assert_eq!(worker.line(lm), "1 org.apache.storm.daemon.worker.Worker wc-1-1 s 6628 6700 w\n");
        let v = Options { vm_args: true, vm_flags: true, ..Options::default() };
        assert_eq!(worker.line(v), "1 Worker -Xmx1g -Dx=y\n");
        let slot = |p: &Process| p.worker().map(|w| (w.topology, w.slot, w.id));
        assert_eq!(slot(&worker), Some(("wc-1-1".into(), Some(6700), "w".into())));
        let writer = java(Some("org.apache.storm.LogWriter java -server X wc-1-1 s 6628 6700 w"));
        assert_eq!(slot(&writer), slot(&worker));
        assert_eq!(slot(&java(Some("org.apache.storm.LogWriter x"))), None);
        assert_eq!(java(None).line(Options::default()), "1 -- process information unavailable\n");
    }
}
