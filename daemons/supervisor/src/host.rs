//! What the slots of a supervisor share, and the effects that they order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use serde_json::{Map, Value};
use storm_conf::Conf;
use storm_thrift::local_state::{LocalStateError, keys, peek};
use storm_thrift::types::{LSWorkerHeartbeat, LocalAssignment};
use tokio::process::Child;
use tokio::sync::Notify;

use crate::blobs::BlobSource;
use crate::clock::Clock;
use crate::command::{CommandError, LaunchInputs, command};
use crate::error::SupervisorError;
use crate::launch::{LaunchError, WorkerPlace};
use crate::layout::{Layout, is_file_name};
use crate::localizer::{LocalizeError, Localizer};
use crate::ports;
use crate::processes;
use crate::record::Record;
use crate::slot::{Millis, Timeouts};
use crate::topology_files::{TopologyFileError, TopologyFiles};
use crate::troubles::Troubles;

const PORT_TRIES: usize = 20;
const PORT_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    #[error(transparent)]
    Localize(#[from] LocalizeError),
    #[error(transparent)]
    Files(#[from] TopologyFileError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Record(#[from] LocalStateError),
    #[error("port {port} is held by {holder}: stop that, or take the port out of supervisor.slots.ports")]
    PortTaken { port: u16, holder: ports::Holder },
    #[error("cannot remove {path}: {source}")]
    Remove { path: PathBuf, source: io::Error },
    #[error("it was interrupted")]
    Interrupted,
}

/// A worker that has just been started.
#[derive(Debug)]
pub struct Launched {
    pub child: Child,
    pub pid: i32,
    /// Where its part of `worker.log.err` begins.
    pub errors_from: u64,
}

#[derive(Debug)]
pub struct Host<S> {
    pub conf: Conf,
    pub layout: Layout,
    pub supervisor_id: String,
    pub supervisor_port: u16,
    /// Our own program.
    pub stormctl: PathBuf,
    pub environment: BTreeMap<String, String>,
    /// The host's configuration as JSON, as workers get it.
    pub worker_conf: String,
    pub clock: Clock,
    pub timeouts: Timeouts,
    pub localizer: Localizer<S>,
    pub record: Mutex<Record>,
    /// The newest heartbeat of the worker on each port.
    pub beats: Mutex<BTreeMap<u16, LSWorkerHeartbeat>>,
    /// A worker has come to life: Nimbus is to know at once.
    pub first_beat: Notify,
    pub troubles: Troubles,
}

/// Who this supervisor is, and what program it is.
#[derive(Debug, Clone)]
pub struct Identity {
    pub supervisor_id: String,
    /// Where its thrift service listens.
    pub port: u16,
    pub stormctl: PathBuf,
}

/// Locks what is whole whenever it is unlocked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time that the configuration gives in seconds.
pub(crate) fn millis(conf: &Conf, key: &str, default_secs: u64) -> Millis {
    conf.float(key).map_or(default_secs * 1000, |secs| (secs.max(0.0) * 1000.0) as Millis)
}

/// What of the host's configuration is not Storm's default.
fn worker_conf(conf: &Conf) -> String {
    let defaults = Conf::defaults();
    let own = conf.map().iter().filter(|(key, value)| defaults.map().get(*key) != Some(*value));
    let own: Map<String, Value> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    Value::Object(own).to_string()
}

impl<S: BlobSource> Host<S> {
    /// Opens what is on disk; broken state is set aside and reported in the log.
    pub fn new(conf: Conf, identity: Identity, source: S) -> Result<Host<S>, SupervisorError> {
        let layout = Layout::of(&conf).map_err(SupervisorError::io("find", &conf.local_dir()))?;
        let scratch = layout.scratch();
        fs::create_dir_all(&scratch).map_err(SupervisorError::io("make the folder", &scratch))?;
        let record = Record::open(&layout.local_state())?;
        for lost in record.lost() {
            tracing::error!("assignments and workers of this supervisor: {lost}");
        }
        let retries = conf.int("supervisor.blobstore.download.max_retries").unwrap_or(3).clamp(0, 100) as u32;
        let cache_mb = conf.int("supervisor.localizer.cache.target.size.mb").unwrap_or(10_240).max(0) as u64;
        let environment = std::env::vars_os();
        let environment =
            environment.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Host {
            localizer: Localizer::new(layout.clone(), source, retries, cache_mb << 20),
            timeouts: Timeouts {
                worker: millis(&conf, "supervisor.worker.timeout.secs", 30),
                first_heartbeat: millis(&conf, "supervisor.worker.start.timeout.secs", 120),
                kill: millis(&conf, "supervisor.worker.shutdown.sleep.secs", 3),
            },
            worker_conf: worker_conf(&conf),
            environment: environment.collect(),
            conf,
            layout,
            supervisor_id: identity.supervisor_id,
            supervisor_port: identity.port,
            stormctl: identity.stormctl,
            clock: Clock::start(),
            record: Mutex::new(record),
            beats: Mutex::default(),
            first_beat: Notify::new(),
            troubles: Troubles::default(),
        })
    }

    /// Brings the files here; the answer is the worker time-out that the topology asks for.
    pub async fn localize(&self, port: u16, topology_id: &str) -> Result<Millis, EffectError> {
        let files = self.localizer.localize(port, topology_id).await?;
        Ok(files.worker_timeout_ms())
    }

    pub async fn update_blobs(&self, topology_id: &str) -> Result<(), EffectError> {
        self.localizer.update(topology_id).await?;
        Ok(())
    }

    /// Remembers worker and assignment, makes the worker's folder, starts the process.
    pub async fn launch(
        self: &Arc<Self>,
        port: u16,
        worker: &str,
        assignment: &Arc<LocalAssignment>,
    ) -> Result<Launched, EffectError> {
        let (host, worker, assignment) = (self.clone(), worker.to_owned(), assignment.clone());
        let work = move || host.launch_blocking(port, &worker, &assignment);
        tokio::task::spawn_blocking(work).await.map_err(|_| EffectError::Interrupted)?
    }

    fn launch_blocking(
        &self,
        port: u16,
        worker_id: &str,
        assignment: &LocalAssignment,
    ) -> Result<Launched, EffectError> {
        let topology_id = assignment.topology_id.as_str();
        let result = self.try_launch(port, worker_id, assignment);
        let broken = match &result {
            Err(EffectError::Files(_)) => true,
            Err(EffectError::Launch(LaunchError::Execute { source, .. })) => {
                Errno::from_io_error(source) == Some(Errno::NOEXEC)
            }
            _ => false,
        };
        if broken {
            tracing::warn!("the files of {topology_id} on this machine are damaged and will be fetched again");
            self.localizer.distrust(topology_id);
        }
        result
    }

    fn try_launch(&self, port: u16, worker_id: &str, assignment: &LocalAssignment) -> Result<Launched, EffectError> {
        let topology_id = assignment.topology_id.as_str();
        self.wait_for_port(port)?;
        let files = TopologyFiles::read(&self.layout.stormdist(topology_id))?;
        let links = self.localizer.links(&files)?;
        let command = command(&LaunchInputs {
            layout: &self.layout,
            conf: &self.conf,
            files: &files,
            resources: assignment.resources.as_ref(),
            topology_id,
            supervisor_id: &self.supervisor_id,
            supervisor_port: self.supervisor_port,
            port,
            worker_id,
            stormctl: &self.stormctl,
            environment: &self.environment,
        })?;
        lock(&self.record).launch(port, worker_id, assignment)?;
        let place = WorkerPlace {
            layout: &self.layout,
            worker_id,
            topology_id,
            port,
            host_conf: &self.worker_conf,
            conf: &self.conf,
            files: &files,
            links: &links,
        };
        place.prepare()?;
        let errors_from = fs::metadata(self.error_log(topology_id, port)).map_or(0, |m| m.len());
        let child = place.start(&command)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or(EffectError::Interrupted)?;
        tracing::info!(
            "port {port}: launched worker {worker_id} of {topology_id} as process {pid}: {}",
            command.program.display()
        );
        Ok(Launched { child, pid, errors_from })
    }

    /// The port must be free. A process that has just ended may still be seen as its unnamed holder, and an earlier worker of ours
    /// may be about to end.
    fn wait_for_port(&self, port: u16) -> Result<(), EffectError> {
        let mut tries = 0;
        loop {
            let Some(holder) = ports::foreign_holder(port, |_| false) else { return Ok(()) };
            let ending = holder.pid.is_none_or(|pid| self.is_own_worker(pid));
            if !ending || tries >= PORT_TRIES {
                return Err(EffectError::PortTaken { port, holder });
            }
            tries += 1;
            std::thread::sleep(PORT_PAUSE);
        }
    }

    pub fn error_log(&self, topology_id: &str, port: u16) -> PathBuf {
        self.layout.artifacts(topology_id, port).join("worker.log.err")
    }

    /// Whether the process is a worker of this supervisor.
    pub fn is_own_worker(&self, pid: i32) -> bool {
        let known: Vec<String> = lock(&self.record).worker_ids().map(str::to_owned).collect();
        let on_disk = crate::localizer::entries(&self.layout.workers());
        let on_disk = on_disk.iter().filter_map(|dir| dir.file_name()?.to_str().map(str::to_owned));
        known.into_iter().chain(on_disk).any(|id| processes::is_of_worker(pid, &id))
    }

    /// The worker's own word on its life, and how old it is.
    pub fn read_beat(&self, worker_id: &str) -> Option<(LSWorkerHeartbeat, Millis)> {
        let dir = self.layout.worker(worker_id).heartbeats();
        match peek::<LSWorkerHeartbeat>(&dir, keys::WORKER_HEARTBEAT) {
            Ok(beat) => {
                let beat = beat?;
                let age = self.clock.unix_secs().saturating_sub(i64::from(beat.time_secs)).max(0);
                Some((beat, age as Millis * 1000))
            }
            Err(e) => {
                tracing::debug!("heartbeat of worker {worker_id}: {e}");
                None
            }
        }
    }

    /// Removes the worker's folder and its entry on record; its logs stay.
    pub async fn clean(self: &Arc<Self>, worker: &str) -> Result<(), EffectError> {
        let (host, worker) = (self.clone(), worker.to_owned());
        let work = move || host.clean_blocking(&worker);
        tokio::task::spawn_blocking(work).await.map_err(|_| EffectError::Interrupted)?
    }

    fn clean_blocking(&self, worker: &str) -> Result<(), EffectError> {
        lock(&self.record).remove_worker(worker);
        if !is_file_name(worker) {
            return Ok(());
        }
        // Out of the way at once, for the next worker is waiting; its many files go later.
        let aside = self.layout.scratch().join(worker);
        if fs::rename(self.layout.worker(worker).root(), &aside).is_err() {
            return remove_worker_dirs(&self.layout, worker);
        }
        remove(&self.layout.worker_user(worker), |p| fs::remove_file(p))?;
        std::thread::spawn(move || {
            if let Err(e) = remove(&aside, |p| fs::remove_dir_all(p)) {
                tracing::warn!("{e}");
            }
        });
        Ok(())
    }

    pub fn forget(&self, port: u16) -> Result<(), EffectError> {
        Ok(lock(&self.record).forget(port)?)
    }
}

/// In Storm's order: what says that there is a worker goes before its folder.
pub fn remove_worker_dirs(layout: &Layout, worker: &str) -> Result<(), EffectError> {
    // An empty name would be the folder of all workers.
    if !is_file_name(worker) {
        return Ok(());
    }
    let dir = layout.worker(worker);
    for path in [dir.heartbeats(), dir.pids(), dir.tmp(), dir.root().to_owned()] {
        remove(&path, |p| fs::remove_dir_all(p))?;
    }
    remove(&layout.worker_user(worker), |p| fs::remove_file(p))
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), EffectError> {
    match how(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(EffectError::Remove { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
