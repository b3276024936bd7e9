//! What the rules may know of the machine and of the files around: facts, found by somebody else.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A machine as the rules see it. What is unknown is not judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// The home of the installation, which relative folders are below.
    pub home: Option<PathBuf>,
    pub environment: BTreeMap<String, String>,
    /// Ports that the kernel gives to outgoing connections.
    pub ephemeral_ports: Option<RangeInclusive<u16>>,
    /// Ports that it keeps out of that.
    pub reserved_ports: Vec<RangeInclusive<u16>>,
    /// What all processes together may use.
    pub memory_mb: Option<u64>,
    /// Folders whose content does not outlive a restart of the machine.
    pub memory_folders: Vec<PathBuf>,
    /// What the file `myid` says, by its folder; `None` in it when there is no such file.
    pub myid: BTreeMap<PathBuf, Option<String>>,
}

impl Host {
    /// A path as the daemons of this machine understand it.
    pub fn resolve(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        if path.is_absolute() { Some(path.to_owned()) } else { Some(self.home.as_ref()?.join(path)) }
    }

    /// Whether something of the system empties this folder.
    pub fn is_temporary(&self, path: &Path) -> bool {
        let known = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run"].iter().any(|t| path.starts_with(t));
        known || self.memory_folders.iter().any(|t| path.starts_with(t))
    }
}
