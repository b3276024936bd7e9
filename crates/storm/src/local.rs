//! Local mode: a whole topology in this process, without a cluster.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_conf::Conf;
use storm_engine::{Engine, EngineError, EngineSpec};
use storm_topology::builder::{Natives, component_factory};
use storm_topology::package::{Package, PackageError};
use storm_topology::system::{InvalidTopology, SystemTopology, normalise};

/// How a topology is run locally.
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// The cluster's configuration, below the topology's own; Storm's defaults at least.
    pub conf: Conf,
    /// Laid over the topology's own configuration.
    pub overrides: Map<String, Value>,
    /// The name; without one the topology's own.
    pub name: Option<String>,
}

/// Why a topology could not run locally.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The topology has mistakes.
    #[error(transparent)]
    Invalid(#[from] InvalidTopology),
    /// Its resources cannot be laid out.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A folder for the run cannot be made.
    #[error("{path}: {cause}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A component died.
    #[error("{0}")]
    Died(String),
}

impl LocalError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            LocalError::Invalid(e) => e.code(),
            LocalError::Package(e) => e.code(),
            LocalError::Folder { .. } => "local/folder",
            LocalError::Engine(e) => e.code(),
            LocalError::Died(_) => "local/died",
        }
    }
}

/// How a local run ended, when nothing went wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalEnd {
    /// Errors that components reported and went on after.
    pub reported: u64,
}

/// Components may take this long to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a packaged topology in this process until `stop` comes or a component dies. Errors of components go to the log.
///
/// `natives` are the components of the calling program; a Flux topology has none.
pub async fn run_local(
    package: &Package,
    natives: Natives,
    options: &LocalOptions,
    stop: impl Future<Output = ()>,
) -> Result<LocalEnd, LocalError> {
    let description = package.description();
    let mut conf = options.conf.clone();
    conf.overlay(&description.conf);
    conf.overlay(&options.overrides);
    let name = options.name.clone().or_else(|| description.name.clone()).unwrap_or_else(|| "local".to_owned());
    let id = format!("{name}-1-0");
    conf.set("topology.name", name);
    conf.set("storm.id", id.clone());
    let normal = normalise(&description.topology, conf.map())?;
    let system = SystemTopology::derive(&normal, conf.map())?;

    let folder = tempfile::Builder::new().prefix("storm-local-").tempdir();
    let folder = folder.map_err(|cause| LocalError::Folder { path: std::env::temp_dir(), cause })?;
    let (resources, pids) = (folder.path().join("resources"), folder.path().join("pids"));
    package.extract_resources(&resources)?;
    std::fs::create_dir(&pids).map_err(|cause| LocalError::Folder { path: pids.clone(), cause })?;

    let factory = Arc::new(component_factory(&system, natives));
    let mut spec = EngineSpec::in_process(&id, system, conf.into_map(), factory);
    spec.resources_dir = resources;
    spec.pid_dir = pids;
    let mut engine = Engine::start(spec)?;
    let (mut errors, mut fatal) = (engine.errors(), engine.fatal());
    engine.activate();
    let mut reported = 0;
    let mut stop = std::pin::pin!(stop);
    let died = loop {
        tokio::select! {
            () = &mut stop => break None,
            Some(death) = fatal.recv() => break Some(death.to_string()),
            Some(error) = errors.recv() => {
                reported += 1;
                tracing::error!("{error}");
            }
        }
    };
    engine.deactivate();
    let ending = tokio::task::spawn_blocking(move || engine.shutdown());
    if tokio::time::timeout(PATIENCE, ending).await.is_err() {
        tracing::warn!("a component has not ended within {} s and is left behind", PATIENCE.as_secs());
    }
    match died {
        Some(death) => Err(LocalError::Died(death)),
        None => Ok(LocalEnd { reported }),
    }
}
