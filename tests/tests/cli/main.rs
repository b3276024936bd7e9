//! `stormctl` as its users run it: a whole process, judged by what other programs say of the same thing.

mod asking;
mod backup;
mod completion;
mod config;
mod contexts;
mod daemons;
mod examples;
mod jps;
mod logs;
mod manuals;
mod planning;
mod quickstart;
mod schemas;
mod storm_verbs;
mod watch;
mod zk;
mod zk_service;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use storm_tests::built::stormctl;
use storm_tests::process::Nest;

const LIMIT: Duration = Duration::from_secs(60);

/// A command whose user is at home in the nest, with nothing else around.
fn command(nest: &Nest, args: &[&str]) -> Command {
    let mut command = Command::new(stormctl());
    command.args(args).current_dir(nest.dir()).env("HOME", nest.dir()).env("TMPDIR", nest.dir());
    for variable in [
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
        "STORM_CONF_DIR",
        "STORM_CONF_FILE",
        "STORM_HOME",
        "STORMCTL_CLUSTER",
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(variable);
    }
    command
}

/// The names of what is in a folder.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()));
    entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}
