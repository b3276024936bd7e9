//! The last contents of a file, and who changed it, in a folder beside it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::file::{Change, StoreError, give, sync_folder};
use super::stamp::stamp;

const FOLDER: &str = ".stormctl";
const LOG: &str = "changes.log";
const BACKUPS: usize = 5;
/// The log is cut to its newer half when it is longer.
const LOG_BYTES: u64 = 256 << 10;

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { doing, path, source }
}

/// The folder of the backups of a file; made with the owner of the file's own folder.
fn folder(target: &Path) -> Result<PathBuf, StoreError> {
    let parent = target.parent().unwrap_or(Path::new("/"));
    let folder = parent.join(FOLDER);
    if !folder.is_dir() {
        fs::DirBuilder::new().mode(0o750).create(&folder).map_err(failed("make", &folder))?;
        let (own, like) = (fs::metadata(&folder), fs::metadata(parent));
        if let (Ok(own), Ok(like)) = (own, like)
            && own.uid() != like.uid()
        {
            let (uid, gid) = (rustix::fs::Uid::from_raw(like.uid()), rustix::fs::Gid::from_raw(like.gid()));
            rustix::fs::chown(&folder, Some(uid), Some(gid)).map_err(|e| failed("give away", &folder)(e.into()))?;
        }
    }
    Ok(folder)
}

/// Keeps the content that is about to be replaced, and no more than the last few.
pub(super) fn keep(
    target: &Path,
    old: &[u8],
    like: Option<fs::Metadata>,
    change: &Change<'_>,
) -> Result<PathBuf, StoreError> {
    let folder = folder(target)?;
    let mut prefix = target.file_name().map(OsString::from).unwrap_or_default();
    prefix.push(".");
    let mut name = prefix.clone();
    name.push(stamp(change.now));
    let path = folder.join(name);
    let temporary = NamedTempFile::with_prefix_in(".new-", &folder).map_err(failed("write", &path))?;
    give(temporary.as_file(), like.as_ref(), target)?;
    let mut file = temporary.as_file();
    file.write_all(old).and_then(|()| file.sync_all()).map_err(failed("write", &path))?;
    temporary.persist(&path).map_err(|e| failed("write", &path)(e.error))?;
    prune(&folder, &prefix.to_string_lossy())?;
    sync_folder(&folder)?;
    Ok(path)
}

fn prune(folder: &Path, prefix: &str) -> Result<(), StoreError> {
    let mut names: Vec<OsString> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let name = entry.map_err(failed("list", folder))?.file_name();
        if is_backup(&name.to_string_lossy(), prefix) {
            names.push(name);
        }
    }
    names.sort();
    let old = names.len().saturating_sub(BACKUPS);
    for name in &names[..old] {
        let path = folder.join(name);
        fs::remove_file(&path).map_err(failed("remove", &path))?;
    }
    Ok(())
}

/// Only names that [`keep`] makes: nothing else is ever removed.
fn is_backup(name: &str, prefix: &str) -> bool {
    let Some(stamp) = name.strip_prefix(prefix) else { return false };
    stamp.len() == 20 && stamp.ends_with('Z') && stamp.bytes().all(|b| b.is_ascii_digit() || b"TZ.".contains(&b))
}

/// One line for each change.
pub(super) fn log(target: &Path, change: &Change<'_>) -> Result<(), StoreError> {
    let path = folder(target)?.join(LOG);
    if fs::metadata(&path).is_ok_and(|m| m.len() > LOG_BYTES) {
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let lines: Vec<&str> = text.lines().collect();
        let newer = lines[lines.len() / 2..].join("\n") + "\n";
        fs::write(&path, newer).map_err(failed("write", &path))?;
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{} {} {name}: {}\n", stamp(change.now), change.who, change.what);
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed("write", &path))?;
    file.write_all(line.as_bytes()).map_err(failed("write", &path))
}
