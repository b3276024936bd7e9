//! Where blobs come from.

use std::future::Future;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("blob {key} does not exist (any more)")]
    NotFound { key: String },
    #[error("blob {key} cannot be fetched: {cause}")]
    Source { key: String, cause: String },
    #[error("blob {key}: {got} bytes came, {expected} were announced")]
    Size { key: String, got: u64, expected: u64 },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
}

impl BlobError {
    /// The code word; stable.
    pub fn code(&self) -> &'static str {
        match self {
            BlobError::NotFound { .. } => "BLOB_NOT_FOUND",
            BlobError::Source { .. } => "BLOB_UNREACHABLE",
            BlobError::Size { .. } => "BLOB_CUT_OFF",
            BlobError::Write { .. } => "BLOB_WRITE",
        }
    }
}

/// The blobstore, as a supervisor sees it.
pub trait BlobSource: Send + Sync + 'static {
    /// The present version of a blob.
    fn version(&self, key: &str) -> impl Future<Output = Result<i64, BlobError>> + Send;

    /// Writes the blob to the file and says which version that is.
    fn download(&self, key: &str, to: &Path) -> impl Future<Output = Result<i64, BlobError>> + Send;
}
