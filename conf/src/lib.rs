//! Storm's configuration: defaults, files, precedence, typed access.
#![forbid(unsafe_code)]

mod conf;
mod hostname;
mod keys;
mod load;
mod mistake;
mod places;
mod scalar;
mod yaml;

pub use conf::Conf;
pub use keys::known as known_keys;
pub use load::{DEFAULTS, LoadOptions, Loaded, load, load_from};
pub use mistake::{ConfErrors, Mistake, Place};
pub use places::{Environment, Reader};
pub use yaml::{Entry as YamlEntry, Fault as YamlFault, Kind as YamlKind, Mark, Node as YamlNode, read as read_yaml};
