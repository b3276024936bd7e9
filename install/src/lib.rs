//! Putting a cluster on its hosts, and taking it off again.
//!
//! [`spec`] is what is wanted, [`facts`] what the hosts say, [`plan`] decides (pure) which [`step`]s lead from one to the
//! other, and [`apply`] has them done. Whatever is done on a host is done by [`site`], on that host: here in this process,
//! elsewhere in a `stormctl` that [`host`] has brought there over ssh and talks to in lines of JSON.
#![forbid(unsafe_code)]

pub mod adopt;
pub mod agents;
pub mod apply;
pub mod archive;
pub mod facts;
pub mod fetch;
pub mod host;
pub mod journal;
pub mod plan;
pub mod preflight;
pub mod project;
pub mod site;
pub mod spec;
pub mod step;
mod trouble;

pub use trouble::{Kind, Trouble};
