//! The logs of this machine: of daemons, and of the workers of a topology; many files as one, in order of time.

mod entry;
mod error;
mod filter;
mod merge;
mod reading;
mod source;
mod wanted;

pub use entry::{Entry, Level, stamp};
pub use error::LogError;
pub use filter::{Filter, Tail};
pub use reading::{Batch, Reading};
pub use wanted::{Place, Wanted, local_offset_secs};
