//! Storm's configuration: keys, defaults, files, precedence, typed access.
#![forbid(unsafe_code)]

mod conf;
mod hostname;
mod kind;
mod load;
mod mistake;
mod nearest;
mod places;
pub mod schema;
pub mod yaml;

pub use conf::Conf;
pub use kind::{Kind, Misfit};
pub use load::{DEFAULTS, LoadOptions, Loaded, check, load, load_from, option, read_file};
pub use mistake::{ConfErrors, Mistake, Place};
pub use nearest::nearest;
pub use places::{Candidate, Environment, Reader, candidates, find};
pub use yaml::{
    Entry as YamlEntry, Fault as YamlFault, Kind as YamlKind, Level, Mark, Node as YamlNode, Style as YamlStyle,
    read as read_yaml,
};
