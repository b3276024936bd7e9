//! The store: keys, contents, metadata, versions.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use storm_thrift::types::{ReadableBlobMeta, SettableBlobMeta};
use storm_thrift::{from_bytes, to_bytes};

use super::error::BlobError;
use super::layout::{DATA, FILE, META, SCRATCH, dir, valid_key};
use super::writer::BlobWriter;
use crate::clock::Clock;

/// Metadata is a short list of names; anything larger is not ours.
const MAX_META: u64 = 1 << 20;
/// Scratch files older than this belong to nobody.
const STALE: std::time::Duration = std::time::Duration::from_secs(3600);

/// What a version was computed from: a file that is put in place by rename has a new one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
}

#[derive(Debug)]
pub struct BlobStore {
    root: PathBuf,
    clock: Clock,
    keys: Mutex<BTreeSet<String>>,
    /// One entry per key at most: supervisors ask for the version of every blob they hold every half minute.
    versions: Mutex<HashMap<String, (Stamp, i64)>>,
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlobStore {
    /// `root` is the folder `blobs` of the layout; it is made when absent.
    pub fn open(root: impl Into<PathBuf>) -> Result<BlobStore, BlobError> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(BlobError::io("make the folder", &root))?;
        let keys = scan(&root)?;
        Ok(BlobStore { root, clock: Clock, keys: Mutex::new(keys), versions: Mutex::default() })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn keys(&self) -> Vec<String> {
        lock(&self.keys).iter().cloned().collect()
    }

    /// Up to `count` keys after `last`, in order.
    pub fn keys_after(&self, last: Option<&str>, count: usize) -> Vec<String> {
        use std::ops::Bound;
        let keys = lock(&self.keys);
        let from = last.map_or(Bound::Unbounded, |l| Bound::Excluded(l.to_owned()));
        keys.range((from, Bound::Unbounded)).take(count).cloned().collect()
    }

    pub fn contains(&self, key: &str) -> bool {
        valid_key(key) && self.data_file(key).is_file()
    }

    /// Starts a new blob; its metadata is written first, so that no content is ever without.
    pub fn create(&self, key: &str, meta: &SettableBlobMeta) -> Result<BlobWriter, BlobError> {
        check(key)?;
        let data = dir(&self.root, DATA, key);
        if data.join(FILE).exists() {
            return Err(BlobError::AlreadyExists { key: key.to_owned() });
        }
        self.write_meta(key, meta)?;
        BlobWriter::open(&data, self.clock.now_ms())
    }

    /// Starts a new content of a blob that exists.
    pub fn update(&self, key: &str) -> Result<BlobWriter, BlobError> {
        check(key)?;
        if !self.contains(key) {
            return Err(BlobError::NotFound { key: key.to_owned() });
        }
        BlobWriter::open(&dir(&self.root, DATA, key), self.clock.now_ms())
    }

    /// Puts what was written in place; `create` says whether the blob was to be a new one.
    pub fn commit(&self, key: &str, writer: BlobWriter, create: bool) -> Result<(), BlobError> {
        // Two creations of one key can be under way; the lock makes one of them the first.
        let mut keys = lock(&self.keys);
        if create && self.data_file(key).exists() {
            return Err(BlobError::AlreadyExists { key: key.to_owned() });
        }
        writer.commit()?;
        keys.insert(key.to_owned());
        Ok(())
    }

    pub fn put(&self, key: &str, meta: &SettableBlobMeta, bytes: &[u8]) -> Result<(), BlobError> {
        let mut writer = self.create(key, meta)?;
        writer.write(bytes)?;
        self.commit(key, writer, true)
    }

    pub fn put_file(&self, key: &str, meta: &SettableBlobMeta, path: &Path) -> Result<(), BlobError> {
        let mut from = File::open(path).map_err(BlobError::io("open", path))?;
        let mut writer = self.create(key, meta)?;
        writer.copy(&mut from)?;
        self.commit(key, writer, true)
    }

    pub fn replace(&self, key: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let mut writer = self.update(key)?;
        writer.write(bytes)?;
        self.commit(key, writer, false)
    }

    /// The content and its length.
    pub fn open_data(&self, key: &str) -> Result<(File, u64), BlobError> {
        check(key)?;
        let path = self.data_file(key);
        match File::open(&path) {
            Ok(file) => {
                let len = file.metadata().map_err(BlobError::io("look at", &path))?.len();
                Ok((file, len))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(BlobError::NotFound { key: key.to_owned() }),
            Err(e) => Err(BlobError::io("open", path)(e)),
        }
    }

    pub fn read(&self, key: &str) -> Result<Vec<u8>, BlobError> {
        let (mut file, _) = self.open_data(key)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(BlobError::io("read", self.data_file(key)))?;
        Ok(bytes)
    }

    pub fn meta(&self, key: &str) -> Result<ReadableBlobMeta, BlobError> {
        let version = self.version(key)?;
        let settable = match self.read_meta(key) {
            Err(why @ BlobError::Meta { .. }) => self.set_meta_aside(key, &why)?,
            read => read?,
        };
        Ok(ReadableBlobMeta { settable, version })
    }

    /// The metadata as it lies there: who is not Nimbus mends nothing.
    pub fn read_meta(&self, key: &str) -> Result<SettableBlobMeta, BlobError> {
        let path = dir(&self.root, META, key).join(FILE);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|f| f.take(MAX_META).read_to_end(&mut bytes)) {
            Ok(_) => from_bytes(&bytes).map_err(|source| BlobError::Meta { path, source }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let source = storm_thrift::DecodeError::Message("the file has gone".to_owned());
                Err(BlobError::Meta { path, source })
            }
            Err(e) => Err(BlobError::io("read", path)(e)),
        }
    }

    pub fn set_meta(&self, key: &str, meta: &SettableBlobMeta) -> Result<(), BlobError> {
        check(key)?;
        if !self.contains(key) {
            return Err(BlobError::NotFound { key: key.to_owned() });
        }
        self.write_meta(key, meta)
    }

    /// CRC32C of the content.
    pub fn version(&self, key: &str) -> Result<i64, BlobError> {
        let (mut file, len) = self.open_data(key)?;
        let path = self.data_file(key);
        let modified = file.metadata().and_then(|m| m.modified()).ok();
        let stamp = Stamp { len, modified };
        if let Some((seen, version)) = lock(&self.versions).get(key)
            && *seen == stamp
        {
            return Ok(*version);
        }
        let mut crc = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer).map_err(BlobError::io("read", &path))? {
                0 => break,
                n => crc = crc32c::crc32c_append(crc, &buffer[..n]),
            }
        }
        let version = i64::from(crc);
        lock(&self.versions).insert(key.to_owned(), (stamp, version));
        Ok(version)
    }

    pub fn delete(&self, key: &str) -> Result<(), BlobError> {
        check(key)?;
        let mut keys = lock(&self.keys);
        let data = dir(&self.root, DATA, key);
        let existed = data.exists();
        for dir in [data, dir(&self.root, META, key)] {
            match fs::remove_dir_all(&dir) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(BlobError::io("remove", dir)(e)),
                _ => {}
            }
        }
        keys.remove(key);
        lock(&self.versions).remove(key);
        if existed { Ok(()) } else { Err(BlobError::NotFound { key: key.to_owned() }) }
    }

    /// Forgets keys whose files are gone and learns keys that appeared; called on gaining leadership and now and then.
    pub fn rescan(&self) -> Result<(), BlobError> {
        let found = scan(&self.root)?;
        lock(&self.versions).retain(|k, _| found.contains(k));
        *lock(&self.keys) = found;
        Ok(())
    }

    /// Removes scratch files that no writer can still hold.
    pub fn remove_stale_scratch(&self) -> Result<usize, BlobError> {
        let mut removed = 0;
        each_key_dir(&self.root, |path, _| {
            for entry in fs::read_dir(path).map_err(BlobError::io("list", path))? {
                let entry = entry.map_err(BlobError::io("list", path))?;
                let stale = entry.file_name().to_string_lossy().ends_with(SCRATCH)
                    && entry.metadata().and_then(|m| m.modified()).is_ok_and(|m| m.elapsed().is_ok_and(|a| a > STALE));
                if stale {
                    fs::remove_file(entry.path()).map_err(BlobError::io("remove", entry.path()))?;
                    removed += 1;
                }
            }
            Ok(())
        })?;
        Ok(removed)
    }

    fn data_file(&self, key: &str) -> PathBuf {
        dir(&self.root, DATA, key).join(FILE)
    }

    fn write_meta(&self, key: &str, meta: &SettableBlobMeta) -> Result<(), BlobError> {
        let mut writer = BlobWriter::open(&dir(&self.root, META, key), self.clock.now_ms())?;
        writer.write(&to_bytes(meta))?;
        writer.commit()
    }

    /// Broken metadata must not make the content unreachable: it is kept under a dated name, and open metadata takes
    /// its place.
    fn set_meta_aside(&self, key: &str, why: &BlobError) -> Result<SettableBlobMeta, BlobError> {
        let folder = dir(&self.root, META, key);
        let path = folder.join(FILE);
        // Two in one millisecond get two names: nothing that was set aside is written over.
        let mut at = self.clock.now_ms();
        let mut aside = folder.join(format!("{FILE}.broken-{at}"));
        while aside.exists() {
            at += 1;
            aside = folder.join(format!("{FILE}.broken-{at}"));
        }
        if path.exists() {
            fs::rename(&path, &aside).map_err(BlobError::io("set aside", &path))?;
        }
        let open = open_meta(1);
        self.write_meta(key, &open)?;
        tracing::warn!(code = why.code(), "{why}; kept as {}, and {key} is open to everybody now", aside.display());
        Ok(open)
    }
}

/// What a blob has when nobody is authenticated: all rights for all.
pub(crate) fn open_meta(replication: i32) -> SettableBlobMeta {
    use storm_thrift::types::{AccessControl, AccessControlType};
    let all = AccessControl { r#type: AccessControlType::Other, name: None, access: 7 };
    SettableBlobMeta { acl: vec![all], replication_factor: Some(replication) }
}

fn check(key: &str) -> Result<(), BlobError> {
    if valid_key(key) { Ok(()) } else { Err(BlobError::BadKey { key: key.to_owned() }) }
}

fn scan(root: &Path) -> Result<BTreeSet<String>, BlobError> {
    let mut keys = BTreeSet::new();
    each_key_dir(root, |path, name| {
        if let Some(key) = name.strip_prefix(DATA)
            && path.join(FILE).is_file()
        {
            keys.insert(key.to_owned());
        }
        Ok(())
    })?;
    Ok(keys)
}

fn each_key_dir(root: &Path, mut see: impl FnMut(&Path, &str) -> Result<(), BlobError>) -> Result<(), BlobError> {
    for bucket in fs::read_dir(root).map_err(BlobError::io("list", root))? {
        let bucket = bucket.map_err(BlobError::io("list", root))?.path();
        if !bucket.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&bucket).map_err(BlobError::io("list", &bucket))? {
            let entry = entry.map_err(BlobError::io("list", &bucket))?;
            if let Some(name) = entry.file_name().to_str()
                && entry.path().is_dir()
            {
                see(&entry.path(), name)?;
            }
        }
    }
    Ok(())
}
