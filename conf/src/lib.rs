//! Storm's configuration: defaults, files, precedence, typed access.
#![forbid(unsafe_code)]

mod conf;

pub use conf::Conf;
