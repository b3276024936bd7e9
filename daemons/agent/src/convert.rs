//! What this machine's own types are on the wire, and back.

use std::path::PathBuf;

use storm_machine::jps::{Seen, Slot};
use storm_machine::logs::Entry;

use crate::proto::{LogEntry, Process};

impl From<&Seen> for Process {
    fn from(seen: &Seen) -> Process {
        Process {
            pid: seen.pid,
            role: seen.role.clone(),
            name: seen.short().map(str::to_owned),
            class: seen.class.clone(),
            args: seen.main_args.clone(),
            java: seen.java,
            topology: seen.slot.as_ref().map(|s| s.topology.clone()),
            slot: seen.slot.as_ref().and_then(|s| s.port).map(u32::from),
            worker: seen.slot.as_ref().map(|s| s.worker.clone()),
            port: seen.port().map(u32::from),
            ports: seen.ports.iter().flatten().copied().map(u32::from).collect(),
            ports_known: seen.ports.is_some(),
            uptime_secs: seen.uptime_secs,
            resident_bytes: seen.resident_bytes,
            cpu_secs: seen.cpu_secs,
            cpu_percent: seen.cpu_percent,
            config: seen.config.as_ref().map(|c| c.display().to_string()),
            orphan_reason: seen.orphan.clone(),
            vm_args: seen.vm_args.clone(),
            vm_flags: seen.vm_flags.clone(),
            start_ticks: seen.start_ticks,
        }
    }
}

impl From<Process> for Seen {
    fn from(process: Process) -> Seen {
        let port = |p: u32| u16::try_from(p).ok();
        let slot = process.topology.map(|topology| Slot {
            topology,
            port: process.slot.and_then(port),
            worker: process.worker.unwrap_or_default(),
        });
        Seen {
            pid: process.pid,
            start_ticks: process.start_ticks,
            java: process.java,
            role: process.role,
            class: process.class,
            main_args: process.args,
            vm_args: process.vm_args,
            vm_flags: process.vm_flags,
            slot,
            uptime_secs: process.uptime_secs,
            resident_bytes: process.resident_bytes,
            cpu_secs: process.cpu_secs,
            cpu_percent: process.cpu_percent,
            ports: process.ports_known.then(|| process.ports.into_iter().filter_map(port).collect()),
            config: process.config.map(PathBuf::from),
            orphan: process.orphan_reason,
        }
    }
}

impl From<Entry> for LogEntry {
    fn from(entry: Entry) -> LogEntry {
        LogEntry { millis: entry.millis, source: entry.label, text: entry.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_comes_back_as_it_was() {
        let seen = Seen {
            pid: 7,
            start_ticks: 9,
            role: "worker".into(),
            class: Some("a.b.Worker".into()),
            main_args: "x y".into(),
            slot: Some(Slot { topology: "wc-1-1".into(), port: Some(6700), worker: "w".into() }),
            uptime_secs: Some(5),
            cpu_secs: Some(0.5),
            ports: Some([6700].into()),
            config: Some("/c".into()),
            orphan: Some("no supervisor runs".into()),
            ..Seen::default()
        };
        assert_eq!(Seen::from(Process::from(&seen)), seen);
        let unknown = Seen { class: None, ports: None, slot: None, ..seen };
        assert_eq!(Seen::from(Process::from(&unknown)), unknown);
    }
}
