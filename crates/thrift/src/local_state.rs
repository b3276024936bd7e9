//! Storm's version store ("LocalState"): small typed records in numbered files, as the Java class of that name keeps them.
//!
//! `<v>` holds the data, `<v>.version` says that it is whole; `v` is a time in milliseconds. Java writes the data in place; here it
//! goes to a scratch file, to the disk, and then gets its name, so that a power loss leaves either the old version or the new
//! one. Java looks only whether the marker exists, so ours holds the data's checksum: thrift has none, and a file zeroed half way
//! may still decode. A newest version that is broken all the same (cut off, zeroed, overwritten) is set aside under a dated name,
//! the one before it counts, and [`LocalState::lost`] tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::types::{
    LSApprovedWorkers, LSSupervisorAssignments, LSSupervisorId, LSTopoHistoryList, LSWorkerHeartbeat, LocalStateData,
    ThriftSerializedObject,
};
use crate::wire::{DecodeError, Wire, from_bytes, to_bytes};

/// Keys of the records that Storm keeps, with the type that belongs to each.
pub mod keys {
    /// [`LSSupervisorId`](crate::types::LSSupervisorId) in `supervisor/isupervisor`.
    pub const SUPERVISOR_ID: &str = "supervisor-id";
    /// [`LSSupervisorAssignments`](crate::types::LSSupervisorAssignments) in `supervisor/localstate`.
    pub const LOCAL_ASSIGNMENTS: &str = "local-assignments";
    /// [`LSApprovedWorkers`](crate::types::LSApprovedWorkers) in `supervisor/localstate`.
    pub const APPROVED_WORKERS: &str = "approved-workers";
    /// [`LSWorkerHeartbeat`](crate::types::LSWorkerHeartbeat) in `workers/<worker id>/heartbeats`.
    pub const WORKER_HEARTBEAT: &str = "worker-heartbeat";
    /// [`LSTopoHistoryList`](crate::types::LSTopoHistoryList) in `nimbus/history`.
    pub const TOPO_HISTORY: &str = "topo-hist";
}

/// How many versions the stores of supervisor and Nimbus keep.
pub const KEEP: usize = 4;
/// How many versions a worker's heartbeat store keeps.
pub const KEEP_HEARTBEATS: usize = 60;

const MARKER: &str = ".version";
const SCRATCH: &str = ".tmp";
const PACKAGE: &str = "org.apache.storm.generated.";
/// A writer may clean up between our look at the folder and our reading; Java tries as often.
const READ_TRIES: usize = 10;

#[derive(Debug, thiserror::Error)]
pub enum LocalStateError {
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("record \"{key}\" in {dir} is a {found}, {expected} expected: another program writes to this folder")]
    Class { dir: PathBuf, key: String, found: String, expected: String },
    #[error("record \"{key}\" in {dir} cannot be read: {source}")]
    Record { dir: PathBuf, key: String, source: DecodeError },
}

impl LocalStateError {
    pub fn code(&self) -> &'static str {
        match self {
            LocalStateError::Io { .. } => "LOCAL_STATE_IO",
            LocalStateError::Class { .. } => "LOCAL_STATE_CLASS",
            LocalStateError::Record { .. } => "LOCAL_STATE_RECORD",
        }
    }
}

/// A version that was found broken when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where the broken file is now.
    pub set_aside: PathBuf,
    pub version: u64,
    pub reason: String,
    /// The version used in its place; none: the store starts empty.
    pub fallback: Option<u64>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state of {} is unreadable ({})", utc(self.version, "-", ":"), self.reason)?;
        match self.fallback {
            Some(v) => write!(f, "; going back to the state of {}: changes after it are lost", utc(v, "-", ":"))?,
            None => write!(f, "; no older state is readable: everything in it is lost, starting empty")?,
        }
        write!(f, "; the broken file is kept as {}", self.set_aside.display())
    }
}

/// A version store, opened by the one process that writes it.
#[derive(Debug)]
pub struct LocalState {
    dir: PathBuf,
    keep: usize,
    sync: bool,
    latest: u64,
    parts: BTreeMap<String, ThriftSerializedObject>,
    lost: Vec<Lost>,
}

impl LocalState {
    /// Opens the store, making the folder if there is none; `keep` versions stay on disk. Broken versions are set aside.
    pub fn open(dir: impl Into<PathBuf>, keep: usize) -> Result<LocalState, LocalStateError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(io_error("make the folder", &dir))?;
        let all = versions(&dir)?;
        let mut broken = Vec::new();
        let mut readable = None;
        for &version in all.iter().rev() {
            let path = dir.join(version.to_string());
            let bytes = fs::read(&path).map_err(io_error("read", &path))?;
            match decode(&bytes, checksum(&dir, version)) {
                Ok(data) => {
                    readable = Some((version, data.serialized_parts));
                    break;
                }
                Err(reason) => broken.push((version, reason)),
            }
        }
        let (fallback, parts) = readable.map_or((None, BTreeMap::new()), |(v, parts)| (Some(v), parts));
        let today = utc(now_ms(), "", "");
        let mut lost = Vec::new();
        for (version, reason) in broken {
            let path = dir.join(version.to_string());
            let set_aside = dir.join(format!("{version}.corrupt-{today}"));
            fs::rename(&path, &set_aside).map_err(io_error("set aside", &path))?;
            remove(&marker(&dir, version))?;
            lost.push(Lost { set_aside, version, reason, fallback });
        }
        // Numbers go on from the broken versions too, so that nothing is ever older than what it replaces.
        let latest = all.last().copied().unwrap_or(0);
        Ok(LocalState { dir, keep: keep.max(1), sync: true, latest, parts, lost })
    }

    /// Leaves flushing to the kernel: for heartbeats, which are worth nothing after a power loss.
    pub fn without_sync(mut self) -> LocalState {
        self.sync = false;
        self
    }

    /// What was broken when the store was opened, newest first.
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn get<T: Wire>(&self, key: &str) -> Result<Option<T>, LocalStateError> {
        record(&self.dir, &self.parts, key)
    }

    /// Sets one record and writes the store.
    pub fn put<T: Wire>(&mut self, key: &str, value: &T) -> Result<(), LocalStateError> {
        self.stage(key, value);
        self.commit()
    }

    /// Sets one record in memory; [`LocalState::commit`] writes all that was staged in one version.
    pub fn stage<T: Wire>(&mut self, key: &str, value: &T) {
        let object = ThriftSerializedObject { name: class_name::<T>(), bits: Bytes::from(to_bytes(value)) };
        self.parts.insert(key.to_owned(), object);
    }

    /// Writes a new version and drops the oldest.
    pub fn commit(&mut self) -> Result<(), LocalStateError> {
        let version = now_ms().max(self.latest + 1);
        let bytes = to_bytes(&LocalStateData { serialized_parts: self.parts.clone() });
        let path = self.dir.join(version.to_string());
        let scratch = self.dir.join(format!("{version}{SCRATCH}"));
        let write = || -> io::Result<()> {
            let mut file = File::create(&scratch)?;
            file.write_all(&bytes)?;
            if self.sync {
                file.sync_all()?;
            }
            drop(file);
            fs::rename(&scratch, &path)?;
            let mut marker = File::create(marker(&self.dir, version))?;
            marker.write_all(format!("{:08x}\n", crc32c::crc32c(&bytes)).as_bytes())?;
            if self.sync {
                // Not the marker: one that comes back empty is one as Java writes it.
                File::open(&self.dir)?.sync_all()?;
            }
            Ok(())
        };
        write().map_err(io_error("write", &path))?;
        self.latest = version;
        self.clean()
    }

    fn clean(&self) -> Result<(), LocalStateError> {
        let all = versions(&self.dir)?;
        let oldest_kept = all[all.len().saturating_sub(self.keep)..].first().copied().unwrap_or(0);
        for name in names(&self.dir)? {
            let number = name.strip_suffix(MARKER).or_else(|| name.strip_suffix(SCRATCH)).unwrap_or(&name);
            // Names that are not versions, such as files set aside, are not ours to remove.
            if number.parse::<u64>().is_ok_and(|v| v < oldest_kept) {
                remove(&self.dir.join(&name))?;
            }
        }
        Ok(())
    }
}

/// The record in the newest readable version of a store that another process writes. Nothing is changed.
///
/// A missing folder, an empty one and an unreadable one are all "no record": the writer reports what is broken.
pub fn peek<T: Wire>(dir: &Path, key: &str) -> Result<Option<T>, LocalStateError> {
    for _ in 0..READ_TRIES {
        let mut gone = false;
        let newest_first = match versions(dir) {
            Ok(v) => v.into_iter().rev(),
            Err(LocalStateError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        for version in newest_first {
            let path = dir.join(version.to_string());
            match fs::read(&path) {
                Ok(bytes) => {
                    if let Ok(data) = decode(&bytes, checksum(dir, version)) {
                        return record(dir, &data.serialized_parts, key);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    gone = true;
                    break;
                }
                Err(e) => return Err(io_error("read", &path)(e)),
            }
        }
        if !gone {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The newest version of a store, if it is broken: the file, why, and whether an older version can be read. Nothing is changed.
pub fn inspect(dir: &Path) -> Result<Option<(PathBuf, String, bool)>, LocalStateError> {
    let all = match versions(dir) {
        Ok(all) => all,
        Err(LocalStateError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let read = |version: u64| match fs::read(dir.join(version.to_string())) {
        Ok(bytes) => decode(&bytes, checksum(dir, version)).map(drop),
        Err(e) => Err(e.to_string()),
    };
    let Some((newest, older)) = all.split_last() else { return Ok(None) };
    let Err(reason) = read(*newest) else { return Ok(None) };
    // A writer that has gone on meanwhile may have removed it.
    let path = dir.join(newest.to_string());
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some((path, reason, older.iter().any(|version| read(*version).is_ok()))))
}

fn record<T: Wire>(
    dir: &Path,
    parts: &BTreeMap<String, ThriftSerializedObject>,
    key: &str,
) -> Result<Option<T>, LocalStateError> {
    let Some(object) = parts.get(key) else { return Ok(None) };
    let expected = class_name::<T>();
    if object.name != expected {
        let (dir, key, found) = (dir.to_owned(), key.to_owned(), object.name.clone());
        return Err(LocalStateError::Class { dir, key, found, expected });
    }
    let value = from_bytes(&object.bits).map_err(|source| LocalStateError::Record {
        dir: dir.to_owned(),
        key: key.to_owned(),
        source,
    })?;
    Ok(Some(value))
}

/// Java loads the class by this name, so it must be exact.
fn class_name<T: Wire>() -> String {
    format!("{PACKAGE}{}", T::type_name())
}

/// What the marker says; nothing in a marker by Java, or in one that is damaged itself.
fn checksum(dir: &Path, version: u64) -> Option<u32> {
    let text = fs::read_to_string(marker(dir, version)).ok()?;
    u32::from_str_radix(text.trim_end(), 16).ok()
}

fn decode(bytes: &[u8], checksum: Option<u32>) -> Result<LocalStateData, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if bytes.iter().all(|b| *b == 0) {
        return Err(format!("all {} bytes are zero", bytes.len()));
    }
    if checksum.is_some_and(|sum| sum != crc32c::crc32c(bytes)) {
        return Err(format!("the {} bytes are not those that were written", bytes.len()));
    }
    let data: LocalStateData = from_bytes(bytes).map_err(|e| e.to_string())?;
    for (key, object) in &data.serialized_parts {
        check(object).map_err(|e| format!("record \"{key}\": {e}"))?;
    }
    Ok(data)
}

/// A record of a known class must be readable; others are carried along as they are.
fn check(object: &ThriftSerializedObject) -> Result<(), DecodeError> {
    match object.name.strip_prefix(PACKAGE) {
        Some("LSSupervisorId") => from_bytes::<LSSupervisorId>(&object.bits).map(drop),
        Some("LSSupervisorAssignments") => from_bytes::<LSSupervisorAssignments>(&object.bits).map(drop),
        Some("LSApprovedWorkers") => from_bytes::<LSApprovedWorkers>(&object.bits).map(drop),
        Some("LSWorkerHeartbeat") => from_bytes::<LSWorkerHeartbeat>(&object.bits).map(drop),
        Some("LSTopoHistoryList") => from_bytes::<LSTopoHistoryList>(&object.bits).map(drop),
        _ => Ok(()),
    }
}

/// The versions that have both their files, ascending.
fn versions(dir: &Path) -> Result<Vec<u64>, LocalStateError> {
    let names = names(dir)?;
    let data: BTreeSet<u64> = names.iter().filter_map(|n| n.parse().ok()).collect();
    let marked: BTreeSet<u64> = names.iter().filter_map(|n| n.strip_suffix(MARKER)?.parse().ok()).collect();
    Ok(data.intersection(&marked).copied().collect())
}

fn names(dir: &Path) -> Result<Vec<String>, LocalStateError> {
    let list = fs::read_dir(dir).map_err(io_error("list", dir))?;
    list.map(|entry| Ok(entry.map_err(io_error("list", dir))?.file_name().to_string_lossy().into_owned())).collect()
}

fn marker(dir: &Path, version: u64) -> PathBuf {
    dir.join(format!("{version}{MARKER}"))
}

fn remove(path: &Path) -> Result<(), LocalStateError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(e)),
        _ => Ok(()),
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LocalStateError {
    let path = path.to_owned();
    move |source| LocalStateError::Io { doing, path, source }
}

fn now_ms() -> u64 {
    // Before 1970 only if the clock is broken; the number of the version then still grows.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
}

/// `2026-11-25T10:01:57Z` with these separators.
fn utc(ms: u64, date: &str, time: &str) -> String {
    let secs = ms / 1000;
    let (days, of_day) = (secs / 86_400, secs % 86_400);
    // Days to a civil date: years begin in March, so that the leap day comes last.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (h, m, s) = (of_day / 3600, of_day % 3600 / 60, of_day % 60);
    format!("{year:04}{date}{month:02}{date}{day:02}T{h:02}{time}{m:02}{time}{s:02}Z")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @N +%FT%TZ`
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_795_600_917, "2026-11-25T10:01:57Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (secs, text) in cases {
            assert_eq!(utc(secs * 1000, "-", ":"), text);
        }
    }
}
