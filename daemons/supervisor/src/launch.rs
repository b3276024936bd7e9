//! Starts the process of a worker: its folder, its logs, its own process group.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use serde_json::{Map, Value};
use tokio::process::{Child, Command};

use crate::command::LaunchCommand;
use crate::layout::{Layout, Stormdist, WorkerDir};
use crate::topology_files::TopologyFiles;
use crate::user_blobs::{UserBlobError, Wanted, relink};

/// A log of the process's own output beyond this size starts anew with the next worker.
const ROLL_BYTES: u64 = 16 << 20;
/// Another thread may fork while we still write the program: its copy of the open file makes the kernel refuse for a moment.
const BUSY_TRIES: usize = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot execute {program}: {source}")]
    Execute { program: PathBuf, source: io::Error },
    #[error(transparent)]
    Link(#[from] UserBlobError),
}

/// Who the worker is.
#[derive(Debug)]
pub struct WorkerPlace<'a> {
    pub layout: &'a Layout,
    pub worker_id: &'a str,
    pub topology_id: &'a str,
    pub port: u16,
    /// The host's configuration as JSON, for the worker to load.
    pub host_conf: &'a str,
    pub conf: &'a storm_conf::Conf,
    pub files: &'a TopologyFiles,
    pub links: &'a [Wanted],
}

impl WorkerPlace<'_> {
    fn dir(&self) -> WorkerDir {
        self.layout.worker(self.worker_id)
    }

    fn dist(&self) -> Stormdist {
        self.layout.stormdist(self.topology_id)
    }

    /// Everything that must exist before the process does, in Storm's order.
    pub fn prepare(&self) -> Result<(), LaunchError> {
        let (dir, dist) = (self.dir(), self.dist());
        for folder in [dir.pids(), dir.tmp(), dir.heartbeats()] {
            fs::create_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
        }
        let artifacts = self.layout.artifacts(self.topology_id, self.port);
        fs::create_dir_all(&artifacts).map_err(io_error("make the folder", &artifacts))?;
        write(&artifacts.join("worker.yaml"), &self.log_metadata())?;
        let user = self.layout.worker_user(self.worker_id);
        if let Some(parent) = user.parent() {
            fs::create_dir_all(parent).map_err(io_error("make the folder", parent))?;
        }
        write(&user, self.submitter())?;
        if self.conf.bool("storm.disable.symlinks") != Some(true) {
            relink(&artifacts, &dir.root().join("artifacts"))?;
            if dist.resources().is_dir() {
                relink(&dist.resources(), &dir.root().join("resources"))?;
            }
            for blob in self.links {
                relink(&dist.root().join(&blob.local_name), &dir.root().join(&blob.local_name))?;
            }
        }
        write(&dir.conf(), self.host_conf)
    }

    fn submitter(&self) -> &str {
        self.files.conf.get("topology.submitter.user").and_then(Value::as_str).unwrap_or_default()
    }

    /// `worker.yaml`, by which the log viewer knows who may see the logs; JSON is YAML.
    fn log_metadata(&self) -> String {
        let both = |keys: [&str; 2]| -> Value {
            let lists = keys.iter().filter_map(|k| self.files.conf.get(*k)?.as_array());
            let mut all: Vec<Value> = lists.flatten().cloned().collect();
            all.dedup();
            Value::Array(all)
        };
        let mut yaml = Map::new();
        yaml.insert("topology.submitter.user".to_owned(), self.submitter().into());
        yaml.insert("worker-id".to_owned(), self.worker_id.into());
        yaml.insert("logs.groups".to_owned(), both(["logs.groups", "topology.groups"]));
        yaml.insert("logs.users".to_owned(), both(["logs.users", "topology.users"]));
        let own = self.files.worker_timeout_ms() / 1000;
        if own > 0 {
            let host = self.conf.int("supervisor.worker.timeout.secs").unwrap_or(30);
            let secs = i64::try_from(own).unwrap_or(host).max(host);
            yaml.insert("topology.worker.timeout.secs".to_owned(), secs.into());
        }
        let lines = yaml.iter().map(|(key, value)| format!("{key}: {value}\n"));
        lines.collect()
    }

    /// Starts the process. Must be called within a tokio runtime.
    pub fn start(&self, command: &LaunchCommand) -> Result<Child, LaunchError> {
        let dir = self.dir();
        let artifacts = self.layout.artifacts(self.topology_id, self.port);
        let out = log_file(&artifacts.join("worker.log.out"))?;
        let err = if command.own_error_log {
            out.try_clone().map_err(io_error("open", &artifacts))?
        } else {
            log_file(&artifacts.join("worker.log.err"))?
        };
        make_executable(&command.program);
        let mut process = Command::new(&command.program);
        if let Some(name) = &command.arg0 {
            process.arg0(name);
        }
        process
            .args(&command.args)
            .envs(&command.env)
            .current_dir(dir.root())
            .stdin(Stdio::null())
            // Files, not pipes: the worker outlives the supervisor.
            .stdout(out)
            .stderr(err)
            // A group of its own: no signal from our terminal reaches it, and all of it can be killed at once.
            .process_group(0);
        let child = spawn(&mut process, &command.program)?;
        if let Some(pid) = child.id() {
            let file = dir.pids().join(pid.to_string());
            // The worker makes this file itself. Until then this one says whom to kill.
            if let Err(e) = File::create(&file) {
                tracing::warn!("cannot write {}: {e}", file.display());
            }
        }
        Ok(child)
    }
}

/// A jar that was not packed on Unix does not say that its program is one.
fn make_executable(program: &Path) {
    let Ok(meta) = fs::metadata(program) else { return };
    let mode = meta.permissions().mode();
    if meta.is_file()
        && mode & 0o111 == 0
        && let Err(e) = fs::set_permissions(program, fs::Permissions::from_mode(mode | 0o755))
    {
        tracing::warn!("cannot make {} executable: {e}", program.display());
    }
}

fn spawn(process: &mut Command, program: &Path) -> Result<Child, LaunchError> {
    for _ in 0..BUSY_TRIES {
        match process.spawn() {
            Err(e) if Errno::from_io_error(&e) == Some(Errno::TXTBSY) => std::thread::sleep(BUSY_PAUSE),
            other => return other.map_err(|source| LaunchError::Execute { program: program.to_owned(), source }),
        }
    }
    let source = io::Error::from(Errno::TXTBSY);
    Err(LaunchError::Execute { program: program.to_owned(), source })
}

/// Opened for appending; one older file is kept.
fn log_file(path: &Path) -> Result<File, LaunchError> {
    if fs::metadata(path).is_ok_and(|m| m.len() > ROLL_BYTES) {
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(path, &old).map_err(io_error("roll", path))?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(io_error("open", path))
}

/// The last lines of a log, of what was written from `from` on: before that is the work of earlier workers.
pub fn last_lines(path: &Path, from: u64) -> Option<String> {
    use std::io::{Read, Seek, SeekFrom};
    const BYTES: u64 = 2048;
    const LINES: usize = 5;
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(BYTES).max(from))).ok()?;
    let mut tail = Vec::new();
    file.take(BYTES).read_to_end(&mut tail).ok()?;
    let text = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

fn write(path: &Path, text: &str) -> Result<(), LaunchError> {
    fs::write(path, text).map_err(io_error("write", path))
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LaunchError {
    let path = path.to_owned();
    move |source| LaunchError::Io { doing, path, source }
}
