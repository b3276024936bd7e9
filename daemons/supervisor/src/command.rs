//! What is executed to get a worker, as a value: program, arguments, environment.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use storm_conf::Conf;
use storm_thrift::types::ComponentObject;

use crate::java::{JavaLaunch, java_command};
use crate::layout::{Layout, Stormdist};
use crate::processes::MARK;
use crate::topology_files::TopologyFiles;

/// Topology configuration key: the program under `resources/` that is the worker.
pub const NATIVE_BINARY: &str = "topology.native.binary";
/// Environment variable that names the configuration of the host, as JSON, for a native worker.
pub const WORKER_CONF: &str = "STORM_WORKER_CONF";

const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchCommand {
    pub program: PathBuf,
    /// What `ps` shows as the program's name.
    pub arg0: Option<String>,
    pub args: Vec<String>,
    /// Added to the environment of the supervisor.
    pub env: BTreeMap<String, String>,
    /// The worker writes its own `worker.log.err`, so that all its output goes to `worker.log.out`.
    pub own_error_log: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{NATIVE_BINARY} is \"{0}\", which is no path below resources/")]
    NotBelowResources(String),
    #[error("{NATIVE_BINARY} names {path}, but the topology's jar holds no such file below resources/")]
    NoBinary { path: PathBuf },
    #[error(
        "component \"{component}\" of {topology_id} is written in Java, and {home} is not an Apache Storm home (no lib-worker/ in it): \
         set storm.home to one, on this machine"
    )]
    NoJavaHome { topology_id: String, component: String, home: PathBuf },
}

/// Everything that a command line depends on.
#[derive(Debug)]
pub struct LaunchInputs<'a> {
    pub layout: &'a Layout,
    /// The host's configuration.
    pub conf: &'a Conf,
    pub files: &'a TopologyFiles,
    pub resources: Option<&'a storm_thrift::types::WorkerResources>,
    pub topology_id: &'a str,
    pub supervisor_id: &'a str,
    pub supervisor_port: u16,
    pub port: u16,
    pub worker_id: &'a str,
    /// Our own program, which is the worker of topologies without one.
    pub stormctl: &'a Path,
    /// The supervisor's own environment.
    pub environment: &'a BTreeMap<String, String>,
}

/// Chooses the program and builds its command line.
pub fn command(inputs: &LaunchInputs<'_>) -> Result<LaunchCommand, CommandError> {
    let dist = inputs.layout.stormdist(inputs.topology_id);
    // As Storm merges: what the topology says wins over the host.
    let mut merged = inputs.conf.clone();
    merged.overlay(&inputs.files.conf);
    let mut env = environment(&merged, &library_path(&merged, &dist));
    let mut command = if let Some(name) = merged.str(NATIVE_BINARY) {
        native(inputs, native_binary(&dist, name)?)
    } else if let Some((component, _)) =
        inputs.files.components().find(|(_, o)| !matches!(o, ComponentObject::Shell(_)))
    {
        let home = inputs.conf.home();
        if !home.join("lib-worker").is_dir() {
            let (topology_id, component) = (inputs.topology_id.to_owned(), component.to_owned());
            return Err(CommandError::NoJavaHome { topology_id, component, home });
        }
        java_command(&JavaLaunch { inputs, merged: &merged, dist: &dist, library_path: &env[LIBRARY_PATH] })
    } else {
        native(inputs, inputs.stormctl.to_owned())
    };
    env.append(&mut command.env);
    env.insert(MARK.to_owned(), inputs.worker_id.to_owned());
    command.env = env;
    Ok(command)
}

fn native(inputs: &LaunchInputs<'_>, program: PathBuf) -> LaunchCommand {
    let args = [
        "worker".to_owned(),
        inputs.topology_id.to_owned(),
        inputs.supervisor_id.to_owned(),
        inputs.supervisor_port.to_string(),
        inputs.port.to_string(),
        inputs.worker_id.to_owned(),
    ];
    let conf = inputs.layout.worker(inputs.worker_id).conf().display().to_string();
    LaunchCommand {
        program,
        arg0: Some("storm-worker".to_owned()),
        args: args.into(),
        env: BTreeMap::from([(WORKER_CONF.to_owned(), conf)]),
        own_error_log: false,
    }
}

fn native_binary(dist: &Stormdist, name: &str) -> Result<PathBuf, CommandError> {
    let path = Path::new(name);
    if name.is_empty() || !path.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(CommandError::NotBelowResources(name.to_owned()));
    }
    let path = dist.resources().join(path);
    if path.is_file() { Ok(path) } else { Err(CommandError::NoBinary { path }) }
}

/// Entries of `topology.environment`, and the library path before the topology's own.
fn environment(merged: &Conf, library_path: &str) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    if let Some(serde_json::Value::Object(own)) = merged.get("topology.environment") {
        for (name, value) in own {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // A name that cannot be one would make the start of the process fail.
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                tracing::warn!("topology.environment: {name:?} is not a variable and is left out");
                continue;
            }
            env.insert(name.clone(), value);
        }
    }
    let path = match env.get(LIBRARY_PATH) {
        Some(own) => format!("{library_path}:{own}"),
        None => library_path.to_owned(),
    };
    env.insert(LIBRARY_PATH.to_owned(), path);
    env
}

/// Where native libraries are looked for: the topology's own first.
fn library_path(merged: &Conf, dist: &Stormdist) -> String {
    let resources = dist.resources();
    // The names that Java has for them.
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    };
    let system = merged.str("java.library.path").unwrap_or("/usr/local/lib:/opt/local/lib:/usr/lib:/usr/lib64");
    format!("{0}/Linux-{arch}:{0}:{system}", resources.display())
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
