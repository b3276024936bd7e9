//! What can be wrong with a jar.

use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a jar.
#[allow(missing_docs, reason = "the messages say what each is")]
#[derive(Debug, thiserror::Error)]
pub enum JarError {
    #[error("{path}: cannot be read: {cause}", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{path}: cannot be written: {cause}", path = path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{path}: not a jar (a zip archive): {cause}", path = path.display())]
    NotAZip { path: PathBuf, cause: String },
    #[error("{path}: the entry {entry:?} is damaged: {cause}", path = path.display())]
    Entry { path: PathBuf, entry: String, cause: String },
    #[error("{path}: the entry {entry:?} would be written outside the resources folder; nothing was extracted", path = path.display())]
    Escapes { path: PathBuf, entry: String },
    #[error("{path}: {what} is more than the limit of {limit}", path = path.display())]
    TooLarge { path: PathBuf, what: String, limit: u64 },
    #[error("{path}: {cause}", path = path.display())]
    Description { path: PathBuf, cause: crate::DescriptionError },
    #[error("{path}: there is something already that is no folder of ours", path = path.display())]
    Occupied { path: PathBuf },
}

impl JarError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            JarError::Read { .. } => "jar/unreadable",
            JarError::Write { .. } => "jar/unwritable",
            JarError::NotAZip { .. } => "jar/not-a-zip",
            JarError::Entry { .. } => "jar/damaged",
            JarError::Escapes { .. } => "jar/escapes",
            JarError::TooLarge { .. } => "jar/too-large",
            JarError::Description { .. } => "jar/bad-description",
            JarError::Occupied { .. } => "jar/target-occupied",
        }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> JarError + use<> {
        let path = path.to_owned();
        move |cause| JarError::Read { path, cause }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> JarError + use<> {
        let path = path.to_owned();
        move |cause| JarError::Write { path, cause }
    }
}
