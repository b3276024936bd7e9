//! The topology jar: a zip whose `resources/` folder goes to every worker's machine.

mod error;
mod extract;
mod open;
mod pack;
pub(crate) mod resources;

pub use error::JarError;
pub use extract::{extract_resources, extract_resources_with};
pub use open::{Jar, JarLimits};
pub use pack::{Resource, ResourceData, pack, pack_folder};
pub use resources::shell_script_of_builtin;

/// The folder inside the jar.
pub const RESOURCES: &str = "resources/";
/// Where a jar packed by us says what topology it holds; a jar made by others has no such entry.
pub const DESCRIPTION: &str = "META-INF/storm/topology.json";
