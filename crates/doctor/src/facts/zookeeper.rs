//! What ZooKeeper says of itself, and what Storm keeps in it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use storm_thrift::types::{Assignment, StormBase, SupervisorInfo};

#[derive(Debug, Clone, Default)]
pub struct ZooKeeper {
    pub servers: Vec<ZooKeeperServer>,
    /// The `zoo.cfg` of a server on this host.
    pub zoo_cfg: Option<ZooCfg>,
    pub tree: Option<Tree>,
    /// How long the tree took to be read, by operation on average.
    pub operation_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ZooKeeperServer {
    /// `host:port`.
    pub address: String,
    pub here: bool,
    pub answer: ZooKeeperAnswer,
    /// The process on this host that listens on its port, in words.
    pub holder: Option<String>,
    /// A ZooKeeper process of this host, in words, listening or not.
    pub process: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ZooKeeperAnswer {
    Unresolved(String),
    Refused(String),
    /// It takes the connection and says nothing.
    Silent(String),
    /// It answers something that is not ZooKeeper's.
    Strange(String),
    /// A member without a quorum.
    NotServing,
    /// It serves; some servers are told not to say how.
    Serving {
        mode: Option<String>,
        average_ms: Option<f64>,
        max_ms: Option<f64>,
        fsync_ms: Option<f64>,
    },
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ZooCfg {
    pub path: PathBuf,
    /// Line, key, value.
    pub entries: Vec<(usize, String, String)>,
    /// What its data folders hold.
    pub data_bytes: Option<u64>,
    /// Of the `server.N` lines: line, host, why it has no address.
    pub unresolved_peers: Vec<(usize, String, String)>,
}

impl ZooCfg {
    pub fn get(&self, key: &str) -> Option<(usize, &str)> {
        self.entries.iter().rev().find(|(_, k, _)| k == key).map(|(line, _, value)| (*line, value.as_str()))
    }
}

/// Storm's tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree {
    /// `storm.zookeeper.root`.
    pub root: String,
    pub bases: BTreeMap<String, BaseSeen>,
    pub assignments: BTreeMap<String, Assignment>,
    pub supervisors: BTreeMap<String, SupervisorSeen>,
    /// Names of the nodes below `/nimbuses`.
    pub nimbuses: Vec<String>,
    pub latch: Vec<LatchPlace>,
    /// Who holds a blob (`host:port:tls-port`).
    pub blobs: BTreeMap<String, Vec<String>>,
    pub unreadable: Vec<Unreadable>,
    pub closed: Vec<Closed>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct BaseSeen {
    pub base: StormBase,
    /// When it was last written, in unix seconds by ZooKeeper's clock.
    pub written_at: i64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SupervisorSeen {
    pub info: SupervisorInfo,
    /// When it was last written, in unix seconds by ZooKeeper's clock.
    pub written_at: i64,
}

/// A place in the queue for leadership.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatchPlace {
    pub node: String,
    /// `host:port`.
    pub participant: String,
    pub since: i64,
}

/// A node whose data is not what Storm keeps there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreadable {
    pub path: String,
    pub what: String,
    pub why: String,
}

/// A node that is not open to all, in a cluster without authentication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    pub path: String,
    /// As `zkCli getAcl` has it.
    pub acl: String,
}
