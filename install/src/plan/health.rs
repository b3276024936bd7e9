//! Whether a cluster is well enough for the next daemons to restart: no worse than it was before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::Load;
use crate::spec::{Cluster, Role};

/// What must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Hosts whose Nimbus must be known.
    pub nimbuses: BTreeSet<String>,
    /// Hosts whose supervisor must be known.
    pub supervisors: BTreeSet<String>,
    /// How many executors of a topology must have a slot, by its id.
    pub executors: BTreeMap<String, usize>,
    /// On how many Nimbuses all must lie that topologies are made of.
    #[serde(default)]
    pub copies: usize,
}

impl Health {
    /// What held when this was said, of the roles that the description has.
    pub fn of(load: &Load, cluster: &Cluster) -> Health {
        let described =
            |role| cluster.with(role).into_iter().map(|h| cluster.known_as(h)).collect::<BTreeSet<String>>();
        let supervisors = described(Role::Supervisor);
        Health {
            nimbuses: load.nimbuses.intersection(&described(Role::Nimbus)).cloned().collect(),
            supervisors: load.supervisors.keys().filter(|h| supervisors.contains(*h)).cloned().collect(),
            executors: load.topologies.iter().map(|t| (t.id.clone(), t.executors)).collect(),
            copies: 0,
        }
    }

    /// The same, and so many Nimbuses may go: others have what they keep in their folders. HDFS keeps it by itself.
    #[must_use]
    pub fn without_nimbuses(self, going: usize, cluster: &Cluster) -> Health {
        let store = cluster.conf.get("nimbus.blobstore.class").and_then(Value::as_str).unwrap_or("LocalFs");
        let copies = if going > 0 && store.contains("LocalFs") { going + 1 } else { 0 };
        Health { copies, ..self }
    }

    /// What does not hold now, for people. A topology that is gone is missed by nobody.
    pub fn missing(&self, now: &Load) -> Vec<String> {
        let mut missing = Vec::new();
        for host in self.nimbuses.difference(&now.nimbuses) {
            missing.push(format!("the Nimbus of {host} is not back"));
        }
        for host in self.supervisors.iter().filter(|h| !now.supervisors.contains_key(*h)) {
            missing.push(format!("Nimbus does not know the supervisor of {host}"));
        }
        for topology in now.topologies.iter().filter(|t| t.copies < self.copies && t.status != "KILLED") {
            missing.push(format!(
                "what {} is made of is on {} Nimbus, and {} are needed before one goes",
                topology.name, topology.copies, self.copies
            ));
        }
        for topology in &now.topologies {
            let wanted = self.executors.get(&topology.id).copied().unwrap_or_default();
            if topology.executors < wanted && topology.status != "KILLED" {
                let away = wanted - topology.executors;
                missing.push(format!("{away} of {wanted} executors of {} run nowhere", topology.name));
            }
        }
        missing
    }
}
