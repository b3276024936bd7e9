//! The folders of one worker, as its supervisor has made them.

use std::fs;
use std::path::{Path, PathBuf};

use storm_conf::Conf;

use crate::{WorkerArgs, WorkerError};

#[derive(Debug, Clone)]
pub(crate) struct Dirs {
    stormdist: PathBuf,
    worker: PathBuf,
    artifacts: PathBuf,
}

impl Dirs {
    /// From the host's own configuration: the topology's has no say in where things are.
    pub fn new(host: &Conf, args: &WorkerArgs) -> Dirs {
        let local = host.local_dir();
        Dirs {
            stormdist: local.join("supervisor").join("stormdist").join(storm_zk::encode_component(&args.topology_id)),
            worker: local.join("workers").join(&args.worker_id),
            artifacts: host.artifacts_dir().join(&args.topology_id).join(args.port.to_string()),
        }
    }

    pub fn conf_file(&self) -> PathBuf {
        self.stormdist.join("stormconf.ser")
    }

    pub fn code_file(&self) -> PathBuf {
        self.stormdist.join("stormcode.ser")
    }

    pub fn resources(&self) -> PathBuf {
        self.stormdist.join("resources")
    }

    pub fn pids(&self) -> PathBuf {
        self.worker.join("pids")
    }

    pub fn heartbeats(&self) -> PathBuf {
        self.worker.join("heartbeats")
    }

    pub fn log(&self) -> PathBuf {
        self.artifacts.join("worker.log")
    }

    /// Tells the supervisor, and whoever profiles, which process this is.
    pub fn write_pid(&self, pid: u32) -> Result<(), WorkerError> {
        let pids = self.pids();
        make(&pids)?;
        write(&pids.join(pid.to_string()), "")?;
        make(&self.artifacts)?;
        write(&self.artifacts.join("worker.pid"), &pid.to_string())
    }
}

pub(crate) fn make(dir: &Path) -> Result<(), WorkerError> {
    fs::create_dir_all(dir).map_err(|source| WorkerError::Io { doing: "make the folder", path: dir.to_owned(), source })
}

fn write(path: &Path, text: &str) -> Result<(), WorkerError> {
    fs::write(path, text).map_err(|source| WorkerError::Io { doing: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_those_of_storm() {
        let mut host = Conf::default();
        host.set("storm.home", "/h");
        let args = WorkerArgs::parse(&["word count-1-1", "s", "1", "6700", "w"]).unwrap();
        let dirs = Dirs::new(&host, &args);
        assert_eq!(dirs.code_file(), Path::new("/h/storm-local/supervisor/stormdist/word+count-1-1/stormcode.ser"));
        assert_eq!(dirs.heartbeats(), Path::new("/h/storm-local/workers/w/heartbeats"));
        assert_eq!(dirs.log(), Path::new("/h/logs/workers-artifacts/word count-1-1/6700/worker.log"));
    }

    #[test]
    fn pids_are_written_where_a_supervisor_looks() {
        let home = tempfile::tempdir().unwrap();
        let mut host = Conf::default();
        host.set("storm.home", home.path().to_str().unwrap());
        let dirs = Dirs::new(&host, &WorkerArgs::parse(&["t-1-1", "s", "1", "6700", "w"]).unwrap());
        dirs.write_pid(4711).unwrap();
        assert!(home.path().join("storm-local/workers/w/pids/4711").is_file());
        let file = home.path().join("logs/workers-artifacts/t-1-1/6700/worker.pid");
        assert_eq!(fs::read_to_string(file).unwrap(), "4711");
    }
}
