//! Supervisors and their workers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use storm_thrift::types::{SupervisorPageInfo, SupervisorSummary, WorkerSummary};

use super::links::Links;
use super::text::{generic, uptime, zero};

fn total(supervisor: &SupervisorSummary, names: [&str; 2]) -> f64 {
    let of = supervisor.total_resources.as_ref();
    names.iter().find_map(|name| of?.get(*name).copied()).unwrap_or(0.0)
}

pub fn total_mem(supervisor: &SupervisorSummary) -> f64 {
    total(supervisor, ["memory.mb", "supervisor.memory.capacity.mb"])
}

pub fn total_cpu(supervisor: &SupervisorSummary) -> f64 {
    total(supervisor, ["cpu.pcore.percent", "supervisor.cpu.capacity"])
}

fn supervisor(s: &SupervisorSummary, links: &Links) -> Value {
    let (mem, cpu) = (total_mem(s), total_cpu(s));
    let used = s.used_generic_resources.clone().unwrap_or_default();
    let mut free: BTreeMap<String, f64> = s.total_resources.clone().unwrap_or_default();
    for (name, value) in &used {
        *free.entry(name.clone()).or_insert(0.0) -= value;
    }
    Value::Object(object! {
        "id": s.supervisor_id,
        "host": s.host,
        "uptime": uptime(s.uptime_secs.into()),
        "uptimeSeconds": s.uptime_secs,
        "blacklisted": s.blacklisted.unwrap_or(false),
        "slotsTotal": s.num_workers,
        "slotsUsed": s.num_used_workers,
        "slotsFree": (s.num_workers - s.num_used_workers).max(0),
        "totalMem": mem,
        "totalCpu": cpu,
        "usedMem": zero(s.used_mem),
        "usedCpu": zero(s.used_cpu),
        "availMem": mem - s.used_mem.unwrap_or(0.0),
        "availCpu": cpu - s.used_cpu.unwrap_or(0.0),
        "logLink": links.daemon(&s.host, "supervisor.log"),
        "version": s.version,
        "totalGenericResources": generic(s.total_resources.as_ref()),
        "usedGenericResources": generic(Some(&used)),
        "availGenericResources": generic(Some(&free)),
    })
}

pub fn worker(w: &WorkerSummary, links: &Links) -> Value {
    let host = w.host.as_deref().unwrap_or_default();
    let (port, topology) = (w.port.unwrap_or(0), w.topology_id.as_deref().unwrap_or_default());
    Value::Object(object! {
        "supervisorId": w.supervisor_id,
        "host": w.host,
        "port": port,
        "topologyId": w.topology_id,
        "topologyName": w.topology_name,
        "executorsTotal": w.num_executors.unwrap_or(0),
        "assignedMemOnHeap": zero(w.assigned_memonheap),
        "assignedMemOffHeap": zero(w.assigned_memoffheap),
        "assignedCpu": zero(w.assigned_cpu),
        "componentNumTasks": w.component_to_num_tasks.clone().unwrap_or_default(),
        "uptime": uptime(w.uptime_secs.unwrap_or(0).into()),
        "uptimeSeconds": w.uptime_secs.unwrap_or(0),
        "workerLogLink": links.worker(host, topology, port),
        "owner": w.owner,
    })
}

fn page(all: &[SupervisorSummary], display_resource: Value, links: &Links) -> Map<String, Value> {
    object! {
        "supervisors": all.iter().map(|s| supervisor(s, links)).collect::<Vec<_>>(),
        "schedulerDisplayResource": display_resource,
        "logviewerPort": links.port,
        "logviewerScheme": links.scheme,
    }
}

pub fn supervisors(all: &[SupervisorSummary], display_resource: Value, links: &Links) -> Value {
    Value::Object(page(all, display_resource, links))
}

pub fn supervisor_page(info: &SupervisorPageInfo, display_resource: Value, links: &Links) -> Value {
    let mut page = page(info.supervisor_summaries.as_deref().unwrap_or_default(), display_resource, links);
    let workers = info.worker_summaries.iter().flatten().map(|w| worker(w, links)).collect::<Vec<_>>();
    page.insert("workers".to_owned(), Value::Array(workers));
    Value::Object(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_told_is_nothing() {
        let links = Links { scheme: "http", port: 8000 };
        let s = SupervisorSummary { num_workers: 1, num_used_workers: 2, ..SupervisorSummary::default() };
        let info = SupervisorPageInfo {
            supervisor_summaries: Some(vec![s]),
            worker_summaries: Some(vec![WorkerSummary { host: Some("h".into()), ..WorkerSummary::default() }]),
        };
        let seen = supervisor_page(&info, json!(false), &links);
        assert_eq!(seen["supervisors"][0]["slotsFree"], 0);
        assert_eq!(seen["supervisors"][0]["totalMem"], json!(0.0));
        assert_eq!(seen["workers"][0]["componentNumTasks"], json!({}));
        assert_eq!((&seen["logviewerPort"], &seen["logviewerScheme"]), (&json!(8000), &json!("http")));
    }
}
