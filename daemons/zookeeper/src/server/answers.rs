//! Takes a client's packet, does what it asks, and answers.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tracing::{debug, info};

use crate::jute::Reader;
use crate::proto::{
    AUTH_XID, Code, CreateKind, OpCode, Operation, Reply, Request, RequestHeader, SubResult, encode_reply,
};
use crate::server::connection::Connection;
use crate::server::core::{Core, wall_ms};
use crate::state::{Done, Refused};
use crate::tree::{Requester, Rules, acl};
use crate::txn::Op;

/// Identities a client may collect; nobody has more than one or two.
const IDENTITIES: usize = 32;

impl Core {
    pub(super) fn packet(&mut self, connection: u64, packet: Bytes, received: Instant, now: u64) {
        // A connection that was refused or superseded may have sent more before it noticed.
        let Some(client) = self.clients.get_mut(&connection) else { return };
        let to = Arc::clone(&client.connection);
        let mut reader = Reader::new(packet);
        let Ok(header) = RequestHeader::read(&mut reader) else {
            info!("closing the connection of {}: a request without a header", to.peer);
            to.outbox.kick();
            return;
        };
        let (session, timeout_ms) = (client.session, client.timeout_ms);
        if !self.state.sessions.contains_key(&session) {
            self.answer(&to, encode_reply(header.xid, self.state.zxid, &Err(Code::SessionExpired)), received);
            return;
        }
        self.clock.touch(session, timeout_ms, now);
        let Some(op) = OpCode::from_value(header.op) else {
            info!("{} asks for operation {}, which is unknown", to.peer, header.op);
            self.answer(&to, encode_reply(header.xid, self.state.zxid, &Err(Code::Unimplemented)), received);
            self.close(&to);
            return;
        };
        client.last_op = Some(op);
        if header.xid >= 0 {
            client.last_xid = header.xid;
        }
        let request = match Request::decode(op, &mut reader) {
            Ok(request) => request,
            Err(error) => {
                info!("{} sent a malformed {}: {error}", to.peer, op.short_name());
                self.answer(&to, encode_reply(header.xid, self.state.zxid, &Err(Code::MarshallingError)), received);
                return;
            }
        };
        match request {
            Request::Auth { scheme, auth } => self.authenticate(&to, header, &scheme, &auth, received),
            Request::Sasl => {
                self.answer(&to, encode_reply(header.xid, 0, &Err(Code::AuthFailed)), received);
                self.close(&to);
            }
            Request::CloseSession => {
                // The session's end closes the connection; the answer goes before.
                self.clock.remove(session);
                self.finish(session, &to, header.xid, received);
            }
            request => {
                let result = self.fulfil(connection, session, request);
                self.answer(&to, encode_reply(header.xid, self.state.zxid, &result), received);
            }
        }
    }

    fn finish(&mut self, session: i64, to: &Arc<Connection>, xid: i32, received: Instant) {
        match self.state.close_session(session, wall_ms()) {
            Ok((txn, outcome)) => {
                self.log(&txn);
                self.fire(&outcome);
            }
            Err(error) => info!("cannot end session {session:#x}: {error}"),
        }
        self.answer(to, encode_reply(xid, self.state.zxid, &Ok(Reply::Empty)), received);
        self.close(to);
        debug!("session {session:#x} closed by {}", to.peer);
    }

    fn authenticate(
        &mut self,
        to: &Arc<Connection>,
        header: RequestHeader,
        scheme: &str,
        auth: &[u8],
        received: Instant,
    ) {
        let super_digest = self.shared.options.super_digest.as_deref();
        let mut proven = Vec::new();
        match scheme {
            "digest" => {
                let id = acl::digest_id(auth);
                if super_digest == Some(id.id.as_str()) {
                    proven.push(crate::proto::Id::new("super", ""));
                }
                proven.push(id);
            }
            "ip" => proven.push(crate::proto::Id::new("ip", to.peer.ip().to_canonical().to_string())),
            _ => info!("{} wants to authenticate by {scheme}, which is not offered", to.peer),
        }
        let Some(client) = self.clients.get_mut(&to.number) else { return };
        let full = client.ids.len() + proven.len() > IDENTITIES;
        let result = if proven.is_empty() || full { Err(Code::AuthFailed) } else { Ok(Reply::Empty) };
        if result.is_ok() {
            for id in proven {
                if !client.ids.contains(&id) {
                    client.ids.push(id);
                }
            }
        }
        let xid = if header.xid == 0 { AUTH_XID } else { header.xid };
        let failed = result.is_err();
        self.answer(to, encode_reply(xid, 0, &result), received);
        if failed {
            self.close(to);
        }
    }

    fn fulfil(&mut self, connection: u64, session: i64, request: Request) -> Result<Reply, Code> {
        match request {
            Request::Change(operation) => self.change(connection, session, operation),
            Request::Multi(operations) => Ok(Reply::Multi(self.multi(connection, session, &operations))),
            // A lone server has no other to catch up with, and requests are done in order.
            Request::Sync { path } => Ok(Reply::Path(path)),
            Request::Ping => Ok(Reply::Empty),
            Request::Reconfig => Err(Code::ReconfigDisabled),
            request => self.read(connection, session, request),
        }
    }

    fn change(&mut self, connection: u64, session: i64, operation: Operation) -> Result<Reply, Code> {
        let done =
            self.execute(connection, session, std::slice::from_ref(&operation)).map_err(|refused| refused.code)?;
        let Done { op, applied } = done.into_iter().next().unwrap_or_default();
        Ok(match (operation, op, applied.and_then(|applied| applied.stat)) {
            (Operation::Create { kind: CreateKind::Plain, .. }, Some(Op::Create { path, .. }), _) => Reply::Path(path),
            (Operation::Create { .. }, Some(Op::Create { path, .. }), Some(stat)) => Reply::PathAndStat(path, stat),
            (Operation::SetData { .. } | Operation::SetAcl { .. }, _, Some(stat)) => Reply::Stat(stat),
            _ => Reply::Empty,
        })
    }

    fn multi(&mut self, connection: u64, session: i64, operations: &[Operation]) -> Vec<SubResult> {
        let done = match self.execute(connection, session, operations) {
            Ok(done) => done,
            Err(refused) => {
                let error = |index: usize| match index.cmp(&refused.index) {
                    Ordering::Less => Code::Ok,
                    Ordering::Equal => refused.code,
                    Ordering::Greater => Code::RuntimeInconsistency,
                };
                return (0..operations.len()).map(|index| SubResult::Error(error(index))).collect();
            }
        };
        let results = operations.iter().zip(done).map(|(operation, Done { op, applied })| {
            let stat = applied.and_then(|applied| applied.stat).unwrap_or_default();
            match (operation, op) {
                (Operation::Create { kind: CreateKind::Plain, .. }, Some(Op::Create { path, .. })) => {
                    SubResult::Create(path)
                }
                (_, Some(Op::Create { path, .. })) => SubResult::Create2(path, stat),
                (_, Some(Op::Delete { .. })) => SubResult::Delete,
                (_, Some(Op::SetData { .. } | Op::SetAcl { .. })) => SubResult::SetData(stat),
                (_, None) => SubResult::Check,
            }
        });
        results.collect()
    }

    /// Decides, applies, logs and tells those who watch.
    fn execute(&mut self, connection: u64, session: i64, operations: &[Operation]) -> Result<Vec<Done>, Refused> {
        let ids = self.clients.get(&connection).map_or(&[][..], |client| &client.ids);
        let rules = Rules { ttl_nodes: self.shared.options.extended_types_enabled };
        let (txn, done) = self.state.execute(Requester { session, ids }, rules, operations, wall_ms())?;
        if let Some(txn) = &txn {
            self.log(txn);
        }
        self.fire(done.iter().filter_map(|one| one.applied.as_ref()));
        Ok(done)
    }
}
