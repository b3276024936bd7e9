//! What the rules want to know of this machine.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use storm_conf::Environment;
use storm_lint::{Format, Host, Properties, Subject};

/// This machine; what it does not tell stays unknown.
pub fn of_this_machine(subjects: &[Subject]) -> Host {
    let home = Environment::of_process().home();
    Host {
        home: std::path::absolute(home).ok(),
        environment: std::env::vars().collect(),
        ephemeral_ports: read("/proc/sys/net/ipv4/ip_local_port_range").and_then(|t| range(&t)),
        reserved_ports: read("/proc/sys/net/ipv4/ip_local_reserved_ports").map(|t| reserved(&t)).unwrap_or_default(),
        memory_mb: memory_mb(),
        memory_folders: read("/proc/mounts").map(|t| memory_folders(&t)).unwrap_or_default(),
        myid: subjects.iter().filter(|s| s.format == Format::Zoo).filter_map(myid).collect(),
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// What the machine has, or what the control group of this process allows.
fn memory_mb() -> Option<u64> {
    let total = read("/proc/meminfo")?.lines().find_map(|l| l.strip_prefix("MemTotal:").map(kib))??;
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limits.iter().find_map(|p| read(p)?.trim().parse::<u64>().ok()).map(|bytes| bytes >> 20);
    Some((total >> 10).min(limit.unwrap_or(u64::MAX)))
}

fn kib(text: &str) -> Option<u64> {
    text.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Two numbers with a tab between them.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse::<u16>);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

/// `6700-6703,8080`
fn reserved(text: &str) -> Vec<RangeInclusive<u16>> {
    let one = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some(low.trim().parse().ok()?..=high.trim().parse().ok()?)
    };
    text.trim().split(',').filter_map(one).collect()
}

fn memory_folders(mounts: &str) -> Vec<PathBuf> {
    let kept = |line: &str| {
        let mut words = line.split(' ');
        let (folder, kind) = (words.nth(1)?, words.next()?);
        // The root of a container or of an installation medium is nothing that a path could avoid.
        (matches!(kind, "tmpfs" | "ramfs") && folder != "/").then(|| PathBuf::from(folder.replace("\\040", " ")))
    };
    mounts.lines().filter_map(kept).collect()
}

/// The folder of a zoo.cfg's data, if it is here, and what its `myid` says.
fn myid(subject: &Subject) -> Option<(PathBuf, Option<String>)> {
    let properties = Properties::parse(subject.text.as_str());
    let folder = Path::new(properties.value("dataDir")?).to_owned();
    folder.is_dir().then(|| (folder.clone(), fs::read_to_string(folder.join("myid")).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood() {
        assert_eq!(range("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(reserved("6700-6703,8080\n"), [6700..=6703, 8080..=8080]);
        assert_eq!(reserved("\n"), []);
        let mounts =
            "proc /proc proc rw 0 0\ntmpfs / tmpfs rw 0 0\ntmpfs /mnt/a\\040b tmpfs rw 0 0\n/dev/vda / ext4 rw 0 0\n";
        assert_eq!(memory_folders(mounts), [PathBuf::from("/mnt/a b")]);
        assert_eq!(kib("   16384 kB"), Some(16384));
        assert!(memory_mb().is_some_and(|mb| mb > 16));
    }
}
