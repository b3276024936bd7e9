//! Putting a changed file in the place of the old one, so that at every moment one of the two is whole.

mod backup;
mod file;
mod stamp;

pub use file::{Change, File, StoreError, Written};
pub use stamp::stamp;
