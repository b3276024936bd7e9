//! Storm's UI: its REST API, told by whatever Nimbus leads, and pages on top of that.
//!
//! `shape` makes documents of Nimbus' answers and touches nothing; `routes` asks and answers; `pages` are the files that a
//! browser takes.
#![forbid(unsafe_code)]

mod pages;
mod refusal;
mod routes;
mod run;
mod settings;
mod shape;

pub use run::run;
pub use storm_http::HttpError;
