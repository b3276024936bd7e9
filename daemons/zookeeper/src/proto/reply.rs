//! What the server answers.

use bytes::Bytes;

use crate::jute::Writer;
use crate::proto::code::Code;
use crate::proto::op::{EventType, NOTIFICATION_XID, OpCode};
use crate::proto::records::{Acl, Id, Stat};

/// `Watcher.Event.KeeperState.SyncConnected`
const SYNC_CONNECTED: i32 = 3;

/// The body of a successful reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Empty,
    Path(String),
    PathAndStat(String, Stat),
    Stat(Stat),
    Data(Option<Bytes>, Stat),
    Acl(Vec<Acl>, Stat),
    Children(Vec<String>),
    ChildrenAndStat(Vec<String>, Stat),
    Number(i32),
    Strings(Vec<String>),
    Multi(Vec<SubResult>),
    /// Authentication scheme and user of each identity.
    WhoAmI(Vec<Id>),
}

/// One result in the reply to a multi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubResult {
    Create(String),
    Create2(String, Stat),
    Delete,
    SetData(Stat),
    Check,
    Data(Option<Bytes>, Stat),
    Children(Vec<String>),
    Error(Code),
}

/// A whole reply packet.
pub fn encode_reply(xid: i32, zxid: i64, result: &Result<Reply, Code>) -> Bytes {
    let mut writer = Writer::for_packet();
    let code = result.as_ref().err().copied().unwrap_or(Code::Ok);
    writer.int(xid).long(zxid).int(code.value());
    if let Ok(reply) = result {
        write_reply(reply, &mut writer);
    }
    writer.packet()
}

/// A whole watch event packet.
pub fn encode_event(zxid: i64, event: EventType, path: &str) -> Bytes {
    let mut writer = Writer::for_packet();
    writer.int(NOTIFICATION_XID).long(zxid).int(0);
    writer.int(event as i32).int(SYNC_CONNECTED).string(path);
    writer.packet()
}

fn write_reply(reply: &Reply, writer: &mut Writer) {
    match reply {
        Reply::Empty => {}
        Reply::Path(path) => {
            writer.string(path);
        }
        Reply::PathAndStat(path, stat) => {
            writer.string(path);
            stat.write(writer);
        }
        Reply::Stat(stat) => stat.write(writer),
        Reply::Data(data, stat) => {
            writer.buffer(data.as_deref());
            stat.write(writer);
        }
        Reply::Acl(acl, stat) => {
            Acl::write_list(acl, writer);
            stat.write(writer);
        }
        Reply::Children(children) => write_strings(children, writer),
        Reply::ChildrenAndStat(children, stat) => {
            write_strings(children, writer);
            stat.write(writer);
        }
        Reply::Number(number) => {
            writer.int(*number);
        }
        Reply::Strings(strings) => write_strings(strings, writer),
        Reply::Multi(results) => write_multi(results, writer),
        Reply::WhoAmI(ids) => {
            writer.length(ids.len());
            for id in ids {
                writer.string(&id.scheme).string(&id.id);
            }
        }
    }
}

fn write_strings(strings: &[String], writer: &mut Writer) {
    writer.length(strings.len());
    for string in strings {
        writer.string(string);
    }
}

fn write_multi(results: &[SubResult], writer: &mut Writer) {
    for result in results {
        let (op, error) = match result {
            SubResult::Create(_) => (OpCode::Create as i32, 0),
            SubResult::Create2(..) => (OpCode::Create2 as i32, 0),
            SubResult::Delete => (OpCode::Delete as i32, 0),
            SubResult::SetData(_) => (OpCode::SetData as i32, 0),
            SubResult::Check => (OpCode::Check as i32, 0),
            SubResult::Data(..) => (OpCode::GetData as i32, 0),
            SubResult::Children(_) => (OpCode::GetChildren as i32, 0),
            SubResult::Error(code) => (-1, code.value()),
        };
        writer.int(op).bool(false).int(error);
        match result {
            SubResult::Create(path) => {
                writer.string(path);
            }
            SubResult::Create2(path, stat) => {
                writer.string(path);
                stat.write(writer);
            }
            SubResult::Delete | SubResult::Check => {}
            SubResult::SetData(stat) => stat.write(writer),
            SubResult::Data(data, stat) => {
                writer.buffer(data.as_deref());
                stat.write(writer);
            }
            SubResult::Children(children) => write_strings(children, writer),
            SubResult::Error(code) => {
                writer.int(code.value());
            }
        }
    }
    writer.int(-1).bool(true).int(-1);
}
