//! Collecting the facts: each source by itself, within a time, and none needed by another.

mod config;
mod disks;
mod host;
mod logs;
mod nimbus;
mod probes;
mod processes;
mod programs;
mod topologies;
mod tree;
mod zookeeper;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use storm_conf::LoadOptions;
use storm_supervisor::ports::Sockets;
use tokio::time::timeout;

use crate::facts::{Config, Facts, Unread};

pub use config::read as read_config;
pub use probes::probe;

/// What is looked at, and for how long.
#[derive(Debug, Clone)]
pub struct Request {
    pub config: Config,
    /// Look at one topology closely.
    pub asked: Option<String>,
    /// For everything; a source that takes longer is given up and told so.
    pub limit: Duration,
    pub hosts_file: PathBuf,
}

impl Request {
    pub fn new(config: Config) -> Request {
        Request { config, asked: None, limit: Duration::from_secs(10), hosts_file: PathBuf::from("/etc/hosts") }
    }

    /// Reads the configuration, too.
    pub fn of(options: &LoadOptions) -> Request {
        Request::new(config::read(options))
    }
}

/// Gathers everything. Needs a tokio runtime.
pub async fn gather(request: Request) -> Facts {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
    let mut facts = Facts { at: now, asked: request.asked.clone(), ..Facts::default() };
    // Half of the time for what is first, so that there is time for what follows from it.
    let half = request.limit / 2;
    let config = &request.config;
    let sockets = Arc::new(Sockets::default());
    let host = {
        let (config, hosts_file, asked) = (config.clone(), request.hosts_file.clone(), request.asked.clone());
        let sockets = sockets.clone();
        tokio::task::spawn_blocking(move || host::host(&config, &hosts_file, asked.as_deref(), now, &sockets))
    };
    let (host, nimbus, servers, tree) = tokio::join!(
        timeout(half, host),
        timeout(half, nimbus::nimbus(config, half)),
        timeout(half, zookeeper::servers(config, half)),
        timeout(half, tree::tree(config, half)),
    );
    let late =
        |source, place: String| Unread { source, place, cause: format!("took longer than {} s", half.as_secs_f64()) };
    match host {
        Ok(Ok(host)) => facts.host = host,
        Ok(Err(e)) => facts.unread.push(Unread { source: "host", place: "this host".into(), cause: e.to_string() }),
        Err(_) => facts.unread.push(late("host", "this host".into())),
    }
    match nimbus {
        Ok((nimbus, unread)) => {
            facts.nimbus = nimbus;
            facts.unread.extend(unread);
        }
        Err(_) => facts.unread.push(late("nimbus", config.conf.strings("nimbus.seeds").join(","))),
    }
    let place = config.conf.strings("storm.zookeeper.servers").join(",");
    match servers {
        Ok(servers) => facts.zookeeper.servers = servers,
        Err(_) => facts.unread.push(late("zookeeper", place.clone())),
    }
    match tree {
        Ok(Ok((tree, ms))) => (facts.zookeeper.tree, facts.zookeeper.operation_ms) = (Some(tree), Some(ms)),
        Ok(Err(cause)) => facts.unread.push(Unread { source: "zookeeper", place, cause }),
        Err(_) => facts.unread.push(late("zookeeper", place)),
    }
    zookeeper::look_here(config, &mut facts.zookeeper, &facts.host, &sockets).await;
    let quarter = request.limit / 4;
    let (topologies, probes) = tokio::join!(
        topologies::topologies(config, &facts, quarter),
        timeout(quarter, probes::probes(config, &facts)),
    );
    facts.topologies = topologies.0;
    facts.unread.extend(topologies.1);
    match probes {
        Ok(probes) => facts.probes = probes,
        Err(_) => facts.unread.push(Unread {
            source: "probes",
            place: "hosts of the cluster".into(),
            cause: format!("took longer than {} s", quarter.as_secs_f64()),
        }),
    }
    facts.config = request.config;
    facts
}
