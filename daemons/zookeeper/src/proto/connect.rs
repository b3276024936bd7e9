//! The first packet of a connection and its answer.

use bytes::Bytes;

use crate::jute::{JuteError, Reader, Writer};

/// How long a session's password is.
pub const PASSWORD_LENGTH: usize = 16;

/// A client asks for a session, new (`session` 0) or known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    pub last_zxid_seen: i64,
    pub timeout_ms: i32,
    pub session: i64,
    pub password: Bytes,
    /// Clients before 3.4 send no read-only flag, and their answer must carry none.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    pub fn decode(packet: Bytes) -> Result<Self, JuteError> {
        let mut reader = Reader::new(packet);
        let _protocol_version = reader.int("protocolVersion")?;
        let last_zxid_seen = reader.long("lastZxidSeen")?;
        let timeout_ms = reader.int("timeOut")?;
        let session = reader.long("sessionId")?;
        let password = reader.buffer("passwd")?.unwrap_or_default();
        let read_only = if reader.left() > 0 { Some(reader.bool("readOnly")?) } else { None };
        Ok(Self { last_zxid_seen, timeout_ms, session, password, read_only })
    }
}

/// The session a client gets; all zero when there is none (any more).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectResponse {
    pub timeout_ms: i32,
    pub session: i64,
    pub password: [u8; PASSWORD_LENGTH],
    pub with_read_only: bool,
}

impl ConnectResponse {
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::for_packet();
        writer.int(0).int(self.timeout_ms).long(self.session).buffer(Some(&self.password));
        if self.with_read_only {
            writer.bool(false);
        }
        writer.packet()
    }
}
