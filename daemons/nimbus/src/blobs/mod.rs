//! The local-fs blobstore.

mod error;
mod layout;
mod sessions;
mod store;
mod writer;

pub use error::BlobError;
pub use layout::{bucket, folder, java_hash, valid_key};
pub use sessions::Sessions;
pub use store::BlobStore;
pub(crate) use store::open_meta;
pub use writer::BlobWriter;
