//! A topology as a graph, with what flows on its streams.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use storm_http::form_encode;
use storm_thrift::types::{
    BoltStats, ComponentCommon, ExecutorSpecificStats, ExecutorSummary, GlobalStreamId, Grouping, StormTopology,
    TopologyInfo,
};

use super::text::{is_system, plain_stream};

const TEN_MINUTES: &str = "600";

/// Every component that runs, with its inputs. Members really begin with a colon.
pub fn graph(topology: &StormTopology, info: &TopologyInfo, window: &str, sys: bool) -> Map<String, Value> {
    let mut running: BTreeMap<&str, Vec<&ExecutorSummary>> = BTreeMap::new();
    for executor in &info.executors {
        running.entry(&executor.component_id).or_default().push(executor);
    }
    let spouts = topology.spouts.iter().map(|(id, s)| (id, "spout", &s.common));
    let bolts = topology.bolts.iter().map(|(id, b)| (id, "bolt", &b.common));
    let shown = spouts.chain(bolts).filter(|(id, ..)| sys || !is_system(id));
    let one = |(id, kind, common): (&String, &str, &ComponentCommon)| {
        let executors = running.get(id.as_str())?;
        Some((id.clone(), component(id, kind, common, executors, &info.id, window, sys)))
    };
    shown.filter_map(one).collect()
}

fn component(
    id: &str,
    kind: &str,
    common: &ComponentCommon,
    executors: &[&ExecutorSummary],
    topology: &str,
    window: &str,
    sys: bool,
) -> Value {
    let capacity = executors.iter().map(|e| capacity(e)).fold(0.0, f64::max);
    Value::Object(object! {
        ":type": kind,
        ":capacity": if kind == "spout" { json!(0) } else { json!(capacity) },
        ":latency": latency(executors, window),
        ":transferred": transferred(executors, window, sys),
        ":stats": executors.iter().map(|e| stats(e)).collect::<Vec<_>>(),
        ":link": format!("/component.html?id={}&topology_id={}", form_encode(id), form_encode(topology)),
        ":inputs": common.inputs.iter().map(|(from, grouping)| input(from, grouping)).collect::<Vec<_>>(),
    })
}

fn input(from: &GlobalStreamId, grouping: &Grouping) -> Value {
    json!({
        ":component": from.component_id,
        ":stream": from.stream_id,
        ":sani-stream": plain_stream(&from.stream_id),
        ":grouping": name_of(grouping),
    })
}

fn name_of(grouping: &Grouping) -> &'static str {
    match grouping {
        Grouping::Fields(_) => "fields",
        Grouping::Shuffle(_) => "shuffle",
        Grouping::All(_) => "all",
        Grouping::None(_) => "none",
        Grouping::Direct(_) => "direct",
        Grouping::CustomObject(_) => "custom_object",
        Grouping::CustomSerialized(_) => "custom_serialized",
        Grouping::LocalOrShuffle(_) => "local_or_shuffle",
    }
}

fn stats(executor: &ExecutorSummary) -> Value {
    let sent = executor.stats.as_ref().map(|s| {
        let plain = |streams: &BTreeMap<String, i64>| {
            streams.iter().map(|(stream, n)| (plain_stream(stream), json!(n))).collect::<Map<String, Value>>()
        };
        s.transferred.iter().map(|(window, streams)| (window.clone(), Value::Object(plain(streams)))).collect()
    });
    json!({
        ":host": executor.host,
        ":port": executor.port,
        ":uptime_secs": executor.uptime_secs,
        ":transferred": sent.map_or(Value::Null, Value::Object),
    })
}

/// Over all streams; null while nobody has reported.
fn transferred(executors: &[&ExecutorSummary], window: &str, sys: bool) -> Value {
    let reported: Vec<_> = executors.iter().filter_map(|e| e.stats.as_ref()?.transferred.get(window)).collect();
    if reported.is_empty() {
        return Value::Null;
    }
    let streams = reported.into_iter().flatten().filter(|(stream, _)| sys || !is_system(stream));
    json!(streams.map(|(_, n)| n).sum::<i64>())
}

/// A spout's until its trees are complete, a bolt's until it acks; null while nothing was acked.
fn latency(executors: &[&ExecutorSummary], window: &str) -> Value {
    let (mut total, mut count) = (0.0, 0);
    let mut add = |average: Option<&f64>, n: i64| {
        total += average.copied().unwrap_or(0.0) * n as f64;
        count += n;
    };
    for stats in executors.iter().filter_map(|e| e.stats.as_ref()) {
        match &stats.specific {
            ExecutorSpecificStats::Spout(s) => {
                let averages = s.complete_ms_avg.get(window);
                for (stream, n) in s.acked.get(window).into_iter().flatten() {
                    add(averages.and_then(|a| a.get(stream)), *n);
                }
            }
            ExecutorSpecificStats::Bolt(b) => {
                let averages = b.process_ms_avg.get(window);
                for (stream, n) in b.acked.get(window).into_iter().flatten() {
                    add(averages.and_then(|a| a.get(stream)), *n);
                }
            }
        }
    }
    if count > 0 { json!(total / count as f64) } else { Value::Null }
}

/// The share of the last ten minutes that an executor has spent in `execute`.
fn capacity(executor: &ExecutorSummary) -> f64 {
    let Some(ExecutorSpecificStats::Bolt(bolt)) = executor.stats.as_ref().map(|s| &s.specific) else { return 0.0 };
    let secs = f64::from(executor.uptime_secs.clamp(0, 600));
    if secs > 0.0 { busy_ms(bolt) / (1000.0 * secs) } else { 0.0 }
}

fn busy_ms(bolt: &BoltStats) -> f64 {
    let averages = bolt.execute_ms_avg.get(TEN_MINUTES);
    let executed = bolt.executed.get(TEN_MINUTES).into_iter().flatten();
    let average = |stream| averages.and_then(|a| a.get(stream)).copied().unwrap_or(0.0);
    executed.map(|(stream, n)| average(stream) * *n as f64).sum()
}

/// The streams of a graph, in rows of four, each with whether it is shown at first.
pub fn stream_boxes(graph: &Map<String, Value>) -> Value {
    let mut streams: BTreeMap<&str, &str> = BTreeMap::new();
    for input in graph.values().filter_map(|c| c[":inputs"].as_array()).flatten() {
        if let (Some(stream), Some(plain)) = (input[":stream"].as_str(), input[":sani-stream"].as_str()) {
            streams.insert(stream, plain);
        }
    }
    let boxes: Vec<Value> = streams
        .into_iter()
        .map(|(stream, plain)| json!({ "stream": stream, "sani-stream": plain, "checked": !is_system(stream) }))
        .collect();
    json!({ "visualizationTable": boxes.chunks(4).map(<[Value]>::to_vec).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::{
        Bolt, ComponentObject, ExecutorStats, NullStruct, ShellComponent, SpoutSpec, SpoutStats,
    };

    fn windows<V: Clone>(stream: &str, value: V) -> BTreeMap<String, BTreeMap<String, V>> {
        [("600".to_owned(), [(stream.to_owned(), value)].into())].into()
    }

    fn by_source<V: Clone>(value: V) -> BTreeMap<String, BTreeMap<GlobalStreamId, V>> {
        let stream = GlobalStreamId { component_id: "s".into(), stream_id: "a b".into() };
        [("600".to_owned(), [(stream, value)].into())].into()
    }

    fn executor(id: &str, specific: ExecutorSpecificStats) -> ExecutorSummary {
        let stats = ExecutorStats { emitted: windows("a b", 5), transferred: windows("a b", 7), specific, rate: 1.0 };
        ExecutorSummary { component_id: id.into(), uptime_secs: 100, stats: Some(stats), ..ExecutorSummary::default() }
    }

    fn seen(sys: bool) -> Map<String, Value> {
        let object = ComponentObject::Shell(ShellComponent::default());
        let from = |component: &str| {
            let stream = GlobalStreamId { component_id: component.into(), stream_id: "a b".into() };
            ComponentCommon { inputs: [(stream, Grouping::Shuffle(NullStruct {}))].into(), ..Default::default() }
        };
        let bolt = |component: &str| Bolt { bolt_object: object.clone(), common: from(component) };
        let spout = SpoutSpec { spout_object: object.clone(), common: ComponentCommon::default() };
        let topology = StormTopology {
            spouts: [("s".into(), spout)].into(),
            bolts: [("b".into(), bolt("s")), ("__acker".into(), bolt("s")), ("idle".into(), bolt("b"))].into(),
            ..StormTopology::default()
        };
        let spout =
            SpoutStats { acked: windows("a b", 2), failed: BTreeMap::new(), complete_ms_avg: windows("a b", 3.0) };
        let bolt = BoltStats {
            acked: by_source(4),
            failed: BTreeMap::new(),
            process_ms_avg: by_source(1.5),
            executed: by_source(1000),
            execute_ms_avg: by_source(10.0),
        };
        let info = TopologyInfo {
            id: "t-1-1".into(),
            executors: vec![
                executor("s", ExecutorSpecificStats::Spout(spout)),
                executor("b", ExecutorSpecificStats::Bolt(bolt.clone())),
                executor("__acker", ExecutorSpecificStats::Bolt(bolt)),
            ],
            ..TopologyInfo::default()
        };
        graph(&topology, &info, "600", sys)
    }

    #[test]
    fn the_graph_has_what_runs() {
        let shown = seen(false);
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["s", "b"]);
        assert_eq!((&shown["s"][":latency"], &shown["b"][":latency"]), (&json!(3.0), &json!(1.5)));
        assert_eq!((&shown["s"][":capacity"], &shown["b"][":capacity"]), (&json!(0), &json!(0.1)));
        assert_eq!(shown["b"][":inputs"][0][":sani-stream"], "a_b");
        assert_eq!(shown["b"][":inputs"][0][":grouping"], "shuffle");
        assert_eq!(shown["s"][":stats"][0][":transferred"]["600"]["a_b"], 7);
        assert_eq!(seen(true).len(), 3);
        let boxes = stream_boxes(&shown);
        assert_eq!(boxes, json!({"visualizationTable": [[{"stream": "a b", "sani-stream": "a_b", "checked": true}]]}));
    }
}
