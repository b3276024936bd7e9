//! Every seed, the leader that one names, and what it says of the cluster.

use std::time::Duration;

use storm_thrift::{ClientError, ClientOptions, NimbusClient};
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::facts::{Config, Nimbus, Outcome, Seed, SeedAnswer, Unread};

/// Cluster summaries of thousands of topologies are large.
const LONGEST_ANSWER: usize = 64 << 20;

/// A seed that does not answer within a second will not do so within five.
pub(super) fn options(limit: Duration) -> ClientOptions {
    ClientOptions { connect_timeout: limit / 3, call_timeout: limit / 3, max_frame: LONGEST_ANSWER }
}

pub(super) async fn nimbus(config: &Config, limit: Duration) -> (Nimbus, Vec<Unread>) {
    let port = config.port("nimbus.thrift.port", 6627);
    let mut asking = JoinSet::new();
    for (index, host) in config.conf.strings("nimbus.seeds").into_iter().enumerate() {
        asking.spawn(async move { (index, seed(host, port, limit).await) });
    }
    let mut seeds = asking.join_all().await;
    seeds.sort_by_key(|(index, _)| *index);
    let seeds: Vec<Seed> = seeds.into_iter().map(|(_, seed)| seed).collect();
    let mut nimbus = Nimbus { seeds, ..Nimbus::default() };
    let mut unread = Vec::new();
    let named = nimbus.seeds.iter().find_map(|s| match &s.answer {
        SeedAnswer::Names { leader } => Some(leader.clone()),
        _ => None,
    });
    let Some(leader) = named else { return (nimbus, unread) };
    let (host, port) = split(&leader);
    match connect(host, port, limit).await {
        Ok(mut client) => {
            match client.get_cluster_info().await {
                Ok(summary) => nimbus.summary = Some(summary),
                Err(e) => unread.push(Unread { source: "nimbus", place: leader.clone(), cause: e.to_string() }),
            }
            nimbus.leader = Some((leader, Outcome::Answers));
        }
        Err(outcome) => nimbus.leader = Some((leader, outcome)),
    }
    (nimbus, unread)
}

pub(super) fn split(address: &str) -> (&str, u16) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "0"));
    (host, port.parse().unwrap_or(0))
}

pub(super) async fn connect(host: &str, port: u16, limit: Duration) -> Result<NimbusClient, Outcome> {
    match timeout(limit / 3, lookup_host((host.trim_matches(['[', ']']), port))).await {
        Err(_) => return Err(Outcome::Unresolved("the name service does not answer".to_owned())),
        Ok(Err(e)) => return Err(Outcome::Unresolved(e.to_string())),
        Ok(Ok(_)) => {}
    }
    NimbusClient::connect(host, port, options(limit)).await.map_err(|e| match e {
        ClientError::Connect { cause, .. } if cause.starts_with("no answer") => Outcome::Timeout(cause),
        ClientError::Connect { cause, .. } => Outcome::Refused(cause),
        e => Outcome::Refused(e.to_string()),
    })
}

async fn seed(host: String, port: u16, limit: Duration) -> Seed {
    let address = format!("{host}:{port}");
    let answer = match connect(&host, port, limit).await {
        Err(Outcome::Unresolved(why)) => SeedAnswer::Unresolved(why),
        Err(Outcome::Timeout(why)) => SeedAnswer::Timeout(why),
        Err(outcome) => SeedAnswer::Refused(outcome.words()),
        Ok(mut client) => match client.get_leader().await {
            Ok(leader) => SeedAnswer::Names { leader: format!("{}:{}", leader.host, leader.port) },
            Err(e @ ClientError::Timeout { .. }) => SeedAnswer::Timeout(e.to_string()),
            Err(e @ (ClientError::Transport { .. } | ClientError::Protocol { .. })) => {
                SeedAnswer::Strange(e.to_string())
            }
            Err(e) => SeedAnswer::NoLeader(e.to_string().lines().next().unwrap_or_default().to_owned()),
        },
    };
    Seed { address, answer }
}
