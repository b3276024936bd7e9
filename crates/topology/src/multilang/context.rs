//! The context object of the handshake, both ways.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use storm_thrift::types::{GlobalStreamId, Grouping, JavaObject, NullStruct};

use crate::context::{InputStream, OutputStream, TaskContext, Waker};
use crate::system::is_system_id;
use crate::tuple::Fields;

/// A task's context as `TopologyContext.toJSONString` writes it: that of the user's topology, without Storm's own streams.
pub fn context_json(ctx: &TaskContext) -> Value {
    let outputs = || ctx.outputs.iter().filter(|(id, _)| !is_system_id(id));
    let tasks: Map<String, Value> = ctx
        .task_to_component
        .iter()
        .filter(|(task, _)| **task >= 0)
        .map(|(task, component)| (task.to_string(), component.clone().into()))
        .collect();
    let fields: Map<String, Value> = outputs().map(|(id, s)| (id.clone(), s.fields.names().to_vec().into())).collect();
    let targets: Map<String, Value> = outputs()
        .filter(|(_, s)| !s.targets.is_empty())
        .map(|(id, s)| {
            let of_stream: Map<String, Value> =
                s.targets.iter().map(|(target, g)| (target.clone(), grouping_json(g))).collect();
            (id.clone(), of_stream.into())
        })
        .collect();
    let mut groupings: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut source_fields: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (input, stream) in ctx.inputs.iter().filter(|(input, _)| !is_system_id(&input.stream_id)) {
        let (source, id) = (input.component_id.as_str(), input.stream_id.clone());
        groupings.entry(source).or_default().insert(id.clone(), grouping_json(&stream.grouping));
        source_fields.entry(source).or_default().insert(id, stream.fields.names().to_vec().into());
    }
    json!({
        "taskid": ctx.task_id,
        "componentid": ctx.component_id,
        "task->component": tasks,
        "streams": outputs().map(|(id, _)| id).collect::<Vec<_>>(),
        "stream->outputfields": fields,
        "stream->target->grouping": targets,
        "source->stream->grouping": groupings,
        "source->stream->fields": source_fields,
    })
}

/// The names are those of the thrift union's constants in Java.
fn grouping_json(g: &Grouping) -> Value {
    let kind = match g {
        Grouping::Fields(fields) => return json!({"type": "FIELDS", "fields": fields}),
        Grouping::Shuffle(_) => "SHUFFLE",
        Grouping::All(_) => "ALL",
        Grouping::None(_) => "NONE",
        Grouping::Direct(_) => "DIRECT",
        Grouping::CustomObject(_) => "CUSTOM_OBJECT",
        Grouping::CustomSerialized(_) => "CUSTOM_SERIALIZED",
        Grouping::LocalOrShuffle(_) => "LOCAL_OR_SHUFFLE",
    };
    json!({"type": kind})
}

fn grouping_of(v: &Value) -> Grouping {
    match v["type"].as_str().unwrap_or_default() {
        "FIELDS" => Grouping::Fields(strings(&v["fields"])),
        "ALL" => Grouping::All(NullStruct {}),
        "NONE" => Grouping::None(NullStruct {}),
        "DIRECT" => Grouping::Direct(NullStruct {}),
        "LOCAL_OR_SHUFFLE" => Grouping::LocalOrShuffle(NullStruct {}),
        // What it was made of is not told.
        "CUSTOM_OBJECT" | "CUSTOM_SERIALIZED" => Grouping::CustomObject(JavaObject::default()),
        _ => Grouping::Shuffle(NullStruct {}),
    }
}

fn strings(v: &Value) -> Vec<String> {
    v.as_array().into_iter().flatten().filter_map(|s| s.as_str().map(str::to_owned)).collect()
}

fn entries(v: &Value) -> impl Iterator<Item = (&String, &Value)> {
    v.as_object().into_iter().flatten()
}

/// The context that a child has, from the handshake. What is not told there (the topology's id, ports) is taken from the
/// configuration or empty.
pub fn context_of(conf: Map<String, Value>, pid_dir: PathBuf, context: &Value, waker: Waker) -> Option<TaskContext> {
    let task_id = i32::try_from(context["taskid"].as_i64()?).ok()?;
    let component_id = context["componentid"].as_str()?.to_owned();
    let task_to_component: BTreeMap<i32, String> = entries(&context["task->component"])
        .filter_map(|(task, component)| Some((task.parse().ok()?, component.as_str()?.to_owned())))
        .collect();
    let component_tasks: Arc<[i32]> =
        task_to_component.iter().filter(|(_, c)| **c == component_id).map(|(t, _)| *t).collect();
    let mut outputs = BTreeMap::new();
    for (id, fields) in entries(&context["stream->outputfields"]) {
        let targets: BTreeMap<String, Grouping> = entries(&context["stream->target->grouping"][id.as_str()])
            .map(|(target, g)| (target.clone(), grouping_of(g)))
            .collect();
        let direct = targets.values().any(|g| matches!(g, Grouping::Direct(_)));
        outputs.insert(id.clone(), OutputStream { fields: Fields::new(strings(fields)), direct, targets });
    }
    let mut inputs = BTreeMap::new();
    for (source, streams) in entries(&context["source->stream->grouping"]) {
        for (stream, grouping) in entries(streams) {
            let fields = &context["source->stream->fields"][source.as_str()][stream.as_str()];
            let input = InputStream { fields: Fields::new(strings(fields)), grouping: grouping_of(grouping) };
            inputs.insert(GlobalStreamId { component_id: source.clone(), stream_id: stream.clone() }, input);
        }
    }
    Some(TaskContext {
        topology_id: conf.get("storm.id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        task_index: component_tasks.iter().position(|t| *t == task_id).unwrap_or(0),
        component_id,
        task_id,
        component_tasks,
        conf: Arc::new(conf),
        task_to_component: Arc::new(task_to_component),
        outputs: Arc::new(outputs),
        inputs: Arc::new(inputs),
        resources_dir: PathBuf::from("."),
        pid_dir,
        worker_port: 0,
        waker,
    })
}
