//! A topology as Nimbus tells it, else as ZooKeeper does, else as the folders of this host do.

use serde_json::{Map, Value};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topology {
    pub name: String,
    pub id: String,
    /// `ACTIVE`, `INACTIVE`, `KILLED`, `REBALANCING`; empty when nobody says.
    pub status: String,
    pub uptime_secs: i64,
    pub workers_asked: i64,
    /// Executors that have a place, and all.
    pub placed: usize,
    pub executors: usize,
    pub workers: Vec<TopologyWorker>,
    pub components: Vec<Component>,
    /// What the scheduler says.
    pub scheduler: Option<String>,
    /// The end that a kill has set, in unix seconds.
    pub kill_due: Option<i64>,
    pub conf: Map<String, Value>,
    pub owner: String,
    /// Who told.
    pub told_by: String,
}

/// A slot that it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopologyWorker {
    pub host: String,
    pub port: u16,
    pub executors: usize,
    /// Zero until its first statistics come in.
    pub uptime_secs: i64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Component {
    pub id: String,
    pub spout: bool,
    pub executors: i64,
    pub tasks: i64,
    pub emitted: i64,
    pub executed: i64,
    pub acked: i64,
    pub failed: i64,
    /// The part of its time that its busiest executor works, over ten minutes.
    pub capacity: Option<f64>,
    pub execute_ms: Option<f64>,
    pub process_ms: Option<f64>,
    /// A child process does the work: what its executor executes is only the handing over.
    pub shell: bool,
    pub complete_ms: Option<f64>,
    pub last_error: Option<Fault>,
}

/// An error that a worker or a supervisor has reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    pub text: String,
    pub at: i64,
    pub host: Option<String>,
    pub port: Option<i32>,
}

impl Fault {
    pub fn place(&self) -> String {
        match (&self.host, self.port) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.clone(),
            _ => "somewhere".to_owned(),
        }
    }
}

/// The window of the figures, in seconds.
const WINDOW_SECS: i64 = 600;

impl Component {
    /// The part of its time that it works: near 1 it has no reserve. A child process is busy while a tuple is with it, so there the
    /// number of tuples in it counts: by Little's law rate times latency.
    pub fn load(&self, topology: &Topology) -> Option<f64> {
        let longest = topology.workers.iter().map(|w| w.uptime_secs).max().unwrap_or_default();
        let secs = longest.clamp(1, WINDOW_SECS) as f64;
        let inside = self.process_ms.filter(|_| self.shell && self.executors > 0);
        let inside = inside.map(|ms| self.executed as f64 * ms / 1000.0 / secs / self.executors as f64);
        match (self.capacity, inside) {
            (Some(capacity), Some(inside)) => Some(capacity.max(inside.min(1.0))),
            (capacity, inside) => capacity.or(inside),
        }
    }
}

impl Topology {
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|c| c.id == id)
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        self.conf.get(key)?.as_i64()
    }
}
