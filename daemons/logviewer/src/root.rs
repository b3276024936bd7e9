//! A folder out of which no name leads. It may be a link itself, as a whole installation often is; below it no link is
//! followed, and each step is taken from the folder that the step before has opened, so that nothing can be exchanged in
//! between.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, statat};
use rustix::io::Errno;

#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Nothing is there, or nothing that may be seen from here: which of them it is, a stranger is not told.
    #[error("the file was not found on this host")]
    NotFound,
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
    pub len: u64,
    pub modified: SystemTime,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Root {
    pub fn new(path: PathBuf) -> Root {
        Root { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of data below the folder.
    pub fn open(&self, name: &str) -> Result<File, Denied> {
        let parts = parts(name).ok_or(Denied::NotFound)?;
        let (file, folders) = parts.split_last().ok_or(Denied::NotFound)?;
        let folder = self.folder(folders)?;
        // A pipe would keep whoever opens it waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&folder, *file, flags, Mode::empty()).map_err(denied)?;
        match FileType::from_raw_mode(fstat(&file).map_err(denied)?.st_mode) {
            FileType::RegularFile => Ok(File::from(file)),
            _ => Err(Denied::NotFound),
        }
    }

    /// What lies in a folder below this one, by name; links are left out.
    pub fn list(&self, folder: &[&str]) -> Result<Vec<Entry>, Denied> {
        if folder.iter().any(|part| !is_plain(part)) {
            return Err(Denied::NotFound);
        }
        let folder = self.folder(folder)?;
        let mut found = Vec::new();
        for entry in Dir::read_from(&folder).map_err(denied)? {
            let entry = entry.map_err(denied)?;
            let Some(name) = entry.file_name().to_str().ok().filter(|name| is_plain(name)) else { continue };
            // It may have gone meanwhile.
            let Ok(seen) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let is_dir = match FileType::from_raw_mode(seen.st_mode) {
                FileType::Directory => true,
                FileType::RegularFile => false,
                _ => continue,
            };
            let modified = UNIX_EPOCH + Duration::from_secs(u64::try_from(seen.st_mtime).unwrap_or(0));
            let len = u64::try_from(seen.st_size).unwrap_or(0);
            found.push(Entry { name: name.to_owned(), is_dir, len, modified });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn folder(&self, parts: &[&str]) -> Result<OwnedFd, Denied> {
        let mut folder = open(&self.path, FOLDER, Mode::empty()).map_err(denied)?;
        for part in parts {
            folder = openat(&folder, *part, FOLDER | OFlags::NOFOLLOW, Mode::empty()).map_err(denied)?;
        }
        Ok(folder)
    }
}

fn denied(e: Errno) -> Denied {
    match e {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::NAMETOOLONG | Errno::INVAL => {
            Denied::NotFound
        }
        e => Denied::Io(e.into()),
    }
}

/// Whether a part of a path names something in its folder, and nothing else.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && part != "." && part != ".." && !part.contains(['/', '\0'])
}

/// The steps to a file, if each is a plain one.
fn parts(name: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = name.split('/').collect();
    parts.iter().all(|part| is_plain(part)).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    fn text(root: &Root, name: &str) -> Option<String> {
        let mut text = String::new();
        root.open(name).ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    #[test]
    fn no_name_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs");
        fs::create_dir_all(logs.join("wc-1-2/6700")).unwrap();
        fs::write(logs.join("wc-1-2/6700/worker.log"), "in").unwrap();
        fs::write(dir.path().join("secret"), "out").unwrap();
        symlink(dir.path().join("secret"), logs.join("wc-1-2/6700/link.log")).unwrap();
        symlink(dir.path(), logs.join("up")).unwrap();
        symlink("worker.log", logs.join("wc-1-2/6700/inner.log")).unwrap();
        let pipe = logs.join("wc-1-2/6700/pipe.log");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let root = Root::new(logs.clone());
        assert_eq!(text(&root, "wc-1-2/6700/worker.log").as_deref(), Some("in"));
        let absolute = dir.path().join("secret").display().to_string();
        for name in [
            "../secret",
            "wc-1-2/../../secret",
            "wc-1-2/6700/../../../secret",
            "wc-1-2/6700/link.log",
            "wc-1-2/6700/inner.log",
            "wc-1-2/6700/pipe.log",
            "up/secret",
            "wc-1-2/6700",
            "wc-1-2//6700/worker.log",
            "./wc-1-2/6700/worker.log",
            "/etc/passwd",
            "%2e%2e/secret",
            "wc-1-2/6700/worker.log\0.txt",
            "",
            "/",
            "..",
            &absolute,
            &"x".repeat(5000),
        ] {
            assert!(matches!(root.open(name), Err(Denied::NotFound)), "{name}");
        }
        let names: Vec<String> = root.list(&[]).unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["wc-1-2"]);
        let files = root.list(&["wc-1-2", "6700"]).unwrap();
        assert_eq!(files.iter().map(|e| (e.name.as_str(), e.len)).collect::<Vec<_>>(), [("worker.log", 2)]);
        for folder in [&[".."][..], &["up"], &["wc-1-2", ".."], &["wc-1-2/6700"]] {
            assert!(matches!(root.list(folder), Err(Denied::NotFound)), "{folder:?}");
        }
    }

    #[test]
    fn the_folder_itself_may_be_a_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("storm-2.8/logs")).unwrap();
        fs::write(dir.path().join("storm-2.8/logs/nimbus.log"), "in").unwrap();
        symlink("storm-2.8", dir.path().join("storm")).unwrap();
        let root = Root::new(dir.path().join("storm/logs"));
        assert_eq!(text(&root, "nimbus.log").as_deref(), Some("in"));
        assert!(matches!(Root::new(dir.path().join("none")).open("x"), Err(Denied::NotFound)));
    }
}
