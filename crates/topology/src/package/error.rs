//! Why there is no package.

use std::io;
use std::path::PathBuf;

use crate::DescriptionError;
use crate::flux::FluxError;
use crate::jar::JarError;
use crate::system::InvalidTopology;

/// Why something is no topology that can be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is nothing, or it cannot be read.
    #[error("{path}: {cause}", path = path.display())]
    Read {
        /// What was named.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The file is something else.
    #[error(
        "{path}: not a topology; it must be a Flux file (.yaml), a topology jar, or a program that links the storm crate",
        path = path.display()
    )]
    Unknown {
        /// What was named.
        path: PathBuf,
    },
    /// A jar that describes no topology.
    #[error(
        "{path}: this jar does not say what topology it holds ({entry} is missing): it was made by others; \
         a jar with a Java main class is submitted with `stormctl jar {path} CLASS`",
        path = path.display(),
        entry = crate::jar::DESCRIPTION
    )]
    ForeignJar {
        /// The jar.
        path: PathBuf,
    },
    /// The Flux file has mistakes.
    #[error(transparent)]
    Flux(#[from] FluxError),
    /// The jar cannot be read or written.
    #[error(transparent)]
    Jar(#[from] JarError),
    /// The topology cannot run.
    #[error(transparent)]
    Invalid(#[from] InvalidTopology),
    /// The program did not describe its topology.
    #[error("{program} {verb}: {why}", program = program.display(), verb = super::DESCRIBE)]
    Program {
        /// The program.
        program: PathBuf,
        /// What it did instead.
        why: String,
    },
    /// What the program said is no description.
    #[error("{program} {verb}: {cause}", program = program.display(), verb = super::DESCRIBE)]
    Description {
        /// The program.
        program: PathBuf,
        /// What is wrong.
        cause: DescriptionError,
    },
}

impl PackageError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            PackageError::Read { .. } => "topology/unreadable",
            PackageError::Unknown { .. } => "topology/unknown-kind",
            PackageError::ForeignJar { .. } => "topology/foreign-jar",
            PackageError::Flux(e) => e.code(),
            PackageError::Jar(e) => e.code(),
            PackageError::Invalid(e) => e.code(),
            PackageError::Program { .. } => "topology/program",
            PackageError::Description { cause, .. } => cause.code(),
        }
    }
}
