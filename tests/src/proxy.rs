//! A stretch of network that a test can cut: a port on the loopback interface that passes on to another.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What becomes of bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Connections stay, but nothing comes through: as when a cable is pulled.
    Silent,
    /// Connections break, and new ones with them: as when a machine says that there is nobody.
    Broken,
}

struct State {
    weather: Weather,
    target: Option<SocketAddr>,
    /// Both ends of every connection of now, under its number.
    open: BTreeMap<u64, [TcpStream; 2]>,
    /// Connections so far.
    count: u64,
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while nothing comes through; false when the connection is to end.
    fn may_pass(&self) -> bool {
        let mut state = self.lock();
        while state.weather == Weather::Silent && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.weather == Weather::Fair && !state.closed
    }
}

/// Dropping it breaks what goes through.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens; connections break until there is a target.
    pub fn new() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = State { weather: Weather::Fair, target: None, open: BTreeMap::new(), count: 0, closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let for_thread = shared.clone();
        thread::spawn(move || accept(&listener, &for_thread));
        Proxy { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections lead.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.lock().target = Some(target);
    }

    /// How many connections go through now.
    pub fn connections(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Breaks all connections, and all new ones until it heals.
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        state.weather = Weather::Broken;
        break_all(&mut state);
        self.shared.changed.notify_all();
    }

    /// Breaks all connections once; new ones come through.
    pub fn interrupt(&self) {
        break_all(&mut self.shared.lock());
    }

    /// Lets nothing through any more, and says nothing about it.
    pub fn silence(&self) {
        self.shared.lock().weather = Weather::Silent;
    }

    pub fn heal(&self) {
        self.shared.lock().weather = Weather::Fair;
        self.shared.changed.notify_all();
    }
}

impl Default for Proxy {
    fn default() -> Proxy {
        Proxy::new()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        break_all(&mut state);
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _gone = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn break_all(state: &mut State) {
    std::mem::take(&mut state.open).values().for_each(shut);
}

fn shut(ends: &[TcpStream; 2]) {
    for stream in ends {
        // The kernel may have ended it already.
        let _gone = stream.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for from in listener.incoming() {
        let mut state = shared.lock();
        if state.closed {
            return;
        }
        let (Ok(from), Some(target), true) = (from, state.target, state.weather != Weather::Broken) else { continue };
        let Ok(to) = TcpStream::connect_timeout(&target, Duration::from_secs(1)) else { continue };
        let ways = [(from.try_clone(), to.try_clone()), (to.try_clone(), from.try_clone())];
        state.count += 1;
        let number = state.count;
        state.open.insert(number, [from, to]);
        drop(state);
        for (from, to) in ways {
            let (Ok(from), Ok(to)) = (from, to) else { continue };
            let shared = shared.clone();
            thread::spawn(move || pass(from, to, number, &shared));
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, number: u64, shared: &Shared) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) if shared.may_pass() && to.write_all(&bytes[..count]).is_ok() => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    if let Some(ends) = shared.lock().open.remove(&number) {
        shut(&ends);
    }
}
