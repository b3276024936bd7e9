//! ZooKeeper's client protocol: operation codes, error codes, requests, replies.

mod code;
mod connect;
mod op;
mod records;
mod reply;
mod request;

pub use code::Code;
pub use connect::{ConnectRequest, ConnectResponse};
pub use op::{AUTH_XID, EventType, NOTIFICATION_XID, OpCode, PING_XID, SET_WATCHES_XID, WatcherType};
pub use records::{Acl, Id, Perms, Stat};
pub use reply::{Reply, SubResult, encode_event, encode_reply};
pub use request::{CreateKind, Operation, ReadOp, Request, RequestHeader, Watches};
