//! Storm's log viewer: the logs of this host's workers and daemons, to read, to search and to take away; and the end of those
//! that are too old or too many.
//!
//! `root` is the only way to a file: nothing that a request says leads out of the folder of the logs. `clean` decides what
//! goes, and `sweep` lets it go.
#![forbid(unsafe_code)]

mod clean;
mod deep;
mod files;
mod live;
mod pages;
mod part;
mod root;
mod routes;
mod run;
mod search;
mod settings;
mod stream;
mod sweep;

pub use run::run;
pub use storm_http::HttpError;
