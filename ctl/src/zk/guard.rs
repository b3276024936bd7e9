//! What must not be changed while it would break something that lives. Only decisions: the caller asks ZooKeeper.

use std::collections::BTreeSet;

/// Directories below Storm's root whose children belong to one topology each, and which its workers cannot do without.
const VITAL: [&str; 3] = ["storms", "assignments", "credentials"];
/// Blobs of a topology: its id, then one of these.
const BLOBS: [&str; 3] = ["-stormjar.jar", "-stormcode.ser", "-stormconf.ser"];

/// Why a change is dangerous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Danger {
    /// It takes away what these topologies run by.
    Topologies(Vec<String>),
    /// It takes away a directory of Storm's while topologies live.
    Directory(Vec<String>),
    /// The node belongs to a session that lives: a Nimbus, a supervisor, a worker.
    Owned { path: String, session: String },
    /// ZooKeeper's own.
    ZooKeeper,
}

/// The danger of changing (or, `recursive`, removing with everything below) the node at `path`, when these
/// topologies live.
pub fn danger(root: &str, path: &str, recursive: bool, live: &BTreeSet<String>) -> Option<Danger> {
    if is_below("/zookeeper", path) {
        return Some(Danger::ZooKeeper);
    }
    let all = || live.iter().cloned().collect::<Vec<_>>();
    let storm = if root.is_empty() { "/" } else { root };
    let above = path != storm && is_below(path, storm);
    if live.is_empty() || !(is_below(storm, path) || above && recursive) {
        return None;
    }
    let below: Vec<&str> = path.strip_prefix(root).unwrap_or_default().split('/').filter(|n| !n.is_empty()).collect();
    match below[..] {
        // The root itself, or what holds it.
        [] => Some(Danger::Topologies(all())),
        [_] => Some(Danger::Directory(all())),
        [dir, id] if VITAL.contains(&dir) && live.contains(id) => Some(Danger::Topologies(vec![id.to_owned()])),
        ["blobstore" | "blobstoremaxkeysequencenumber", key, ..] => {
            let id = BLOBS.iter().find_map(|end| key.strip_suffix(end)).filter(|id| live.contains(*id));
            id.map(|id| Danger::Topologies(vec![id.to_owned()]))
        }
        // Worker tokens: without the key its workers are nobody.
        ["secretkeys", _] if recursive => Some(Danger::Topologies(all())),
        ["secretkeys", _, id, ..] if live.contains(id) => Some(Danger::Topologies(vec![id.to_owned()])),
        _ => None,
    }
}

/// Whether `path` is `dir` or below it.
fn is_below(dir: &str, path: &str) -> bool {
    dir == "/" || path == dir || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

impl Danger {
    pub fn code(&self) -> &'static str {
        match self {
            Danger::Topologies(_) => "zk/breaks-topology",
            Danger::Directory(_) => "zk/breaks-storm",
            Danger::Owned { .. } => "zk/owned",
            Danger::ZooKeeper => "zk/own-tree",
        }
    }

    pub fn reason(&self) -> String {
        match self {
            Danger::Topologies(ids) => format!("{} would break", names(ids)),
            Danger::Directory(ids) => format!("Storm keeps its state here, and {} lives on it", names(ids)),
            Danger::Owned { path, session } => {
                format!("{path} is ephemeral: it belongs to a process that lives (session {session})")
            }
            Danger::ZooKeeper => "this is ZooKeeper's own".to_owned(),
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Danger::Topologies(ids) | Danger::Directory(ids) => {
                format!("stormctl kill {}      first, or say --force", ids.join(" "))
            }
            Danger::Owned { .. } => "stop that process, or say --force".to_owned(),
            Danger::ZooKeeper => "say --force if you mean it".to_owned(),
        }
    }
}

fn names(ids: &[String]) -> String {
    match ids {
        [one] => format!("the topology {one}"),
        [first, rest @ ..] if rest.len() > 2 => format!("the topology {first} and {} others", rest.len()),
        many => format!("the topologies {}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Option<&'static str> {
        let live = BTreeSet::from(["wc-1-2".to_owned()]);
        danger("/storm", path, true, &live).map(|d| d.code())
    }

    #[test]
    fn what_a_living_topology_needs_is_guarded() {
        for path in [
            "/",
            "/storm",
            "/storm/storms/wc-1-2",
            "/storm/assignments/wc-1-2",
            "/storm/credentials/wc-1-2",
            "/storm/blobstore/wc-1-2-stormcode.ser",
            "/storm/blobstore/wc-1-2-stormjar.jar/n:6627:0-1",
            "/storm/blobstoremaxkeysequencenumber/wc-1-2-stormconf.ser",
            "/storm/secretkeys/NIMBUS",
            "/storm/secretkeys/NIMBUS/wc-1-2/1",
        ] {
            assert_eq!(at(path), Some("zk/breaks-topology"), "{path}");
        }
        for path in ["/storm/errors", "/storm/storms", "/storm/supervisors"] {
            assert_eq!(at(path), Some("zk/breaks-storm"), "{path}");
        }
        assert_eq!(at("/zookeeper/quota"), Some("zk/own-tree"));
    }

    #[test]
    fn the_rest_is_not() {
        for path in [
            "/other",
            "/stormy/storms/wc-1-2",
            "/storm/storms/gone-1-2",
            "/storm/assignments/wc-1-22",
            "/storm/errors/wc-1-2/split",
            "/storm/workerbeats/wc-1-2/s-6700",
            "/storm/blobstore/dep-1.jar",
            "/storm/logconfigs/wc-1-2",
        ] {
            assert_eq!(at(path), None, "{path}");
        }
        assert_eq!(danger("/storm", "/storm", true, &BTreeSet::new()), None);
        let live = BTreeSet::from(["wc-1-2".to_owned()]);
        assert_eq!(danger("", "/storms/wc-1-2", false, &live), Some(Danger::Topologies(vec!["wc-1-2".into()])));
        assert_eq!(danger("", "/", false, &live).map(|d| d.code()), Some("zk/breaks-topology"));
        assert_eq!(danger("/a/b", "/a", true, &live).map(|d| d.code()), Some("zk/breaks-topology"));
        assert_eq!(danger("/a/b", "/a", false, &live), None);
    }
}
