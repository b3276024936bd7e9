//! What the dashboard knows of a cluster: plain snapshots, each of one answer of one source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The windows of Storm's statistics, as Nimbus names them.
pub const WINDOWS: [(&str, &str); 4] = [("600", "10m"), ("10800", "3h"), ("86400", "1d"), (":all-time", "all")];

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub nimbuses: Vec<Nimbus>,
    pub supervisors: Vec<Supervisor>,
    pub topologies: Vec<TopologySummary>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Nimbus {
    pub host: String,
    pub port: i32,
    pub leader: bool,
    pub version: String,
    pub uptime_secs: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Supervisor {
    pub id: String,
    pub host: String,
    pub version: String,
    pub uptime_secs: i64,
    pub slots: i64,
    pub used: i64,
    pub total_mem: Option<f64>,
    pub used_mem: Option<f64>,
    pub total_cpu: Option<f64>,
    pub used_cpu: Option<f64>,
    pub blacklisted: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TopologySummary {
    pub id: String,
    pub name: String,
    pub status: String,
    pub workers: i64,
    pub executors: i64,
    pub tasks: i64,
    pub uptime_secs: i64,
    pub owner: String,
    /// What the scheduler says of it.
    pub placed: String,
}

/// Figures of a topology over one window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub emitted: i64,
    pub transferred: i64,
    pub acked: i64,
    pub failed: i64,
    pub complete_ms: Option<f64>,
}

/// The short look at a topology that the overview and the list take in turn at all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub id: String,
    pub name: String,
    pub windows: BTreeMap<String, Totals>,
    /// The bolt with the highest capacity.
    pub hottest: Option<(String, f64)>,
    pub errors: Vec<ComponentError>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentError {
    pub topology: String,
    pub component: String,
    pub error: String,
    pub time_secs: i64,
    pub host: Option<String>,
    pub port: Option<i32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    pub id: String,
    pub name: String,
    pub status: String,
    pub owner: String,
    pub uptime_secs: i64,
    pub placed: String,
    pub version: String,
    pub windows: BTreeMap<String, Totals>,
    pub components: Vec<Component>,
    pub edges: Vec<Edge>,
    pub workers: Vec<Worker>,
    pub errors: Vec<ComponentError>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Component {
    pub id: String,
    pub spout: bool,
    pub executors: i64,
    pub tasks: i64,
    pub emitted: i64,
    pub transferred: i64,
    /// `None` for a spout.
    pub executed: Option<i64>,
    pub acked: i64,
    pub failed: i64,
    pub capacity: Option<f64>,
    pub execute_ms: Option<f64>,
    pub process_ms: Option<f64>,
    pub complete_ms: Option<f64>,
    pub last_error: Option<String>,
}

/// A stream between two components.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    pub from: String,
    pub stream: String,
    pub to: String,
    pub grouping: String,
    /// Tuples of it that `to` has executed in all; `None` while nobody has reported.
    pub executed: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    pub host: String,
    pub port: i64,
    pub supervisor: String,
    pub topology: String,
    pub topology_id: String,
    pub executors: i64,
    pub uptime_secs: i64,
    pub components: BTreeMap<String, i64>,
    pub mem: Option<f64>,
    pub cpu: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentPage {
    pub topology: String,
    pub topology_id: String,
    pub id: String,
    pub spout: bool,
    pub executors: i64,
    pub tasks: i64,
    /// The component in each window.
    pub windows: BTreeMap<String, Component>,
    pub inputs: Vec<Flow>,
    pub outputs: Vec<Flow>,
    pub running: Vec<Executor>,
    pub errors: Vec<ComponentError>,
}

/// What came in from, or went out on, a stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Empty for the component's own streams.
    pub component: String,
    pub stream: String,
    pub emitted: i64,
    pub executed: i64,
    pub acked: i64,
    pub failed: i64,
    pub execute_ms: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Executor {
    pub first_task: i32,
    pub last_task: i32,
    pub host: String,
    pub port: i32,
    pub uptime_secs: i64,
    pub stats: Component,
}

/// A process of this host that is one of Storm's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub pid: i32,
    pub name: String,
    pub role: String,
    pub java: bool,
    pub topology: String,
    pub slot: Option<i64>,
    pub uptime_secs: Option<i64>,
    pub resident_bytes: Option<u64>,
    /// Processor time used so far, from which the share is computed.
    pub cpu_ms: Option<u64>,
    pub orphan: bool,
    /// Sets this very process apart from a later one with the same id.
    pub start_ticks: u64,
    /// Empty for this host; else the one whose agent has told of it.
    #[serde(default)]
    pub host: String,
    /// Why that agent tells nothing; then this is no process.
    #[serde(default)]
    pub trouble: String,
}

impl Process {
    /// What sets it apart from the others of the list.
    pub fn key(&self) -> String {
        if self.host.is_empty() { self.pid.to_string() } else { format!("{} {}", self.host, self.pid) }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub key: String,
    pub value: String,
    /// `default`, or where it was set.
    pub source: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub file: Option<String>,
    pub settings: Vec<Setting>,
    pub mistakes: Vec<Finding>,
}

impl Settings {
    /// What is wrong on the line that sets a key: its place stands in front of the message.
    pub fn mistake_of(&self, setting: &Setting) -> Option<&Finding> {
        let (line, _column) = setting.source.rsplit_once(':')?;
        let on_line = |m: &&Finding| m.message.strip_prefix(line).is_some_and(|rest| rest.starts_with(':'));
        self.mistakes.iter().find(on_line)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    #[default]
    Info,
    Warning,
    Error,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "WARN",
            Severity::Error => "FAIL",
        }
    }
}

/// One thing that is wrong, with what shows it and the command that mends it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub evidence: Vec<String>,
    pub fix: Option<String>,
}

/// What a server of the ensemble says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    pub servers: Vec<ZkServer>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ZkServer {
    pub address: String,
    /// `standalone`, `leader`, `follower`; empty when it does not answer.
    pub mode: String,
    pub version: String,
    pub latency: String,
    pub connections: String,
    pub nodes: String,
    pub zxid: String,
    pub trouble: Option<String>,
}

/// A node of ZooKeeper with its children.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ZkNode {
    pub path: String,
    /// Name, bytes of data and number of children of each child.
    pub children: Vec<(String, i64, i64)>,
    /// Its data as it can be read: Storm's own decoded, text as it is, the rest in hexadecimal.
    pub data: Vec<String>,
    /// What the data is.
    pub kind: String,
    pub version: i64,
    pub ephemeral: bool,
    pub modified_ms: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Comparable, or empty when the line has no time of its own.
    pub time: String,
    /// The slot's port, or the daemon's name.
    pub source: String,
    pub text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogBatch {
    pub lines: Vec<LogLine>,
    /// Lines that were not kept because there were too many.
    pub dropped: u64,
    /// Files that are followed.
    pub files: usize,
    /// It begins anew: what came before comes again.
    #[serde(default)]
    pub anew: bool,
}
