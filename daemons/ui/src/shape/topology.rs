//! Topologies: their list, and the page of one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use storm_http::form_encode;
use storm_thrift::types::{
    CommonAggregateStats, ComponentAggregateStats, DebugOptions, ErrorInfo, ExecutorSummary, SpecificAggregateStats,
    TopologyPageInfo, TopologyStats, TopologySummary,
};

use super::cluster::{Site, configuration};
use super::links::Links;
use super::supervisor::worker;
use super::text::{decimals, first_line_of, generic, uptime, window_hint, zero};

const MESSAGE_TIMEOUT: &str = "topology.message.timeout.secs";
/// The percentage that debugging is offered with.
const SAMPLING: f64 = 10.0;

pub fn summary(t: &TopologySummary) -> Value {
    Value::Object(object! {
        "id": t.id,
        "encodedId": form_encode(&t.id),
        "owner": t.owner,
        "name": t.name,
        "status": t.status,
        "uptime": uptime(t.uptime_secs.into()),
        "uptimeSeconds": t.uptime_secs,
        "tasksTotal": t.num_tasks,
        "workersTotal": t.num_workers,
        "executorsTotal": t.num_executors,
        "replicationCount": t.replication_count.unwrap_or(0),
        "schedulerInfo": t.sched_status,
        "requestedMemOnHeap": zero(t.requested_memonheap),
        "requestedMemOffHeap": zero(t.requested_memoffheap),
        // As Storm adds it up.
        "requestedTotalMem": t.requested_memoffheap.unwrap_or(0.0) + t.assigned_memonheap.unwrap_or(0.0),
        "requestedCpu": zero(t.requested_cpu),
        "requestedGenericResources": generic(t.requested_generic_resources.as_ref()),
        "assignedMemOnHeap": zero(t.assigned_memonheap),
        "assignedMemOffHeap": zero(t.assigned_memoffheap),
        "assignedTotalMem": t.assigned_memoffheap.unwrap_or(0.0) + t.assigned_memonheap.unwrap_or(0.0),
        "assignedCpu": zero(t.assigned_cpu),
        "assignedGenericResources": generic(t.assigned_generic_resources.as_ref()),
        "topologyVersion": t.topology_version,
        "stormVersion": t.storm_version,
    })
}

pub fn topologies(all: &[TopologySummary], display_resource: Value) -> Value {
    let all = all.iter().map(summary).collect::<Vec<_>>();
    json!({ "topologies": all, "schedulerDisplayResource": display_resource })
}

/// The page of a topology.
pub fn topology(
    page: &TopologyPageInfo,
    window: &str,
    site: &Site,
    links: &Links,
    now_secs: i64,
) -> Result<Value, String> {
    let conf = configuration(page.topology_conf.as_deref().unwrap_or("{}"))?;
    let errors = Errors { topology: &page.id, links, now_secs };
    let spouts = page.id_to_spout_agg_stats.iter().flatten().map(|(id, s)| spout(id, s, &errors));
    let bolts = page.id_to_bolt_agg_stats.iter().flatten().map(|(id, s)| bolt(id, s, &errors));
    let mut seen = heading(page);
    seen.append(&mut memory(page));
    seen.append(&mut debugging(page.debug_options.as_ref(), false));
    seen.append(&mut object! {
        "replicationCount": page.replication_count.unwrap_or(0),
        "topologyVersion": page.topology_version,
        "stormVersion": page.storm_version,
        "user": Value::Null,
        "window": window,
        "windowHint": window_hint(window),
        "msgTimeout": conf.get(MESSAGE_TIMEOUT).cloned().unwrap_or(json!(0)),
        "topologyStats": stats(page.topology_stats.as_ref()),
        "spouts": spouts.collect::<Vec<_>>(),
        "bolts": bolts.collect::<Vec<_>>(),
        "workers": page.workers.iter().flatten().map(|w| worker(w, links)).collect::<Vec<_>>(),
        "configuration": conf,
        "visualizationTable": Value::Array(Vec::new()),
        "schedulerDisplayResource": site.display_resource,
        "bugtracker-url": site.bugs,
        "central-log-url": site.central_logs,
    });
    Ok(Value::Object(seen))
}

fn heading(page: &TopologyPageInfo) -> Map<String, Value> {
    object! {
        "id": page.id,
        "encodedId": form_encode(&page.id),
        "owner": page.owner,
        "name": page.name,
        "status": page.status,
        "uptime": uptime(page.uptime_secs.unwrap_or(0).into()),
        "uptimeSeconds": page.uptime_secs.unwrap_or(0),
        "tasksTotal": page.num_tasks.unwrap_or(0),
        "workersTotal": page.num_workers.unwrap_or(0),
        "executorsTotal": page.num_executors.unwrap_or(0),
        "schedulerInfo": page.sched_status,
    }
}

fn memory(page: &TopologyPageInfo) -> Map<String, Value> {
    let sum = |a: Option<f64>, b: Option<f64>| a.unwrap_or(0.0) + b.unwrap_or(0.0);
    object! {
        "requestedMemOnHeap": zero(page.requested_memonheap),
        "requestedMemOffHeap": zero(page.requested_memoffheap),
        "requestedTotalMem": sum(page.requested_memonheap, page.requested_memoffheap),
        "requestedCpu": zero(page.requested_cpu),
        "requestedGenericResources": generic(page.requested_generic_resources.as_ref()),
        "assignedMemOnHeap": zero(page.assigned_memonheap),
        "assignedMemOffHeap": zero(page.assigned_memoffheap),
        "assignedTotalMem": sum(page.assigned_memonheap, page.assigned_memoffheap),
        "assignedCpu": zero(page.assigned_cpu),
        "assignedGenericResources": generic(page.assigned_generic_resources.as_ref()),
        "requestedRegularOnHeapMem": zero(page.requested_regular_on_heap_memory),
        "requestedSharedOnHeapMem": zero(page.requested_shared_on_heap_memory),
        "requestedRegularOffHeapMem": zero(page.requested_regular_off_heap_memory),
        "requestedSharedOffHeapMem": zero(page.requested_shared_off_heap_memory),
        "assignedRegularOnHeapMem": zero(page.assigned_regular_on_heap_memory),
        "assignedSharedOnHeapMem": zero(page.assigned_shared_on_heap_memory),
        "assignedRegularOffHeapMem": zero(page.assigned_regular_off_heap_memory),
        "assignedSharedOffHeapMem": zero(page.assigned_shared_off_heap_memory),
    }
}

/// A topology's percentage counts while it is on, a component's whenever there is one.
pub fn debugging(options: Option<&DebugOptions>, when_off: bool) -> Map<String, Value> {
    let on = options.and_then(|o| o.enable).unwrap_or(false);
    let percent = options.filter(|_| on || when_off).and_then(|o| o.samplingpct).unwrap_or(SAMPLING);
    object! { "debug": on, "samplingPct": percent }
}

fn stats(stats: Option<&TopologyStats>) -> Vec<Value> {
    let Some(stats) = stats else { return Vec::new() };
    let count = |of: &Option<BTreeMap<String, i64>>, window: &str| {
        of.as_ref().and_then(|m| m.get(window)).copied().unwrap_or(0)
    };
    let latency = |window: &str| stats.window_to_complete_latencies_ms.as_ref()?.get(window).copied();
    let one = |window: &String| {
        Value::Object(object! {
            "windowPretty": window_hint(window),
            "window": window,
            "emitted": count(&stats.window_to_emitted, window),
            "transferred": count(&stats.window_to_transferred, window),
            "completeLatency": decimals(latency(window)),
            "acked": count(&stats.window_to_acked, window),
            "failed": count(&stats.window_to_failed, window),
        })
    };
    stats.window_to_emitted.iter().flatten().map(|(window, _)| one(window)).collect()
}

struct Errors<'a> {
    topology: &'a str,
    links: &'a Links,
    now_secs: i64,
}

impl Errors<'_> {
    fn last(&self, error: Option<&ErrorInfo>) -> Map<String, Value> {
        let Some(error) = error else {
            return object! {
                "lastError": "",
                "errorHost": "",
                "errorPort": "",
                "errorWorkerLogLink": "",
                "errorTime": Value::Null,
                "errorLapsedSecs": Value::Null,
            };
        };
        let host = error.host.as_deref().unwrap_or_default();
        let port = error.port.unwrap_or(0);
        object! {
            "lastError": first_line_of(&error.error),
            "errorHost": host,
            "errorPort": port,
            "errorWorkerLogLink": self.links.worker(host, self.topology, port),
            "errorTime": error.error_time_secs,
            "errorLapsedSecs": self.now_secs - i64::from(error.error_time_secs),
        }
    }
}

fn common(stats: &ComponentAggregateStats) -> Map<String, Value> {
    let none = CommonAggregateStats::default();
    let c = stats.common_stats.as_ref().unwrap_or(&none);
    let mut seen = object! {
        "executors": c.num_executors.unwrap_or(0),
        "tasks": c.num_tasks.unwrap_or(0),
        "emitted": c.emitted.unwrap_or(0),
        "transferred": c.transferred.unwrap_or(0),
        "acked": c.acked.unwrap_or(0),
        "failed": c.failed.unwrap_or(0),
    };
    if c.resources_map.is_some() {
        seen.append(&mut requested(c.resources_map.as_ref(), "requestedGenericResourcesComp"));
    }
    seen
}

/// What a component asks for.
pub fn requested(map: Option<&BTreeMap<String, f64>>, generic_member: &str) -> Map<String, Value> {
    let of = |name: &str| map.and_then(|m| m.get(name)).copied();
    let mut seen = object! {
        "requestedMemOnHeap": of("onheap.memory.mb"),
        "requestedMemOffHeap": of("offheap.memory.mb"),
        "requestedCpu": of("cpu.pcore.percent"),
    };
    seen.insert(generic_member.to_owned(), generic(map).into());
    seen
}

fn spout(id: &str, stats: &ComponentAggregateStats, errors: &Errors<'_>) -> Value {
    let complete = match &stats.specific_stats {
        Some(SpecificAggregateStats::Spout(s)) => s.complete_latency_ms,
        _ => None,
    };
    let mut seen = common(stats);
    seen.append(&mut object! {
        "spoutId": id,
        "encodedSpoutId": form_encode(id),
        "completeLatency": decimals(Some(complete.unwrap_or(0.0))),
    });
    seen.append(&mut errors.last(stats.last_error.as_ref()));
    Value::Object(seen)
}

fn bolt(id: &str, stats: &ComponentAggregateStats, errors: &Errors<'_>) -> Value {
    let mut seen = common(stats);
    seen.append(&mut object! { "boltId": id, "encodedBoltId": form_encode(id) });
    seen.append(&mut bolt_figures(stats));
    seen.append(&mut errors.last(stats.last_error.as_ref()));
    Value::Object(seen)
}

/// What only bolts have.
pub fn bolt_figures(stats: &ComponentAggregateStats) -> Map<String, Value> {
    let b = match &stats.specific_stats {
        Some(SpecificAggregateStats::Bolt(b)) => b.clone(),
        _ => Default::default(),
    };
    let text = |value: Option<f64>| decimals(Some(value.unwrap_or(0.0)));
    object! {
        "capacity": text(b.capacity),
        "executeLatency": text(b.execute_latency_ms),
        "executed": b.executed.unwrap_or(0),
        "processLatency": text(b.process_latency_ms),
    }
}

/// Where the executors of a topology run.
pub fn hosts_and_ports(executors: &[ExecutorSummary], links: &Links) -> Value {
    let places: BTreeSet<(&str, i32)> = executors.iter().map(|e| (e.host.as_str(), e.port)).collect();
    let places = places.into_iter().map(|(host, port)| json!({ "host": host, "port": port })).collect::<Vec<_>>();
    json!({ "hostPortList": places, "logviewerPort": links.port, "logviewerScheme": links.scheme })
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::{BoltAggregateStats, SpoutAggregateStats};

    const LINKS: Links = Links { scheme: "http", port: 8000 };

    fn site() -> Site {
        Site { display_resource: json!(false), bugs: json!("b"), central_logs: Value::Null }
    }

    fn page() -> TopologyPageInfo {
        let common = CommonAggregateStats {
            emitted: Some(7),
            resources_map: Some([("cpu.pcore.percent".into(), 10.0), ("gpu".into(), 1.0)].into()),
            ..CommonAggregateStats::default()
        };
        let figures = BoltAggregateStats { capacity: Some(0.5), executed: Some(9), ..BoltAggregateStats::default() };
        let error = ErrorInfo { error: "x".repeat(300), error_time_secs: 90, host: Some("h".into()), port: Some(6700) };
        let bolt = ComponentAggregateStats {
            common_stats: Some(common),
            specific_stats: Some(SpecificAggregateStats::Bolt(figures)),
            last_error: Some(error),
            ..ComponentAggregateStats::default()
        };
        let spout = ComponentAggregateStats {
            specific_stats: Some(SpecificAggregateStats::Spout(SpoutAggregateStats { complete_latency_ms: Some(1.5) })),
            ..ComponentAggregateStats::default()
        };
        TopologyPageInfo {
            id: "wc a-1-2".into(),
            topology_conf: Some(r#"{"topology.message.timeout.secs":30,"my.password":"p"}"#.into()),
            id_to_spout_agg_stats: Some([("s".into(), spout)].into()),
            id_to_bolt_agg_stats: Some([("b".into(), bolt)].into()),
            topology_stats: Some(TopologyStats {
                window_to_emitted: Some([("600".into(), 3)].into()),
                ..TopologyStats::default()
            }),
            requested_memonheap: Some(1.0),
            requested_memoffheap: Some(2.0),
            assigned_memonheap: Some(100.0),
            debug_options: Some(DebugOptions { enable: Some(false), samplingpct: Some(50.0) }),
            ..TopologyPageInfo::default()
        }
    }

    #[test]
    fn the_page_of_a_topology() {
        let seen = topology(&page(), "600", &site(), &LINKS, 100).unwrap();
        for (pointer, value) in [
            ("/encodedId", json!("wc+a-1-2")),
            ("/msgTimeout", json!(30)),
            ("/configuration/my.password", json!("*****")),
            ("/requestedTotalMem", json!(3.0)),
            ("/samplingPct", json!(10.0)),
            ("/windowHint", json!("10m 0s")),
            ("/spouts/0/completeLatency", json!("1.500")),
            ("/spouts/0/lastError", json!("")),
            ("/spouts/0/errorTime", Value::Null),
            ("/bolts/0/capacity", json!("0.500")),
            ("/bolts/0/emitted", json!(7)),
            ("/bolts/0/requestedCpu", json!(10.0)),
            ("/bolts/0/requestedGenericResourcesComp", json!("gpu=1.0")),
            ("/bolts/0/errorLapsedSecs", json!(10)),
            ("/bolts/0/errorWorkerLogLink", json!("http://h:8000/api/v1/log?file=wc+a-1-2%2F6700%2Fworker.log")),
            ("/topologyStats/0/completeLatency", json!("0")),
            ("/topologyStats/0/emitted", json!(3)),
        ] {
            assert_eq!(seen.pointer(pointer), Some(&value), "{pointer}");
        }
        assert_eq!(seen["bolts"][0]["lastError"].as_str().unwrap().len(), 200);
        let broken = TopologyPageInfo { topology_conf: Some("no".into()), ..page() };
        assert!(topology(&broken, "600", &site(), &LINKS, 0).is_err());
    }

    #[test]
    fn the_list_adds_up_as_storm_does() {
        let t = TopologySummary {
            requested_memonheap: Some(1.0),
            requested_memoffheap: Some(2.0),
            assigned_memonheap: Some(100.0),
            ..TopologySummary::default()
        };
        assert_eq!(topologies(&[t], json!(false))["topologies"][0]["requestedTotalMem"], json!(102.0));
    }

    #[test]
    fn a_worker_is_named_once() {
        let at = |host: &str, port| ExecutorSummary { host: host.into(), port, ..ExecutorSummary::default() };
        let seen = hosts_and_ports(&[at("a", 1), at("b", 1), at("a", 1)], &LINKS);
        assert_eq!(seen["hostPortList"], json!([{"host": "a", "port": 1}, {"host": "b", "port": 1}]));
    }
}
