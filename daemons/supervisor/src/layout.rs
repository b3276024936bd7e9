//! Where a supervisor keeps what: Storm's local directories.

use std::path::{Path, PathBuf};

use storm_conf::Conf;

/// The folders of one supervisor, all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// `storm.local.dir`.
    local: PathBuf,
    /// `storm.workers.artifacts.dir`.
    artifacts: PathBuf,
}

impl Layout {
    pub fn of(conf: &Conf) -> std::io::Result<Layout> {
        Ok(Layout {
            local: std::path::absolute(conf.local_dir())?,
            artifacts: std::path::absolute(conf.artifacts_dir())?,
        })
    }

    pub fn local(&self) -> &Path {
        &self.local
    }

    pub fn supervisor(&self) -> PathBuf {
        self.local.join("supervisor")
    }

    pub fn local_state(&self) -> PathBuf {
        self.supervisor().join("localstate")
    }

    pub fn identity(&self) -> PathBuf {
        self.supervisor().join("isupervisor")
    }

    /// Emptied at each start.
    pub fn scratch(&self) -> PathBuf {
        self.supervisor().join("tmp")
    }

    pub fn stormdist_root(&self) -> PathBuf {
        self.supervisor().join("stormdist")
    }

    pub fn stormdist(&self, topology_id: &str) -> Stormdist {
        Stormdist(self.stormdist_root().join(url_encode(topology_id)))
    }

    /// Blobs of one user that are shared by topologies.
    pub fn file_cache(&self, user: &str) -> PathBuf {
        self.supervisor().join("usercache").join(url_encode(user)).join("filecache")
    }

    pub fn workers(&self) -> PathBuf {
        self.local.join("workers")
    }

    pub fn worker(&self, worker_id: &str) -> WorkerDir {
        WorkerDir(self.workers().join(worker_id))
    }

    /// The file that names the user of a worker.
    pub fn worker_user(&self, worker_id: &str) -> PathBuf {
        self.local.join("workers-users").join(worker_id)
    }

    pub fn artifacts_root(&self) -> &Path {
        &self.artifacts
    }

    /// Logs and other traces of the workers that ran for a topology on a port.
    pub fn artifacts(&self, topology_id: &str, port: u16) -> PathBuf {
        self.artifacts.join(topology_id).join(port.to_string())
    }
}

/// The files of a topology on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stormdist(PathBuf);

impl Stormdist {
    pub fn root(&self) -> &Path {
        &self.0
    }

    pub fn jar(&self) -> PathBuf {
        self.0.join("stormjar.jar")
    }

    pub fn code(&self) -> PathBuf {
        self.0.join("stormcode.ser")
    }

    pub fn conf(&self) -> PathBuf {
        self.0.join("stormconf.ser")
    }

    pub fn resources(&self) -> PathBuf {
        self.0.join("resources")
    }

    pub fn shared_by_topology(&self) -> PathBuf {
        self.0.join("shared_by_topology")
    }
}

/// The folder of a worker, in which its process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerDir(PathBuf);

impl WorkerDir {
    pub fn root(&self) -> &Path {
        &self.0
    }

    pub fn pids(&self) -> PathBuf {
        self.0.join("pids")
    }

    pub fn heartbeats(&self) -> PathBuf {
        self.0.join("heartbeats")
    }

    pub fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    pub fn conf(&self) -> PathBuf {
        self.0.join("worker-conf.json")
    }
}

/// As Java's `URLEncoder` in UTF-8, which names the folders of topologies.
pub fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(b as char),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    // Java leaves these as they are; as a folder they would be another one.
    if out == "." || out == ".." { out.replace('.', "%2E") } else { out }
}

/// Whether a worker id, topology id or blob key may become part of a path: no separator, not a way up.
pub fn is_file_name(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && text.len() <= 255 && !text.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_java_does() {
        assert_eq!(url_encode("word count-1-1700000000"), "word+count-1-1700000000");
        assert_eq!(url_encode("a/b~ä*"), "a%2Fb%7E%C3%A4*");
        assert_eq!(url_encode(".."), "%2E%2E");
    }

    #[test]
    fn a_way_out_of_the_folder_is_no_file_name() {
        for bad in ["", ".", "..", "a/b", "/etc", "a\0b"] {
            assert!(!is_file_name(bad), "{bad:?}");
        }
        assert!(is_file_name("wc-1-1700000000"));
    }

    #[test]
    fn relative_folders_are_under_the_home() {
        let mut conf = Conf::default();
        conf.set("storm.home", "/h");
        let layout = Layout::of(&conf).unwrap();
        assert_eq!(layout.stormdist("t").jar(), Path::new("/h/storm-local/supervisor/stormdist/t/stormjar.jar"));
        assert_eq!(layout.artifacts("t", 6700), Path::new("/h/logs/workers-artifacts/t/6700"));
        assert_eq!(layout.worker("w").heartbeats(), Path::new("/h/storm-local/workers/w/heartbeats"));
    }
}
