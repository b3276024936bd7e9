//! The life of a worker process, from its arguments to its exit status.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use storm_conf::Conf;
use storm_engine::{Engine, EngineHandle, EngineSpec};
use storm_thrift::types::ComponentObject;
use storm_topology::builder::{Natives, component_factory};
use storm_topology::builtins::BUILTIN_KEY;
use storm_topology::system::SystemTopology;
use storm_zk::Cluster;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::beats::{self, LocalBeat};
use crate::clock::Clock;
use crate::decide::{Effect, Event, Share, Slot, State};
use crate::dirs::Dirs;
use crate::error::Exit;
use crate::follow;
use crate::logging::LogLevels;
use crate::report::{Death, Reporter};
use crate::topology::{TopologyFiles, merge};
use crate::{WorkerArgs, WorkerError};

/// The worker before us may still be ending.
const PORT_PATIENCE: Duration = Duration::from_secs(3);
/// How long a new worker looks for somebody who knows its assignment.
const ASSIGNMENT_PATIENCE: Duration = Duration::from_secs(60);
/// How long ZooKeeper may take to take leave of us.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What is left of the supervisor's grace when the components had theirs.
const SPARE: Duration = Duration::from_millis(200);

/// Runs a worker until it is asked to stop or has to end.
///
/// `host` is the configuration of this machine; `natives` are the components that this program brings; `levels` changes what is logged.
pub async fn run(
    host: Conf,
    args: WorkerArgs,
    natives: Natives,
    levels: LogLevels,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Exit, WorkerError> {
    let clock = Clock::start();
    let dirs = Dirs::new(&host, &args);
    dirs.write_pid(std::process::id())?;
    // Made in the background: nothing waits for ZooKeeper when the supervisor answers.
    let zk = Cluster::open(&host)?;
    let worker = Worker { clock, dirs, args, zk: zk.clone(), levels };
    let ended = worker.run(host, natives, shutdown).await;
    if timeout(LAST_WORDS, zk.close()).await.is_err() {
        tracing::debug!("the ZooKeeper session is left to run out");
    }
    ended
}

struct Worker {
    clock: Clock,
    dirs: Dirs,
    args: WorkerArgs,
    zk: Cluster,
    levels: LogLevels,
}

impl Worker {
    async fn run(
        self,
        host: Conf,
        natives: Natives,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Exit, WorkerError> {
        let asked = async { follow::first_assignment(&host, &self.args, &self.zk, ASSIGNMENT_PATIENCE).await };
        let prepared = async {
            let files = TopologyFiles::read(&self.dirs)?;
            let conf = merge(&host, &files.conf);
            let system = SystemTopology::derive(&files.topology, conf.map())?;
            let listener = listen(&host.listen_addresses(), self.args.port).await?;
            Ok::<_, WorkerError>((conf, system, listener))
        };
        let mut shutdown = Box::pin(shutdown);
        let both = async { tokio::try_join!(asked, prepared) };
        let (assignment, (conf, system, listener)) = tokio::select! {
            both = both => both?,
            () = &mut shutdown => return Ok(Exit::Stopped),
        };
        let slot = Slot { node: self.args.supervisor_id.clone(), port: self.args.port.into() };
        let share = Share::of(&assignment.unwrap_or_default(), &slot);
        if share.executors.is_empty() {
            tracing::warn!("nothing is assigned to this slot");
            return Ok(Exit::Died);
        }
        let mut beat = LocalBeat::open(&self.dirs, &self.args, &share.executors)?;
        // Before the components are made, which may take its time.
        beat.beat(self.clock.now_secs())?;

        let multilang = multilang_components(&system, &natives);
        let factory = component_factory(&system, natives);
        let mut engine = Engine::start(EngineSpec {
            topology_id: self.args.topology_id.clone(),
            topology: system,
            conf: conf.map().clone(),
            executors: share.executors.iter().cloned().collect(),
            factory: Arc::new(factory),
            peers: share.peers.clone(),
            listener: Some(listener),
            runtime: tokio::runtime::Handle::current(),
            data_threads: 0,
            resources_dir: self.dirs.resources(),
            pid_dir: self.dirs.pids(),
            worker_port: self.args.port,
        })?;
        tracing::info!(executors = share.executors.len(), port = self.args.port, "worker is up");

        let (events, mut heard) = mpsc::channel(64);
        let reporter = Reporter::new(&conf, &self.args, &self.zk, self.clock);
        let (errors, fatal) = (engine.errors(), engine.fatal());
        let engine = Arc::new(engine);
        let mut tasks = JoinSet::new();
        tasks.spawn(beats::local(beat, beats::period(&conf), self.clock));
        tasks.spawn(beats::remote(conf.clone(), self.args.clone(), share.executors.clone(), self.clock));
        tasks.spawn(follow::base(conf.clone(), self.args.topology_id.clone(), self.zk.clone(), events.clone()));
        tasks.spawn(follow::assignment(conf.clone(), self.args.clone(), self.zk.clone(), events.clone()));
        tasks.spawn(follow::moves(self.args.topology_id.clone(), self.zk.clone(), events.clone()));
        tasks.spawn(follow::log_levels(self.args.topology_id.clone(), self.zk.clone(), self.levels.clone()));
        let every = conf.int("executor.metrics.frequency.secs").filter(|secs| *secs > 0).unwrap_or(60);
        tasks.spawn(reporter.clone().statistics(Duration::from_secs(every as u64), engine.clone()));
        let mut death = Box::pin(reporter.errors(errors, fatal));

        let mut state = State::new(slot, share);
        let exit = loop {
            let event = tokio::select! {
                // A sender is kept here, so the channel does not end.
                Some(event) = heard.recv() => event,
                Death(component) = &mut death => Event::Died { multilang: multilang.contains(&component) },
                () = &mut shutdown => Event::Stop,
            };
            match state.on(event) {
                None => {}
                Some(Effect::Activate) => {
                    tracing::info!("activated");
                    engine.activate();
                }
                Some(Effect::Deactivate) => {
                    tracing::info!("deactivated");
                    engine.deactivate();
                }
                Some(Effect::Peers(peers)) => engine.update_peers(peers),
                Some(Effect::End(exit, why)) => {
                    tracing::info!("ending: {why}");
                    break exit;
                }
            }
        };
        // Nothing of ours may report any more, so that what is removed stays removed.
        tasks.shutdown().await;
        drop(events);
        Ok(self.stop(&conf, engine, exit).await)
    }

    /// Ends in order, in the time that a supervisor gives before it kills.
    async fn stop(&self, conf: &Conf, engine: Arc<EngineHandle>, exit: Exit) -> Exit {
        let secs = conf.int("supervisor.worker.shutdown.sleep.secs").filter(|secs| *secs > 0).unwrap_or(3) as u64;
        let forget = async {
            let (node, port) = (&self.args.supervisor_id, self.args.port.into());
            match timeout(LAST_WORDS, self.zk.remove_worker_heartbeat(&self.args.topology_id, node, port)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "statistics of this worker stay behind"),
                Err(_elapsed) => tracing::warn!("statistics of this worker stay behind: ZooKeeper does not answer"),
            }
        };
        let grace = Duration::from_secs(secs).saturating_sub(SPARE);
        // It waits for components, and so for whatever they wait for.
        let closed = timeout(grace, tokio::task::spawn_blocking(move || engine.shutdown()));
        let (closed, ()) = tokio::join!(closed, forget);
        match closed {
            Ok(Ok(())) => exit,
            Ok(Err(error)) => {
                tracing::error!(%error, "the engine did not end in order");
                exit
            }
            Err(_elapsed) => {
                tracing::error!("components did not end within {} ms", grace.as_millis());
                if exit == Exit::Stopped { Exit::Stuck } else { exit }
            }
        }
    }
}

async fn listen(ips: &[IpAddr], port: u16) -> Result<TcpListener, WorkerError> {
    let wanted: Vec<_> = ips.iter().map(|ip| SocketAddr::from((*ip, port))).collect();
    let deadline = Instant::now() + PORT_PATIENCE;
    loop {
        match TcpListener::bind(&wanted[..]) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(Duration::from_millis(50)).await;
            }
            Err(source) => return Err(WorkerError::Port { port, source }),
        }
    }
}

/// The components that run as children and speak multilang.
fn multilang_components(system: &SystemTopology, natives: &Natives) -> Vec<String> {
    let native: Vec<&str> = natives.ids().collect();
    let shell = system.components().iter().filter(|c| matches!(c.object, ComponentObject::Shell(_)));
    let child = shell.filter(|c| !c.own_conf.contains_key(BUILTIN_KEY) && !native.contains(&c.id.as_str()));
    child.map(|c| c.id.clone()).collect()
}
