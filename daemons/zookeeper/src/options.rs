//! How a server is set up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `jute.maxbuffer` of Apache ZooKeeper: the longest packet a client may send.
pub const JUTE_MAX_BUFFER: usize = 0xf_ffff;

/// Everything a server needs to know. Names and defaults are those of `zoo.cfg`, except where the field says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Snapshots, and logs too if `data_log_dir` is not set.
    pub data_dir: PathBuf,
    pub data_log_dir: Option<PathBuf>,
    pub bind: SocketAddr,
    pub tick_time_ms: u32,
    /// Two ticks if not set.
    pub min_session_timeout_ms: Option<u32>,
    /// Twenty ticks if not set.
    pub max_session_timeout_ms: Option<u32>,
    /// Connections from one address; 0 for no limit.
    pub max_client_cnxns: usize,
    /// Connections in all; 0 for no limit. Apache ZooKeeper has none by default.
    pub max_cnxns: usize,
    /// The four-letter words that are answered; `srvr` always is. Beside it `ruok` by default, which Apache ZooKeeper
    /// does not allow: our own tools ask it.
    pub four_letter_whitelist: BTreeSet<String>,
    pub jute_max_buffer: usize,
    /// A snapshot is taken after so many transactions or so many bytes of log.
    pub snap_count: u64,
    pub snap_size_limit: u64,
    pub snap_retain_count: usize,
    /// `user:hash` of the user who may do everything.
    pub super_digest: Option<String>,
    /// Nodes with a time to live.
    pub extended_types_enabled: bool,
    pub container_check_interval_ms: u64,
    /// How long a connection may take to ask for a session.
    pub sessionless_timeout_ms: u64,
    /// Keys of `zoo.cfg` that have no meaning here; the server names them in its log.
    pub ignored_keys: Vec<String>,
}

impl Options {
    pub fn new(data_dir: impl Into<PathBuf>, bind: SocketAddr) -> Self {
        Self {
            data_dir: data_dir.into(),
            data_log_dir: None,
            bind,
            tick_time_ms: 2000,
            min_session_timeout_ms: None,
            max_session_timeout_ms: None,
            max_client_cnxns: 60,
            max_cnxns: 8192,
            four_letter_whitelist: BTreeSet::from(["srvr".to_owned(), "ruok".to_owned()]),
            jute_max_buffer: JUTE_MAX_BUFFER,
            // Apache's 100 000 would make a restart read for longer than it takes to notice.
            snap_count: 20_000,
            snap_size_limit: 64 << 20,
            snap_retain_count: 3,
            super_digest: None,
            extended_types_enabled: false,
            container_check_interval_ms: 60_000,
            sessionless_timeout_ms: 10_000,
            ignored_keys: Vec::new(),
        }
    }

    pub fn min_session_timeout(&self) -> i32 {
        clamp(self.min_session_timeout_ms.unwrap_or(self.tick_time_ms.saturating_mul(2)))
    }

    pub fn max_session_timeout(&self) -> i32 {
        clamp(self.max_session_timeout_ms.unwrap_or(self.tick_time_ms.saturating_mul(20)))
    }
}

fn clamp(ms: u32) -> i32 {
    i32::try_from(ms).unwrap_or(i32::MAX)
}
