//! Which process listens on which port of this machine.

use std::collections::{BTreeSet, HashMap};
use std::fs;

/// The process that listens on this TCP port, if we may see it.
pub fn listener(port: u16) -> Option<i32> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| listening(&fs::read_to_string(table).unwrap_or_default(), port))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let wanted: Vec<String> = inodes.iter().map(|i| format!("socket:[{i}]")).collect();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        for file in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            match fs::read_link(file.path()) {
                Ok(target) if wanted.iter().any(|w| target.as_os_str() == w.as_str()) => return Some(pid),
                // Of a process that may not be looked into no file may.
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => break,
                _ => {}
            }
        }
    }
    None
}

/// The inodes of the sockets in state LISTEN on the port.
fn listening(table: &str, port: u16) -> Vec<String> {
    sockets(table).filter(|(_, p)| *p == port).map(|(inode, _)| inode.to_owned()).collect()
}

/// Inode and port of each socket in state LISTEN (0A).
fn sockets(table: &str) -> impl Iterator<Item = (&str, u16)> {
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (address, state) = (fields.nth(1)?, fields.nth(1)?);
        let port = u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()?;
        (state == "0A").then(|| fields.nth(5).map(|inode| (inode, port))).flatten()
    })
}

/// All sockets of this machine that listen, read once to ask about many processes.
#[derive(Debug, Default)]
pub struct Listeners {
    by_inode: HashMap<String, u16>,
}

impl Listeners {
    pub fn read() -> Listeners {
        let mut by_inode = HashMap::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let text = fs::read_to_string(table).unwrap_or_default();
            by_inode.extend(sockets(&text).map(|(inode, port)| (inode.to_owned(), port)));
        }
        Listeners { by_inode }
    }

    /// The ports on which a process listens; `None` when we may not look.
    pub fn of(&self, pid: i32) -> Option<BTreeSet<u16>> {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let port = |file: fs::DirEntry| {
            let target = fs::read_link(file.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            self.by_inode.get(inode).copied()
        };
        Some(files.flatten().filter_map(port).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_find_ourselves() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let me = std::process::id() as i32;
        assert_eq!(listener(port), Some(me));
        assert!(Listeners::read().of(me).unwrap().contains(&port));
        assert_eq!(Listeners::read().of(-1), None);
        drop(socket);
        assert_eq!(listener(port), None);
        assert!(!Listeners::read().of(me).unwrap().contains(&port));
    }
}
