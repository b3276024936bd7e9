//! Configuration files as people write them: what is wrong with them, and changes that leave every other byte alone.
//!
//! [`lint`] finds, [`mend`] applies what it proposes, [`edit`] sets and removes keys, [`store`] puts a file in place of
//! another. All but [`store`] are pure.
#![forbid(unsafe_code)]

mod codes;
pub mod diff;
pub mod edit;
mod finding;
mod host;
mod lint;
mod log4j;
mod mend;
pub mod store;
mod storm;
mod subject;
mod text;
mod together;
mod zoo;

pub use codes::{CODES, Code, code};
pub use finding::{Finding, Fix, Level};
pub use host::Host;
pub use lint::lint;
pub use mend::{Mended, mend};
pub use storm::{Misordered, misordered};
pub use storm_conf::Mark;
pub use subject::{Format, Subject};
pub use text::{Edit, Text, apply};
pub use zoo::Properties;
