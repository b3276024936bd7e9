//! Brings the files of topologies onto this machine and keeps them as long as a slot needs them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::blobs::{BlobError, BlobSource};
use crate::layout::{Layout, Stormdist, is_file_name};
use crate::topology_files::{TopologyFileError, TopologyFiles};
use crate::user_blobs::{UserBlobError, UserBlobs, Wanted, wanted};

const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum LocalizeError {
    #[error("\"{0}\" is no topology id")]
    TopologyId(String),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    UserBlob(#[from] UserBlobError),
    #[error(transparent)]
    Files(#[from] TopologyFileError),
    #[error(transparent)]
    Jar(#[from] storm_topology::jar::JarError),
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("the task that unpacked the jar ended early")]
    Interrupted,
}

/// The three blobs of a topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Conf,
    Code,
    Jar,
}

impl Base {
    /// Small ones first: a broken one is found before the jar has travelled.
    const ALL: [Base; 3] = [Base::Conf, Base::Code, Base::Jar];

    fn key(self, topology_id: &str) -> String {
        format!("{topology_id}-{}", self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Base::Conf => "stormconf.ser",
            Base::Code => "stormcode.ser",
            Base::Jar => "stormjar.jar",
        }
    }

    fn file(self, dist: &Stormdist) -> PathBuf {
        dist.root().join(self.name())
    }

    fn version_file(self, dist: &Stormdist) -> PathBuf {
        dist.root().join(format!("{}.version", self.name()))
    }

    /// The version that is here, whole.
    fn local_version(self, dist: &Stormdist) -> Option<i64> {
        let whole = self.file(dist).is_file() && (self != Base::Jar || dist.resources().is_dir());
        let text = fs::read_to_string(self.version_file(dist)).ok().filter(|_| whole)?;
        text.trim().parse().ok()
    }
}

#[derive(Debug)]
pub struct Localizer<S> {
    layout: Layout,
    source: S,
    retries: u32,
    user_blobs: UserBlobs,
    in_use: Mutex<BTreeMap<String, BTreeSet<u16>>>,
    /// One download of a topology at a time.
    busy: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl<S: BlobSource> Localizer<S> {
    /// `retries` is `supervisor.blobstore.download.max_retries`, `cache_bytes` `supervisor.localizer.cache.target.size.mb`.
    pub fn new(layout: Layout, source: S, retries: u32, cache_bytes: u64) -> Localizer<S> {
        let user_blobs = UserBlobs::new(layout.clone(), cache_bytes);
        Localizer { layout, source, retries, user_blobs, in_use: Mutex::default(), busy: Mutex::default() }
    }

    /// Notes that the port needs the topology's files, as [`Localizer::localize`] does too.
    pub fn hold(&self, port: u16, topology_id: &str) {
        lock(&self.in_use).entry(topology_id.to_owned()).or_default().insert(port);
    }

    pub fn release(&self, port: u16, topology_id: &str) {
        let mut in_use = lock(&self.in_use);
        if let Some(ports) = in_use.get_mut(topology_id) {
            ports.remove(&port);
            if ports.is_empty() {
                in_use.remove(topology_id);
            }
        }
    }

    /// The topologies that slots need files of.
    pub fn in_use(&self) -> Vec<String> {
        lock(&self.in_use).keys().cloned().collect()
    }

    /// Whether all that a worker's start requires is here.
    pub fn is_localized(&self, topology_id: &str) -> bool {
        is_file_name(topology_id) && {
            let dist = self.layout.stormdist(topology_id);
            Base::ALL.iter().all(|b| b.local_version(&dist).is_some())
        }
    }

    /// Fetches what is missing. What is here stays, whatever its version: without Nimbus a worker can be launched again.
    pub async fn localize(&self, port: u16, id: &str) -> Result<TopologyFiles, LocalizeError> {
        self.hold(port, id);
        self.bring(id, false).await
    }

    /// Fetches what is missing and what has a new version.
    pub async fn update(&self, topology_id: &str) -> Result<TopologyFiles, LocalizeError> {
        self.bring(topology_id, true).await
    }

    async fn bring(&self, id: &str, renew: bool) -> Result<TopologyFiles, LocalizeError> {
        if !is_file_name(id) {
            return Err(LocalizeError::TopologyId(id.to_owned()));
        }
        let turn = lock(&self.busy).entry(id.to_owned()).or_default().clone();
        let _mine = turn.lock().await;
        let dist = self.layout.stormdist(id);
        make_dir(&dist.shared_by_topology())?;
        for base in Base::ALL {
            let here = base.local_version(&dist);
            let current = match here {
                Some(_) if !renew => true,
                Some(version) => self.source.version(&base.key(id)).await? == version,
                None => false,
            };
            if !current {
                self.fetch(base, id, &dist).await?;
            }
        }
        let files = TopologyFiles::read(&dist).inspect_err(|_| distrust(&dist))?;
        for blob in wanted(&files)? {
            self.user_blobs.bring(&self.source, &blob, renew, self.retries).await?;
            self.user_blobs.link(&blob, &dist)?;
        }
        Ok(files)
    }

    async fn fetch(&self, base: Base, id: &str, dist: &Stormdist) -> Result<(), LocalizeError> {
        let key = base.key(id);
        let part = dist.root().join(format!("{}.part", base.name()));
        let version = download(&self.source, &key, &part, self.retries).await?;
        let (dist, id) = (dist.clone(), id.to_owned());
        let commit = move || {
            commit(base, &dist, &part, version)?;
            tracing::info!("{id}: {} is here, version {version}", base.name());
            Ok(())
        };
        tokio::task::spawn_blocking(commit).await.map_err(|_| LocalizeError::Interrupted)?
    }

    /// Looks for new versions. `Ok(true)`: one of them asks for new workers. Other user blobs are replaced at once.
    pub async fn poll(&self, id: &str) -> Result<bool, LocalizeError> {
        let dist = self.layout.stormdist(id);
        for base in Base::ALL {
            // A topology that is being killed has no blobs any more, but still workers.
            match self.source.version(&base.key(id)).await {
                Ok(version) if base.local_version(&dist).is_some_and(|here| here != version) => return Ok(true),
                Ok(_) | Err(BlobError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let files = TopologyFiles::read(&dist)?;
        let mut restart = false;
        for blob in wanted(&files)? {
            if !self.user_blobs.is_outdated(&self.source, &blob).await? {
                continue;
            }
            if blob.restart {
                restart = true;
            } else {
                self.user_blobs.bring(&self.source, &blob, true, self.retries).await?;
            }
        }
        Ok(restart)
    }

    /// What was downloaded turned out to be no good: it does not count any more and is fetched again.
    pub fn distrust(&self, topology_id: &str) {
        distrust(&self.layout.stormdist(topology_id));
    }

    /// Removes topologies that no slot needs and that are in none of `assigned`, and what the cache holds too much.
    pub fn clean(&self, assigned: &BTreeSet<String>) {
        let kept: BTreeSet<PathBuf> =
            lock(&self.in_use).keys().chain(assigned).map(|id| self.layout.stormdist(id).root().to_owned()).collect();
        let busy: BTreeSet<PathBuf> = lock(&self.busy)
            .iter()
            .filter(|(_, turn)| Arc::strong_count(turn) > 1)
            .map(|(id, _)| self.layout.stormdist(id).root().to_owned())
            .collect();
        for dir in entries(&self.layout.stormdist_root()) {
            if !kept.contains(&dir) && !busy.contains(&dir) {
                match fs::remove_dir_all(&dir) {
                    Ok(()) => tracing::info!("removed {}: no worker here needs it", dir.display()),
                    Err(e) => tracing::warn!("cannot remove {}: {e}", dir.display()),
                }
            }
        }
        lock(&self.busy).retain(|_, turn| Arc::strong_count(turn) > 1);
        self.user_blobs.clean();
    }

    /// The blobs, besides the base ones, that a worker finds in its folder.
    pub fn links(&self, files: &TopologyFiles) -> Result<Vec<Wanted>, LocalizeError> {
        Ok(wanted(files)?.into_iter().filter(|w| !w.dependency).collect())
    }
}

/// Downloads with retries; what does not exist is not asked for again.
pub(crate) async fn download<S: BlobSource>(source: &S, key: &str, to: &Path, retries: u32) -> Result<i64, BlobError> {
    let mut tries = 0;
    loop {
        match source.download(key, to).await {
            Ok(version) => return Ok(version),
            Err(e @ (BlobError::NotFound { .. } | BlobError::Write { .. })) => return Err(e),
            Err(e) if tries >= retries => return Err(e),
            Err(e) => {
                tries += 1;
                tracing::warn!("download {tries} failed: {e}");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Puts a downloaded blob in its place. The version file goes first and comes last, so that half of it never counts.
fn commit(base: Base, dist: &Stormdist, part: &Path, version: i64) -> Result<(), LocalizeError> {
    let new_resources = dist.root().join(format!("resources.{version}"));
    if base == Base::Jar {
        remove_dir(&new_resources)?;
        storm_topology::jar::extract_resources(part, &new_resources)?;
    }
    let version_file = base.version_file(dist);
    remove_file(&version_file)?;
    if base == Base::Jar {
        remove_dir(&dist.resources())?;
        rename(&new_resources, &dist.resources())?;
    }
    rename(part, &base.file(dist))?;
    fs::write(&version_file, version.to_string()).map_err(io_error("write", &version_file))
}

fn distrust(dist: &Stormdist) {
    for base in Base::ALL {
        if let Err(e) = remove_file(&base.version_file(dist)) {
            tracing::warn!("{e}");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is a single step, so a panic elsewhere leaves them whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|list| list.flatten().map(|e| e.path()).collect()).unwrap_or_default()
}

pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LocalizeError {
    let path = path.to_owned();
    move |source| LocalizeError::Io { doing, path, source }
}

fn make_dir(path: &Path) -> Result<(), LocalizeError> {
    fs::create_dir_all(path).map_err(io_error("make the folder", path))
}

fn rename(from: &Path, to: &Path) -> Result<(), LocalizeError> {
    fs::rename(from, to).map_err(io_error("move a new version to", to))
}

fn remove_file(path: &Path) -> Result<(), LocalizeError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(e)),
        _ => Ok(()),
    }
}

fn remove_dir(path: &Path) -> Result<(), LocalizeError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(e)),
        _ => Ok(()),
    }
}
