//! The configuration and the code of a localised topology, read from `stormdist`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use storm_thrift::types::{ComponentObject, StormTopology};

use crate::layout::Stormdist;

/// Beyond this a file is not a topology's configuration or code.
const MAX_FILE: u64 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum TopologyFileError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not what a submit stored: {cause}")]
    Broken { path: PathBuf, cause: String },
}

/// `stormconf.ser` and `stormcode.ser`.
#[derive(Debug, Clone)]
pub struct TopologyFiles {
    pub conf: Map<String, Value>,
    pub topology: StormTopology,
}

impl TopologyFiles {
    pub fn read(dist: &Stormdist) -> Result<TopologyFiles, TopologyFileError> {
        Ok(TopologyFiles { conf: read_conf(&dist.conf())?, topology: read_code(&dist.code())? })
    }

    /// Every component, spouts first.
    pub fn components(&self) -> impl Iterator<Item = (&str, &ComponentObject)> {
        let spouts = self.topology.spouts.iter().map(|(id, s)| (id.as_str(), &s.spout_object));
        spouts.chain(self.topology.bolts.iter().map(|(id, b)| (id.as_str(), &b.bolt_object)))
    }

    /// Blob keys of the jars and artifacts that the topology depends on.
    pub fn dependencies(&self) -> Vec<String> {
        let lists = [&self.topology.dependency_jars, &self.topology.dependency_artifacts];
        lists.into_iter().flatten().flatten().cloned().collect()
    }

    /// `topology.worker.timeout.secs`, in milliseconds; 0 when the topology does not say.
    pub fn worker_timeout_ms(&self) -> u64 {
        let secs = self.conf.get("topology.worker.timeout.secs").and_then(Value::as_f64).unwrap_or(0.0);
        (secs.max(0.0) * 1000.0) as u64
    }
}

/// The topology's configuration: gzip of JSON.
pub fn read_conf(path: &Path) -> Result<Map<String, Value>, TopologyFileError> {
    let bytes = read(path)?;
    let broken = |cause: String| TopologyFileError::Broken { path: path.to_owned(), cause };
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(|e| broken(format!("gzip: {e}")))?;
    if text.len() as u64 > MAX_FILE {
        return Err(broken(format!("more than {MAX_FILE} bytes unpacked")));
    }
    match serde_json::from_slice(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(broken("not a JSON object".to_owned())),
        Err(e) => Err(broken(format!("JSON: {e}"))),
    }
}

fn read_code(path: &Path) -> Result<StormTopology, TopologyFileError> {
    let bytes = read(path)?;
    storm_zk::read(&bytes).map_err(|e| TopologyFileError::Broken { path: path.to_owned(), cause: e.to_string() })
}

fn read(path: &Path) -> Result<Vec<u8>, TopologyFileError> {
    let failed = |source| TopologyFileError::Read { path: path.to_owned(), source };
    let len = fs::metadata(path).map_err(failed)?.len();
    if len > MAX_FILE {
        return Err(TopologyFileError::Broken { path: path.to_owned(), cause: format!("{len} bytes are too many") });
    }
    fs::read(path).map_err(failed)
}
