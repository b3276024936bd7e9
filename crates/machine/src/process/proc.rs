//! What `/proc` says.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// One process, read at one moment; fields of a process of somebody else may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    pub pid: i32,
    pub uid: u32,
    pub parent: i32,
    pub group: i32,
    pub state: char,
    pub threads: u32,
    /// Ticks between the machine's start and the process's.
    pub start_ticks: u64,
    pub comm: String,
    pub args: Vec<String>,
    pub exe: Option<PathBuf>,
    pub resident_bytes: u64,
    /// Ticks of processor time, its own and the kernel's for it.
    pub cpu_ticks: u64,
}

impl Entry {
    pub fn of(pid: i32) -> Option<Entry> {
        let dir = PathBuf::from(format!("/proc/{pid}"));
        let stat = fs::read_to_string(dir.join("stat")).ok()?;
        let mut entry = parse_stat(&stat)?;
        entry.pid = pid;
        entry.uid = fs::metadata(&dir).ok()?.uid();
        let args = fs::read(dir.join("cmdline")).unwrap_or_default();
        entry.args = args.split(|&b| b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
        // Each argument ends with a zero, the last one too.
        entry.args.pop();
        entry.exe = fs::read_link(dir.join("exe")).ok();
        Some(entry)
    }

    /// While its other threads are still ending, a process is shown as a zombie and yet holds its ports.
    pub fn alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X') || self.threads > 1
    }

    /// The value of a variable of its environment, when we may read it.
    pub fn variable(&self, name: &str) -> Option<String> {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        environment.split(|&b| b == 0).find_map(|v| {
            let text = String::from_utf8_lossy(v);
            let (key, value) = text.split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
    }

    pub fn cwd(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/cwd", self.pid)).ok()
    }

    pub fn cpu_secs(&self) -> f64 {
        self.cpu_ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }

    pub fn uptime_secs(&self) -> Option<f64> {
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
        Some((uptime - self.start_ticks as f64 / rustix::param::clock_ticks_per_second() as f64).max(0.0))
    }
}

/// Every process that can be seen, by ascending id.
pub fn all() -> Vec<Entry> {
    let mut pids: Vec<i32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter().filter_map(Entry::of).collect()
}

/// The name in parentheses may itself hold blanks and parentheses.
fn parse_stat(stat: &str) -> Option<Entry> {
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let fields: Vec<&str> = stat[close + 1..].split_whitespace().collect();
    let pages: u64 = fields.get(21)?.parse().ok()?;
    Some(Entry {
        comm: stat[open + 1..close].to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        cpu_ticks: fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
        resident_bytes: pages * rustix::param::page_size() as u64,
        ..Entry::default()
    })
}

/// Gives this process the name that `ps -o comm` and `top` show.
pub fn name_self(name: &str) {
    if let Ok(name) = CString::new(name) {
        // A name is a courtesy: a kernel that refuses it runs us all the same.
        let _ = rustix::thread::set_name(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_with_its_arguments() {
        let me = Entry::of(std::process::id() as i32).unwrap();
        assert!(me.alive());
        assert_eq!(me.args, std::env::args().collect::<Vec<_>>());
        assert_eq!(me.exe, std::env::current_exe().ok());
        assert!(me.resident_bytes > 100_000);
        assert!(me.uptime_secs().unwrap() < 3600.0);
        assert!(all().iter().any(|e| e.pid == me.pid && e.start_ticks == me.start_ticks));
        assert_eq!(me.variable("PATH"), std::env::var("PATH").ok());
    }

    #[test]
    fn a_name_may_hold_anything() {
        let rest = "S 10 11 12 0 -1 0 0 0 0 0 5 6 0 0 20 0 1 0 4242 0 7 0";
        let entry = parse_stat(&format!("9 (a ) b) {rest}")).unwrap();
        assert_eq!((entry.comm.as_str(), entry.parent, entry.group, entry.start_ticks), ("a ) b", 10, 11, 4242));
        assert_eq!((entry.cpu_ticks, entry.threads), (11, 1));
        let ending = |threads: &str| {
            let rest = rest.replace("20 0 1 0", &format!("20 0 {threads} 0")).replacen('S', "Z", 1);
            parse_stat(&format!("9 (x) {rest}")).unwrap().alive()
        };
        assert_eq!((ending("1"), ending("3")), (false, true));
        assert_eq!(parse_stat("9 (a"), None);
    }
}
