//! Finding the topology that a name or an id means.

use storm_conf::nearest;
use storm_thrift::types::TopologySummary;
use storm_thrift::{ClientError, Exception, NimbusClient};

use crate::exit::Exit;
use crate::failure::Failure;

/// The summary of the topology with this name, else with this id.
pub async fn find(nimbus: &mut NimbusClient, name: &str) -> Result<TopologySummary, Failure> {
    match nimbus.get_topology_summary_by_name(name.to_owned()).await {
        Ok(summary) => return Ok(summary),
        Err(ClientError::Declared(Exception::NotAliveException(_))) => {}
        Err(e) => return Err(e.into()),
    }
    let all = nimbus.get_topology_summaries().await?;
    if let Some(found) = all.iter().find(|t| t.id == name) {
        return Ok(found.clone());
    }
    let names: Vec<&str> = all.iter().map(|t| t.name.as_str()).collect();
    let mut failure = Failure::new(Exit::NotFound, "topology/not-found", format!("no topology \"{name}\" runs"));
    if let Some(near) = nearest(name, names.iter().copied()) {
        failure = failure.hint(format!("did you mean {near}?"));
    } else if names.is_empty() {
        failure = failure.evidence("the cluster runs none").hint("stormctl submit FILE");
    } else {
        failure = failure.hint("stormctl list      shows those that do");
    }
    Err(failure)
}
