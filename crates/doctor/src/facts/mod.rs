//! What was seen, as plain data: no rule reads anything else.

mod cluster;
mod config;
mod host;
mod topology;
mod zookeeper;

pub use cluster::{Nimbus, Outcome, Probe, Purpose, Seed, SeedAnswer};
pub use config::Config;
pub use host::{
    Child, Dir, Host, HostsLine, LocalAssignment, LocalWorker, LogTail, Process, ProcessRole, Programs, Slot, SlotUse,
    Store, StormProgram,
};
pub use topology::{Component, Fault, Topology, TopologyWorker};
pub use zookeeper::{
    BaseSeen, Closed, LatchPlace, SupervisorSeen, Tree, Unreadable, ZooCfg, ZooKeeper, ZooKeeperAnswer, ZooKeeperServer,
};

/// All that is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// When, in unix seconds by this host's clock.
    pub at: i64,
    /// The topology that was asked for, if one was.
    pub asked: Option<String>,
    pub config: Config,
    pub host: Host,
    pub nimbus: Nimbus,
    pub zookeeper: ZooKeeper,
    pub topologies: Vec<Topology>,
    /// Who reaches whom; from this host only, unless others have reported.
    pub probes: Vec<Probe>,
    /// What could not be looked at, and why.
    pub unread: Vec<Unread>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What would have been read: `nimbus`, `zookeeper`, ...
    pub source: &'static str,
    pub place: String,
    pub cause: String,
}

impl Facts {
    pub fn topology(&self, name: &str) -> Option<&Topology> {
        self.topologies.iter().find(|t| t.name == name || t.id == name)
    }

    /// Whether somebody knows all topologies that exist.
    pub fn knows_topologies(&self) -> bool {
        self.nimbus.summary.is_some() || self.zookeeper.tree.is_some()
    }
}
