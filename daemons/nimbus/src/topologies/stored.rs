//! What the blob store holds of a topology: its code and its configuration, and what Nimbus needs to know of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use storm_scheduler::{Executor, Request, SharedMemory, component_request};
use storm_thrift::types::{StormBase, StormTopology};
use storm_topology::system::SystemTopology;
use storm_zk::Delegate;
use tokio::time::Instant;

use super::names::Blob;
use crate::blobs::{BlobError, BlobStore};

/// A broken topology is looked at again after this time: its blobs may have been restored.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
const MAX_CONF: u64 = 64 << 20;

/// A topology as it was submitted.
#[derive(Debug, Clone)]
pub struct Stored {
    pub conf: Map<String, Value>,
    pub topology: StormTopology,
}

/// What rounds and summaries need of a topology; small, and kept for each living one.
#[derive(Debug, Default)]
pub struct Facts {
    pub num_tasks: usize,
    pub executors: BTreeMap<Executor, Arc<str>>,
    pub requests: BTreeMap<Arc<str>, Request>,
    pub shared_memory: Vec<SharedMemory>,
    pub min_worker_cpu: f64,
    pub message_timeout_secs: i32,
    /// `topology.worker.timeout.secs`
    pub worker_timeout_secs: Option<i64>,
    pub storm_version: Option<String>,
    /// Keys of the blobs that it uses beside its own three.
    pub uses_blobs: BTreeSet<String>,
}

/// Facts, or why there are none.
#[derive(Debug, Clone)]
pub enum FactsOf {
    Known(Arc<Facts>),
    Broken(Arc<str>),
}

impl FactsOf {
    pub fn known(&self) -> Option<&Arc<Facts>> {
        match self {
            FactsOf::Known(f) => Some(f),
            FactsOf::Broken(_) => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("{key} is missing from the blob store {root}")]
    Missing { key: String, root: String },
    #[error("{0}")]
    Blob(BlobError),
    #[error("{key} in the blob store cannot be read: {cause}")]
    Broken { key: String, cause: String },
}

struct Known {
    component_executors: Option<BTreeMap<String, i32>>,
    facts: FactsOf,
    at: Instant,
}

pub struct StoredTopologies {
    blobs: Arc<BlobStore>,
    delegate: Delegate,
    known: Mutex<HashMap<String, Known>>,
}

impl StoredTopologies {
    pub fn new(blobs: Arc<BlobStore>, delegate: Delegate) -> StoredTopologies {
        StoredTopologies { blobs, delegate, known: Mutex::default() }
    }

    /// Reads both blobs. Blocks.
    pub fn load(&self, id: &str) -> Result<Stored, StoredError> {
        let conf_key = Blob::Conf.key(id);
        let conf = read_conf(&self.blob(&conf_key)?).map_err(|cause| StoredError::Broken { key: conf_key, cause })?;
        let code_key = Blob::Code.key(id);
        let topology = storm_zk::read::<StormTopology>(&self.blob(&code_key)?)
            .map_err(|e| StoredError::Broken { key: code_key, cause: e.to_string() })?;
        Ok(Stored { conf, topology })
    }

    pub fn code_bytes(&self, topology: &StormTopology) -> Vec<u8> {
        self.delegate.write(topology)
    }

    /// The facts of a topology if they are in memory and still hold.
    pub fn remembered(&self, id: &str, base: &StormBase) -> Option<FactsOf> {
        let known = self.lock();
        let known = known.get(id).filter(|k| k.component_executors == base.component_executors)?;
        let holds = known.facts.known().is_some() || known.at.elapsed() < LOOK_AGAIN;
        holds.then(|| known.facts.clone())
    }

    /// The facts of a topology; from memory unless its executors have changed. Blocks when it has to read.
    pub fn facts(&self, id: &str, base: &StormBase) -> FactsOf {
        if let Some(facts) = self.remembered(id, base) {
            return facts;
        }
        let facts = match self.load(id).map_err(|e| e.to_string()).and_then(|s| s.facts(base)) {
            Ok(facts) => FactsOf::Known(Arc::new(facts)),
            Err(why) => {
                let text =
                    format!("Broken: {why}; restore it, or kill the topology with: storm kill {} -w 0", base.name);
                FactsOf::Broken(text.into())
            }
        };
        if let FactsOf::Broken(text) = &facts {
            let told =
                matches!(self.lock().get(id), Some(Known { facts: FactsOf::Broken(before), .. }) if before == text);
            if !told {
                tracing::warn!(topology = id, "{text}");
            }
        }
        let component_executors = base.component_executors.clone();
        self.lock().insert(id.to_owned(), Known { component_executors, facts: facts.clone(), at: Instant::now() });
        facts
    }

    /// After its blobs have changed.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    pub fn retain(&self, lives: impl Fn(&str) -> bool) {
        self.lock().retain(|id, _| lives(id));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blob(&self, key: &str) -> Result<Vec<u8>, StoredError> {
        self.blobs.read(key).map_err(|e| match e {
            BlobError::NotFound { key } => StoredError::Missing { key, root: self.blobs.root().display().to_string() },
            other => StoredError::Blob(other),
        })
    }
}

impl Stored {
    pub fn system(&self) -> Result<SystemTopology, String> {
        SystemTopology::derive(&self.topology, &self.conf).map_err(|e| e.to_string())
    }

    pub(crate) fn facts(&self, base: &StormBase) -> Result<Facts, String> {
        let system = self.system()?;
        let counts = base.component_executors.clone().unwrap_or_else(|| system.start_executors());
        let mut facts = Facts { num_tasks: system.task_count(), ..Facts::default() };
        for component in system.components() {
            let id: Arc<str> = component.id.as_str().into();
            let request = component_request(&component.id, &self.conf, &component.own_conf);
            facts.requests.insert(id, request);
        }
        for (component, executors) in system.executors(&counts) {
            let id: Arc<str> = component.into();
            for e in executors {
                facts.executors.insert(Executor { start: e.task_start, end: e.task_end }, id.clone());
            }
        }
        facts.shared_memory = shared_memory(&self.topology);
        facts.min_worker_cpu =
            self.conf.get("storm.worker.min.cpu.pcore.percent").and_then(Value::as_f64).unwrap_or(0.0);
        facts.message_timeout_secs = message_timeout(&self.conf);
        facts.worker_timeout_secs = self.conf.get("topology.worker.timeout.secs").and_then(Value::as_i64);
        facts.storm_version = self.topology.storm_version.clone();
        facts.uses_blobs = uses_blobs(&self.conf, &self.topology);
        Ok(facts)
    }
}

/// `topology.message.timeout.secs` of a topology's configuration.
fn message_timeout(conf: &Map<String, Value>) -> i32 {
    let secs = conf.get("topology.message.timeout.secs").and_then(|v| v.as_i64().or(v.as_f64().map(|f| f as i64)));
    secs.and_then(|s| i32::try_from(s).ok()).unwrap_or(30)
}

/// Blobs of `topology.blobstore.map` and the dependencies.
pub fn uses_blobs(conf: &Map<String, Value>, topology: &StormTopology) -> BTreeSet<String> {
    let mapped = conf.get("topology.blobstore.map").and_then(Value::as_object);
    let mapped = mapped.into_iter().flat_map(|m| m.keys().cloned());
    let dependencies = [&topology.dependency_jars, &topology.dependency_artifacts];
    mapped.chain(dependencies.into_iter().flatten().flatten().cloned()).collect()
}

fn shared_memory(topology: &StormTopology) -> Vec<SharedMemory> {
    let Some(regions) = &topology.shared_memory else { return Vec::new() };
    let region = |(name, region): (&String, &storm_thrift::types::SharedMemory)| {
        let users = topology.component_to_shared_memory.iter().flatten();
        SharedMemory {
            components: users.filter(|(_, names)| names.contains(name)).map(|(c, _)| c.as_str().into()).collect(),
            on_heap_mb: region.on_heap.unwrap_or(0.0),
            off_heap_worker_mb: region.off_heap_worker.unwrap_or(0.0),
            off_heap_node_mb: region.off_heap_node.unwrap_or(0.0),
        }
    };
    regions.iter().map(region).collect()
}

/// `stormconf.ser`: gzip of JSON.
pub fn conf_bytes(conf: &Map<String, Value>) -> Result<Vec<u8>, String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut gzip, conf).map_err(|e| e.to_string())?;
    gzip.flush().and_then(|()| gzip.finish()).map_err(|e| e.to_string())
}

fn read_conf(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let mut text = Vec::new();
    let read =
        MultiGzDecoder::new(bytes).take(MAX_CONF + 1).read_to_end(&mut text).map_err(|e| format!("gzip: {e}"))?;
    if read as u64 > MAX_CONF {
        return Err(format!("it grows beyond {MAX_CONF} bytes"));
    }
    serde_json::from_slice(&text).map_err(|e| format!("JSON: {e}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use storm_thrift::types::{Bolt, ComponentCommon, ComponentObject, ShellComponent, SpoutSpec};

    use super::*;

    pub(crate) fn word_count() -> StormTopology {
        let object = || {
            ComponentObject::Shell(ShellComponent {
                execution_command: Some("python3".into()),
                script: Some("x.py".into()),
            })
        };
        let common = |hint: i32, tasks: i32| ComponentCommon {
            parallelism_hint: Some(hint),
            json_conf: Some(json!({"topology.tasks": tasks}).to_string()),
            ..ComponentCommon::default()
        };
        let mut t = StormTopology::default();
        t.spouts.insert("lines".into(), SpoutSpec { spout_object: object(), common: common(1, 1) });
        t.bolts.insert("count".into(), Bolt { bolt_object: object(), common: common(2, 4) });
        t
    }

    fn store() -> (tempfile::TempDir, Arc<BlobStore>, StoredTopologies) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobStore::open(dir.path().join("blobs")).unwrap());
        let stored = StoredTopologies::new(blobs.clone(), Delegate::Gzip);
        (dir, blobs, stored)
    }

    #[test]
    fn facts_follow_the_executors_of_the_base() {
        let (_dir, blobs, stored) = store();
        let conf = json!({"topology.workers": 2, "topology.acker.executors": 1, "topology.eventlogger.executors": 0});
        let meta = crate::blobs::open_meta(1);
        blobs.put(&Blob::Conf.key("t"), &meta, &conf_bytes(conf.as_object().unwrap()).unwrap()).unwrap();
        blobs.put(&Blob::Code.key("t"), &meta, &stored.code_bytes(&word_count())).unwrap();
        let mut base = StormBase { name: "t".into(), ..StormBase::default() };
        let facts = stored.facts("t", &base).known().unwrap().clone();
        assert_eq!(facts.num_tasks, 6, "an acker, four counters, a spout");
        let runs: Vec<(i32, i32, &str)> = facts.executors.iter().map(|(e, c)| (e.start, e.end, &**c)).collect();
        assert_eq!(runs, [(1, 1, "__acker"), (2, 3, "count"), (4, 5, "count"), (6, 6, "lines")]);
        base.component_executors =
            Some(BTreeMap::from([("count".into(), 4), ("lines".into(), 1), ("__acker".into(), 1)]));
        assert_eq!(stored.facts("t", &base).known().unwrap().executors.len(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topology_without_its_blobs_is_broken_until_they_are_back() {
        let (_dir, blobs, stored) = store();
        let base = StormBase { name: "t".into(), ..StormBase::default() };
        let FactsOf::Broken(why) = stored.facts("t", &base) else { panic!("it has no blobs") };
        assert!(why.starts_with("Broken: t-stormconf.ser is missing from the blob store"), "{why}");
        let meta = crate::blobs::open_meta(1);
        blobs.put(&Blob::Conf.key("t"), &meta, &conf_bytes(&Map::new()).unwrap()).unwrap();
        blobs.put(&Blob::Code.key("t"), &meta, b"\x1f\x8bnonsense").unwrap();
        tokio::time::advance(LOOK_AGAIN).await;
        let FactsOf::Broken(why) = stored.facts("t", &base) else { panic!("its code is no code") };
        assert!(why.contains("t-stormcode.ser in the blob store cannot be read"), "{why}");
        blobs.replace(&Blob::Code.key("t"), &stored.code_bytes(&word_count())).unwrap();
        tokio::time::advance(LOOK_AGAIN).await;
        assert!(stored.facts("t", &base).known().is_some());
    }
}
