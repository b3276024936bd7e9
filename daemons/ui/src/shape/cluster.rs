//! The cluster as a whole.

use serde_json::{Map, Value, json};
use storm_thrift::types::{ClusterSummary, NimbusSummary, SupervisorSummary};

use super::links::Links;
use super::supervisor::{total_cpu, total_mem};
use super::text::{decimals, uptime};

/// The Storm whose API this is.
const STORM_VERSION: &str = "2.8.8";
const NOT_APPLICABLE: &str = "Not applicable";
/// In place of passwords.
const HIDDEN: &str = "*****";

/// What of the UI's own configuration is shown with the cluster.
#[derive(Debug, Clone)]
pub struct Site {
    pub display_resource: Value,
    pub bugs: Value,
    pub central_logs: Value,
}

pub fn cluster(info: &ClusterSummary, site: &Site) -> Value {
    let sum = |of: &dyn Fn(&SupervisorSummary) -> f64| info.supervisors.iter().map(of).sum::<f64>();
    let slots: i64 = info.supervisors.iter().map(|s| i64::from(s.num_workers)).sum();
    let used: i64 = info.supervisors.iter().map(|s| i64::from(s.num_used_workers)).sum();
    let (mem, cpu) = (sum(&total_mem), sum(&total_cpu));
    let used_mem = sum(&|s| s.used_mem.unwrap_or(0.0));
    let used_cpu = sum(&|s| s.used_cpu.unwrap_or(0.0));
    let percent =
        |used: f64, total: f64| if total > 0.0 { decimals(Some(used * 100.0 / total)) } else { "0.0".to_owned() };
    Value::Object(object! {
        "user": Value::Null,
        "stormVersion": STORM_VERSION,
        "stormVersionInfo": version_info(),
        "supervisors": info.supervisors.len(),
        "topologies": info.topologies.len(),
        "slotsTotal": slots,
        "slotsUsed": used,
        "slotsFree": slots - used,
        "executorsTotal": info.topologies.iter().map(|t| i64::from(t.num_executors)).sum::<i64>(),
        "tasksTotal": info.topologies.iter().map(|t| i64::from(t.num_tasks)).sum::<i64>(),
        "totalMem": mem,
        "totalCpu": cpu,
        "availMem": mem - used_mem,
        "availCpu": cpu - used_cpu,
        "fragmentedMem": sum(&|s| s.fragmented_mem.unwrap_or(0.0)),
        "fragmentedCpu": sum(&|s| s.fragmented_cpu.unwrap_or(0.0)),
        "schedulerDisplayResource": site.display_resource,
        "memAssignedPercentUtil": percent(used_mem, mem),
        "cpuAssignedPercentUtil": percent(used_cpu, cpu),
        "bugtracker-url": site.bugs,
        "central-log-url": site.central_logs,
        "availGenerics": generics(&info.supervisors, true),
        "totalGenerics": generics(&info.supervisors, false),
    })
}

/// Where there is nothing to tell, what Storm itself says then.
fn version_info() -> Value {
    json!({
        "version": STORM_VERSION,
        "revision": "Unknown",
        "branch": "Unknown",
        "date": "Unknown",
        "srcChecksum": "Unknown",
    })
}

/// Resources of all hosts beside memory and processors; what is left of them, or all.
fn generics(supervisors: &[SupervisorSummary], free: bool) -> String {
    let mut sum = std::collections::BTreeMap::new();
    for supervisor in supervisors {
        for (name, value) in supervisor.total_resources.iter().flatten() {
            *sum.entry(name.clone()).or_insert(0.0) += value;
        }
        for (name, value) in supervisor.used_generic_resources.iter().flatten().filter(|_| free) {
            *sum.entry(name.clone()).or_insert(0.0) -= value;
        }
    }
    super::text::generic(Some(&sum))
}

/// Nimbuses that are up, and seeds without one.
pub fn nimbuses(up: &[NimbusSummary], seeds: &[String], port: i64, links: &Links) -> Value {
    let up_at = |host: &str| up.iter().any(|n| n.host == host);
    let mut all: Vec<Value> = Vec::new();
    for nimbus in up {
        all.push(Value::Object(object! {
            "host": nimbus.host,
            "port": nimbus.port,
            "status": if nimbus.is_leader { "Leader" } else { "Not a Leader" },
            "version": nimbus.version,
            "nimbusUpTimeSeconds": nimbus.uptime_secs,
            "nimbusUpTime": uptime(nimbus.uptime_secs.into()),
            "nimbusLogLink": links.daemon(&nimbus.host, "nimbus.log"),
        }));
    }
    for seed in seeds.iter().filter(|seed| !up_at(seed)) {
        all.push(Value::Object(object! {
            "host": seed,
            "port": port.to_string(),
            "status": "Offline",
            "version": NOT_APPLICABLE,
            "nimbusUpTimeSeconds": NOT_APPLICABLE,
            "nimbusUpTime": NOT_APPLICABLE,
            "nimbusLogLink": links.daemon(seed, "nimbus.log"),
        }));
    }
    json!({ "nimbuses": all })
}

/// A configuration as Nimbus tells it, without its passwords.
pub fn configuration(text: &str) -> Result<Map<String, Value>, String> {
    let mut conf: Map<String, Value> =
        serde_json::from_str(text).map_err(|e| format!("Nimbus' configuration is no JSON object: {e}"))?;
    for (key, value) in &mut conf {
        if !value.is_null() && storm_conf::schema::is_secret(key) {
            *value = HIDDEN.into();
        }
    }
    Ok(conf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::TopologySummary;

    #[test]
    fn a_cluster_is_the_sum_of_its_parts() {
        let supervisor = |used: i32| SupervisorSummary {
            num_workers: 4,
            num_used_workers: used,
            total_resources: Some([("memory.mb".into(), 1000.0), ("gpu".into(), 2.0)].into()),
            used_mem: Some(250.0),
            used_generic_resources: Some([("gpu".into(), 1.0)].into()),
            ..SupervisorSummary::default()
        };
        let info = ClusterSummary {
            supervisors: vec![supervisor(1), supervisor(3)],
            topologies: vec![TopologySummary { num_executors: 3, num_tasks: 5, ..TopologySummary::default() }],
            nimbuses: Vec::new(),
        };
        let site = Site { display_resource: json!(true), bugs: Value::Null, central_logs: Value::Null };
        let seen = cluster(&info, &site);
        for (key, value) in [
            ("slotsTotal", json!(8)),
            ("slotsFree", json!(4)),
            ("executorsTotal", json!(3)),
            ("tasksTotal", json!(5)),
            ("totalMem", json!(2000.0)),
            ("availMem", json!(1500.0)),
            ("memAssignedPercentUtil", json!("25.000")),
            ("cpuAssignedPercentUtil", json!("0.0")),
            ("availGenerics", json!("gpu=2.0")),
            ("totalGenerics", json!("gpu=4.0")),
        ] {
            assert_eq!(seen[key], value, "{key}");
        }
    }

    #[test]
    fn a_seed_without_a_nimbus_is_offline() {
        let up = NimbusSummary { host: "a".into(), port: 6627, is_leader: true, uptime_secs: 61, ..Default::default() };
        let links = Links { scheme: "http", port: 8000 };
        let seen = nimbuses(&[up], &["a".to_owned(), "b".to_owned()], 6627, &links);
        assert_eq!((&seen["nimbuses"][0]["status"], &seen["nimbuses"][0]["port"]), (&json!("Leader"), &json!(6627)));
        assert_eq!(seen["nimbuses"][1]["nimbusUpTimeSeconds"], "Not applicable");
        assert_eq!(seen["nimbuses"][1]["port"], "6627");
        assert_eq!(seen["nimbuses"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn passwords_stay_where_they_are() {
        let conf = configuration(r#"{"storm.zookeeper.auth.payload":"u:p","ui.port":8080,"x.password":null}"#).unwrap();
        assert_eq!(
            Value::Object(conf),
            json!({"storm.zookeeper.auth.payload": "*****", "ui.port": 8080, "x.password": null})
        );
        assert!(configuration("[]").is_err());
    }
}
