//! One of two workers, without a cluster: it runs its half of the executors, and finds the other half at an address it is given.

use std::error::Error;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use storm::builder::{TopologyBuilder, component_factory};
use storm::system::SystemTopology;
use storm_engine::{Engine, EngineSpec};
use storm_tests::word_count::port_file;

/// `half DIR 0|1 OTHER-HALF'S-ADDRESS CONF-AS-JSON`
pub fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [dir, which, other, conf] = arguments else {
        return Err("usage: word_count half DIR 0|1 ADDRESS CONF".into());
    };
    let (dir, which): (PathBuf, usize) = (dir.into(), which.parse()?);
    let conf: Map<String, Value> = serde_json::from_str(conf)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _inside = runtime.enter();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let mut engine = Engine::start(spec(&dir, which, other, conf, listener)?)?;
    let mut fatal = engine.fatal();
    engine.activate();
    write_port(&dir, which, port)?;
    let death = runtime.block_on(fatal.recv());
    Err(death.map_or_else(|| "the engine ended".to_owned(), |death| death.to_string()).into())
}

/// The first task of each component is in the one half, the second in the other.
fn spec(
    dir: &Path,
    which: usize,
    other: &str,
    overrides: Map<String, Value>,
    listener: TcpListener,
) -> Result<EngineSpec, Box<dyn Error>> {
    let mut builder = TopologyBuilder::new();
    crate::define(&mut builder, dir);
    let topology = builder.build()?;
    let mut conf = topology.conf().clone();
    conf.extend(
        json!({ "topology.acker.executors": 2, "topology.eventlogger.executors": 0 })
            .as_object()
            .cloned()
            .unwrap_or_default(),
    );
    conf.extend(overrides);
    let system = SystemTopology::derive(topology.thrift(), &conf)?;
    let factory = Arc::new(component_factory(&system, topology.natives().clone()));
    let all = system.executors(&system.start_executors());
    let mut spec = EngineSpec::in_process("words-1-0", system, conf, factory);
    spec.executors = all.into_values().filter_map(|executors| executors.get(which).cloned()).collect();
    let mine: Vec<i32> = spec.executors.iter().flat_map(|e| e.task_start..=e.task_end).collect();
    let tasks = 1..=spec.topology.task_count() as i32;
    spec.peers = tasks.filter(|task| !mine.contains(task)).map(|task| (task, other.to_owned())).collect();
    spec.listener = Some(listener);
    Ok(spec)
}

/// Whole or not at all, since others wait for it.
fn write_port(dir: &Path, which: usize, port: u16) -> std::io::Result<()> {
    let file = port_file(dir, which);
    let new = file.with_extension("new");
    std::fs::write(&new, port.to_string())?;
    std::fs::rename(new, file)
}
