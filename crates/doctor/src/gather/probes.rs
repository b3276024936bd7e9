//! Whether this host knows the others by name and reaches their daemons.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::facts::{Config, Facts, Outcome, Probe, Purpose};

const LIMIT: Duration = Duration::from_secs(1);
/// A larger cluster is looked at in part: what is wrong with its names is seldom wrong once.
const MOST: usize = 128;

pub(super) async fn probes(config: &Config, facts: &Facts) -> Vec<Probe> {
    let from = &facts.host.name;
    let mut wanted: Vec<(String, u16, Purpose)> = Vec::new();
    let zookeeper = config.port("storm.zookeeper.port", 2181);
    for host in config.conf.strings("storm.zookeeper.servers") {
        wanted.push((host.trim_matches(['[', ']']).to_owned(), zookeeper, Purpose::ZooKeeper));
    }
    let log_viewer = config.port("logviewer.port", 8000);
    let mut viewers = Vec::new();
    for seen in facts.zookeeper.tree.iter().flat_map(|t| t.supervisors.values()) {
        let host = &seen.info.hostname;
        if host == from {
            continue;
        }
        if let Some(port) = seen.info.server_port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0) {
            wanted.push((host.clone(), port, Purpose::Supervisor));
        }
        viewers.push(host.clone());
    }
    viewers.sort();
    viewers.dedup();
    wanted.extend(viewers.into_iter().map(|host| (host, log_viewer, Purpose::LogViewer)));
    let mut trying = JoinSet::new();
    for (index, (host, port, purpose)) in wanted.into_iter().take(MOST).enumerate() {
        let from = from.clone();
        trying.spawn(async move { (index, probe(&from, &host, port, purpose).await) });
    }
    let mut probes = trying.join_all().await;
    probes.sort_by_key(|(index, _)| *index);
    probes.into_iter().map(|(_, probe)| probe).collect()
}

/// Tries every address of a name.
pub async fn probe(from: &str, host: &str, port: u16, purpose: Purpose) -> Probe {
    let mut probe =
        Probe { from: from.to_owned(), host: host.to_owned(), port, purpose, unresolved: None, addresses: Vec::new() };
    match timeout(LIMIT, lookup_host((host, port))).await {
        Err(_) => probe.unresolved = Some("the name service does not answer".to_owned()),
        Ok(Err(e)) => probe.unresolved = Some(e.to_string()),
        Ok(Ok(addresses)) => {
            for address in addresses {
                let outcome = reach(address).await;
                if !probe.addresses.iter().any(|(ip, _)| *ip == address.ip()) {
                    probe.addresses.push((address.ip(), outcome));
                }
            }
        }
    }
    probe
}

async fn reach(address: SocketAddr) -> Outcome {
    match timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Outcome::Answers,
        Ok(Err(e)) => Outcome::Refused(e.to_string()),
        Err(_) => Outcome::Timeout(format!("none within {} s", LIMIT.as_secs_f64())),
    }
}
