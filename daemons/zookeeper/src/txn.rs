//! Transactions: the changes that are decided, logged and applied, in that order.

use bytes::Bytes;

use crate::jute::{JuteError, Reader, Writer};
use crate::proto::Acl;
use crate::tree::Lifetime;

/// One change of the state; a multi is one transaction with several [`Op`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txn {
    pub zxid: i64,
    /// Wall clock, milliseconds.
    pub time: i64,
    pub session: i64,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    CreateSession { timeout_ms: i32, password: [u8; 16] },
    CloseSession,
    Ops(Vec<Op>),
}

/// A change of a node with everything decided: applying it cannot fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Create { path: String, data: Option<Bytes>, acl: Vec<Acl>, lifetime: Lifetime },
    Delete { path: String },
    SetData { path: String, data: Option<Bytes>, version: i32 },
    SetAcl { path: String, acl: Vec<Acl>, version: i32 },
}

const CREATE_SESSION: i32 = 1;
const CLOSE_SESSION: i32 = 2;
const OPS: i32 = 3;

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const SET_DATA: i32 = 3;
const SET_ACL: i32 = 4;

impl Txn {
    pub fn write(&self, writer: &mut Writer) {
        writer.long(self.zxid).long(self.time).long(self.session);
        match &self.change {
            Change::CreateSession { timeout_ms, password } => {
                writer.int(CREATE_SESSION).int(*timeout_ms).buffer(Some(password));
            }
            Change::CloseSession => {
                writer.int(CLOSE_SESSION);
            }
            Change::Ops(ops) => {
                writer.int(OPS).length(ops.len());
                ops.iter().for_each(|op| op.write(writer));
            }
        }
    }

    pub fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        let (zxid, time, session) = (reader.long("zxid")?, reader.long("time")?, reader.long("session")?);
        let change = match reader.int("change")? {
            CREATE_SESSION => {
                let timeout_ms = reader.int("timeout")?;
                let password = reader.buffer("password")?.unwrap_or_default();
                let length = i32::try_from(password.len()).unwrap_or(i32::MAX);
                let password = password.as_ref().try_into().map_err(|_| JuteError::Length {
                    what: "password",
                    length,
                    left: 16,
                })?;
                Change::CreateSession { timeout_ms, password }
            }
            CLOSE_SESSION => Change::CloseSession,
            OPS => Change::Ops((0..reader.count("ops", 8)?).map(|_| Op::read(reader)).collect::<Result<_, _>>()?),
            value => return Err(JuteError::Unknown { what: "change", value: i64::from(value) }),
        };
        Ok(Self { zxid, time, session, change })
    }
}

impl Op {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Create { path, data, acl, lifetime } => {
                writer.int(CREATE).string(path).buffer(data.as_deref());
                Acl::write_list(acl, writer);
                write_lifetime(*lifetime, writer);
            }
            Self::Delete { path } => {
                writer.int(DELETE).string(path);
            }
            Self::SetData { path, data, version } => {
                writer.int(SET_DATA).string(path).buffer(data.as_deref()).int(*version);
            }
            Self::SetAcl { path, acl, version } => {
                writer.int(SET_ACL).string(path);
                Acl::write_list(acl, writer);
                writer.int(*version);
            }
        }
    }

    fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(match reader.int("op")? {
            CREATE => Self::Create {
                path: reader.string("path")?,
                data: read_data(reader)?,
                acl: Acl::read_list(reader)?,
                lifetime: read_lifetime(reader)?,
            },
            DELETE => Self::Delete { path: reader.string("path")? },
            SET_DATA => Self::SetData {
                path: reader.string("path")?,
                data: read_data(reader)?,
                version: reader.int("version")?,
            },
            SET_ACL => Self::SetAcl {
                path: reader.string("path")?,
                acl: Acl::read_list(reader)?,
                version: reader.int("version")?,
            },
            value => return Err(JuteError::Unknown { what: "op", value: i64::from(value) }),
        })
    }
}

/// Data of its own: a node must not keep the whole packet or file alive that it came in.
pub fn read_data(reader: &mut Reader) -> Result<Option<Bytes>, JuteError> {
    Ok(reader.buffer("data")?.map(|data| Bytes::copy_from_slice(&data)))
}

pub fn write_lifetime(lifetime: Lifetime, writer: &mut Writer) {
    let (kind, value) = match lifetime {
        Lifetime::Persistent => (0, 0),
        Lifetime::Ephemeral(session) => (1, session),
        Lifetime::Container => (2, 0),
        Lifetime::Ttl(ttl) => (3, ttl),
    };
    writer.int(kind).long(value);
}

pub fn read_lifetime(reader: &mut Reader) -> Result<Lifetime, JuteError> {
    let (kind, value) = (reader.int("lifetime")?, reader.long("lifetime value")?);
    match kind {
        0 => Ok(Lifetime::Persistent),
        1 => Ok(Lifetime::Ephemeral(value)),
        2 => Ok(Lifetime::Container),
        3 => Ok(Lifetime::Ttl(value)),
        _ => Err(JuteError::Unknown { what: "lifetime", value: i64::from(kind) }),
    }
}
