//! `nimbus/inbox`: jars that clients upload before they submit.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use storm_thrift::ServiceError;
use storm_thrift::types::InvalidTopologyException;

use crate::blobs::Sessions;

#[derive(Debug)]
pub struct Inbox {
    /// Canonical, so that what lies in it can be told by prefix.
    dir: PathBuf,
    uploads: Sessions<File>,
}

impl Inbox {
    pub fn open(dir: &Path, idle: Duration) -> io::Result<Inbox> {
        fs::create_dir_all(dir)?;
        Ok(Inbox { dir: dir.canonicalize()?, uploads: Sessions::new("File", idle) })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts an upload; the answer is the path that the client names in all that follows.
    pub fn begin(&self) -> Result<String, ServiceError> {
        let path = self.dir.join(format!("stormjar-{}.jar", uuid::Uuid::new_v4()));
        let file = File::create_new(&path).map_err(|e| failed("create", &path, &e))?;
        let location = path.to_string_lossy().into_owned();
        self.uploads.insert(location.clone(), file)?;
        Ok(location)
    }

    pub fn chunk(&self, location: &str, bytes: &[u8]) -> Result<(), ServiceError> {
        self.uploads.with(location, |file| file.write_all(bytes).map_err(|e| failed("write", Path::new(location), &e)))
    }

    pub fn finish(&self, location: &str) -> Result<(), ServiceError> {
        self.uploads.take(location).map(drop)
    }

    /// The uploaded jar at `location`, if that really is a file in the inbox: a client may name no other file of this
    /// machine, neither by `..` nor by a link.
    pub fn jar(&self, location: &str) -> Result<PathBuf, InvalidTopologyException> {
        let refuse = |why: &str| InvalidTopologyException {
            msg: format!(
                "the jar {location:?} {why}; upload it with beginFileUpload and name the location that call answers"
            ),
        };
        let path = Path::new(location).canonicalize().map_err(|e| refuse(&format!("cannot be read: {e}")))?;
        if path.parent() != Some(&self.dir) {
            return Err(refuse("is not in Nimbus' inbox"));
        }
        if path != Path::new(location) {
            return Err(refuse("is not the name of an uploaded file but leads to one"));
        }
        if !path.is_file() {
            return Err(refuse("is not a file"));
        }
        Ok(path)
    }

    /// Removes what nobody submitted within `age`, and ends idle uploads.
    pub fn clean(&self, age: Duration) -> io::Result<usize> {
        self.uploads.expire();
        let mut removed = 0;
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            let old = meta.modified()?.elapsed().is_ok_and(|a| a > age);
            if meta.is_file() && old {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn failed(doing: &str, path: &Path, e: &io::Error) -> ServiceError {
    let text = format!("inbox: cannot {doing} {}: {e}", path.display());
    tracing::warn!("{text}");
    ServiceError::internal(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox() -> (tempfile::TempDir, Inbox) {
        let dir = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(&dir.path().join("inbox"), Duration::from_secs(600)).unwrap();
        (dir, inbox)
    }

    #[test]
    fn an_upload_is_a_file_that_may_be_named() {
        let (_dir, inbox) = inbox();
        let location = inbox.begin().unwrap();
        inbox.chunk(&location, b"ab").unwrap();
        inbox.chunk(&location, b"c").unwrap();
        inbox.finish(&location).unwrap();
        assert_eq!(fs::read(inbox.jar(&location).unwrap()).unwrap(), b"abc");
        assert!(inbox.chunk(&location, b"d").is_err(), "it is finished");
        assert!(inbox.chunk("/etc/passwd", b"d").is_err(), "nobody began that");
    }

    #[test]
    fn no_other_file_may_be_named() {
        let (dir, inbox) = inbox();
        let secret = dir.path().join("secret");
        fs::write(&secret, "s").unwrap();
        let link = inbox.dir().join("link.jar");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let real = inbox.begin().unwrap();
        let inner = inbox.dir().join("inner.jar");
        std::os::unix::fs::symlink(&real, &inner).unwrap();
        fs::create_dir(inbox.dir().join("sub")).unwrap();
        let dotted = inbox.dir().join("sub/..").join(Path::new(&real).file_name().unwrap());
        for bad in [
            "/etc/passwd".to_owned(),
            secret.display().to_string(),
            inbox.dir().join("../secret").display().to_string(),
            link.display().to_string(),
            inner.display().to_string(),
            dotted.display().to_string(),
            inbox.dir().display().to_string(),
            inbox.dir().join("sub").display().to_string(),
            inbox.dir().join("absent.jar").display().to_string(),
            String::new(),
        ] {
            let e = inbox.jar(&bad).unwrap_err();
            assert!(e.msg.contains("beginFileUpload"), "{bad}: {}", e.msg);
        }
        assert!(inbox.jar(&real).is_ok());
    }

    #[test]
    fn old_uploads_go() {
        let (_dir, inbox) = inbox();
        let location = inbox.begin().unwrap();
        assert_eq!(inbox.clean(Duration::from_secs(3600)).unwrap(), 0);
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
        File::options().write(true).open(&location).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(inbox.clean(Duration::from_secs(3600)).unwrap(), 1);
    }
}
