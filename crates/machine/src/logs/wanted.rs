//! Whose logs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::error::LogError;
use super::merge::Merge;
use super::source::Source;

/// Where logs are on this machine.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The daemons, each with its log.
    pub daemons: Vec<(String, PathBuf)>,
    /// The folder of the workers' logs, by topology and slot.
    pub artifacts: PathBuf,
}

#[derive(Debug, Clone)]
pub enum Wanted {
    Daemon {
        name: String,
        path: PathBuf,
    },
    /// The folder of a topology, which may hold only some slots of interest.
    Topology {
        root: PathBuf,
        id: String,
        slots: Option<BTreeSet<String>>,
    },
}

impl Place {
    /// The logs of a daemon, or of the youngest topology of that name.
    pub fn find(&self, name: &str, slots: Option<BTreeSet<String>>) -> Result<Wanted, LogError> {
        if let Some((name, path)) = self.daemons.iter().find(|(daemon, _)| daemon == name) {
            return Ok(Wanted::Daemon { name: name.clone(), path: path.clone() });
        }
        match newest(&self.artifacts, name) {
            Some(id) => Ok(Wanted::Topology { root: self.artifacts.clone(), id, slots }),
            None => Err(LogError::NoTopology { name: name.to_owned(), root: self.artifacts.clone() }),
        }
    }
}

impl Wanted {
    /// Adds the logs that are there and are not read yet.
    pub(super) fn add_new(&self, merge: &mut Merge, since: Option<SystemTime>, offset: i64) {
        match self {
            Wanted::Daemon { name, path } => {
                if path.is_file() && !merge.has(name) {
                    merge.add(Source::new(name, path.clone(), since, offset));
                }
            }
            Wanted::Topology { root, id, slots } => {
                let mut found: Vec<(String, PathBuf)> = Vec::new();
                for port in fs::read_dir(root.join(id)).into_iter().flatten().flatten() {
                    let (label, path) =
                        (port.file_name().to_string_lossy().into_owned(), port.path().join("worker.log"));
                    let wanted = slots.as_ref().is_none_or(|slots| slots.contains(&label));
                    if wanted && !merge.has(&label) && path.is_file() {
                        found.push((label, path));
                    }
                }
                found.sort();
                for (label, path) in found {
                    merge.add(Source::new(&label, path, since, offset));
                }
            }
        }
    }

    /// What is wrong when no log is there.
    pub(super) fn nothing(&self) -> LogError {
        match self {
            Wanted::Daemon { name, path } => LogError::NoDaemon { name: name.clone(), path: path.clone() },
            Wanted::Topology { id, root, slots: None } => LogError::Silent { id: id.clone(), folder: root.join(id) },
            Wanted::Topology { id, root, .. } => LogError::NoSlot { id: id.clone(), folder: root.join(id) },
        }
    }
}

/// The folder of the topology with this id, else of the youngest with this name (`NAME-NUMBER-SECONDS`).
fn newest(root: &Path, name: &str) -> Option<String> {
    let mut youngest: Option<(u64, String)> = None;
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if id == name {
            return Some(id);
        }
        let mut parts = id.rsplitn(3, '-');
        let (secs, number, own) = (parts.next(), parts.next(), parts.next());
        let (Some(secs), Some(_)) = (secs.and_then(|s| s.parse().ok()), number.and_then(|n| n.parse::<u64>().ok()))
        else {
            continue;
        };
        if own == Some(name) && youngest.as_ref().is_none_or(|(other, _)| secs > *other) {
            youngest = Some((secs, id));
        }
    }
    youngest.map(|(_, id)| id)
}

/// By how much local time is ahead of UTC. The machine's own `date` knows; where there is none, nothing says so.
pub fn local_offset_secs() -> i64 {
    let said = Command::new("date").arg("+%z").output().ok();
    said.and_then(|out| offset(String::from_utf8_lossy(&out.stdout).trim())).unwrap_or(0)
}

/// `+0530`
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let number = |at: std::ops::Range<usize>| digits.get(at)?.parse::<i64>().ok();
    let secs = number(0..2)? * 3600 + number(2..4)? * 60;
    match sign {
        "+" => Some(secs),
        "-" => Some(-secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_youngest_topology() {
        let dir = tempfile::tempdir().unwrap();
        for id in ["wc-1-100", "wc-2-200", "wc-x-9-300", "wc-2-old"] {
            fs::create_dir(dir.path().join(id)).unwrap();
        }
        assert_eq!(newest(dir.path(), "wc").as_deref(), Some("wc-2-200"));
        assert_eq!(newest(dir.path(), "wc-x").as_deref(), Some("wc-x-9-300"));
        assert_eq!(newest(dir.path(), "wc-1-100").as_deref(), Some("wc-1-100"));
        assert_eq!(newest(dir.path(), "w"), None);
        let place = Place { daemons: vec![("nimbus".into(), "/n".into())], artifacts: dir.path().into() };
        assert!(matches!(place.find("nimbus", None), Ok(Wanted::Daemon { .. })));
        assert!(matches!(place.find("../wc-1-100", None), Err(LogError::NoTopology { .. })));
    }

    #[test]
    fn offsets_are_those_of_date() {
        assert_eq!((offset("+0530"), offset("-0100"), offset("UTC")), (Some(19_800), Some(-3600), None));
    }
}
