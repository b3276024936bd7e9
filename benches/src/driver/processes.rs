//! What the kernel says of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::{Deserialize, Serialize};

/// What a process is for a topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Worker,
    /// The process that Apache Storm's supervisor starts a worker through, for its output.
    LogWriter,
    /// What a worker has started: components in other languages.
    Child,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Stat {
    parent: u32,
    /// User and system time.
    ticks: u64,
}

/// What follows the name in brackets, which may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| words.get(index)?.parse::<u64>().ok();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The processes of a topology whose workers are these.
pub fn parts(workers: &[u32]) -> BTreeMap<u32, Part> {
    let everyone = fs::read_dir("/proc").map(|list| {
        list.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, stat(pid)?.parent)))
            .collect::<BTreeMap<u32, u32>>()
    });
    let everyone = everyone.unwrap_or_default();
    let mut parts: BTreeMap<u32, Part> = workers.iter().map(|pid| (*pid, Part::Worker)).collect();
    let mut below: BTreeSet<u32> = workers.iter().copied().collect();
    while !below.is_empty() {
        let next = everyone.iter().filter(|(pid, parent)| below.contains(*parent) && !parts.contains_key(*pid));
        below = next.map(|(pid, _)| *pid).collect();
        parts.extend(below.iter().map(|pid| (*pid, Part::Child)));
    }
    for worker in workers {
        let Some(parent) = everyone.get(worker) else { continue };
        let command = fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains("org.apache.storm.LogWriter") {
            parts.insert(*parent, Part::LogWriter);
        }
    }
    parts
}

/// Seconds of processor time of a living process.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    Some(stat(pid)?.ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Size and threads of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Size {
    pub resident_mib: f64,
    pub most_resident_mib: f64,
    pub threads: u64,
}

pub fn size(pid: u32) -> Option<Size> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let mib = |key| number(key).map(|kib| kib as f64 / 1024.0);
    Some(Size { resident_mib: mib("VmRSS")?, most_resident_mib: mib("VmHWM")?, threads: number("Threads")? })
}

/// Seconds that all processors together have worked since the machine started. The kernel counts them by ticks, and so misses
/// threads that work for less than one at a time.
pub fn machine_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).map(|word| word.parse().unwrap_or(0)).take(8).collect();
    let idle: u64 = ticks.get(3..5)?.iter().sum();
    Some((ticks.iter().sum::<u64>() - idle) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_confuse() {
        let text = "7 (a ) (b) S 5 7 7 0 -1 4194304 100 0 0 0 13 4 0 0 20 0 1 0 100 0 0";
        assert_eq!(parse_stat(text), Some(Stat { parent: 5, ticks: 17 }));
    }

    #[test]
    fn children_are_found_and_measured() {
        let me = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let parts = parts(&[me]);
        let (cpu, size) = (cpu_seconds(child.id()), size(me).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((parts[&me], parts[&child.id()]), (Part::Worker, Part::Child));
        assert!(cpu.is_some() && size.resident_mib > 0.5 && size.most_resident_mib >= size.resident_mib, "{size:?}");
        assert!(machine_seconds().unwrap() > 0.0);
    }
}
