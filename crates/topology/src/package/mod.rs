//! From what a user has - a Flux file, a topology program, a jar - to a topology jar that can be submitted or run.

mod error;
mod program;
mod source;

pub use error::PackageError;
pub use program::{DESCRIBE, NATIVE_BINARY};
pub use source::{Package, PackageOptions};
