//! For clients that foresee what a round will decide: the steps of Nimbus itself, without its state.

use std::collections::BTreeMap;

use storm_scheduler::{Executor, Slot, TopologyDetails};
use storm_thrift::types::{Assignment, RebalanceOptions, StormBase};

use crate::assign;
use crate::topologies::{Stored, override_resources, parse_overrides};

pub use crate::submit::{Examined, Terms, examine};
pub use crate::topologies::{Blob as TopologyBlob, Stored as StoredTopology, uses_blobs};

/// The topology as the scheduler sees it.
pub fn details(id: &str, base: &StormBase, stored: &Stored) -> Result<TopologyDetails, String> {
    Ok(assign::details(id, base, &stored.facts(base)?))
}

/// Where an assignment has its executors.
pub fn placed(assignment: &Assignment) -> BTreeMap<Executor, Slot> {
    assign::alive(assignment, &Default::default())
}

/// The topology as it will be after a rebalance with these options.
pub fn rebalanced(base: &mut StormBase, stored: &mut Stored, options: &RebalanceOptions) -> Result<(), String> {
    if let Some(text) = &options.topology_conf_overrides {
        stored.conf.extend(parse_overrides(text)?);
    }
    if let Some(resources) = &options.topology_resources_overrides {
        override_resources(stored, resources)?;
    }
    if let Some(workers) = options.num_workers.filter(|n| *n > 0) {
        base.num_workers = workers;
    }
    if let Some(executors) = &options.num_executors {
        let start = stored.system()?.start_executors();
        if let Some(component) = executors.keys().find(|c| !start.contains_key(*c)) {
            return Err(format!("it has no component \"{component}\""));
        }
        let counts = base.component_executors.get_or_insert(start);
        counts.extend(executors.iter().map(|(c, n)| (c.clone(), *n)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use storm_thrift::types::{ComponentCommon, ComponentObject, ShellComponent, SpoutSpec, StormTopology};

    use super::*;

    fn stored() -> Stored {
        let object = ComponentObject::Shell(ShellComponent { execution_command: None, script: None });
        let common = ComponentCommon {
            parallelism_hint: Some(2),
            json_conf: Some(json!({"topology.tasks": 4}).to_string()),
            ..ComponentCommon::default()
        };
        let mut topology = StormTopology::default();
        topology.spouts.insert("s".into(), SpoutSpec { spout_object: object, common });
        let conf = json!({"topology.acker.executors": 1, "topology.eventlogger.executors": 0});
        Stored { conf: conf.as_object().cloned().unwrap_or_else(Map::new), topology }
    }

    #[test]
    fn a_rebalance_changes_what_it_names() {
        let (mut base, mut stored) = (StormBase { num_workers: 1, ..StormBase::default() }, stored());
        let before = details("t", &base, &stored).unwrap();
        assert_eq!((before.num_workers, before.executors.len()), (1, 3));
        let options = RebalanceOptions {
            num_workers: Some(3),
            num_executors: Some(BTreeMap::from([("s".to_owned(), 4)])),
            topology_resources_overrides: Some(BTreeMap::from([(
                "s".to_owned(),
                BTreeMap::from([("topology.component.cpu.pcore.percent".to_owned(), 70.0)]),
            )])),
            ..RebalanceOptions::default()
        };
        rebalanced(&mut base, &mut stored, &options).unwrap();
        let after = details("t", &base, &stored).unwrap();
        assert_eq!((after.num_workers, after.executors.len()), (3, 5));
        assert_eq!(after.requests["s"].cpu, 70.0);
        let unknown = RebalanceOptions { num_executors: Some(BTreeMap::from([("x".to_owned(), 1)])), ..options };
        assert!(rebalanced(&mut base, &mut stored, &unknown).unwrap_err().contains("no component \"x\""));
    }
}
