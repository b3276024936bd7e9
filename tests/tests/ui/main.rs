//! The UI and the log viewer, asked by curl and by a browser: what they tell is what Nimbus tells, ours and Apache's, in the
//! members of Storm's documents; and what they must not do.

mod alone;
mod browser;
mod cluster;
mod http;
mod logs;
mod members;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use storm_tests::built::stormctl;
use storm_tests::process::{Nest, Process};

/// A JVM starts a JVM that starts Python.
const LIMIT: Duration = Duration::from_secs(120);

/// One of our daemons in the foreground.
fn daemon(nest: &Nest, config: &Path, arguments: &[&str]) -> Process {
    let mut command = Command::new(stormctl());
    command.arg("--config").arg(config).args(arguments).env("HOME", nest.dir());
    nest.spawn(arguments[0], command)
}
