//! Who listens on which port of this machine, read from `/proc` so that looking does not take the port away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use crate::processes;

/// Port -> inodes of the sockets that listen on it.
pub type Listeners = BTreeMap<u16, BTreeSet<u64>>;

/// The process behind a listening socket; unknown when it belongs to another user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    pub pid: Option<i32>,
    pub program: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.program) {
            (Some(pid), Some(program)) => write!(f, "process {pid} ({program})"),
            (Some(pid), None) => write!(f, "process {pid}"),
            _ => write!(f, "a process of another user"),
        }
    }
}

/// All listening TCP sockets.
pub fn listeners() -> Listeners {
    let mut all = Listeners::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // Without IPv6 there is no second file.
        if let Ok(text) = fs::read_to_string(file) {
            parse(&text, &mut all);
        }
    }
    all
}

fn parse(text: &str, all: &mut Listeners) {
    const LISTEN: &str = "0A";
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (Some(local), Some(&LISTEN), Some(inode)) = (fields.get(1), fields.get(3), fields.get(9)) else { continue };
        let port = local.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex, 16).ok());
        if let (Some(port), Ok(inode)) = (port, inode.parse()) {
            all.entry(port).or_default().insert(inode);
        }
    }
}

/// The processes that hold these sockets.
pub fn holders(inodes: &BTreeSet<u64>) -> Vec<Holder> {
    let names: BTreeSet<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let mut found = Vec::new();
    for dir in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = dir.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        if has_socket(&dir.path().join("fd"), &names) {
            found.push(Holder { pid: Some(pid), program: processes::program_of(pid) });
        }
    }
    if found.is_empty() {
        found.push(Holder { pid: None, program: None });
    }
    found
}

fn has_socket(fds: &Path, names: &BTreeSet<String>) -> bool {
    let Ok(list) = fs::read_dir(fds) else { return false };
    list.flatten().any(|fd| {
        let target = fs::read_link(fd.path());
        target.is_ok_and(|t| t.to_str().is_some_and(|t| names.contains(t)))
    })
}

/// Who else listens on the port: none of the processes for which `is_ours`.
pub fn foreign_holder(listeners: &Listeners, port: u16, is_ours: impl Fn(i32) -> bool) -> Option<Holder> {
    let inodes = listeners.get(&port)?;
    holders(inodes).into_iter().find(|h| !h.pid.is_some_and(&is_ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                    0: 0100007F:1A2C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 555 1 0 100 0 0 10 0\n\
                    1: 0100007F:1A2D 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000 0 556 1 0 100 0 0 10 0\n\
                    garbage\n";
        let mut all = Listeners::new();
        parse(text, &mut all);
        assert_eq!(all, BTreeMap::from([(6700, BTreeSet::from([555]))]));
    }

    #[test]
    fn the_holder_of_a_port_is_named() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let me = std::process::id() as i32;
        let holder = foreign_holder(&listeners(), port, |_| false).expect("this test listens");
        assert_eq!(holder.pid, Some(me));
        assert!(holder.to_string().contains(&format!("process {me} (")), "{holder}");
        assert_eq!(foreign_holder(&listeners(), port, |pid| pid == me), None, "our own workers may");
        drop(socket);
        assert_eq!(foreign_holder(&listeners(), port, |_| false), None);
    }
}
