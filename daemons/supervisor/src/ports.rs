//! Who holds which port of this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::OnceLock;

use tokio::net::TcpSocket;

use crate::processes;

/// The process behind a socket; unknown when it belongs to another user.
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

/// Whether a worker could listen on the port. Needs a tokio runtime.
///
/// Binding without listening takes nothing away from a worker that binds at this moment, and costs nothing, unlike a look at all
/// connections of the machine.
pub fn is_free(port: u16) -> bool {
    let bind = |socket: io::Result<TcpSocket>, address: SocketAddr| {
        let socket = socket?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)
    };
    let taken = |result: io::Result<()>| result.is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse);
    // The first covers both families, where there are two.
    !taken(bind(TcpSocket::new_v6(), (Ipv6Addr::UNSPECIFIED, port).into()))
        && !taken(bind(TcpSocket::new_v4(), (Ipv4Addr::UNSPECIFIED, port).into()))
}

/// The sockets of this machine, by port: of those that listen, else of those that are connected from it. They are looked at once, when
/// a port is found taken: the kernel goes through all it has for it, which takes milliseconds.
#[derive(Debug, Default)]
pub struct Sockets(OnceLock<BTreeMap<u16, BTreeSet<u64>>>);

impl Sockets {
    fn on(&self, port: u16) -> Option<&BTreeSet<u64>> {
        self.0.get_or_init(read).get(&port)
    }

    /// Who else holds the port: none of the processes for which `is_ours`. Needs a tokio runtime.
    pub fn foreign_holder(&self, port: u16, is_ours: impl Fn(i32) -> bool) -> Option<Holder> {
        if is_free(port) {
            return None;
        }
        // Remains of connections belong to nobody, and a worker may listen all the same.
        holders(self.on(port)?).into_iter().find(|h| !h.pid.is_some_and(&is_ours))
    }
}

fn read() -> BTreeMap<u16, BTreeSet<u64>> {
    let (mut listening, mut connected) = (BTreeMap::new(), BTreeMap::new());
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // Without IPv6 there is no second file.
        if let Ok(text) = processes::read(Path::new(file), 64 << 10) {
            parse(&String::from_utf8_lossy(&text), &mut listening, &mut connected);
        }
    }
    connected.extend(listening);
    connected
}

fn parse(text: &str, listening: &mut BTreeMap<u16, BTreeSet<u64>>, connected: &mut BTreeMap<u16, BTreeSet<u64>>) {
    const LISTEN: &str = "0A";
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (Some(local), Some(state), Some(inode)) = (fields.get(1), fields.get(3), fields.get(9)) else { continue };
        let here = local.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex, 16).ok());
        match (here, inode.parse()) {
            // Sockets without a process have no inode.
            (Some(port), Ok(inode)) if inode != 0 => {
                let kind = if *state == LISTEN { &mut *listening } else { &mut *connected };
                kind.entry(port).or_default().insert(inode);
            }
            _ => {}
        }
    }
}

/// The processes that hold these sockets.
fn holders(inodes: &BTreeSet<u64>) -> Vec<Holder> {
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
    for fd in list.flatten() {
        match fs::read_link(fd.path()) {
            Ok(target) if target.to_str().is_some_and(|t| names.contains(t)) => return true,
            // Of a process that may not be looked into no file may.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return false,
            _ => {}
        }
    }
    false
}

/// Who else holds the port: none of the processes for which `is_ours`. Needs a tokio runtime.
pub fn foreign_holder(port: u16, is_ours: impl Fn(i32) -> bool) -> Option<Holder> {
    Sockets::default().foreign_holder(port, is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_told_from_others() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                    0: 0100007F:1A2C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 555 1 0 100 0 0 10 0\n\
                    1: 0100007F:1A2C 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000 0 556 1 0 100 0 0 10 0\n\
                    2: 0100007F:1A2C 0100007F:9C41 06 00000000:00000000 00:00000000 00000000  0 0 0 1 0 100 0 0 10 0\n\
                    3: 0100007F:1A2D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 557 1 0 100 0 0 10 0\n\
                    garbage\n";
        let (mut listening, mut connected) = (BTreeMap::new(), BTreeMap::new());
        parse(text, &mut listening, &mut connected);
        let one = |port, inode| (port, BTreeSet::from([inode]));
        assert_eq!(listening, BTreeMap::from([one(6700, 555), one(6701, 557)]));
        assert_eq!(connected, BTreeMap::from([one(6700, 556)]));
    }

    #[tokio::test]
    async fn the_holder_of_a_port_is_named_whatever_address_it_is_on() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let socket = std::net::TcpListener::bind(address).unwrap();
            let port = socket.local_addr().unwrap().port();
            let me = std::process::id() as i32;
            let holder = foreign_holder(port, |_| false).expect("this test listens");
            assert_eq!(holder.pid, Some(me), "{address}");
            assert!(holder.to_string().contains(&format!("process {me} (")), "{holder}");
            assert_eq!(foreign_holder(port, |pid| pid == me), None, "our own workers may");
            drop(socket);
            assert_eq!(foreign_holder(port, |_| false), None, "{address}");
        }
    }

    #[tokio::test]
    async fn a_port_that_the_kernel_gave_to_a_connection_is_taken_too() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let port = client.local_addr().unwrap().port();
        let holder = foreign_holder(port, |_| false).expect("connected from there");
        assert_eq!(holder.pid, Some(std::process::id() as i32));
    }
}
