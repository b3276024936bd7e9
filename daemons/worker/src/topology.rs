//! What the worker is to run: `stormconf.ser` and `stormcode.ser`, and the configuration that comes of them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use storm_conf::Conf;
use storm_thrift::types::StormTopology;

use crate::WorkerError;
use crate::dirs::Dirs;

/// Beyond this a file is not a topology's configuration.
const MAX_CONF: u64 = 64 << 20;

/// Where things are on this machine; a topology that was submitted elsewhere must not move them.
const HOST_KEYS: &[&str] =
    &["storm.home", "storm.local.dir", "storm.log.dir", "storm.local.hostname", "storm.workers.artifacts.dir"];
const HOST_PREFIX: &str = "storm.zookeeper.";
/// With these, though, a topology says how its own nodes are guarded.
const TOPOLOGY_PREFIX: &str = "storm.zookeeper.topology.auth.";

pub(crate) struct TopologyFiles {
    pub conf: Map<String, Value>,
    pub topology: StormTopology,
}

impl TopologyFiles {
    pub fn read(dirs: &Dirs) -> Result<TopologyFiles, WorkerError> {
        let (conf_file, code_file) = (dirs.conf_file(), dirs.code_file());
        let conf = read_conf(&conf_file)?;
        let topology = storm_zk::read(&read(&code_file)?).map_err(|e| broken(&code_file, e.to_string()))?;
        Ok(TopologyFiles { conf, topology })
    }
}

/// The host's configuration with the topology's over it, but for what is the host's business.
pub(crate) fn merge(host: &Conf, topology: &Map<String, Value>) -> Conf {
    let mut merged = host.clone();
    for (key, value) in topology {
        if !is_host_key(key) {
            merged.set(key, value.clone());
        }
    }
    merged
}

fn is_host_key(key: &str) -> bool {
    HOST_KEYS.contains(&key) || key.starts_with(HOST_PREFIX) && !key.starts_with(TOPOLOGY_PREFIX)
}

/// Gzip of JSON.
fn read_conf(path: &Path) -> Result<Map<String, Value>, WorkerError> {
    let bytes = read(path)?;
    let mut text = Vec::new();
    let unpacked = MultiGzDecoder::new(bytes.as_slice()).take(MAX_CONF + 1).read_to_end(&mut text);
    match unpacked {
        Ok(size) if size as u64 > MAX_CONF => return Err(broken(path, format!("more than {MAX_CONF} bytes unpacked"))),
        Ok(_) => {}
        Err(e) => return Err(broken(path, format!("gzip: {e}"))),
    }
    match serde_json::from_slice(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(broken(path, "not a JSON object".to_owned())),
        Err(e) => Err(broken(path, format!("JSON: {e}"))),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, WorkerError> {
    fs::read(path).map_err(|source| WorkerError::Io { doing: "read", path: path.to_owned(), source })
}

fn broken(path: &Path, problem: String) -> WorkerError {
    WorkerError::TopologyFile { path: PathBuf::from(path), problem }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn the_topology_has_its_way_but_for_the_hosts_places() {
        let host = Conf::new(map(serde_json::json!({
            "storm.local.dir": "/host", "storm.zookeeper.port": 2181, "topology.debug": false, "storm.local.hostname": "h1"
        })));
        let merged = merge(
            &host,
            &map(serde_json::json!({
                "storm.local.dir": "/elsewhere", "storm.zookeeper.port": 1, "storm.zookeeper.servers": ["x"],
                "storm.local.hostname": "h2", "topology.debug": true, "mine": 1,
                "storm.zookeeper.topology.auth.scheme": "digest"
            })),
        );
        let expected = serde_json::json!({
            "storm.local.dir": "/host", "storm.zookeeper.port": 2181, "storm.local.hostname": "h1", "topology.debug": true,
            "mine": 1, "storm.zookeeper.topology.auth.scheme": "digest"
        });
        assert_eq!(Value::Object(merged.into_map()), expected);
    }

    #[test]
    fn broken_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stormconf.ser");
        assert_eq!(read_conf(&path).unwrap_err().code(), "worker-io");
        let gzip = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        for bytes in [b"{}".to_vec(), gzip("[]"), gzip("{"), gzip("{\"a\": 1}")[..15].to_vec(), Vec::new()] {
            fs::write(&path, &bytes).unwrap();
            let error = read_conf(&path).unwrap_err();
            assert_eq!(error.code(), "worker-topology-file", "{bytes:?}");
            assert!(error.to_string().contains("stormconf.ser"), "{error}");
        }
        fs::write(&path, gzip("{\"a\": 1}")).unwrap();
        assert_eq!(read_conf(&path).unwrap(), map(serde_json::json!({"a": 1})));
    }
}
