//! What clients ask.

use bytes::Bytes;

use crate::jute::{JuteError, Reader};
use crate::proto::op::{OpCode, WatcherType};
use crate::proto::records::Acl;

/// In front of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader {
    pub xid: i32,
    pub op: i32,
}

impl RequestHeader {
    pub fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(Self { xid: reader.int("xid")?, op: reader.int("type")? })
    }
}

/// Which of the four create operations was sent; they differ in reply and in what lives how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateKind {
    /// `create`: the reply is the path alone.
    Plain,
    /// `create2`
    WithStat,
    Container,
    Ttl(i64),
}

/// Changes, and `check`, which stands among them in a multi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Create { kind: CreateKind, path: String, data: Option<Bytes>, acl: Vec<Acl>, flags: i32 },
    Delete { path: String, version: i32 },
    SetData { path: String, data: Option<Bytes>, version: i32 },
    SetAcl { path: String, acl: Vec<Acl>, version: i32 },
    Check { path: String, version: i32 },
}

/// The reads that a multi may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOp {
    GetData { path: String },
    GetChildren { path: String },
}

/// Watches that a client had before it reconnected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watches {
    pub relative_zxid: i64,
    pub data: Vec<String>,
    pub exist: Vec<String>,
    pub child: Vec<String>,
    pub persistent: Vec<String>,
    pub persistent_recursive: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Change(Operation),
    Multi(Vec<Operation>),
    MultiRead(Vec<ReadOp>),
    Exists { path: String, watch: bool },
    GetData { path: String, watch: bool },
    GetAcl { path: String },
    GetChildren { path: String, watch: bool, with_stat: bool },
    GetAllChildrenNumber { path: String },
    GetEphemerals { prefix: String },
    Sync { path: String },
    Ping,
    SetWatches(Watches),
    AddWatch { path: String, recursive: bool },
    CheckWatches { path: String, kind: WatcherType },
    RemoveWatches { path: String, kind: WatcherType },
    WhoAmI,
    Auth { scheme: String, auth: Bytes },
    Sasl,
    Reconfig,
    CloseSession,
}

impl Request {
    /// Decodes what follows the header.
    ///
    /// Bytes after a record are not an error: Apache ZooKeeper ignores them, and newer clients may append fields.
    pub fn decode(op: OpCode, reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(match op {
            OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Delete
            | OpCode::SetData
            | OpCode::SetAcl
            | OpCode::Check => Self::Change(operation(op, reader)?),
            OpCode::Multi => Self::Multi(multi(reader)?),
            OpCode::MultiRead => Self::MultiRead(multi_read(reader)?),
            OpCode::Exists => Self::Exists { path: reader.string("path")?, watch: reader.bool("watch")? },
            OpCode::GetData => Self::GetData { path: reader.string("path")?, watch: reader.bool("watch")? },
            OpCode::GetAcl => Self::GetAcl { path: reader.string("path")? },
            OpCode::GetChildren | OpCode::GetChildren2 => Self::GetChildren {
                path: reader.string("path")?,
                watch: reader.bool("watch")?,
                with_stat: op == OpCode::GetChildren2,
            },
            OpCode::GetAllChildrenNumber => Self::GetAllChildrenNumber { path: reader.string("path")? },
            OpCode::GetEphemerals => Self::GetEphemerals { prefix: reader.string("prefixPath")? },
            OpCode::Sync => Self::Sync { path: reader.string("path")? },
            OpCode::Ping => Self::Ping,
            OpCode::SetWatches | OpCode::SetWatches2 => Self::SetWatches(watches(op, reader)?),
            OpCode::AddWatch => {
                let path = reader.string("path")?;
                let recursive = match reader.int("mode")? {
                    0 => false,
                    1 => true,
                    mode => return Err(JuteError::Unknown { what: "add-watch mode", value: i64::from(mode) }),
                };
                Self::AddWatch { path, recursive }
            }
            OpCode::CheckWatches => {
                Self::CheckWatches { path: reader.string("path")?, kind: WatcherType::from_value(reader.int("type")?)? }
            }
            OpCode::RemoveWatches => Self::RemoveWatches {
                path: reader.string("path")?,
                kind: WatcherType::from_value(reader.int("type")?)?,
            },
            OpCode::WhoAmI => Self::WhoAmI,
            OpCode::Auth => {
                let _kind = reader.int("type")?;
                Self::Auth { scheme: reader.string("scheme")?, auth: reader.buffer("auth")?.unwrap_or_default() }
            }
            OpCode::Sasl => Self::Sasl,
            OpCode::Reconfig => Self::Reconfig,
            OpCode::CloseSession => Self::CloseSession,
        })
    }
}

fn operation(op: OpCode, reader: &mut Reader) -> Result<Operation, JuteError> {
    Ok(match op {
        OpCode::Create | OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
            let path = reader.string("path")?;
            let data = reader.buffer("data")?;
            let acl = Acl::read_list(reader)?;
            let flags = reader.int("flags")?;
            let kind = match op {
                OpCode::Create => CreateKind::Plain,
                OpCode::CreateContainer => CreateKind::Container,
                OpCode::CreateTtl => CreateKind::Ttl(reader.long("ttl")?),
                _ => CreateKind::WithStat,
            };
            Operation::Create { kind, path, data, acl, flags }
        }
        OpCode::Delete => Operation::Delete { path: reader.string("path")?, version: reader.int("version")? },
        OpCode::SetData => Operation::SetData {
            path: reader.string("path")?,
            data: reader.buffer("data")?,
            version: reader.int("version")?,
        },
        OpCode::SetAcl => Operation::SetAcl {
            path: reader.string("path")?,
            acl: Acl::read_list(reader)?,
            version: reader.int("version")?,
        },
        OpCode::Check => Operation::Check { path: reader.string("path")?, version: reader.int("version")? },
        other => return Err(JuteError::Unknown { what: "operation in a multi", value: other as i64 }),
    })
}

/// The next header of a multi, or `None` at its end.
fn multi_header(reader: &mut Reader) -> Result<Option<OpCode>, JuteError> {
    let op = reader.int("multi.type")?;
    let done = reader.bool("multi.done")?;
    let _error = reader.int("multi.err")?;
    if done {
        return Ok(None);
    }
    OpCode::from_value(op).map(Some).ok_or(JuteError::Unknown { what: "operation in a multi", value: i64::from(op) })
}

fn multi(reader: &mut Reader) -> Result<Vec<Operation>, JuteError> {
    let mut operations = Vec::new();
    while let Some(op) = multi_header(reader)? {
        if op == OpCode::SetAcl {
            return Err(JuteError::Unknown { what: "operation in a multi", value: op as i64 });
        }
        operations.push(operation(op, reader)?);
    }
    Ok(operations)
}

fn multi_read(reader: &mut Reader) -> Result<Vec<ReadOp>, JuteError> {
    let mut operations = Vec::new();
    while let Some(op) = multi_header(reader)? {
        let path = reader.string("path")?;
        // The watch flag is on the wire, but Apache ZooKeeper sets no watch from a multi read.
        let _watch = reader.bool("watch")?;
        operations.push(match op {
            OpCode::GetData => ReadOp::GetData { path },
            OpCode::GetChildren => ReadOp::GetChildren { path },
            other => return Err(JuteError::Unknown { what: "operation in a multi read", value: other as i64 }),
        });
    }
    Ok(operations)
}

fn watches(op: OpCode, reader: &mut Reader) -> Result<Watches, JuteError> {
    let mut watches = Watches {
        relative_zxid: reader.long("relativeZxid")?,
        data: reader.strings("dataWatches")?,
        exist: reader.strings("existWatches")?,
        child: reader.strings("childWatches")?,
        ..Watches::default()
    };
    if op == OpCode::SetWatches2 {
        watches.persistent = reader.strings("persistentWatches")?;
        watches.persistent_recursive = reader.strings("persistentRecursiveWatches")?;
    }
    Ok(watches)
}
