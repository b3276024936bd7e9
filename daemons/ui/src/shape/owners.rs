//! Who has how much of the cluster.

use serde_json::{Map, Value, json};
use storm_thrift::types::{OwnerResourceSummary, TopologySummary};

use super::text::zero;
use super::topology::summary;

fn unpacked(o: &OwnerResourceSummary) -> Map<String, Value> {
    let or_na = |value: Option<f64>| value.map_or_else(|| json!("N/A"), |v| json!(v));
    object! {
        "owner": o.owner,
        "totalTopologies": o.total_topologies.unwrap_or(0),
        "totalExecutors": o.total_executors.unwrap_or(0),
        "totalWorkers": o.total_workers.unwrap_or(0),
        "totalTasks": o.total_tasks.unwrap_or(0),
        "totalMemoryUsage": zero(o.memory_usage),
        "totalCpuUsage": zero(o.cpu_usage),
        "memoryGuarantee": or_na(o.memory_guarantee),
        "cpuGuarantee": or_na(o.cpu_guarantee),
        "isolatedNodes": o.isolated_node_guarantee.unwrap_or(-1),
        "memoryGuaranteeRemaining": or_na(o.memory_guarantee_remaining),
        "cpuGuaranteeRemaining": or_na(o.cpu_guarantee_remaining),
        "totalReqOnHeapMem": zero(o.requested_on_heap_memory),
        "totalReqOffHeapMem": zero(o.requested_off_heap_memory),
        "totalReqMem": zero(o.requested_total_memory),
        "totalReqCpu": zero(o.requested_cpu),
        "totalAssignedOnHeapMem": zero(o.assigned_on_heap_memory),
        "totalAssignedOffHeapMem": zero(o.assigned_off_heap_memory),
    }
}

pub fn owners(all: &[OwnerResourceSummary], display_resource: Value) -> Value {
    json!({ "schedulerDisplayResource": display_resource, "owners": all.iter().map(unpacked).collect::<Vec<_>>() })
}

/// One owner; somebody who has nothing is shown with nothing.
pub fn owner(
    name: &str,
    found: Option<&OwnerResourceSummary>,
    topologies: &[TopologySummary],
    display_resource: Value,
) -> Value {
    let nobody = OwnerResourceSummary { owner: name.to_owned(), ..OwnerResourceSummary::default() };
    let mut seen = unpacked(found.unwrap_or(&nobody));
    let own = topologies.iter().filter(|t| t.owner.as_deref() == Some(name)).map(summary).collect::<Vec<_>>();
    seen.insert("topologies".to_owned(), Value::Array(own));
    seen.insert("schedulerDisplayResource".to_owned(), display_resource);
    Value::Object(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_guarantee_it_is_not_applicable() {
        let one = OwnerResourceSummary { owner: "ann".into(), cpu_guarantee: Some(5.0), ..Default::default() };
        let topology = |owner: &str| TopologySummary { owner: Some(owner.into()), ..TopologySummary::default() };
        let seen = owner("ann", Some(&one), &[topology("ann"), topology("bob")], json!(false));
        assert_eq!((&seen["cpuGuarantee"], &seen["memoryGuarantee"]), (&json!(5.0), &json!("N/A")));
        assert_eq!(seen["topologies"].as_array().unwrap().len(), 1);
        assert_eq!(owner("eve", None, &[], json!(false))["isolatedNodes"], -1);
        assert_eq!(owners(&[one], json!(false))["owners"][0]["owner"], "ann");
    }
}
