//! What can go wrong with a blob.

use std::io;
use std::path::PathBuf;

use storm_thrift::types::{KeyAlreadyExistsException, KeyNotFoundException};
use storm_thrift::{DecodeError, ServiceError};

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("{key}")]
    NotFound { key: String },
    #[error("{key}")]
    AlreadyExists { key: String },
    #[error(
        "{key:?} does not appear to be a valid blob key: letters, digits, space, tab and . _ - only, and neither . nor .."
    )]
    BadKey { key: String },
    #[error("blob store: cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("blob store: {path} does not hold the metadata of a blob: {source}")]
    Meta { path: PathBuf, source: DecodeError },
}

impl BlobError {
    /// A short stable word for programs to match on.
    pub fn code(&self) -> &'static str {
        match self {
            BlobError::NotFound { .. } => "BLOB_NOT_FOUND",
            BlobError::AlreadyExists { .. } => "BLOB_EXISTS",
            BlobError::BadKey { .. } => "BLOB_KEY",
            BlobError::Io { .. } => "BLOB_IO",
            BlobError::Meta { .. } => "BLOB_META",
        }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BlobError {
        let path = path.into();
        move |source| BlobError::Io { doing, path, source }
    }
}

impl From<BlobError> for ServiceError {
    fn from(e: BlobError) -> ServiceError {
        match e {
            BlobError::NotFound { key } => KeyNotFoundException { msg: key }.into(),
            BlobError::AlreadyExists { key } => KeyAlreadyExistsException { msg: key }.into(),
            other => {
                tracing::warn!(code = other.code(), "{other}");
                ServiceError::internal(other.to_string())
            }
        }
    }
}
