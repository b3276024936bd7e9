//! Operation codes, and the numbers of events and watch kinds.

use crate::jute::JuteError;

/// `xid` of a watch event.
pub const NOTIFICATION_XID: i32 = -1;
/// `xid` of a ping and of its answer.
pub const PING_XID: i32 = -2;
/// `xid` of an auth packet and of its answer.
pub const AUTH_XID: i32 = -4;
/// `xid` of `setWatches`.
pub const SET_WATCHES_XID: i32 = -8;

/// `ZooDefs.OpCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum OpCode {
    Create = 1,
    Delete = 2,
    Exists = 3,
    GetData = 4,
    SetData = 5,
    GetAcl = 6,
    SetAcl = 7,
    GetChildren = 8,
    Sync = 9,
    Ping = 11,
    GetChildren2 = 12,
    Check = 13,
    Multi = 14,
    Create2 = 15,
    Reconfig = 16,
    CheckWatches = 17,
    RemoveWatches = 18,
    CreateContainer = 19,
    CreateTtl = 21,
    MultiRead = 22,
    Auth = 100,
    SetWatches = 101,
    Sasl = 102,
    GetEphemerals = 103,
    GetAllChildrenNumber = 104,
    SetWatches2 = 105,
    AddWatch = 106,
    WhoAmI = 107,
    CloseSession = -11,
}

impl OpCode {
    pub fn from_value(value: i32) -> Option<Self> {
        const ALL: [OpCode; 29] = [
            OpCode::Create,
            OpCode::Delete,
            OpCode::Exists,
            OpCode::GetData,
            OpCode::SetData,
            OpCode::GetAcl,
            OpCode::SetAcl,
            OpCode::GetChildren,
            OpCode::Sync,
            OpCode::Ping,
            OpCode::GetChildren2,
            OpCode::Check,
            OpCode::Multi,
            OpCode::Create2,
            OpCode::Reconfig,
            OpCode::CheckWatches,
            OpCode::RemoveWatches,
            OpCode::CreateContainer,
            OpCode::CreateTtl,
            OpCode::MultiRead,
            OpCode::Auth,
            OpCode::SetWatches,
            OpCode::Sasl,
            OpCode::GetEphemerals,
            OpCode::GetAllChildrenNumber,
            OpCode::SetWatches2,
            OpCode::AddWatch,
            OpCode::WhoAmI,
            OpCode::CloseSession,
        ];
        ALL.into_iter().find(|op| *op as i32 == value)
    }

    /// The four letters that `cons` shows for a connection's last operation.
    pub fn short_name(self) -> &'static str {
        match self {
            OpCode::Create | OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => "CREA",
            OpCode::Delete => "DELE",
            OpCode::Exists => "EXIS",
            OpCode::GetData => "GETD",
            OpCode::SetData => "SETD",
            OpCode::GetAcl => "GETA",
            OpCode::SetAcl => "SETA",
            OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
            OpCode::Sync => "SYNC",
            OpCode::Ping => "PING",
            OpCode::Check => "CHEC",
            OpCode::Multi => "MULT",
            OpCode::Reconfig => "RECO",
            OpCode::CheckWatches => "CHKW",
            OpCode::RemoveWatches => "REMW",
            OpCode::MultiRead => "MLTR",
            OpCode::Auth => "AUTH",
            OpCode::SetWatches => "SETW",
            OpCode::Sasl => "SASL",
            OpCode::GetEphemerals => "GETE",
            OpCode::GetAllChildrenNumber => "GETACN",
            OpCode::SetWatches2 => "STW2",
            OpCode::AddWatch => "ADDW",
            OpCode::WhoAmI => "HOMI",
            OpCode::CloseSession => "CLOS",
        }
    }
}

/// `Watcher.Event.EventType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum EventType {
    NodeCreated = 1,
    NodeDeleted = 2,
    NodeDataChanged = 3,
    NodeChildrenChanged = 4,
}

/// `Watcher.WatcherType`: which watches `checkWatches` and `removeWatches` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatcherType {
    Children,
    Data,
    Any,
    Persistent,
    PersistentRecursive,
}

impl WatcherType {
    pub fn from_value(value: i32) -> Result<Self, JuteError> {
        match value {
            1 => Ok(Self::Children),
            2 => Ok(Self::Data),
            3 => Ok(Self::Any),
            4 => Ok(Self::Persistent),
            5 => Ok(Self::PersistentRecursive),
            _ => Err(JuteError::Unknown { what: "watcher type", value: i64::from(value) }),
        }
    }
}
