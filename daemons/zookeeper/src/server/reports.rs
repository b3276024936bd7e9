//! The answers to four-letter words, in the form of Apache ZooKeeper's.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::server::core::{Client, Core};

/// The protocol is that of Apache ZooKeeper 3.9; tools look for such a number at the front.
const VERSION: &str = concat!("3.9.5-storm-", env!("CARGO_PKG_VERSION"));

impl Core {
    pub(super) fn report(&self, word: &str) -> String {
        let mut out = String::new();
        let written = match word {
            "ruok" => write!(out, "imok"),
            "isro" => write!(out, "rw"),
            "srvr" => self.srvr(&mut out, false),
            "stat" => self.srvr(&mut out, true),
            "mntr" => self.mntr(&mut out),
            "conf" => self.conf(&mut out),
            "cons" => self.cons(&mut out),
            "envi" => envi(&mut out),
            "wchs" => self.wchs(&mut out),
            "wchc" => self.wchc(&mut out),
            "wchp" => self.wchp(&mut out),
            "dump" => self.dump(&mut out),
            "dirs" => self.dirs(&mut out),
            "srst" => {
                self.shared.traffic.reset();
                writeln!(out, "Server stats reset.")
            }
            "crst" => {
                self.clients.values().for_each(|client| client.connection.traffic.reset());
                writeln!(out, "Connection stats reset.")
            }
            _ => writeln!(out, "{word} is not offered by this server."),
        };
        written.map_or_else(|_| String::new(), |()| out)
    }

    fn srvr(&self, out: &mut String, with_clients: bool) -> std::fmt::Result {
        writeln!(out, "Zookeeper version: {VERSION}")?;
        if with_clients {
            writeln!(out, "Clients:")?;
            for client in self.clients.values() {
                writeln!(out, " {})", connection_start(client))?;
            }
            writeln!(out)?;
        }
        let traffic = &self.shared.traffic;
        let latency = &traffic.latency;
        writeln!(
            out,
            "Latency min/avg/max: {}/{:.4}/{}\nReceived: {}\nSent: {}\nConnections: {}\nOutstanding: {}\n\
             Zxid: {:#x}\nMode: standalone\nNode count: {}",
            latency.min_ms(),
            latency.mean_ms(),
            latency.max_ms(),
            traffic.received.load(Ordering::Relaxed),
            traffic.sent.load(Ordering::Relaxed),
            self.clients.len(),
            self.outstanding(),
            self.state.zxid,
            self.node_count(),
        )
    }

    fn mntr(&self, out: &mut String) -> std::fmt::Result {
        let traffic = &self.shared.traffic;
        let log = &self.log_stats;
        let (_, _, watches) = self.watches.summary();
        let syncs = log.syncs.load(Ordering::Relaxed);
        let sync_us = log.total_us.load(Ordering::Relaxed);
        let mean_sync = if syncs == 0 { 0.0 } else { sync_us as f64 / syncs as f64 / 1000.0 };
        let ephemerals: usize = self.state.tree.all_ephemerals().values().map(std::collections::BTreeSet::len).sum();
        let values = [
            ("version", VERSION.to_owned()),
            ("server_state", "standalone".to_owned()),
            ("avg_latency", format!("{:.4}", traffic.latency.mean_ms())),
            ("max_latency", traffic.latency.max_ms().to_string()),
            ("min_latency", traffic.latency.min_ms().to_string()),
            ("packets_received", traffic.received.load(Ordering::Relaxed).to_string()),
            ("packets_sent", traffic.sent.load(Ordering::Relaxed).to_string()),
            ("num_alive_connections", self.clients.len().to_string()),
            ("outstanding_requests", self.outstanding().to_string()),
            ("znode_count", self.node_count().to_string()),
            ("watch_count", watches.to_string()),
            ("ephemerals_count", ephemerals.to_string()),
            ("approximate_data_size", self.state.tree.data_size().to_string()),
            ("global_sessions", self.state.sessions.len().to_string()),
            ("uptime", self.now().to_string()),
            ("open_file_descriptor_count", count_files(Path::new("/proc/self/fd")).to_string()),
            ("cnt_fsynctime", syncs.to_string()),
            ("avg_fsynctime", format!("{mean_sync:.4}")),
            ("max_fsynctime", format!("{:.4}", log.max_us.load(Ordering::Relaxed) as f64 / 1000.0)),
        ];
        values.iter().try_for_each(|(key, value)| writeln!(out, "zk_{key}\t{value}"))
    }

    fn conf(&self, out: &mut String) -> std::fmt::Result {
        let options = &self.shared.options;
        let logs = options.data_log_dir.as_ref().unwrap_or(&options.data_dir);
        writeln!(
            out,
            "clientPort={}\nsecureClientPort=-1\ndataDir={}\ndataDirSize={}\ndataLogDir={}\ndataLogSize={}\n\
             tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\nserverId=0",
            self.address.port(),
            options.data_dir.display(),
            size_of(&options.data_dir),
            logs.display(),
            size_of(logs),
            options.tick_time_ms,
            options.max_client_cnxns,
            options.min_session_timeout(),
            options.max_session_timeout(),
        )
    }

    fn dirs(&self, out: &mut String) -> std::fmt::Result {
        let options = &self.shared.options;
        let logs = options.data_log_dir.as_ref().unwrap_or(&options.data_dir);
        writeln!(out, "datadir_size: {}\nlogdir_size: {}", size_of(&options.data_dir), size_of(logs))
    }

    fn cons(&self, out: &mut String) -> std::fmt::Result {
        for client in self.clients.values() {
            let latency = &client.connection.traffic.latency;
            writeln!(
                out,
                " {},sid={:#x},lop={},est={},to={},lcxid={:#x},lzxid={:#x},llat={},minlat={},avglat={:.4},maxlat={})",
                connection_start(client),
                client.session,
                client.last_op.map_or("SESS", crate::proto::OpCode::short_name),
                client.established_ms,
                client.timeout_ms,
                client.last_xid,
                self.state.zxid,
                latency.last_ms(),
                latency.min_ms(),
                latency.mean_ms(),
                latency.max_ms(),
            )?;
        }
        writeln!(out)
    }

    fn wchs(&self, out: &mut String) -> std::fmt::Result {
        let (connections, paths, watches) = self.watches.summary();
        writeln!(out, "{connections} connections watching {paths} paths\nTotal watches:{watches}")
    }

    fn wchp(&self, out: &mut String) -> std::fmt::Result {
        for (path, watchers) in self.watches.by_path() {
            writeln!(out, "{path}")?;
            for client in watchers.iter().filter_map(|watcher| self.clients.get(watcher)) {
                writeln!(out, "\t{:#x}", client.session)?;
            }
        }
        Ok(())
    }

    fn wchc(&self, out: &mut String) -> std::fmt::Result {
        let by_path = self.watches.by_path();
        for (number, client) in &self.clients {
            let mut paths = by_path.iter().filter(|(_, watchers)| watchers.contains(number)).peekable();
            if paths.peek().is_some() {
                writeln!(out, "{:#x}", client.session)?;
                paths.try_for_each(|(path, _)| writeln!(out, "\t{path}"))?;
            }
        }
        Ok(())
    }

    fn dump(&self, out: &mut String) -> std::fmt::Result {
        let buckets = self.clock.buckets();
        writeln!(out, "SessionTracker dump:\nSession Sets ({})/({}):", buckets.len(), self.state.sessions.len())?;
        let now = self.now();
        for (at, sessions) in buckets {
            writeln!(out, "{} expire in {} ms:", sessions.len(), at.saturating_sub(now))?;
            sessions.iter().try_for_each(|session| writeln!(out, "\t{session:#x}"))?;
        }
        let ephemerals = self.state.tree.all_ephemerals();
        writeln!(out, "ephemeral nodes dump:\nSessions with Ephemerals ({}):", ephemerals.len())?;
        for (session, paths) in ephemerals {
            writeln!(out, "{session:#x}:")?;
            paths.iter().try_for_each(|path| writeln!(out, "\t{path}"))?;
        }
        writeln!(out, "Connections dump:\nConnections Sets ({}):", self.clients.len())?;
        self.clients
            .values()
            .try_for_each(|client| writeln!(out, "\tip: {} sessionId: {:#x}", client.connection.peer, client.session))
    }

    fn outstanding(&self) -> usize {
        self.clients.values().map(|client| client.connection.outbox.outstanding()).sum()
    }

    /// Apache ZooKeeper counts the root twice, under its two names.
    fn node_count(&self) -> usize {
        self.state.tree.len() + 1
    }
}

fn connection_start(client: &Client) -> String {
    let traffic = &client.connection.traffic;
    format!(
        "/{}[1](queued={},recved={},sent={}",
        client.connection.peer,
        client.connection.outbox.outstanding(),
        traffic.received.load(Ordering::Relaxed),
        traffic.sent.load(Ordering::Relaxed)
    )
}

fn envi(out: &mut String) -> std::fmt::Result {
    let directory = std::env::current_dir().unwrap_or_default();
    writeln!(
        out,
        "Environment:\nzookeeper.version={VERSION}\nos.name={}\nos.arch={}\nuser.dir={}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        directory.display()
    )
}

/// Bytes of all files below a directory; what cannot be read counts nothing, as this is but a report.
fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            entry.metadata().ok().map(|meta| if meta.is_dir() { size_of(&entry.path()) } else { meta.len() })
        })
        .sum()
}

fn count_files(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}
