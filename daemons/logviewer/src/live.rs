//! Which workers of this host live. Every sign of life counts.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::Slot;

/// What was seen at one moment.
#[derive(Debug, Default)]
pub struct Living {
    /// Topology and port of processes.
    slots: BTreeSet<(String, String)>,
    /// Ids for which the supervisor still has a folder.
    ids: BTreeSet<String>,
    /// The folders of logs that those have.
    folders: BTreeSet<PathBuf>,
}

impl Living {
    /// Looks at the processes, and at the supervisor's folders. Where those cannot be read, nobody knows who is dead.
    pub fn look(workers_dir: &Path) -> io::Result<Living> {
        let mut living = Living::default();
        for seen in storm_machine::jps::list(&std::env::temp_dir(), false) {
            if let Some(slot) = seen.slot
                && let Some(port) = slot.port
            {
                living.slots.insert((slot.topology, port.to_string()));
            }
        }
        let entries = match fs::read_dir(workers_dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(living),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            if let Ok(folder) = fs::canonicalize(entry.path().join("artifacts")) {
                living.folders.insert(folder);
            }
            living.ids.extend(entry.file_name().into_string().ok());
        }
        Ok(living)
    }

    /// Whether the worker of a folder of logs lives; `root` is where the folder is.
    pub fn has(&self, slot: &Slot, root: &Path) -> bool {
        let folder = root.join(&slot.topology).join(&slot.port);
        self.slots.contains(&(slot.topology.clone(), slot.port.clone()))
            || fs::canonicalize(&folder).is_ok_and(|folder| self.folders.contains(&folder))
            || worker_id(&folder.join("worker.yaml")).is_some_and(|id| self.ids.contains(&id))
    }
}

/// The worker that the logs' description names; a description that cannot be read names nobody, and hides no other sign.
fn worker_id(description: &Path) -> Option<String> {
    let text = fs::read_to_string(description).ok()?;
    let map: serde_json::Map<String, serde_json::Value> = serde_yaml::from_str(&text).ok()?;
    map.get("worker-id")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_sign_of_life_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (workers, logs) = (dir.path().join("workers"), dir.path().join("logs"));
        for port in ["1", "2", "3"] {
            fs::create_dir_all(logs.join("t").join(port)).unwrap();
        }
        fs::create_dir_all(workers.join("a")).unwrap();
        fs::create_dir_all(workers.join("b")).unwrap();
        symlink(logs.join("t/1"), workers.join("a/artifacts")).unwrap();
        fs::write(logs.join("t/2/worker.yaml"), "worker-id: b\nlogs.users: []\n").unwrap();
        fs::write(logs.join("t/3/worker.yaml"), "worker-id: [").unwrap();
        let has = |living: &Living, port: &str| living.has(&Slot { topology: "t".into(), port: port.into() }, &logs);
        let mut living = Living::look(&workers).unwrap();
        assert_eq!((has(&living, "1"), has(&living, "2"), has(&living, "3")), (true, true, false));
        living.slots.insert(("t".into(), "3".into()));
        assert!(has(&living, "3"));
        let nobody = Living::look(&dir.path().join("none")).unwrap();
        assert!(!has(&nobody, "1") && !has(&nobody, "2"));
        assert!(Living::look(&logs.join("t/2/worker.yaml")).is_err());
    }
}
