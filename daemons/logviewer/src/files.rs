//! Which logs there are.

use crate::root::{Denied, Entry, Root};

/// A folder of a worker's logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub topology: String,
    pub port: String,
}

impl Slot {
    /// The name of one of its files, as requests have it.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.topology, self.port)
    }
}

fn folders(root: &Root, below: &[&str]) -> Result<Vec<String>, Denied> {
    match root.list(below) {
        Ok(entries) => Ok(entries.into_iter().filter(|e| e.is_dir).map(|e| e.name).collect()),
        // No worker has run here yet, or it has been cleaned up.
        Err(Denied::NotFound) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// The folders of workers, of one topology or port or of all.
pub fn slots(root: &Root, topology: Option<&str>, port: Option<&str>) -> Result<Vec<Slot>, Denied> {
    let mut found = Vec::new();
    let topologies = match topology {
        Some(id) => vec![id.to_owned()],
        None => folders(root, &[])?,
    };
    for id in topologies {
        let ports = folders(root, &[&id])?;
        let wanted = ports.into_iter().filter(|p| port.is_none_or(|wanted| wanted == p));
        found.extend(wanted.map(|port| Slot { topology: id.clone(), port }));
    }
    Ok(found)
}

/// The files in the folder of a worker.
pub fn of_slot(root: &Root, slot: &Slot) -> Result<Vec<Entry>, Denied> {
    match root.list(&[&slot.topology, &slot.port]) {
        Ok(entries) => Ok(entries.into_iter().filter(|e| !e.is_dir).collect()),
        Err(Denied::NotFound) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// The names of all logs of workers, sorted.
pub fn names(root: &Root, topology: Option<&str>, port: Option<&str>) -> Result<Vec<String>, Denied> {
    let mut names = Vec::new();
    for slot in slots(root, topology, port)? {
        names.extend(of_slot(root, &slot)?.iter().map(|file| slot.file(&file.name)));
    }
    names.sort();
    Ok(names)
}

/// A worker's `worker.log` and its older parts, youngest first.
pub fn worker_logs(root: &Root, slot: &Slot) -> Result<Vec<Entry>, Denied> {
    let mut logs = of_slot(root, slot)?;
    logs.retain(|file| file.name.starts_with("worker.log"));
    logs.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.name.cmp(&b.name)));
    Ok(logs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn logs_are_listed_by_topology_and_port() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path().join("artifacts"));
        assert_eq!(names(&root, None, None).unwrap(), Vec::<String>::new());
        for file in ["wc-1-2/6700/worker.log", "wc-1-2/6701/worker.log", "wc-1-2/6701/gc.log", "ab-1-2/6700/worker.log"]
        {
            let path = dir.path().join("artifacts").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        assert_eq!(names(&root, Some("wc-1-2"), None).unwrap().len(), 3);
        assert_eq!(names(&root, None, Some("6700")).unwrap(), ["ab-1-2/6700/worker.log", "wc-1-2/6700/worker.log"]);
        assert_eq!(names(&root, Some(".."), None).unwrap(), Vec::<String>::new());
        let slot = Slot { topology: "wc-1-2".into(), port: "6701".into() };
        assert_eq!(worker_logs(&root, &slot).unwrap().len(), 1);
    }
}
