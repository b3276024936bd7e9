//! What a submission is refused for, beyond the structure of its topology.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde_json::{Map, Value};
use storm_scheduler::component_request;
use storm_thrift::ServiceError;
use storm_thrift::types::StormTopology;
use storm_topology::system::SystemTopology;

use super::invalid;
use crate::topologies::uses_blobs;

/// The unit of deployment is a zip. Reads its table of contents only.
pub(super) fn jar(path: &Path) -> Result<(), ServiceError> {
    let file = File::open(path).map_err(|e| invalid(format!("the uploaded jar cannot be read: {e}")))?;
    zip::ZipArchive::new(BufReader::new(file)).map(drop).map_err(|e| {
        invalid(format!(
            "the uploaded jar is not a zip file ({e}); a topology jar is one, with scripts under resources/"
        ))
    })
}

/// No executor may ask for more heap than a worker may have.
pub(super) fn heap(conf: &Map<String, Value>, system: &SystemTopology) -> Result<(), ServiceError> {
    let Some(most) = conf.get("topology.worker.max.heap.size.mb").and_then(Value::as_f64) else { return Ok(()) };
    for c in system.components() {
        let asked = component_request(&c.id, conf, &c.own_conf).on_heap_mb;
        if asked > most {
            return Err(invalid(format!(
                "Topology will not be able to be successfully scheduled: Config TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB={most} < \
                 {asked} (Largest memory requirement of a component in the topology: {}). Perhaps set \
                 topology.worker.max.heap.size.mb to a larger amount",
                c.id
            )));
        }
    }
    Ok(())
}

/// Every blob that the topology names must exist.
pub(super) fn blobs(
    conf: &Map<String, Value>,
    topology: &StormTopology,
    exists: impl Fn(&str) -> bool,
) -> Result<(), ServiceError> {
    let mapped = conf.get("topology.blobstore.map").filter(|v| !v.is_null());
    let no_links = conf.get("storm.disable.symlinks").and_then(Value::as_bool).unwrap_or(false);
    if no_links && mapped.and_then(Value::as_object).is_some_and(|m| !m.is_empty()) {
        return Err(invalid("symlinks are disabled but blobs are supplied by topology.blobstore.map"));
    }
    let missing: Vec<String> = uses_blobs(conf, topology).into_iter().filter(|key| !exists(key)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "The topology blob map or its dependencies refer to blobs that do not exist in the blobstore: {}; upload them first",
        missing.join(", ")
    )))
}

/// `nimbus.slots.perTopology` and `nimbus.executors.perTopology`.
pub(super) fn limits(
    workers: i64,
    executors: &BTreeMap<String, i32>,
    max_slots: Option<i64>,
    max_executors: Option<i64>,
) -> Result<(), ServiceError> {
    if let Some(most) = max_slots.filter(|most| workers > *most) {
        return Err(invalid(format!(
            "Failed to submit topology. Topology requests {workers} workers where Nimbus allows {most} (nimbus.slots.perTopology)"
        )));
    }
    let asked: i64 = executors.values().map(|n| i64::from(*n)).sum();
    if let Some(most) = max_executors.filter(|most| asked > *most) {
        return Err(invalid(format!(
            "Failed to submit topology. Topology requests {asked} executors where Nimbus allows {most} \
             (nimbus.executors.perTopology)"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::*;

    fn refusal(outcome: Result<(), ServiceError>) -> String {
        outcome.unwrap_err().to_string()
    }

    #[test]
    fn a_jar_is_a_zip() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jar");
        std::fs::write(&path, "not a zip").unwrap();
        let text = refusal(jar(&path));
        assert!(text.contains("InvalidTopologyException") && text.contains("not a zip file"), "{text}");
        std::fs::write(&path, "").unwrap();
        assert!(jar(&path).is_err());
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("resources/a.py", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"print()").unwrap();
        zip.finish().unwrap();
        assert!(jar(&path).is_ok());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
        assert!(jar(&path).is_err(), "cut off");
    }

    #[test]
    fn blobs_must_exist() {
        let conf = json!({"topology.blobstore.map": {"a": {"localname": "x"}, "b": null}});
        let conf = conf.as_object().unwrap();
        let topology = StormTopology { dependency_jars: Some(vec!["dep-1".into()]), ..StormTopology::default() };
        let text = refusal(blobs(conf, &topology, |k| k == "a"));
        assert!(text.contains("b, dep-1"), "{text}");
        assert!(blobs(conf, &topology, |_| true).is_ok());
        let mut conf = conf.clone();
        conf.insert("storm.disable.symlinks".into(), true.into());
        assert!(refusal(blobs(&conf, &topology, |_| true)).contains("symlinks"));
    }

    #[test]
    fn limits_name_their_keys() {
        let executors = BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 4)]);
        assert!(limits(5, &executors, Some(5), Some(7)).is_ok());
        assert!(refusal(limits(6, &executors, Some(5), None)).contains("nimbus.slots.perTopology"));
        assert!(refusal(limits(1, &executors, None, Some(6))).contains("nimbus.executors.perTopology"));
    }
}
