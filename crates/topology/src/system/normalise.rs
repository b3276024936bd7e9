//! Step 8 of a submission: every component learns its number of tasks.

use serde_json::{Map, Value};
use storm_thrift::types::{ComponentCommon, StormTopology};

use super::component_conf::{component_conf, get_int};
use super::error::{InvalidTopology, TopologyProblem};

pub(crate) const TASKS: &str = "topology.tasks";
const MAX_TASK_PARALLELISM: &str = "topology.max.task.parallelism";

/// The topology with `topology.tasks` in the configuration of each component.
///
/// The number is the smaller of `topology.max.task.parallelism` and (`topology.tasks`, else the parallelism hint), all
/// looked up in the topology's configuration overlaid by the component's.
pub fn normalise(
    topology: &StormTopology,
    topology_conf: &Map<String, Value>,
) -> Result<StormTopology, InvalidTopology> {
    let mut out = topology.clone();
    let mut problems = Vec::new();
    for (id, common) in components_mut(&mut out) {
        match set_tasks(id, common, topology_conf) {
            Ok(json) => common.json_conf = Some(json),
            Err(p) => problems.push(p),
        }
    }
    if problems.is_empty() { Ok(out) } else { Err(InvalidTopology { problems }) }
}

fn set_tasks(id: &str, common: &ComponentCommon, conf: &Map<String, Value>) -> Result<String, TopologyProblem> {
    let mut own = component_conf(id, common)?;
    own.insert(TASKS.to_owned(), task_count(id, common, &own, conf)?.into());
    Ok(Value::Object(own).to_string())
}

/// `ServerUtils.getComponentParallelism`.
pub(crate) fn task_count(
    id: &str,
    common: &ComponentCommon,
    own: &Map<String, Value>,
    conf: &Map<String, Value>,
) -> Result<i64, TopologyProblem> {
    let place = format!("component [{id}]");
    let look_up =
        |key: &str| if own.contains_key(key) { get_int(own, key, &place) } else { get_int(conf, key, &place) };
    let tasks = match look_up(TASKS)? {
        Some(n) => n,
        None => i64::from(common.parallelism_hint.unwrap_or(1)),
    };
    Ok(look_up(MAX_TASK_PARALLELISM)?.map_or(tasks, |max| tasks.min(max)))
}

/// All components of a thrift topology with their ids.
pub(crate) fn components_mut(t: &mut StormTopology) -> impl Iterator<Item = (&str, &mut ComponentCommon)> {
    let spouts = t.spouts.iter_mut().map(|(id, s)| (id.as_str(), &mut s.common));
    let bolts = t.bolts.iter_mut().map(|(id, b)| (id.as_str(), &mut b.common));
    let states = t.state_spouts.iter_mut().map(|(id, s)| (id.as_str(), &mut s.common));
    spouts.chain(bolts).chain(states)
}

/// As [`components_mut`], to look at.
pub(crate) fn components(t: &StormTopology) -> impl Iterator<Item = (&str, &ComponentCommon)> {
    let spouts = t.spouts.iter().map(|(id, s)| (id.as_str(), &s.common));
    let bolts = t.bolts.iter().map(|(id, b)| (id.as_str(), &b.common));
    let states = t.state_spouts.iter().map(|(id, s)| (id.as_str(), &s.common));
    spouts.chain(bolts).chain(states)
}
