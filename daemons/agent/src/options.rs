//! What an agent is told when it starts.

use std::path::PathBuf;

use storm_conf::{Conf, LoadOptions};
use storm_machine::logs::Place;

/// Where it listens, who it is, and what only `stormctl` knows of this machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name or address; all of the machine's when empty.
    pub listen: String,
    pub port: u16,
    /// The machine's name, as its daemons use it.
    pub host: String,
    pub version: String,
    /// The folder with its certificates.
    pub tls: PathBuf,
    /// How the configuration of the machine's daemons is read.
    pub load: LoadOptions,
    /// The program that starts and stops daemons, and the flags with which it means this cluster.
    pub stormctl: PathBuf,
    pub globals: Vec<String>,
    /// Where logs are, by the configuration.
    pub place: fn(&Conf) -> Place,
    /// The daemons that the machine is configured for.
    pub roles: fn(&Conf) -> Vec<String>,
}

impl Options {
    /// The configuration in force now: it may have changed since the agent began. One that cannot be loaded leaves
    /// the defaults, so that logs and processes can still be seen.
    pub(crate) fn conf(&self) -> Conf {
        storm_conf::load_from(&self.load).map_or_else(|_| Conf::defaults(), |loaded| loaded.conf)
    }
}
