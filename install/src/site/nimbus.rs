//! What the leading Nimbus says of its cluster, and what it is told, with the configuration of this host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use storm_conf::{Conf, LoadOptions};
use storm_thrift::types::{GetInfoOptions, NumErrorsChoice, RebalanceOptions};
use storm_thrift::{ClientError, NimbusClient};

use crate::facts::{Load, Slots, Topology};
use crate::plan::Health;
use crate::step::places;
use crate::{Kind, Trouble};

const ANSWER_MS: i64 = 10_000;
/// For Nimbus to begin with what it was told, beyond the quiet time.
const BEGIN: Duration = Duration::from_secs(10);

/// The configuration of the cluster on this host.
pub(super) fn conf(dir: &Path) -> Result<Conf, Trouble> {
    let file = places::storm_yaml(dir);
    let options = LoadOptions { file: Some(file.clone()), ..LoadOptions::default() };
    let mut conf = storm_conf::load(&options).map_err(|e| {
        Trouble::new(Kind::Wanted, "install/conf", format!("{} cannot be used", file.display())).at(e.to_string())
    })?;
    let answer = conf.int("storm.thrift.socket.timeout.ms").unwrap_or(ANSWER_MS).min(ANSWER_MS);
    conf.set("storm.thrift.socket.timeout.ms", answer);
    Ok(conf)
}

fn silent(e: &ClientError) -> Trouble {
    Trouble::new(Kind::Unreachable, "install/no-leader", "no Nimbus answers as the leader").at(e.to_string())
}

pub(super) async fn load(dir: &Path) -> Result<Load, Trouble> {
    asked(&conf(dir)?).await.map_err(|e| silent(&e))
}

async fn asked(conf: &Conf) -> Result<Load, ClientError> {
    let mut nimbus = NimbusClient::leader(conf).await?;
    let summary = nimbus.get_cluster_info().await?;
    let mut load = Load {
        leader: summary.nimbuses.iter().find(|n| n.is_leader).map(|n| n.host.clone()).unwrap_or_default(),
        nimbuses: summary.nimbuses.iter().map(|n| n.host.clone()).collect(),
        ..Load::default()
    };
    for supervisor in &summary.supervisors {
        let slots: &mut Slots = load.supervisors.entry(supervisor.host.clone()).or_default();
        slots.offered += usize::try_from(supervisor.num_workers).unwrap_or_default();
        slots.used += usize::try_from(supervisor.num_used_workers).unwrap_or_default();
    }
    for topology in summary.topologies {
        let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::None) };
        let info = match nimbus.get_topology_info_with_opts(topology.id.clone(), options).await {
            Ok(info) => info,
            // It may have been killed meanwhile.
            Err(e) if e.declared().is_some() => continue,
            Err(e) => return Err(e),
        };
        let slots: BTreeSet<(&str, i32)> = info.executors.iter().map(|e| (e.host.as_str(), e.port)).collect();
        let mut workers: BTreeMap<String, usize> = BTreeMap::new();
        for (host, _) in slots {
            *workers.entry(host.to_owned()).or_default() += 1;
        }
        let executors = info.executors.len();
        load.topologies.push(Topology {
            id: topology.id,
            name: topology.name,
            status: topology.status,
            executors,
            copies: info.replication_count.and_then(|n| usize::try_from(n).ok()).unwrap_or_default(),
            workers,
        });
    }
    Ok(load)
}

/// What is still missing until the cluster is as well as it was; nothing when it is.
pub(super) async fn gate(dir: &Path, health: &Health) -> Result<Vec<String>, Trouble> {
    Ok(match asked(&conf(dir)?).await {
        Ok(load) => health.missing(&load),
        Err(e) => vec![format!("no Nimbus answers as the leader: {e}")],
    })
}

/// Topologies that were told to move, and when.
#[derive(Debug, Default)]
pub(super) struct Moving {
    told: BTreeMap<String, Instant>,
}

impl Moving {
    /// Has what runs on these hosts moved. The answer is what is still there; nothing when all is gone.
    pub(super) async fn drain(
        &mut self,
        dir: &Path,
        hosts: &[String],
        wait_secs: i32,
    ) -> Result<Option<String>, Trouble> {
        let conf = conf(dir)?;
        let load = match asked(&conf).await {
            Ok(load) => load,
            Err(e) => return Ok(Some(format!("no Nimbus answers as the leader: {e}"))),
        };
        // Before they offer nothing, work would come back to them.
        let offering = |host: &&String| load.supervisors.get(*host).is_some_and(|s| s.offered > 0);
        let offering: Vec<&str> = hosts.iter().filter(offering).map(String::as_str).collect();
        if !offering.is_empty() {
            return Ok(Some(format!("{} still offers slots", offering.join(", "))));
        }
        let mut left = Vec::new();
        for topology in &load.topologies {
            let here: usize = hosts.iter().filter_map(|host| topology.workers.get(host)).sum();
            if here == 0 {
                continue;
            }
            left.push(format!("{here} of {}", topology.name));
            let moves = matches!(topology.status.as_str(), "ACTIVE" | "INACTIVE");
            if moves && self.is_due(&topology.id, wait_secs) {
                let options = RebalanceOptions { wait_secs: Some(wait_secs), ..RebalanceOptions::default() };
                let told = match NimbusClient::leader(&conf).await {
                    Ok(mut nimbus) => nimbus.rebalance(topology.name.clone(), options).await,
                    Err(e) => Err(e),
                };
                match told {
                    Ok(()) => drop(self.told.insert(topology.id.clone(), Instant::now())),
                    // Killed or rebalanced by somebody else meanwhile.
                    Err(e) => left.push(format!("(Nimbus: {e})")),
                }
            }
        }
        Ok((!left.is_empty()).then(|| format!("workers that have to move: {}", left.join(", "))))
    }

    fn is_due(&self, id: &str, wait_secs: i32) -> bool {
        let quiet = Duration::from_secs(u64::try_from(wait_secs).unwrap_or_default()) + BEGIN;
        self.told.get(id).is_none_or(|told| told.elapsed() > quiet)
    }
}

/// What Nimbus still believes to be on hosts that are lost; nothing when it has given them up.
pub(super) async fn left_on(dir: &Path, hosts: &[String]) -> Result<Option<String>, Trouble> {
    let load = match asked(&conf(dir)?).await {
        Ok(load) => load,
        Err(e) => return Ok(Some(format!("no Nimbus answers as the leader: {e}"))),
    };
    let known: Vec<&str> =
        hosts.iter().filter(|host| load.supervisors.contains_key(*host)).map(String::as_str).collect();
    if !known.is_empty() {
        return Ok(Some(format!("Nimbus has not missed the supervisor of {} yet", known.join(", "))));
    }
    let here = |workers: &BTreeMap<String, usize>| hosts.iter().filter_map(|host| workers.get(host)).sum::<usize>();
    let topologies = load.topologies.iter().map(|t| (here(&t.workers), &t.name)).filter(|(here, _)| *here > 0);
    let left: Vec<String> = topologies.map(|(here, name)| format!("{here} of {name}")).collect();
    Ok((!left.is_empty()).then(|| format!("workers that have to move: {}", left.join(", "))))
}

/// The workers that have a folder on this host.
pub(super) fn workers(dir: &Path) -> Result<usize, Trouble> {
    let workers = conf(dir)?.local_dir().join("workers");
    match std::fs::read_dir(&workers) {
        Ok(list) => Ok(list.flatten().count()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(Trouble::io("list", &workers, &e)),
    }
}
