//! What can be told of a submission without its jar. Pure: Nimbus asks before it stores anything, `stormctl` before it
//! sends anything.

use serde_json::{Map, Value};
use storm_thrift::ServiceError;
use storm_thrift::types::StormTopology;
use storm_topology::system::{SystemTopology, normalise as normalise_topology, valid_topology_name};

use super::{check, conf_types, invalid, normalise};

/// What the cluster asks of every submission.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The configuration of Nimbus.
    pub cluster: &'a Map<String, Value>,
    pub id: &'a str,
    pub name: &'a str,
    pub submitter: &'a str,
    /// `nimbus.slots.perTopology`
    pub max_slots: Option<i64>,
    /// `nimbus.executors.perTopology`
    pub max_executors: Option<i64>,
}

/// A submission that is in order.
#[derive(Debug)]
pub struct Examined {
    pub topology: StormTopology,
    /// As it will be stored, with the cluster's keys.
    pub conf: Map<String, Value>,
    pub system: SystemTopology,
    pub workers: i64,
}

/// Everything that can be wrong with a submission but its jar and a name that is taken.
pub fn examine(
    terms: &Terms<'_>,
    topology_conf: Map<String, Value>,
    topology: &StormTopology,
    has_blob: impl Fn(&str) -> bool,
) -> Result<Examined, ServiceError> {
    valid_topology_name(terms.name).map_err(|e| invalid(e.to_string()))?;
    let mistakes = conf_types::check(&topology_conf);
    if !mistakes.is_empty() {
        return Err(invalid(mistakes.join("; ")));
    }
    let cx = normalise::Context { id: terms.id, name: terms.name, cluster: terms.cluster, submitter: terms.submitter };
    let (topology, conf) = normalise::conf(&cx, topology_conf, topology).map_err(invalid)?;
    let topology = normalise_topology(&topology, &conf).map_err(|e| invalid(e.to_string()))?;
    let system = SystemTopology::derive(&topology, &conf).map_err(|e| invalid(e.to_string()))?;
    check::heap(&conf, &system)?;
    check::blobs(&conf, &topology, has_blob)?;
    let workers = conf.get("topology.workers").and_then(Value::as_i64).unwrap_or(1);
    check::limits(workers, &system.start_executors(), terms.max_slots, terms.max_executors)?;
    Ok(Examined { topology, conf, system, workers })
}
