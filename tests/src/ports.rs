//! Ports that nobody else uses.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what the kernel gives to outgoing connections, which would now and then take a port between its choice and
/// its use.
const FIRST: u32 = 12_000;
const COUNT: u32 = 18_000;

/// Locks of the ports given out, held until this process ends, so that test binaries at the same time differ.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP port that is free, and stays reserved for this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let locks = crate::peers::root().join("ports");
    std::fs::create_dir_all(&locks).expect("a folder for the locks of ports");
    for _ in 0..COUNT {
        let port = (FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT) as u16;
        let lock = File::create(locks.join(port.to_string())).expect("a lock of a port");
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            RESERVED.lock().expect("no panic while it is held").push(lock);
            return port;
        }
    }
    panic!("no free port from {FIRST} to {}", FIRST + COUNT);
}

pub fn free_ports<const N: usize>() -> [u16; N] {
    std::array::from_fn(|_| free_port())
}
