//! A blob being written: a scratch file beside its place, renamed when it is whole and on the disk.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::error::BlobError;
use super::layout::{FILE, SCRATCH};

/// Dropped without [`BlobWriter::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    file: File,
    scratch: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl BlobWriter {
    /// `dir` is made when absent; `now_ms` names the scratch file, as in Storm.
    pub(super) fn open(dir: &Path, now_ms: i64) -> Result<BlobWriter, BlobError> {
        fs::create_dir_all(dir).map_err(BlobError::io("make the folder", dir))?;
        let mut stamp = now_ms;
        loop {
            let scratch = dir.join(format!("{stamp}{SCRATCH}"));
            match File::create_new(&scratch) {
                Ok(file) => return Ok(BlobWriter { file, scratch, target: dir.join(FILE), committed: false }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => stamp += 1,
                Err(e) => return Err(BlobError::io("create", scratch)(e)),
            }
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.file.write_all(bytes).map_err(BlobError::io("write", &self.scratch))
    }

    pub fn copy(&mut self, from: &mut impl Read) -> Result<u64, BlobError> {
        io::copy(from, &mut self.file).map_err(BlobError::io("write", &self.scratch))
    }

    pub fn commit(mut self) -> Result<(), BlobError> {
        self.file.sync_data().map_err(BlobError::io("write to disk", &self.scratch))?;
        fs::rename(&self.scratch, &self.target).map_err(BlobError::io("put in place", &self.target))?;
        self.committed = true;
        let dir = self.target.parent().unwrap_or(Path::new("."));
        // Without this a power loss may undo the rename, though not what was synced before it.
        File::open(dir).and_then(|d| d.sync_all()).map_err(BlobError::io("write to disk", dir))
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        if let Err(e) = fs::remove_file(&self.scratch) {
            tracing::warn!("blob store: cannot remove {}: {e}", self.scratch.display());
        }
        // An unfinished creation must not look like a blob; the folder of an update has its file and stays.
        if let Some(dir) = self.scratch.parent()
            && !self.target.exists()
            && let Err(e) = fs::remove_dir(dir)
        {
            tracing::debug!("blob store: {} stays: {e}", dir.display());
        }
    }
}
