//! The page of a component.

use serde_json::{Map, Value, json};
use storm_http::form_encode;
use storm_thrift::types::{
    CommonAggregateStats, ComponentAggregateStats, ComponentPageInfo, ComponentType, ErrorInfo, ExecutorAggregateStats,
    ExecutorSummary, ProfileRequest, SpecificAggregateStats,
};

use super::cluster::Site;
use super::links::Links;
use super::text::{decimals, first_line_of, uptime, window_hint};
use super::topology::{bolt_figures, debugging, requested};

/// What is asked for, and what else is known.
pub struct Asked<'a> {
    pub topology: &'a str,
    pub component: &'a str,
    pub window: &'a str,
    pub profiler: bool,
    pub profiling: &'a [ProfileRequest],
    pub now_ms: i64,
}

pub fn component(page: &ComponentPageInfo, asked: &Asked<'_>, site: &Site, links: &Links) -> Value {
    let is_spout = page.component_type == ComponentType::Spout;
    let mut seen = object! {
        "user": Value::Null,
        "id": asked.component,
        "encodedId": form_encode(asked.component),
        "name": page.topology_name,
        "executors": page.num_executors.unwrap_or(0),
        "tasks": page.num_tasks.unwrap_or(0),
        "schedulerDisplayResource": site.display_resource,
        "topologyId": asked.topology,
        "topologyStatus": page.topology_status,
        "encodedTopologyId": form_encode(asked.topology),
        "window": asked.window,
        "componentType": if is_spout { "spout" } else { "bolt" },
        "windowHint": window_hint(asked.window),
        "profilingAndDebuggingCapable": true,
        "profileActionEnabled": asked.profiler,
        "profilerActive": asked.profiling.iter().map(|p| profiling(p, asked, links)).collect::<Vec<_>>(),
    };
    seen.append(&mut requested(page.resources_map.as_ref(), "requestedGenericResources"));
    seen.append(&mut debugging(page.debug_options.as_ref(), true));
    if let (Some(host), Some(port)) = (page.eventlog_host.as_deref().filter(|h| !h.is_empty()), page.eventlog_port) {
        seen.insert("eventLogLink".to_owned(), links.file(host, asked.topology, port, "events.log").into());
    }
    seen.append(&mut if is_spout { spout(page) } else { bolt(page) });
    let executors = page.exec_stats.iter().flatten().map(|e| executor(e, is_spout, asked.topology, links));
    seen.insert("executorStats".to_owned(), executors.collect());
    let errors = errors_of(page.errors.as_deref().unwrap_or_default(), asked.topology, links, asked.now_ms / 1000);
    seen.insert("componentErrors".to_owned(), errors);
    Value::Object(seen)
}

fn profiling(request: &ProfileRequest, asked: &Asked<'_>, links: &Links) -> Value {
    let host = &request.node_info.node;
    let port = request.node_info.port.first().copied().unwrap_or(0);
    json!({
        "host": host,
        "port": port.to_string(),
        "dumplink": links.dumps(host, asked.topology, port),
        "timestamp": asked.now_ms - request.time_stamp.unwrap_or(0),
    })
}

/// Errors, oldest first.
fn errors_of(errors: &[ErrorInfo], topology: &str, links: &Links, now_secs: i64) -> Value {
    let mut errors: Vec<&ErrorInfo> = errors.iter().collect();
    errors.sort_by_key(|e| e.error_time_secs);
    let one = |e: &ErrorInfo| {
        let (host, port) = (e.host.as_deref().unwrap_or_default(), e.port.unwrap_or(0));
        Value::Object(object! {
            "errorTime": e.error_time_secs,
            "errorHost": host,
            "errorPort": port,
            "errorWorkerLogLink": links.worker(host, topology, port),
            "errorLapsedSecs": now_secs - i64::from(e.error_time_secs),
            "error": e.error,
        })
    };
    errors.into_iter().map(one).collect()
}

fn counts(stats: &ComponentAggregateStats, names: &[&str]) -> Map<String, Value> {
    let none = CommonAggregateStats::default();
    let c = stats.common_stats.as_ref().unwrap_or(&none);
    let of = |name: &str| match name {
        "emitted" => c.emitted,
        "transferred" => c.transferred,
        "acked" => c.acked,
        _ => c.failed,
    };
    names.iter().map(|name| ((*name).to_owned(), json!(of(name).unwrap_or(0)))).collect()
}

const ALL: [&str; 4] = ["emitted", "transferred", "acked", "failed"];

fn complete(stats: &ComponentAggregateStats) -> f64 {
    match &stats.specific_stats {
        Some(SpecificAggregateStats::Spout(s)) => s.complete_latency_ms.unwrap_or(0.0),
        _ => 0.0,
    }
}

fn spout(page: &ComponentPageInfo) -> Map<String, Value> {
    let window = |(window, stats): (&String, &ComponentAggregateStats)| {
        let mut seen = object! { "window": window, "windowPretty": window_hint(window) };
        seen.append(&mut counts(stats, &ALL));
        seen.append(&mut object! {
            // A number here, and a text everywhere else.
            "completeLatency": complete(stats),
            "lastError": stats.last_error.as_ref().map_or_else(String::new, |e| first_line_of(&e.error)),
        });
        Value::Object(seen)
    };
    let output = |(stream, stats): (&String, &ComponentAggregateStats)| {
        let mut seen = object! { "stream": stream };
        seen.append(&mut counts(stats, &["emitted", "transferred"]));
        seen.insert("completeLatency".to_owned(), decimals(Some(complete(stats))).into());
        seen.append(&mut counts(stats, &["acked", "failed"]));
        Value::Object(seen)
    };
    object! {
        "spoutSummary": page.window_to_stats.iter().flatten().map(window).collect::<Vec<_>>(),
        "outputStats": page.sid_to_output_stats.iter().flatten().map(output).collect::<Vec<_>>(),
    }
}

fn bolt(page: &ComponentPageInfo) -> Map<String, Value> {
    let window = |(window, stats): (&String, &ComponentAggregateStats)| {
        let mut seen = object! { "window": window, "windowPretty": window_hint(window) };
        seen.append(&mut counts(stats, &ALL));
        seen.append(&mut bolt_figures(stats));
        Value::Object(seen)
    };
    let input = |(from, stats): (&storm_thrift::types::GlobalStreamId, &ComponentAggregateStats)| {
        let mut seen = object! {
            "component": from.component_id,
            "encodedComponentId": form_encode(&from.component_id),
            "stream": from.stream_id,
        };
        let mut figures = bolt_figures(stats);
        figures.shift_remove("capacity");
        seen.append(&mut figures);
        seen.append(&mut counts(stats, &["acked", "failed"]));
        Value::Object(seen)
    };
    let output = |(stream, stats): (&String, &ComponentAggregateStats)| {
        let mut seen = object! { "stream": stream };
        seen.append(&mut counts(stats, &["emitted", "transferred"]));
        Value::Object(seen)
    };
    object! {
        "boltStats": page.window_to_stats.iter().flatten().map(window).collect::<Vec<_>>(),
        "inputStats": page.gsid_to_input_stats.iter().flatten().map(input).collect::<Vec<_>>(),
        "outputStats": page.sid_to_output_stats.iter().flatten().map(output).collect::<Vec<_>>(),
    }
}

fn executor(of: &ExecutorAggregateStats, is_spout: bool, topology: &str, links: &Links) -> Value {
    let (no_summary, no_stats) = (ExecutorSummary::default(), ComponentAggregateStats::default());
    let summary = of.exec_summary.as_ref().unwrap_or(&no_summary);
    let stats = of.stats.as_ref().unwrap_or(&no_stats);
    let id = format!("[{}-{}]", summary.executor_info.task_start, summary.executor_info.task_end);
    let mut seen = object! {
        "id": id,
        "encodedId": form_encode(&id),
        "uptime": uptime(summary.uptime_secs.into()),
        "uptimeSeconds": summary.uptime_secs,
        "host": summary.host,
        "port": summary.port,
    };
    seen.append(&mut counts(stats, &["emitted", "transferred"]));
    if is_spout {
        seen.insert("completeLatency".to_owned(), decimals(Some(complete(stats))).into());
    } else {
        seen.append(&mut bolt_figures(stats));
    }
    seen.append(&mut counts(stats, &["acked", "failed"]));
    seen.insert("workerLogLink".to_owned(), links.worker(&summary.host, topology, summary.port).into());
    Value::Object(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::{BoltAggregateStats, GlobalStreamId, NodeInfo, ProfileAction, SpoutAggregateStats};

    const LINKS: Links = Links { scheme: "http", port: 8000 };

    fn stats(is_spout: bool) -> ComponentAggregateStats {
        let specific = match is_spout {
            true => SpecificAggregateStats::Spout(SpoutAggregateStats { complete_latency_ms: Some(2.5) }),
            false => SpecificAggregateStats::Bolt(BoltAggregateStats {
                capacity: Some(0.25),
                ..BoltAggregateStats::default()
            }),
        };
        ComponentAggregateStats { specific_stats: Some(specific), ..ComponentAggregateStats::default() }
    }

    fn shown(is_spout: bool) -> Value {
        let error = |secs: i32| ErrorInfo { error: secs.to_string(), error_time_secs: secs, ..ErrorInfo::default() };
        let stream = GlobalStreamId { component_id: "a b".into(), stream_id: "default".into() };
        let page = ComponentPageInfo {
            component_type: if is_spout { ComponentType::Spout } else { ComponentType::Bolt },
            window_to_stats: Some([("600".into(), stats(is_spout))].into()),
            gsid_to_input_stats: Some([(stream, stats(false))].into()),
            sid_to_output_stats: Some([("default".into(), stats(is_spout))].into()),
            exec_stats: Some(vec![ExecutorAggregateStats {
                exec_summary: Some(ExecutorSummary { host: "h".into(), port: 6700, ..ExecutorSummary::default() }),
                stats: Some(stats(is_spout)),
            }]),
            errors: Some(vec![error(9), error(3)]),
            eventlog_host: Some("h".into()),
            eventlog_port: Some(6700),
            ..ComponentPageInfo::default()
        };
        let profiling = [ProfileRequest {
            node_info: NodeInfo { node: "h".into(), port: [6700].into() },
            action: ProfileAction::JprofileStop,
            time_stamp: Some(5_000),
        }];
        let asked = Asked {
            topology: "wc-1-2",
            component: "c",
            window: ":all-time",
            profiler: false,
            profiling: &profiling,
            now_ms: 10_000,
        };
        let site = Site { display_resource: json!(false), bugs: Value::Null, central_logs: Value::Null };
        component(&page, &asked, &site, &LINKS)
    }

    #[test]
    fn a_spout_and_a_bolt() {
        let spout = shown(true);
        assert_eq!(spout["spoutSummary"][0]["completeLatency"], json!(2.5));
        assert_eq!(spout["outputStats"][0]["completeLatency"], "2.500");
        assert_eq!(spout["executorStats"][0]["id"], "[0-0]");
        assert_eq!(spout["componentErrors"][0]["error"], "3");
        assert_eq!(spout["componentErrors"][0]["errorLapsedSecs"], 7);
        assert_eq!(spout["eventLogLink"], "http://h:8000/api/v1/log?file=wc-1-2%2F6700%2Fevents.log");
        assert_eq!(spout["profilerActive"][0]["port"], "6700");
        assert_eq!(spout["profilerActive"][0]["timestamp"], 5_000);
        let bolt = shown(false);
        assert_eq!(bolt["boltStats"][0]["capacity"], "0.250");
        assert_eq!(bolt["inputStats"][0]["encodedComponentId"], "a+b");
        assert!(bolt["inputStats"][0].get("capacity").is_none());
        assert!(bolt.get("spoutSummary").is_none() && spout.get("boltStats").is_none());
    }
}
