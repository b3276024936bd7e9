//! Sending a topology to Nimbus.

use storm_conf::Conf;
use storm_thrift::NimbusClient;
use storm_thrift::types::{SubmitOptions, TopologyInitialStatus};
use storm_topology::jar;
use storm_topology::prelude::Topology;

use crate::failure::Failure;

/// As in Storm.
const CHUNK: usize = 307_200;

pub async fn submit(conf: &Conf, name: &str, topology: &Topology) -> Result<String, Failure> {
    let dir = tempfile::tempdir().map_err(|e| Failure::io("cannot make a temporary folder", &e))?;
    let path = dir.path().join("topology.jar");
    jar::pack(&topology.describe(), Vec::new(), &path)
        .map_err(|e| Failure::new(crate::exit::Exit::Failed, e.code(), e.to_string()))?;
    let bytes = std::fs::read(&path).map_err(|e| Failure::io("cannot read the jar", &e))?;
    let mut nimbus = NimbusClient::leader(conf).await?;
    let location = nimbus.begin_file_upload().await?;
    for chunk in bytes.chunks(CHUNK) {
        nimbus.upload_chunk(location.clone(), chunk.to_vec().into()).await?;
    }
    nimbus.finish_file_upload(location.clone()).await?;
    let conf = serde_json::Value::Object(topology.conf().clone()).to_string();
    let options = SubmitOptions { initial_status: TopologyInitialStatus::Active, creds: None };
    nimbus.submit_topology_with_opts(name.to_owned(), Some(location), conf, topology.thrift().clone(), options).await?;
    Ok(nimbus.get_topology_summary_by_name(name.to_owned()).await?.id)
}
