//! A file that is going to be replaced.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::backup;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is not UTF-8, so it cannot be changed without changing the rest", path.display())]
    Encoding { path: PathBuf },
    #[error("{} was changed by somebody else meanwhile", path.display())]
    Changed { path: PathBuf },
    #[error("{} belongs to user {uid}, group {gid}, and only they or root can replace it", path.display())]
    Owner { path: PathBuf, uid: u32, gid: u32 },
    #[error("{} is no ordinary file", path.display())]
    NoFile { path: PathBuf },
}

impl StoreError {
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Io { .. } => "config/io",
            StoreError::Encoding { .. } => "config/encoding",
            StoreError::Changed { .. } => "config/changed",
            StoreError::Owner { .. } => "config/owner",
            StoreError::NoFile { .. } => "config/no-file",
        }
    }
}

/// Who changes what, and when; it is written beside the backups.
#[derive(Debug, Clone)]
pub struct Change<'c> {
    pub now: SystemTime,
    pub who: &'c str,
    /// Such as `set ui.port`; never a value, which may be a secret.
    pub what: &'c str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The file says that already.
    Unchanged,
    Created,
    /// The old content is here.
    Replaced {
        backup: PathBuf,
    },
}

/// A file as it was read.
#[derive(Debug)]
pub struct File {
    /// Where it really is, behind all links.
    target: PathBuf,
    /// `None` when there is no such file yet.
    content: Option<Vec<u8>>,
    pub mode: Option<u32>,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { doing, path, source }
}

impl File {
    pub fn read(path: &Path) -> Result<File, StoreError> {
        let target = path.canonicalize().map_err(failed("read", path))?;
        let metadata = fs::metadata(&target).map_err(failed("read", path))?;
        if !metadata.is_file() {
            return Err(StoreError::NoFile { path: path.to_owned() });
        }
        let content = fs::read(&target).map_err(failed("read", path))?;
        Ok(File { target, content: Some(content), mode: Some(metadata.mode() & 0o7777) })
    }

    /// [`File::read`], or a file that is to be made.
    pub fn read_or_new(path: &Path) -> Result<File, StoreError> {
        match File::read(path) {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                // The folder must be there: a name that leads nowhere is a mistake, not a wish.
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let folder = folder.canonicalize().map_err(failed("find", folder))?;
                let name = path.file_name().ok_or_else(|| StoreError::NoFile { path: path.to_owned() })?;
                Ok(File { target: folder.join(name), content: None, mode: None })
            }
            other => other,
        }
    }

    /// Its text; of a file that is to be made, nothing.
    pub fn text(&self) -> Result<&str, StoreError> {
        let content = self.content.as_deref().unwrap_or_default();
        std::str::from_utf8(content).map_err(|_| StoreError::Encoding { path: self.target.clone() })
    }

    /// Puts this text in its place: written beside it, synced, renamed. Owner, group and permissions stay.
    pub fn replace(&self, text: &str, change: &Change<'_>) -> Result<Written, StoreError> {
        if self.content.as_deref() == Some(text.as_bytes()) {
            return Ok(Written::Unchanged);
        }
        self.text()?;
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        let temporary =
            NamedTempFile::with_prefix_in(".stormctl-", folder).map_err(failed("write beside", &self.target))?;
        let owner = self.fill(temporary.as_file(), text.as_bytes())?;
        let backup = match &self.content {
            None => None,
            Some(old) => Some(backup::keep(&self.target, old, owner, change)?),
        };
        // The last look: what somebody else wrote meanwhile must not be lost.
        let now = match fs::read(&self.target) {
            Ok(now) => Some(now),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(failed("read", &self.target)(e)),
        };
        if now != self.content {
            return Err(StoreError::Changed { path: self.target.clone() });
        }
        temporary.persist(&self.target).map_err(|e| failed("replace", &self.target)(e.error))?;
        sync_folder(folder)?;
        backup::log(&self.target, change)?;
        Ok(backup.map_or(Written::Created, |backup| Written::Replaced { backup }))
    }

    /// Content, owner and permissions into a new file.
    fn fill(&self, mut file: &fs::File, content: &[u8]) -> Result<Option<fs::Metadata>, StoreError> {
        let metadata = match self.content {
            None => None,
            Some(_) => Some(fs::metadata(&self.target).map_err(failed("read", &self.target))?),
        };
        give(file, metadata.as_ref(), &self.target)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(failed("write beside", &self.target))?;
        Ok(metadata)
    }
}

/// Makes a new file that of the owner of an old one; without one, readable for all.
pub(super) fn give(file: &fs::File, like: Option<&fs::Metadata>, path: &Path) -> Result<(), StoreError> {
    let mode = like.map_or(0o644, |m| m.mode() & 0o7777);
    if let Some(like) = like {
        let own = file.metadata().map_err(failed("read", path))?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            let uid = rustix::fs::Uid::from_raw(like.uid());
            let gid = rustix::fs::Gid::from_raw(like.gid());
            rustix::fs::fchown(file, Some(uid), Some(gid)).map_err(|_| StoreError::Owner {
                path: path.to_owned(),
                uid: like.uid(),
                gid: like.gid(),
            })?;
        }
    }
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed("write beside", path))
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn change(secs: u64) -> Change<'static> {
        Change { now: UNIX_EPOCH + Duration::from_secs(secs), who: "ann", what: "set ui.port" }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_behind_its_link_with_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.yaml"), dir.path().join("conf/storm.yaml"));
        fs::create_dir(dir.path().join("conf")).unwrap();
        fs::write(&real, "a: 1\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("../real.yaml", &link).unwrap();
        let file = File::read(&link).unwrap();
        assert_eq!((file.text().unwrap(), file.mode), ("a: 1\n", Some(0o640)));
        assert_eq!(file.replace("a: 1\n", &change(1)).unwrap(), Written::Unchanged);
        assert_eq!(names(dir.path()), ["conf", "real.yaml"]);
        let Written::Replaced { backup } = file.replace("a: 2\n", &change(2)).unwrap() else { panic!() };
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&link).unwrap(), "a: 2\n");
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_to_string(&backup).unwrap(), "a: 1\n");
        assert_eq!(fs::metadata(&backup).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(names(dir.path()), [".stormctl", "conf", "real.yaml"]);
    }

    #[test]
    fn backups_are_bounded_and_the_log_says_who() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("storm.yaml");
        fs::write(&path, "0").unwrap();
        for n in 1..20 {
            File::read(&path).unwrap().replace(&n.to_string(), &change(n)).unwrap();
        }
        let kept = names(&dir.path().join(".stormctl"));
        assert_eq!(kept.len(), 6, "{kept:?}");
        assert_eq!(fs::read_to_string(dir.path().join(".stormctl").join(&kept[5])).unwrap(), "18");
        let log = fs::read_to_string(dir.path().join(".stormctl/changes.log")).unwrap();
        assert_eq!(log.lines().count(), 19);
        assert_eq!(log.lines().next(), Some("19700101T000001.000Z ann storm.yaml: set ui.port"));
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("storm.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        let file = File::read(&path).unwrap();
        fs::write(&path, "a: 3\n").unwrap();
        assert_eq!(file.replace("a: 2\n", &change(1)).unwrap_err().code(), "config/changed");
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 3\n");
        fs::write(&path, b"a: \xff\n").unwrap();
        assert_eq!(File::read(&path).unwrap().replace("b", &change(1)).unwrap_err().code(), "config/encoding");
    }

    #[test]
    fn a_new_file_needs_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("storm.yaml");
        let file = File::read_or_new(&path).unwrap();
        assert_eq!(file.replace("a: 1\n", &change(1)).unwrap(), Written::Created);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(File::read_or_new(&dir.path().join("no/storm.yaml")).unwrap_err().code(), "config/io");
        assert_eq!(File::read(dir.path()).unwrap_err().code(), "config/no-file");
    }
}
