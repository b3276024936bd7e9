//! How sessions begin, go on over another connection, and end.

use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, info, warn};

use crate::proto::{ConnectRequest, ConnectResponse, Id};
use crate::server::connection::Connection;
use crate::server::core::{Client, Core, wall_ms};
use crate::state::Session;

impl Core {
    pub(super) fn connect(&mut self, connection: Arc<Connection>, request: &ConnectRequest, now: u64) {
        let peer = connection.peer;
        if request.last_zxid_seen > self.state.zxid {
            // Another server's client, or our data directory was put back to an earlier state.
            info!(
                "refusing {peer}: it has seen transaction {:#x}, the last one here is {:#x}",
                request.last_zxid_seen, self.state.zxid
            );
            connection.outbox.kick();
            return;
        }
        let options = &self.shared.options;
        let timeout_ms = request.timeout_ms.max(options.min_session_timeout()).min(options.max_session_timeout());
        let granted = if request.session == 0 { Some(self.begin(timeout_ms)) } else { self.resume(request, peer) };
        let with_read_only = request.read_only.is_some();
        let Some((session, password)) = granted else {
            let refusal = ConnectResponse { with_read_only, ..ConnectResponse::default() };
            self.answer(&connection, refusal.encode(), Instant::now());
            self.close(&connection);
            return;
        };
        self.clock.touch(session, timeout_ms, now);
        self.connected.insert(session, connection.number);
        let client = Client {
            connection: Arc::clone(&connection),
            session,
            timeout_ms,
            ids: vec![Id::new("ip", peer.ip().to_canonical().to_string())],
            established_ms: wall_ms(),
            last_op: None,
            last_xid: -1,
        };
        self.clients.insert(connection.number, client);
        let response = ConnectResponse { timeout_ms, session, password, with_read_only };
        self.answer(&connection, response.encode(), Instant::now());
        debug!("session {session:#x} of {peer} with timeout {timeout_ms} ms");
    }

    fn begin(&mut self, timeout_ms: i32) -> (i64, [u8; 16]) {
        let id = self.next_session;
        self.next_session += 1;
        let password = (self.random)();
        let txn = self.state.create_session(id, Session { timeout_ms, password }, wall_ms());
        self.log(&txn);
        (id, password)
    }

    /// The session of before, if it still lives and the client can prove that it is its own.
    fn resume(&mut self, request: &ConnectRequest, peer: std::net::SocketAddr) -> Option<(i64, [u8; 16])> {
        let Some(session) = self.state.sessions.get(&request.session) else {
            info!("session {:#x}, which {peer} asks for, has expired", request.session);
            return None;
        };
        if session.password != *request.password {
            warn!("{peer} gave a wrong password for session {:#x}", request.session);
            return None;
        }
        let granted = (request.session, session.password);
        // The client has given up its old connection, whatever that connection knows of it.
        if let Some(old) = self.connected.get(&request.session).copied() {
            if let Some(client) = self.clients.get(&old) {
                client.connection.outbox.kick();
            }
            self.disconnected(old);
        }
        Some(granted)
    }

    /// A connection is gone; its session waits for another until it expires.
    pub(super) fn disconnected(&mut self, connection: u64) {
        self.watches.forget(connection);
        if let Some(client) = self.clients.remove(&connection)
            && self.connected.get(&client.session) == Some(&connection)
        {
            self.connected.remove(&client.session);
        }
    }

    pub(super) fn expire(&mut self, now: u64) {
        for session in self.clock.expire(now) {
            info!("session {session:#x} has expired");
            self.end(session);
        }
    }

    /// Ends a session; its connection, if it has one, is closed after everything sent before.
    pub(super) fn end(&mut self, session: i64) {
        self.clock.remove(session);
        match self.state.close_session(session, wall_ms()) {
            Ok((txn, outcome)) => {
                self.log(&txn);
                self.fire(&outcome);
            }
            Err(error) => warn!("cannot end session {session:#x}: {error}"),
        }
        if let Some(number) = self.connected.get(&session).copied()
            && let Some(client) = self.clients.get(&number)
        {
            let connection = Arc::clone(&client.connection);
            self.close(&connection);
        }
    }
}
