//! Every ZooKeeper server by its four-letter words, and the `zoo.cfg` of this host.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use storm_supervisor::ports::Sockets;
use storm_zookeeper::{WordError, four_letter, properties};
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::processes;
use crate::facts::{Config, Host, ProcessRole, ZooCfg, ZooKeeper, ZooKeeperAnswer, ZooKeeperServer};

pub(super) async fn servers(config: &Config, limit: Duration) -> Vec<ZooKeeperServer> {
    let port = config.port("storm.zookeeper.port", 2181);
    let mut asking = JoinSet::new();
    for (index, host) in config.conf.strings("storm.zookeeper.servers").into_iter().enumerate() {
        asking.spawn(async move { (index, server(&host, port, limit).await) });
    }
    let mut servers = asking.join_all().await;
    servers.sort_by_key(|(index, _)| *index);
    servers.into_iter().map(|(_, server)| server).collect()
}

async fn server(host: &str, port: u16, limit: Duration) -> ZooKeeperServer {
    // `host:port` is not in Storm's book, but works.
    let (bare, port) = match host.rsplit_once(':') {
        Some((bare, own)) if !bare.contains(':') => (bare, own.parse().unwrap_or(port)),
        _ => (host.trim_matches(['[', ']']), port),
    };
    let address = format!("{bare}:{port}");
    let (answer, here) = match timeout(limit / 3, lookup_host((bare, port))).await {
        Err(_) => (ZooKeeperAnswer::Unresolved("the name service does not answer".into()), false),
        Ok(Err(e)) => (ZooKeeperAnswer::Unresolved(e.to_string()), false),
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            let mut last = ZooKeeperAnswer::Unresolved("the name has no address".into());
            for address in &addresses {
                last = ask(*address, limit).await;
                if matches!(last, ZooKeeperAnswer::Serving { .. } | ZooKeeperAnswer::NotServing) {
                    break;
                }
            }
            (last, addresses.iter().any(|a| processes::is_local(a.ip())))
        }
    };
    ZooKeeperServer { address, here, answer, holder: None, process: None }
}

async fn ask(address: SocketAddr, limit: Duration) -> ZooKeeperAnswer {
    let srvr = match four_letter(address, "srvr", limit / 3).await {
        Ok(text) => text,
        Err(WordError::NotAllowed { .. }) => {
            return ZooKeeperAnswer::Serving { mode: None, average_ms: None, max_ms: None, fsync_ms: None };
        }
        Err(WordError::Connect { cause, .. }) => return ZooKeeperAnswer::Refused(cause.to_string()),
        Err(e @ (WordError::Silent { .. } | WordError::Broken { .. })) => {
            return ZooKeeperAnswer::Strange(e.to_string());
        }
        Err(e) => return ZooKeeperAnswer::Silent(e.to_string()),
    };
    if srvr.contains("not currently serving requests") {
        return ZooKeeperAnswer::NotServing;
    }
    if !srvr.starts_with("Zookeeper version") {
        let line: String = srvr.lines().next().unwrap_or_default().chars().take(80).collect();
        return ZooKeeperAnswer::Strange(format!("it answers {line:?}"));
    }
    let value = |key: &str| srvr.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned());
    // Latency min/avg/max: 0/0.5/3
    let latency = value("Latency min/avg/max:").unwrap_or_default();
    let mut latency = latency.split('/').map(|part| part.parse::<f64>().ok()).skip(1);
    let (average_ms, max_ms) = (latency.next().flatten(), latency.next().flatten());
    // Where the server may tell more, it does.
    let mntr = four_letter(address, "mntr", limit / 3).await.unwrap_or_default();
    let fsync = mntr.lines().filter_map(|l| l.split_once('\t')).find(|(k, _)| *k == "zk_avg_fsynctime");
    let fsync_ms = fsync.and_then(|(_, v)| v.parse().ok());
    ZooKeeperAnswer::Serving { mode: value("Mode:"), average_ms, max_ms, fsync_ms }
}

/// Adds what this host alone knows of its server.
pub(super) async fn look_here(config: &Config, zookeeper: &mut ZooKeeper, host: &Host, sockets: &Sockets) {
    let process = host.process(|r| matches!(r, ProcessRole::ZooKeeper { .. }));
    for server in zookeeper.servers.iter_mut().filter(|s| s.here) {
        let port = server.address.rsplit(':').next().and_then(|p| p.parse().ok()).unwrap_or_default();
        server.holder = sockets.foreign_holder(port, |_| false).map(|h| h.to_string());
        server.process = process.map(|p| format!("process {} ({})", p.pid, p.command));
    }
    let running = process.map(|p| match &p.role {
        ProcessRole::ZooKeeper { config } => config.clone(),
        _ => None,
    });
    let path = match running {
        // A server that runs without one has none.
        Some(path) => path,
        None => places(config).into_iter().find(|p| p.is_file()),
    };
    if let Some(path) = path {
        let read = tokio::task::spawn_blocking(move || zoo_cfg(&path)).await;
        zookeeper.zoo_cfg = read.ok().flatten();
    }
}

/// Beside storm.yaml, in the home, and where ZooKeeper's own script looks.
fn places(config: &Config) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = config.file.iter().filter_map(|f| f.parent()).map(|d| d.join("zoo.cfg")).collect();
    places.push(config.conf.home().join("conf/zoo.cfg"));
    places.extend(std::env::var_os("ZOOCFGDIR").map(|d| PathBuf::from(d).join("zoo.cfg")));
    places
}

pub(super) fn zoo_cfg(path: &Path) -> Option<ZooCfg> {
    let text = fs::read_to_string(path).ok()?;
    let entries: Vec<(usize, String, String)> =
        properties(&text).into_iter().map(|e| (e.line, e.key, e.value)).collect();
    let mut cfg = ZooCfg { path: path.to_owned(), entries, ..ZooCfg::default() };
    let dir = |key| cfg.get(key).map(|(_, dir)| path.parent().unwrap_or(Path::new("/")).join(dir));
    let dirs: Vec<PathBuf> = ["dataDir", "dataLogDir"].into_iter().filter_map(dir).collect();
    cfg.data_bytes = (!dirs.is_empty()).then(|| dirs.iter().map(|d| size(d, 3)).sum());
    for (line, key, value) in &cfg.entries {
        // server.1=host:2888:3888;2181, and IPv6 in brackets
        let Some(host) = key
            .strip_prefix("server.")
            .and(value.strip_prefix('[').map_or_else(|| value.split(':').next(), |v| v.split(']').next()))
        else {
            continue;
        };
        if let Err(e) = (host, 0).to_socket_addrs() {
            cfg.unresolved_peers.push((*line, host.to_owned(), e.to_string()));
        }
    }
    Some(cfg)
}

/// What a folder holds, as deep as ZooKeeper goes.
fn size(dir: &Path, depth: usize) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        bytes += if meta.is_dir() && depth > 0 { size(&entry.path(), depth - 1) } else { meta.len() };
    }
    bytes
}
