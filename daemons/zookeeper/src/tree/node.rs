//! One node.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::proto::{Acl, Stat};

/// When a node goes away by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    Persistent,
    /// With the session of this id.
    Ephemeral(i64),
    /// Some time after its last child went.
    Container,
    /// When it has had no children and no change for this many milliseconds.
    Ttl(i64),
}

/// A node with what Apache ZooKeeper persists of its stat. `cversion` counts the children ever created; what clients
/// see is derived from it in [`Node::stat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub data: Option<Bytes>,
    pub acl: Arc<[Acl]>,
    pub lifetime: Lifetime,
    pub czxid: i64,
    pub mzxid: i64,
    pub pzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub children: BTreeSet<Box<str>>,
}

impl Node {
    pub fn new(data: Option<Bytes>, acl: Arc<[Acl]>, lifetime: Lifetime, zxid: i64, time: i64) -> Self {
        Self {
            data,
            acl,
            lifetime,
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: time,
            mtime: time,
            version: 0,
            cversion: 0,
            aversion: 0,
            children: BTreeSet::new(),
        }
    }

    pub fn data_length(&self) -> usize {
        self.data.as_ref().map_or(0, Bytes::len)
    }

    pub fn stat(&self) -> Stat {
        let num_children = i32::try_from(self.children.len()).unwrap_or(i32::MAX);
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            // Clients count changes of the children: every one ever created, and a deletion for each that is gone.
            cversion: self.cversion.wrapping_mul(2).wrapping_sub(num_children),
            aversion: self.aversion,
            ephemeral_owner: match self.lifetime {
                Lifetime::Ephemeral(session) => session,
                Lifetime::Persistent | Lifetime::Container | Lifetime::Ttl(_) => 0,
            },
            data_length: i32::try_from(self.data_length()).unwrap_or(i32::MAX),
            num_children,
            pzxid: self.pzxid,
        }
    }
}
