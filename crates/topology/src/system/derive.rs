//! The components and streams Storm adds to a topology (`StormCommon.systemTopology`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use storm_thrift::types::{
    Bolt, ComponentCommon, ComponentObject, GlobalStreamId, Grouping, JavaObject, NullStruct, StormTopology, StreamInfo,
};

use super::component_conf::{component_conf, get_int};
use super::error::{InvalidTopology, TopologyProblem};
use super::names::*;
use super::normalise::{TASKS, components, components_mut};

const ACKER_EXECUTORS: &str = "topology.acker.executors";
const EVENT_LOGGER_EXECUTORS: &str = "topology.eventlogger.executors";
const WORKERS: &str = "topology.workers";
const MESSAGE_TIMEOUT: &str = "topology.message.timeout.secs";
const TICK_FREQ: &str = "topology.tick.tuple.freq.secs";
const METRICS_CONSUMERS: &str = "topology.metrics.consumer.register";

/// The topology with Storm's own components and streams in it. Not validated.
pub(crate) fn add_system_parts(
    user: &StormTopology,
    conf: &Map<String, Value>,
) -> Result<StormTopology, InvalidTopology> {
    let mut t = user.clone();
    let number = |key: &str| get_int(conf, key, "the topology's configuration");
    let workers = number(WORKERS)?.unwrap_or(1);
    let timeout = number(MESSAGE_TIMEOUT)?.unwrap_or(30);
    let ackers = number(ACKER_EXECUTORS)?.unwrap_or(workers);
    let event_loggers = number(EVENT_LOGGER_EXECUTORS)?.unwrap_or(workers);

    add_acker(&mut t, ackers, timeout)?;
    if event_loggers > 0 {
        add_event_logger(&mut t, event_loggers, timeout);
    }
    add_metrics_consumers(&mut t, conf)?;
    let ticks = BTreeMap::from([
        (TICK_STREAM.to_owned(), stream(&["rate_secs"])),
        (FLUSH_STREAM.to_owned(), stream(&[])),
        (METRICS_TICK_STREAM.to_owned(), stream(&["interval"])),
    ]);
    let system = system_bolt("org.apache.storm.metric.SystemBolt", BTreeMap::new(), ticks, 0, &json!({TASKS: 0}));
    t.bolts.insert(SYSTEM.to_owned(), system);
    for (_, common) in components_mut(&mut t) {
        common.streams.insert(METRICS_STREAM.to_owned(), stream(&["task-info", "data-points"]));
        common.streams.insert(SYSTEM_STREAM.to_owned(), stream(&["event"]));
    }
    Ok(t)
}

fn add_acker(t: &mut StormTopology, ackers: i64, timeout: i64) -> Result<(), TopologyProblem> {
    let on_id = || Grouping::Fields(vec!["id".to_owned()]);
    let mut inputs = BTreeMap::new();
    for id in t.spouts.keys() {
        inputs.insert(input(id, ACK_INIT_STREAM), on_id());
    }
    for id in t.bolts.keys() {
        for s in [ACK_ACK_STREAM, ACK_FAIL_STREAM, ACK_RESET_STREAM] {
            inputs.insert(input(id, s), on_id());
        }
    }
    let results = [ACK_ACK_STREAM, ACK_FAIL_STREAM, ACK_RESET_STREAM]
        .map(|s| (s.to_owned(), StreamInfo { direct: true, ..stream(&["id", "time-delta-ms"]) }));
    for bolt in t.bolts.values_mut() {
        let streams = &mut bolt.common.streams;
        streams.insert(ACK_ACK_STREAM.to_owned(), stream(&["id", "ack-val"]));
        streams.insert(ACK_FAIL_STREAM.to_owned(), stream(&["id"]));
        streams.insert(ACK_RESET_STREAM.to_owned(), stream(&["id"]));
    }
    for (id, spout) in &mut t.spouts {
        let common = &mut spout.common;
        let mut own = component_conf(id, common)?;
        own.insert(TICK_FREQ.to_owned(), timeout.into());
        common.json_conf = Some(Value::Object(own).to_string());
        common.streams.insert(ACK_INIT_STREAM.to_owned(), stream(&["id", "init-val", "spout-task"]));
        for s in [ACK_ACK_STREAM, ACK_FAIL_STREAM, ACK_RESET_STREAM] {
            common.inputs.insert(input(ACKER, s), Grouping::Direct(NullStruct {}));
        }
    }
    let own = json!({TASKS: ackers, TICK_FREQ: timeout});
    let acker = system_bolt("org.apache.storm.daemon.Acker", inputs, BTreeMap::from(results), ackers, &own);
    t.bolts.insert(ACKER.to_owned(), acker);
    Ok(())
}

fn add_event_logger(t: &mut StormTopology, executors: i64, timeout: i64) {
    let by_component = || Grouping::Fields(vec!["component-id".to_owned()]);
    // __acker is a bolt by now, so Storm's event loggers listen to it too.
    let inputs =
        t.bolts.keys().chain(t.spouts.keys()).map(|id| (input(id, EVENT_LOG_STREAM), by_component())).collect();
    for (_, common) in components_mut(t) {
        common.streams.insert(EVENT_LOG_STREAM.to_owned(), stream(&["component-id", "message-id", "ts", "values"]));
    }
    let own = json!({TASKS: executors, TICK_FREQ: timeout});
    let logger = system_bolt("org.apache.storm.metric.EventLoggerBolt", inputs, BTreeMap::new(), executors, &own);
    t.bolts.insert(EVENT_LOGGER.to_owned(), logger);
}

fn add_metrics_consumers(t: &mut StormTopology, conf: &Map<String, Value>) -> Result<(), TopologyProblem> {
    let bad =
        |v: &Value| TopologyProblem::BadMetricsConsumers { key: METRICS_CONSUMERS.to_owned(), value: v.to_string() };
    let registered = match conf.get(METRICS_CONSUMERS) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(bad(other)),
    };
    let mut inputs = BTreeMap::from([(input(SYSTEM, METRICS_STREAM), Grouping::Shuffle(NullStruct {}))]);
    for (id, _) in components(t) {
        inputs.insert(input(id, METRICS_STREAM), Grouping::Shuffle(NullStruct {}));
    }
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in registered {
        let class = entry.get("class").and_then(Value::as_str).ok_or_else(|| bad(entry))?;
        let map = entry.as_object().ok_or_else(|| bad(entry))?;
        let executors = get_int(map, "parallelism.hint", METRICS_CONSUMERS)?.unwrap_or(1);
        let n = times.entry(class).or_default();
        *n += 1;
        let id = if *n == 1 { format!("{METRICS_PREFIX}{class}") } else { format!("{METRICS_PREFIX}{class}#{n}") };
        let bolt = system_bolt(class, inputs.clone(), BTreeMap::new(), executors, &json!({TASKS: executors}));
        t.bolts.insert(id, bolt);
    }
    Ok(())
}

fn input(component: &str, stream: &str) -> GlobalStreamId {
    GlobalStreamId { component_id: component.to_owned(), stream_id: stream.to_owned() }
}

fn stream(fields: &[&str]) -> StreamInfo {
    StreamInfo { output_fields: fields.iter().map(|f| (*f).to_owned()).collect(), direct: false }
}

/// Java puts a serialised object here; nobody reads it, so the class is named instead.
fn system_bolt(
    class: &str,
    inputs: BTreeMap<GlobalStreamId, Grouping>,
    streams: BTreeMap<String, StreamInfo>,
    executors: i64,
    own_conf: &Value,
) -> Bolt {
    let object = JavaObject { full_class_name: class.to_owned(), args_list: Vec::new() };
    // `get_int` let only 32-bit numbers through.
    let parallelism_hint = Some(i32::try_from(executors).unwrap_or(i32::MAX));
    let common = ComponentCommon { inputs, streams, parallelism_hint, json_conf: Some(own_conf.to_string()) };
    Bolt { bolt_object: ComponentObject::JavaObject(object), common }
}
