//! What a restore has to do in the cluster that is there. No input or output.

use std::collections::BTreeSet;

use super::archive::{Blob, Manifest, Topology};

/// What the cluster says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct There {
    /// Ids of the topologies that live.
    pub topologies: Vec<String>,
    pub blobs: Vec<(String, Held)>,
}

/// What the cluster has of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Content and access list are those of the archive.
    Same,
    Other,
    /// A key without a content: what Apache's Nimbus keeps of a run that was cut off. Nothing of it can be lost.
    Half,
}

/// What has to be done. Names and keys in the order of the archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub create: Vec<String>,
    pub same: Vec<String>,
    /// Topologies that will live again.
    pub topologies: Vec<Topology>,
    /// They live already, and stay as they are.
    pub living: Vec<Topology>,
    /// Their blobs were not there when the backup was made: nothing can run them.
    pub broken: Vec<Topology>,
    pub way: Way,
}

/// What is in the cluster and not in the archive: nothing of it may be lost unsaid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// Ids of topologies, to be killed.
    pub kill: Vec<String>,
    /// Blobs to be deleted,
    pub delete: Vec<String>,
    /// and those to be written over.
    pub update: Vec<String>,
}

impl Way {
    pub fn is_clear(&self) -> bool {
        self.kill.is_empty() && self.delete.is_empty() && self.update.is_empty()
    }

    /// Each thing with what would become of it.
    pub fn lines(&self) -> Vec<String> {
        let lines = |what: &str, names: &[String]| names.iter().map(|n| format!("{what} {n}")).collect::<Vec<_>>();
        let kill = lines("kill the topology", &self.kill);
        let delete = lines("delete the blob", &self.delete);
        [kill, delete, lines("write over the blob", &self.update)].concat()
    }
}

pub fn decide(manifest: &Manifest, there: &There) -> Plan {
    let living: BTreeSet<&str> = there.topologies.iter().map(String::as_str).collect();
    let mut plan = Plan::default();
    for topology in &manifest.topologies {
        let whose = match (living.contains(topology.id.as_str()), topology.missing.is_empty()) {
            (true, _) => &mut plan.living,
            (false, true) => &mut plan.topologies,
            (false, false) => &mut plan.broken,
        };
        whose.push(topology.clone());
    }
    let unknown = |id: &&String| !manifest.topologies.iter().any(|t| t.id == **id);
    plan.way.kill = there.topologies.iter().filter(unknown).cloned().collect();
    for Blob { key, .. } in &manifest.blobs {
        let whose = match there.blobs.iter().find(|(k, _)| k == key) {
            None | Some((_, Held::Half)) => &mut plan.create,
            Some((_, Held::Same)) => &mut plan.same,
            Some((_, Held::Other)) => &mut plan.way.update,
        };
        whose.push(key.clone());
    }
    let foreign = there.blobs.iter().filter(|(key, _)| manifest.blob(key).is_none());
    plan.way.delete = foreign.map(|(key, _)| key.clone()).collect();
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::backup::archive::{FORMAT, Tree};

    fn topology(id: &str, missing: &[&str]) -> Topology {
        let missing = missing.iter().map(|m| (*m).to_owned()).collect();
        Topology { id: id.into(), name: id.into(), status: "ACTIVE".into(), missing }
    }

    fn manifest() -> Manifest {
        let blob = |key: &str| Blob {
            key: key.into(),
            bytes: 0,
            sha256: String::new(),
            acl: Vec::new(),
            replication_factor: None,
        };
        Manifest {
            format: FORMAT,
            made: String::new(),
            stormctl: String::new(),
            zookeeper: String::new(),
            root: "/storm".into(),
            blobs_from: String::new(),
            tree: Tree::default(),
            topologies: vec![topology("a-1", &[]), topology("b-2", &["b-2-stormjar.jar"])],
            blobs: vec![blob("a-1-stormjar.jar"), blob("words.txt")],
        }
    }

    fn there(topologies: &[&str], blobs: &[(&str, Held)]) -> There {
        There {
            topologies: topologies.iter().map(|t| (*t).to_owned()).collect(),
            blobs: blobs.iter().map(|(k, held)| ((*k).to_owned(), *held)).collect(),
        }
    }

    #[test]
    fn an_empty_cluster_gets_all_that_can_run() {
        let plan = decide(&manifest(), &There::default());
        assert_eq!(plan.create, ["a-1-stormjar.jar", "words.txt"]);
        assert_eq!(plan.topologies, [topology("a-1", &[])]);
        assert_eq!(plan.broken, [topology("b-2", &["b-2-stormjar.jar"])]);
        assert!(plan.way.is_clear() && plan.living.is_empty());
    }

    #[test]
    fn what_an_earlier_run_has_done_is_not_in_the_way() {
        let plan =
            decide(&manifest(), &there(&["a-1"], &[("a-1-stormjar.jar", Held::Half), ("words.txt", Held::Same)]));
        assert_eq!((plan.create, plan.same), (vec!["a-1-stormjar.jar".to_owned()], vec!["words.txt".to_owned()]));
        assert_eq!((plan.living.len(), plan.topologies.len()), (1, 0));
        assert!(plan.way.is_clear());
    }

    #[test]
    fn what_would_be_lost_is_in_the_way() {
        let there = there(&["a-1", "c-3"], &[("c-3-stormjar.jar", Held::Other), ("words.txt", Held::Other)]);
        let way = decide(&manifest(), &there).way;
        let lines = ["kill the topology c-3", "delete the blob c-3-stormjar.jar", "write over the blob words.txt"];
        assert_eq!(way.lines(), lines);
        assert!(!way.is_clear());
    }
}
