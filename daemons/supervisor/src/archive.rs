//! Archives among the user blobs, unpacked without trust: nothing leaves the target, and it is bounded what comes out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};
use zip::ZipArchive;

const MAX_ENTRIES: usize = 200_000;
const MAX_BYTES: u64 = 16 << 30;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{path} is no archive of its kind: {cause}")]
    Broken { path: PathBuf, cause: String },
    #[error("{path}: entry \"{entry}\" would leave the folder that the archive is unpacked to")]
    Escapes { path: PathBuf, entry: String },
    #[error("{path} holds more than {MAX_ENTRIES} entries or {MAX_BYTES} bytes")]
    TooLarge { path: PathBuf },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    Zip,
    Tar,
    TarGz,
}

impl ArchiveKind {
    /// By the end of the blob's key, as Storm decides; other blobs are kept as they are.
    pub fn of(key: &str) -> Option<ArchiveKind> {
        let ends = |suffixes: &[&str]| suffixes.iter().any(|s| key.ends_with(s));
        if ends(&[".jar", ".zip"]) {
            Some(ArchiveKind::Zip)
        } else if ends(&[".tar.gz", ".tgz"]) {
            Some(ArchiveKind::TarGz)
        } else {
            ends(&[".tar"]).then_some(ArchiveKind::Tar)
        }
    }
}

/// Unpacks into the folder `dest`, which is made.
pub fn unpack(kind: ArchiveKind, path: &Path, dest: &Path) -> Result<(), ArchiveError> {
    let file = BufReader::new(File::open(path).map_err(|e| broken(path, e))?);
    fs::create_dir_all(dest).map_err(write_error(dest))?;
    let mut target = Target { path, dest, entries: 0, bytes: 0 };
    match kind {
        ArchiveKind::Zip => target.zip(file),
        ArchiveKind::Tar => target.tar(file),
        ArchiveKind::TarGz => target.tar(MultiGzDecoder::new(file)),
    }
}

struct Target<'a> {
    path: &'a Path,
    dest: &'a Path,
    entries: usize,
    bytes: u64,
}

impl Target<'_> {
    fn zip(&mut self, file: BufReader<File>) -> Result<(), ArchiveError> {
        let mut zip = ZipArchive::new(file).map_err(|e| broken(self.path, e))?;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(|e| broken(self.path, e))?;
            let name = entry.name().map_err(|e| broken(self.path, e))?.into_owned();
            if entry.is_symlink() {
                return Err(self.escapes(&name));
            }
            let to = self.place(&name)?;
            if entry.is_dir() {
                fs::create_dir_all(&to).map_err(write_error(&to))?;
            } else {
                let mode = entry.unix_mode().unwrap_or(0o644);
                self.file(&mut entry, &to, mode)?;
            }
        }
        Ok(())
    }

    fn tar(&mut self, input: impl Read) -> Result<(), ArchiveError> {
        let mut archive = Archive::new(input);
        for entry in archive.entries().map_err(|e| broken(self.path, e))? {
            let mut entry = entry.map_err(|e| broken(self.path, e))?;
            let name = entry.path().map_err(|e| broken(self.path, e))?.display().to_string();
            let to = self.place(&name)?;
            match entry.header().entry_type() {
                EntryType::Directory => fs::create_dir_all(&to).map_err(write_error(&to))?,
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    let mode = entry.header().mode().unwrap_or(0o644);
                    self.file(&mut entry, &to, mode)?;
                }
                EntryType::XGlobalHeader => {}
                // Links can lead anywhere; devices and pipes have no place here.
                _ => return Err(self.escapes(&name)),
            }
        }
        Ok(())
    }

    fn place(&mut self, name: &str) -> Result<PathBuf, ArchiveError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(ArchiveError::TooLarge { path: self.path.to_owned() });
        }
        let inside = Path::new(name);
        if inside.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
            Ok(self.dest.join(inside))
        } else {
            Err(self.escapes(name))
        }
    }

    fn file(&mut self, from: &mut impl Read, to: &Path, mode: u32) -> Result<(), ArchiveError> {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(write_error(parent))?;
        }
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode((mode & 0o777) | 0o600);
        let mut out = options.open(to).map_err(write_error(to))?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = from.read(&mut buffer).map_err(|e| broken(self.path, e))?;
            if n == 0 {
                return Ok(());
            }
            self.bytes += n as u64;
            if self.bytes > MAX_BYTES {
                return Err(ArchiveError::TooLarge { path: self.path.to_owned() });
            }
            out.write_all(&buffer[..n]).map_err(write_error(to))?;
        }
    }

    fn escapes(&self, entry: &str) -> ArchiveError {
        ArchiveError::Escapes { path: self.path.to_owned(), entry: entry.to_owned() }
    }
}

fn broken(path: &Path, cause: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::Broken { path: path.to_owned(), cause: cause.to_string() }
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::Write { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            // Past the builder's own check of the name.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o750);
            header.set_size(text.len() as u64);
            if *kind == EntryType::Symlink {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(kind: ArchiveKind, bytes: &[u8]) -> (tempfile::TempDir, Result<(), ArchiveError>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("archive"), bytes).unwrap();
        let result = unpack(kind, &dir.path().join("archive"), &dir.path().join("to"));
        (dir, result)
    }

    #[test]
    fn the_kind_is_in_the_key() {
        let kinds = ["a.jar", "a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.gz", "zip"].map(ArchiveKind::of);
        use ArchiveKind::{Tar, TarGz, Zip};
        assert_eq!(kinds, [Some(Zip), Some(Zip), Some(Tar), Some(TarGz), Some(TarGz), None, None]);
    }

    #[test]
    fn tar_is_unpacked_plain_and_zipped() {
        use std::os::unix::fs::PermissionsExt;
        let plain = tar(&[
            ("d/", EntryType::Directory, ""),
            ("d/x/run", EntryType::Regular, "text"),
            ("./y", EntryType::Regular, ""),
        ]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&plain).unwrap();
        for (kind, bytes) in [(ArchiveKind::Tar, plain), (ArchiveKind::TarGz, gz.finish().unwrap())] {
            let (dir, result) = unpacked(kind, &bytes);
            result.unwrap();
            let file = dir.path().join("to/d/x/run");
            assert_eq!(fs::read_to_string(&file).unwrap(), "text");
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o750);
            assert!(dir.path().join("to/y").is_file());
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let bad = [
            ("../evil", EntryType::Regular),
            ("/tmp/evil", EntryType::Regular),
            ("a/../../evil", EntryType::Regular),
            ("link", EntryType::Symlink),
            ("dev", EntryType::Char),
        ];
        for (name, kind) in bad {
            let (dir, result) = unpacked(ArchiveKind::Tar, &tar(&[(name, kind, "")]));
            assert!(matches!(result, Err(ArchiveError::Escapes { .. })), "{name}: {result:?}");
            assert!(!dir.path().join("evil").exists() && fs::read_dir(dir.path().join("to")).unwrap().next().is_none());
        }
    }

    #[test]
    fn garbage_is_named() {
        for kind in [ArchiveKind::Zip, ArchiveKind::Tar, ArchiveKind::TarGz] {
            let (_dir, result) = unpacked(kind, &[7; 2000]);
            assert!(matches!(result, Err(ArchiveError::Broken { .. })), "{kind:?}: {result:?}");
        }
    }
}
