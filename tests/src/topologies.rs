//! Topologies of shell components for the tests, and their way into a cluster.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use storm_thrift::types::{
    Bolt, ComponentCommon, ComponentObject, GlobalStreamId, Grouping, NullStruct, ShellComponent, SpoutSpec,
    StormTopology, StreamInfo,
};
use storm_thrift::{ClientError, NimbusClient};

/// As large as a chunk of the Java client.
const CHUNK: usize = 307_200;

pub fn shell(command: &str, script: &str) -> ComponentObject {
    ComponentObject::Shell(ShellComponent {
        execution_command: Some(command.to_owned()),
        script: Some(script.to_owned()),
    })
}

/// One component with these output fields on the default stream, fed by these default streams in turn.
pub fn common(inputs: &[&str], fields: &[&str]) -> ComponentCommon {
    let inputs = inputs.iter().map(|id| (default_stream(id), Grouping::Shuffle(NullStruct {}))).collect();
    let info = StreamInfo { output_fields: fields.iter().map(|field| (*field).to_owned()).collect(), direct: false };
    ComponentCommon {
        inputs,
        streams: BTreeMap::from([("default".to_owned(), info)]),
        parallelism_hint: Some(1),
        json_conf: None,
    }
}

pub fn default_stream(component: &str) -> GlobalStreamId {
    GlobalStreamId { component_id: component.to_owned(), stream_id: "default".to_owned() }
}

pub fn spout(script: &str, fields: &[&str]) -> SpoutSpec {
    SpoutSpec { spout_object: shell("python3", script), common: common(&[], fields) }
}

pub fn bolt(script: &str, inputs: &[&str], fields: &[&str]) -> Bolt {
    Bolt { bolt_object: shell("python3", script), common: common(inputs, fields) }
}

/// `lines` (lines.py) to `split` (split.py).
pub fn lines_to_split() -> StormTopology {
    StormTopology {
        spouts: BTreeMap::from([("lines".to_owned(), spout("lines.py", &["line"]))]),
        bolts: BTreeMap::from([("split".to_owned(), bolt("split.py", &["lines"], &["word"]))]),
        ..StormTopology::default()
    }
}

/// Uploads a file as clients do; the answer is its place in Nimbus' inbox.
pub async fn upload(nimbus: &mut NimbusClient, file: &Path) -> Result<String, ClientError> {
    let bytes = std::fs::read(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()));
    let location = nimbus.begin_file_upload().await?;
    for chunk in bytes.chunks(CHUNK) {
        nimbus.upload_chunk(location.clone(), Bytes::copy_from_slice(chunk)).await?;
    }
    nimbus.finish_file_upload(location.clone()).await?;
    Ok(location)
}

/// Uploads a jar and submits a topology with it.
pub async fn submit(
    nimbus: &mut NimbusClient,
    name: &str,
    jar: &Path,
    conf: &serde_json::Value,
    topology: StormTopology,
) -> Result<(), ClientError> {
    let location = upload(nimbus, jar).await?;
    nimbus.submit_topology(name.to_owned(), Some(location), conf.to_string(), topology).await
}
