//! A topology jar handed to Nimbus.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Map, Value};
use storm_conf::Conf;
use storm_thrift::ClientError;
use storm_thrift::nimbus::NimbusClient;
use storm_thrift::types::{SubmitOptions, TopologyInitialStatus};

use crate::package::Package;
use crate::system::{InvalidTopology, valid_topology_name};

/// What the Java client sends at once, too.
const CHUNK: usize = 307_200;

/// How a topology is submitted.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// The name; without one the topology's own.
    pub name: Option<String>,
    /// Laid over the topology's own configuration.
    pub conf: Map<String, Value>,
    /// Submitted without being activated.
    pub inactive: bool,
}

/// Why a topology was not submitted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// There is no name.
    #[error("the topology has no name of its own; name it: submit FILE NAME")]
    NoName,
    /// The name or the topology is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidTopology),
    /// The jar cannot be read.
    #[error("{path}: cannot be read: {cause}", path = path.display())]
    Jar {
        /// The jar.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// Nimbus cannot be reached, or refuses.
    #[error(transparent)]
    Nimbus(#[from] ClientError),
}

impl SubmitError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            SubmitError::NoName => "topology/no-name",
            SubmitError::Invalid(e) => e.code(),
            SubmitError::Jar { .. } => "jar/unreadable",
            SubmitError::Nimbus(e) => e.code(),
        }
    }
}

/// Submits a package through the leading Nimbus; the answer is the topology's name.
pub async fn submit(cluster: &Conf, package: &Package, how: &Submission) -> Result<String, SubmitError> {
    let description = package.description();
    let name = how.name.clone().or_else(|| description.name.clone()).ok_or(SubmitError::NoName)?;
    // Before anything is uploaded.
    valid_topology_name(&name)?;
    let mut conf = description.conf.clone();
    conf.extend(how.conf.clone());
    let mut nimbus = NimbusClient::leader(cluster).await?;
    let location = upload(&mut nimbus, package.jar()).await?;
    let initial_status = if how.inactive { TopologyInitialStatus::Inactive } else { TopologyInitialStatus::Active };
    let options = SubmitOptions { initial_status, creds: None };
    let json = Value::Object(conf).to_string();
    nimbus.submit_topology_with_opts(name.clone(), Some(location), json, description.topology.clone(), options).await?;
    Ok(name)
}

/// Uploads a file; the answer is its place on Nimbus' machine.
pub async fn upload(nimbus: &mut NimbusClient, path: &Path) -> Result<String, SubmitError> {
    let failed = |cause| SubmitError::Jar { path: path.to_owned(), cause };
    let mut file = File::open(path).map_err(failed)?;
    let location = nimbus.begin_file_upload().await?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let n = file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(failed)?;
        if n == 0 {
            break;
        }
        nimbus.upload_chunk(location.clone(), Bytes::from(chunk)).await?;
    }
    nimbus.finish_file_upload(location.clone()).await?;
    Ok(location)
}
