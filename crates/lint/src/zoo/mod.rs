//! `zoo.cfg`: a Java properties file.

mod limits;
mod properties;
mod rules;
mod servers;
mod values;

pub use properties::Properties;
pub(crate) use properties::escaped;
pub(crate) use rules::{Zoo, check};
pub(crate) use servers::Server;
