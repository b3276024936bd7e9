//! Blobs that users name in `topology.blobstore.map`, and dependencies: one cache per user, links from the topologies.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::archive::{ArchiveError, ArchiveKind, unpack};
use crate::blobs::{BlobError, BlobSource};
use crate::layout::{Layout, Stormdist, is_file_name, url_encode};
use crate::localizer::{download, entries};
use crate::topology_files::TopologyFiles;

#[derive(Debug, thiserror::Error)]
pub enum UserBlobError {
    #[error("topology.blobstore.map: {0}")]
    Map(String),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("the task that unpacked blob {0} ended early")]
    Interrupted(String),
}

/// A blob that a topology wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub key: String,
    /// Its name in the folders of topology and worker.
    pub local_name: String,
    pub uncompress: bool,
    /// Whether workers are restarted for a new version.
    pub restart: bool,
    pub dependency: bool,
    pub user: String,
}

/// What the topology asks for, with names that cannot lead out of a folder.
pub fn wanted(files: &TopologyFiles) -> Result<Vec<Wanted>, UserBlobError> {
    let submitter = files.conf.get("topology.submitter.user").and_then(Value::as_str);
    // Storm runs without users unless it is secured; the folder needs a name all the same.
    let user = submitter.filter(|user| !user.is_empty()).unwrap_or("anonymous");
    let mut all = Vec::new();
    match files.conf.get("topology.blobstore.map") {
        None | Some(Value::Null) => {}
        Some(Value::Object(map)) => {
            for (key, options) in map {
                let text = |name: &str| options.get(name).and_then(Value::as_str);
                let flag = |name: &str| options.get(name).and_then(Value::as_bool).unwrap_or(false);
                all.push(Wanted {
                    key: key.clone(),
                    local_name: text("localname").filter(|n| !n.is_empty()).unwrap_or(key).to_owned(),
                    uncompress: flag("uncompress"),
                    restart: flag("workerRestart"),
                    dependency: false,
                    user: user.to_owned(),
                });
            }
        }
        Some(other) => return Err(UserBlobError::Map(format!("it is no map of keys but {other}"))),
    }
    for key in files.dependencies() {
        let local_name = key.clone();
        let user = user.to_owned();
        all.push(Wanted { key, local_name, uncompress: false, restart: true, dependency: true, user });
    }
    for blob in &all {
        if !is_file_name(&blob.key) || !is_file_name(&blob.local_name) || is_taken(&blob.local_name) {
            return Err(UserBlobError::Map(format!(
                "\"{}\" as \"{}\" is no usable file name",
                blob.key, blob.local_name
            )));
        }
    }
    Ok(all)
}

/// Names that the folders of a topology or a worker have for themselves.
fn is_taken(name: &str) -> bool {
    let own = ["resources", "shared_by_topology", "pids", "heartbeats", "tmp", "artifacts", "worker-conf.json"];
    own.contains(&name) || ["stormjar.jar", "stormcode.ser", "stormconf.ser"].iter().any(|base| name.starts_with(base))
}

#[derive(Debug)]
pub struct UserBlobs {
    layout: Layout,
    target_bytes: u64,
    /// Topologies share blobs, so one thing at a time.
    turn: tokio::sync::Mutex<()>,
}

/// Where a blob is in the cache.
struct Places {
    dir: PathBuf,
    key: String,
}

impl Places {
    fn version_file(&self) -> PathBuf {
        self.dir.join(format!("{}.version", self.key))
    }

    fn current(&self) -> PathBuf {
        self.dir.join(format!("{}.current", self.key))
    }

    fn content(&self, version: i64) -> PathBuf {
        self.dir.join(format!("{}.{version}", self.key))
    }

    fn part(&self) -> PathBuf {
        self.dir.join(format!("_tmp_{}", self.key))
    }

    fn local_version(&self) -> Option<i64> {
        let version = fs::read_to_string(self.version_file()).ok()?.trim().parse().ok()?;
        (self.content(version).exists() && self.current().exists()).then_some(version)
    }
}

impl UserBlobs {
    pub fn new(layout: Layout, target_bytes: u64) -> UserBlobs {
        UserBlobs { layout, target_bytes, turn: tokio::sync::Mutex::default() }
    }

    fn places(&self, blob: &Wanted) -> Places {
        let kind = if blob.uncompress { "archives" } else { "files" };
        Places { dir: self.layout.file_cache(&blob.user).join(kind), key: blob.key.clone() }
    }

    pub async fn is_outdated<S: BlobSource>(&self, source: &S, blob: &Wanted) -> Result<bool, UserBlobError> {
        match source.version(&blob.key).await {
            Ok(version) => Ok(self.places(blob).local_version() != Some(version)),
            // Deleted in the blobstore: workers keep what they have.
            Err(BlobError::NotFound { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Fetches the blob if it is missing or, with `renew`, if it has a new version.
    pub async fn bring<S: BlobSource>(
        &self,
        source: &S,
        blob: &Wanted,
        renew: bool,
        retries: u32,
    ) -> Result<(), UserBlobError> {
        let _mine = self.turn.lock().await;
        let places = self.places(blob);
        if places.local_version().is_some() && !(renew && self.is_outdated(source, blob).await?) {
            return Ok(());
        }
        fs::create_dir_all(&places.dir).map_err(io_error("make the folder", &places.dir))?;
        let part = places.part();
        let version = download(source, &blob.key, &part, retries).await?;
        let archive = blob.uncompress.then(|| ArchiveKind::of(&blob.key)).flatten();
        let key = blob.key.clone();
        let work = move || commit(&places, &part, version, archive);
        tokio::task::spawn_blocking(work).await.map_err(|_| UserBlobError::Interrupted(key))?
    }

    /// Makes the link in the topology's folder that leads to the newest version.
    pub fn link(&self, blob: &Wanted, dist: &Stormdist) -> Result<(), UserBlobError> {
        relink(&self.places(blob).current(), &dist.root().join(&blob.local_name))
    }

    /// Removes what no topology links to, the longest unused first, until the cache is as small as it should be.
    pub fn clean(&self) {
        // Whoever fetches something now may be about to link it.
        let Ok(_mine) = self.turn.try_lock() else { return };
        let linked: Vec<PathBuf> = entries(&self.layout.stormdist_root())
            .iter()
            .flat_map(|dist| entries(dist))
            .filter_map(|entry| fs::read_link(entry).ok())
            .collect();
        let mut cached: Vec<(SystemTime, u64, Places)> = Vec::new();
        for user in entries(&self.layout.supervisor().join("usercache")) {
            for dir in ["files", "archives"].map(|kind| user.join("filecache").join(kind)) {
                for file in entries(&dir) {
                    let key = file.file_name().and_then(|n| n.to_str()?.strip_suffix(".version").map(str::to_owned));
                    let Some(key) = key else { continue };
                    let places = Places { dir: dir.clone(), key };
                    let used = fs::metadata(&file).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
                    let size = places.local_version().map_or(0, |v| size_of(&places.content(v)));
                    cached.push((used, size, places));
                }
            }
        }
        let mut total: u64 = cached.iter().map(|(_, size, _)| size).sum();
        cached.retain(|(_, _, places)| !linked.contains(&places.current()));
        cached.sort_by_key(|(used, ..)| *used);
        for (_, size, places) in cached {
            if total <= self.target_bytes {
                break;
            }
            match remove(&places) {
                Ok(()) => total -= size,
                Err(e) => tracing::warn!("cannot remove blob {} from the cache: {e}", places.key),
            }
        }
    }
}

fn commit(places: &Places, part: &Path, version: i64, archive: Option<ArchiveKind>) -> Result<(), UserBlobError> {
    let content = places.content(version);
    remove_any(&content).map_err(io_error("replace", &content))?;
    match archive {
        Some(kind) => {
            let unpacking = places.dir.join(format!("_tmp_{}.{version}", places.key));
            remove_any(&unpacking).map_err(io_error("replace", &unpacking))?;
            unpack(kind, part, &unpacking)?;
            fs::rename(&unpacking, &content).map_err(io_error("write", &content))?;
            fs::remove_file(part).map_err(io_error("remove", part))?;
        }
        None => fs::rename(part, &content).map_err(io_error("write", &content))?,
    }
    let before = places.local_version();
    relink(&content, &places.current())?;
    let version_file = places.version_file();
    fs::write(&version_file, format!("{version}\n")).map_err(io_error("write", &version_file))?;
    if let Some(old) = before.filter(|old| *old != version).map(|old| places.content(old)) {
        remove_any(&old).map_err(io_error("remove", &old))?;
    }
    Ok(())
}

fn remove(places: &Places) -> io::Result<()> {
    if let Some(version) = places.local_version() {
        remove_any(&places.content(version))?;
    }
    remove_any(&places.current())?;
    remove_any(&places.version_file())
}

/// A link that is always there: the new one takes the place of the old one.
pub(crate) fn relink(target: &Path, link: &Path) -> Result<(), UserBlobError> {
    if fs::read_link(link).is_ok_and(|t| t == target) {
        return Ok(());
    }
    let name = link.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let beside = link.with_file_name(format!("_tmp_link_{}", url_encode(name)));
    let make = || {
        remove_any(&beside)?;
        symlink(target, &beside)?;
        fs::rename(&beside, link)
    };
    make().map_err(io_error("link", link))
}

fn remove_any(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn size_of(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => entries(path).iter().map(|e| size_of(e)).sum(),
        Ok(_) => File::open(path).and_then(|f| f.metadata()).map_or(0, |m| m.len()),
        Err(_) => 0,
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> UserBlobError {
    let path = path.to_owned();
    move |source| UserBlobError::Io { doing, path, source }
}
