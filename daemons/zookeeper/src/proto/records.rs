//! The records that requests, replies and our own files share.

use crate::jute::{JuteError, Reader, Writer};

/// Permission bits of an ACL entry.
pub struct Perms;

impl Perms {
    pub const READ: i32 = 1;
    pub const WRITE: i32 = 2;
    pub const CREATE: i32 = 4;
    pub const DELETE: i32 = 8;
    pub const ADMIN: i32 = 16;
    pub const ALL: i32 = 31;
}

/// Who: `world:anyone`, `digest:user:hash`, `ip:address`, `auth:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id {
    pub scheme: String,
    pub id: String,
}

impl Id {
    pub fn new(scheme: &str, id: impl Into<String>) -> Self {
        Self { scheme: scheme.to_owned(), id: id.into() }
    }

    pub fn is_anyone(&self) -> bool {
        self.scheme == "world" && self.id == "anyone"
    }
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    pub perms: i32,
    pub id: Id,
}

impl Acl {
    pub fn anyone(perms: i32) -> Self {
        Self { perms, id: Id::new("world", "anyone") }
    }

    pub fn read_list(reader: &mut Reader) -> Result<Vec<Self>, JuteError> {
        let count = reader.count("acl", 12)?;
        (0..count)
            .map(|_| {
                let perms = reader.int("acl.perms")?;
                let id = Id { scheme: reader.string("acl.scheme")?, id: reader.string("acl.id")? };
                Ok(Self { perms, id })
            })
            .collect()
    }

    pub fn write_list(list: &[Self], writer: &mut Writer) {
        writer.length(list.len());
        for acl in list {
            writer.int(acl.perms).string(&acl.id.scheme).string(&acl.id.id);
        }
    }
}

/// What a client sees of a node beside its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

impl Stat {
    pub fn write(&self, writer: &mut Writer) {
        writer
            .long(self.czxid)
            .long(self.mzxid)
            .long(self.ctime)
            .long(self.mtime)
            .int(self.version)
            .int(self.cversion)
            .int(self.aversion)
            .long(self.ephemeral_owner)
            .int(self.data_length)
            .int(self.num_children)
            .long(self.pzxid);
    }
}
