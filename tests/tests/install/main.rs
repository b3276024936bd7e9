//! Clusters put on this machine and on others, looked at by `find`, `ssh`, `systemd-analyze` and `dpkg`, and a pty.

mod adopt;
mod agents;
mod apache;
mod cases;
mod client;
mod deb;
mod distributed;
mod fetch;
mod new;
mod rolling;
mod single;
mod systemd;
mod wizard;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use storm_tests::built::stormctl;
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest};

const LIMIT: Duration = Duration::from_secs(120);

/// A command whose user is at home in the nest, with nothing else around.
fn command(nest: &Nest, args: &[&str]) -> Command {
    command_of(stormctl(), nest, args)
}

fn command_of(program: &Path, nest: &Nest, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let home = nest.dir().join("home");
    std::fs::create_dir_all(&home).expect("a home");
    command.args(args).current_dir(&home).env("HOME", &home).env("TMPDIR", nest.dir());
    // A server of a test is not behind anybody's proxy.
    command.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
    for variable in ["XDG_STATE_HOME", "XDG_DATA_HOME", "STORM_CONF_DIR", "STORM_CONF_FILE", "STORM_HOME", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn run(nest: &Nest, args: &[&str]) -> Finished {
    nest.run(command(nest, args))
}

/// Settings that keep a cluster off the ports of others.
fn own_ports() -> Vec<String> {
    let [zookeeper, nimbus, supervisor, a, b, ui, logviewer] = std::array::from_fn(|_| free_port());
    let settings = [
        format!("storm.zookeeper.port={zookeeper}"),
        format!("nimbus.thrift.port={nimbus}"),
        format!("supervisor.thrift.port={supervisor}"),
        format!("ui.port={ui}"),
        format!("logviewer.port={logviewer}"),
        format!("supervisor.slots.ports=[{a},{b}]"),
    ];
    settings.into_iter().flat_map(|s| ["-c".to_owned(), s]).collect()
}

/// What is in a folder: every path with its kind and content, as `find` and `sha256sum` tell it.
fn tree(dir: &Path) -> BTreeMap<PathBuf, String> {
    let script = "find . -type f -exec sha256sum {} + ; find . ! -type f -printf '%y  %p\\n'";
    let output = Command::new("sh").args(["-c", script]).current_dir(dir).output().expect("find runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|l| l.split_once("  ")).map(|(what, path)| (PathBuf::from(path), what.to_owned())).collect()
}
