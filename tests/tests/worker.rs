//! The worker process' contract with its surroundings: a supervisor made for the test, a real ZooKeeper, real files.
//!
//! The worker itself runs within the test, so that its components can tell what they see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use storm_conf::Conf;
use storm_tests::cluster::{Cluster as Machine, ClusterOptions};
use storm_tests::ports::free_port;
use storm_thrift::local_state::{keys, peek};
use storm_thrift::types::{
    Assignment, ExecutorInfo, LSWorkerHeartbeat, NodeInfo, NotAliveException, StormBase, SupervisorAssignments,
    SupervisorWorkerHeartbeat, TopologyStatus,
};
use storm_thrift::{
    Exception, RequestContext, ServerOptions, ServiceError, SupervisorHandler, SupervisorService, serve,
};
use storm_topology::builder::{Natives, Topology, TopologyBuilder};
use storm_topology::prelude::*;
use storm_topology::system::{SystemTopology, normalise};
use storm_worker::{Exit, LogLevels, WorkerArgs, WorkerError};
use storm_zk::{Cluster, Delegate};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(30);
const ID: &str = "numbers-1-1700000000";
const NODE: &str = "s1-127.0.0.1";

/// What the components of the test have seen.
#[derive(Default)]
struct Seen {
    tuples: AtomicU64,
    active: AtomicBool,
    closed: AtomicBool,
    /// What the bolt is to do with the next tuple.
    orders: Mutex<Option<&'static str>>,
}

struct Numbers(Arc<Seen>, u64);

impl Spout for Numbers {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        self.1 += 1;
        out.emit(values![self.1 as i64]);
        Ok(Progress::IdleUntil(Instant::now() + Duration::from_millis(2)))
    }

    fn activate(&mut self, _out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.active.store(true, SeqCst);
        Ok(())
    }

    fn deactivate(&mut self, _out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.active.store(false, SeqCst);
        Ok(())
    }

    fn close(&mut self) {
        self.0.closed.store(true, SeqCst);
    }
}

struct Sink(Arc<Seen>);

impl Bolt for Sink {
    fn execute(&mut self, _tuple: &Tuple<'_>, _out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.tuples.fetch_add(1, SeqCst);
        let order = self.0.orders.lock().expect("no panic holds it").take();
        match order {
            None => Ok(()),
            Some("fail") => Err(ComponentError::failed("this number does not please")),
            Some("die") => Err(ComponentError::fatal("the sink is full")),
            Some("hang") => {
                std::thread::sleep(Duration::from_secs(5));
                Ok(())
            }
            Some(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_worker_lives_and_ends_as_storms_does() {
    with_machine(async |mut machine| {
        let mut stage = Stage::new(&machine, numbers).await;
        let zk = stage.zk.clone();
        let start = Instant::now();
        let worker = stage.start(&[]);
        until("the first tuple", || stage.seen.tuples.load(SeqCst) > 0).await;
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_millis(250), "{elapsed:?} to the first tuple");

        // What a supervisor looks at.
        let worker_dir = stage.home.join("storm-local/workers/w1");
        let pid = std::process::id().to_string();
        assert!(worker_dir.join("pids").join(&pid).is_file());
        let artifacts = stage.home.join(format!("logs/workers-artifacts/{ID}/{}", stage.port));
        assert_eq!(fs::read_to_string(artifacts.join("worker.pid")).unwrap(), pid);
        let beat = || peek::<LSWorkerHeartbeat>(&worker_dir.join("heartbeats"), keys::WORKER_HEARTBEAT).unwrap();
        until("a heartbeat file", || beat().is_some()).await;
        let first = beat().unwrap();
        assert_eq!((first.topology_id.as_str(), first.port), (ID, i32::from(stage.port)));
        assert!(first.executors.contains(&ExecutorInfo { task_start: -1, task_end: -1 }));
        assert_eq!(first.executors.len(), stage.assignment.executor_node_port.len() + 1);
        until("heartbeats by thrift", || stage.supervisor.beats.load(SeqCst) >= 2).await;
        assert_eq!(stage.supervisor.connections.lock().unwrap().len(), 2, "one to ask, one to beat");

        // What Nimbus looks at.
        let port = i64::from(stage.port);
        let stats = async || zk.worker_heartbeat(ID, NODE, port).await.unwrap();
        let emitted = async || stats().await.is_some_and(|s| s.executor_stats.values().any(|e| !e.emitted.is_empty()));
        until_async("statistics", emitted).await;
        assert_eq!(stats().await.unwrap().storm_id, ID);
        *stage.seen.orders.lock().unwrap() = Some("fail");
        let errors = async || zk.errors(ID, "sink").await.unwrap();
        until_async("the error", async || !errors().await.is_empty()).await;
        let error = zk.last_error(ID, "sink").await.unwrap().unwrap();
        assert!(error.error.contains("does not please"), "{error:?}");
        assert_eq!((error.host.as_deref(), error.port), (Some("127.0.0.1"), Some(stage.port.into())));

        // Status changes work at once, though the poll comes only every 10 s.
        for (status, active) in [(TopologyStatus::Inactive, false), (TopologyStatus::Active, true)] {
            let start = Instant::now();
            zk.set_storm_base(ID, &base(status)).await.unwrap();
            until(status.name(), || stage.seen.active.load(SeqCst) == active).await;
            assert!(start.elapsed() < Duration::from_secs(1), "{status:?} took {:?}", start.elapsed());
        }

        // All alone it goes on.
        machine.zookeeper.kill_nine();
        stage.supervisor_down();
        let (tuples, time) = (stage.seen.tuples.load(SeqCst), beat().unwrap().time_secs);
        until("tuples without anybody", || stage.seen.tuples.load(SeqCst) > tuples + 500).await;
        until("heartbeats without anybody", || beat().unwrap().time_secs > time + 2).await;
        machine.start_zookeeper();
        stage.supervisor_up().await;
        let beats = stage.supervisor.beats.load(SeqCst);
        until("heartbeats by thrift again", || stage.supervisor.beats.load(SeqCst) > beats + 1).await;
        let gap = stats().await.unwrap().time_secs;
        until_async("statistics again", async || stats().await.unwrap().time_secs > gap).await;

        // Asked to stop, it closes its components and takes back what it has reported.
        let start = Instant::now();
        assert_eq!(worker.stop().await.unwrap(), Exit::Stopped);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?} to stop", start.elapsed());
        assert!(stage.seen.closed.load(SeqCst));
        assert_eq!(stats().await, None);
        assert!(!zk.errors(ID, "sink").await.unwrap().iter().any(|e| e.error.is_empty()));
        zk.close().await;
    });
}

#[test]
fn the_slot_decides_what_runs() {
    with_machine(async |machine| {
        let mut stage = Stage::new(&machine, numbers).await;
        let quick = [("task.refresh.poll.secs", 1.into())];
        // The supervisor knows nothing: ZooKeeper's word counts.
        stage.supervisor.assignment.lock().unwrap().take();
        let worker = stage.start(&quick);
        until("tuples", || stage.seen.tuples.load(SeqCst) > 0).await;
        // The supervisor gives one executor away.
        let mut other = stage.assignment.clone();
        let (_, mut place) = other.executor_node_port.pop_first().unwrap();
        place.port = BTreeSet::from([i64::from(stage.port) + 1]);
        other.executor_node_port.insert(vec![1, 1], place);
        *stage.supervisor.assignment.lock().unwrap() = Some(other);
        assert_eq!(worker.ended().await.unwrap(), Exit::Died);
        assert_eq!(stage.zk.worker_heartbeat(ID, NODE, stage.port.into()).await.unwrap(), None);

        // Started for a slot that has nothing to run.
        *stage.supervisor.assignment.lock().unwrap() = Some(Assignment::default());
        assert_eq!(stage.start(&[]).ended().await.unwrap(), Exit::Died);

        // No assignment at all any more.
        *stage.supervisor.assignment.lock().unwrap() = Some(stage.assignment.clone());
        let worker = stage.start(&quick);
        let tuples = stage.seen.tuples.load(SeqCst);
        until("tuples", || stage.seen.tuples.load(SeqCst) > tuples).await;
        stage.supervisor.assignment.lock().unwrap().take();
        stage.zk.remove_assignment(ID).await.unwrap();
        assert_eq!(worker.ended().await.unwrap(), Exit::Died);
        stage.zk.close().await;
    });
}

#[test]
fn deaths_are_told_and_end_the_worker() {
    with_machine(async |machine| {
        let mut stage = Stage::new(&machine, numbers).await;
        let worker = stage.start(&[]);
        *stage.seen.orders.lock().unwrap() = Some("die");
        assert_eq!(worker.ended().await.unwrap(), Exit::Died);
        let error = stage.zk.last_error(ID, "sink").await.unwrap().unwrap();
        assert!(error.error.contains("the sink is full"), "{error:?}");
        let panicking = stage.start(&[]);
        *stage.seen.orders.lock().unwrap() = Some("a panic of the sink");
        assert_eq!(panicking.ended().await.unwrap(), Exit::Died);
        let error = stage.zk.last_error(ID, "sink").await.unwrap().unwrap();
        assert!(error.error.contains("a panic of the sink"), "{error:?}");

        // A component that does not let go is given up in the supervisor's time.
        let worker = stage.start(&[("supervisor.worker.shutdown.sleep.secs", 1.into())]);
        let tuples = stage.seen.tuples.load(SeqCst);
        until("tuples", || stage.seen.tuples.load(SeqCst) > tuples).await;
        *stage.seen.orders.lock().unwrap() = Some("hang");
        until("the order to be taken", || stage.seen.orders.lock().unwrap().is_none()).await;
        let start = Instant::now();
        assert_eq!(worker.stop().await.unwrap(), Exit::Stuck);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        stage.zk.close().await;
    });
}

#[test]
fn a_dead_multilang_child_ends_the_worker_with_storms_status() {
    with_machine(async |machine| {
        let mut stage = Stage::new(&machine, |seen| {
            let mut builder = TopologyBuilder::new();
            let spout_seen = seen.clone();
            builder.set_spout("numbers", move || Numbers(spout_seen.clone(), 0)).outputs(["n"]);
            builder.shell_bolt("sink", "sh", "dies.sh").shuffle("numbers");
            builder.build().unwrap()
        })
        .await;
        fs::write(stage.dist().join("resources/dies.sh"), "echo 'no such module' >&2\nexit 3\n").unwrap();
        let exit = stage.start(&[]).ended().await.unwrap();
        assert_eq!((exit, exit.code()), (Exit::ChildDied, 11));
        let error = stage.zk.last_error(ID, "sink").await.unwrap().unwrap();
        assert!(error.error.contains("no such module"), "{error:?}");
        stage.zk.close().await;
    });
}

#[test]
fn a_worker_starts_without_zookeeper() {
    with_machine(async |mut machine| {
        let mut stage = Stage::new(&machine, numbers).await;
        machine.zookeeper.kill_nine();
        let worker = stage.start(&[("storm.zookeeper.connection.timeout", 300.into())]);
        until("tuples", || stage.seen.tuples.load(SeqCst) > 0).await;
        // It learns later that it should not have.
        machine.start_zookeeper();
        stage.zk.set_storm_base(ID, &base(TopologyStatus::Inactive)).await.unwrap();
        until("deactivation", || !stage.seen.active.load(SeqCst)).await;
        assert_eq!(worker.stop().await.unwrap(), Exit::Stopped);
        stage.zk.close().await;
    });
}

#[test]
fn what_is_missing_is_named() {
    with_machine(async |machine| {
        let mut stage = Stage::new(&machine, numbers).await;
        let taken = std::net::TcpListener::bind(("0.0.0.0", stage.port)).unwrap();
        let error = stage.start(&[]).ended().await.unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("worker-port", 20));
        assert!(error.to_string().contains(&stage.port.to_string()), "{error}");
        drop(taken);
        let code = stage.dist().join("stormcode.ser");
        let bytes = fs::read(&code).unwrap();
        fs::write(&code, &bytes[..bytes.len() / 2]).unwrap();
        let error = stage.start(&[]).ended().await.unwrap_err();
        assert_eq!(error.code(), "worker-topology-file");
        assert!(error.to_string().contains("stormcode.ser"), "{error}");
        fs::remove_file(stage.dist().join("stormconf.ser")).unwrap();
        assert_eq!(stage.start(&[]).ended().await.unwrap_err().code(), "worker-io");
        stage.zk.close().await;
    });
}

/// A spout of numbers and a bolt that takes them.
fn numbers(seen: &Arc<Seen>) -> Topology {
    let mut builder = TopologyBuilder::new();
    let (spout_seen, sink_seen) = (seen.clone(), seen.clone());
    builder.set_spout("numbers", move || Numbers(spout_seen.clone(), 0)).outputs(["n"]);
    builder.set_bolt("sink", move || Sink(sink_seen.clone())).shuffle("numbers");
    builder.build().unwrap()
}

fn base(status: TopologyStatus) -> StormBase {
    StormBase { name: "numbers".to_owned(), status, num_workers: 1, ..StormBase::default() }
}

/// A machine with a localised topology and a supervisor, as a worker finds them.
struct Stage {
    home: PathBuf,
    _folder: tempfile::TempDir,
    host: Conf,
    zk: Cluster,
    supervisor: Arc<Supervisor>,
    server: JoinHandle<()>,
    supervisor_port: u16,
    port: u16,
    natives: Natives,
    assignment: Assignment,
    seen: Arc<Seen>,
}

impl Stage {
    async fn new(machine: &Machine, topology: impl FnOnce(&Arc<Seen>) -> Topology) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        let seen = Arc::new(Seen::default());
        let topology = topology(&seen);
        let mut host = Conf::defaults();
        host.set("storm.home", home.to_str().unwrap());
        host.set("storm.zookeeper.servers", serde_json::json!(["127.0.0.1"]));
        host.set("storm.zookeeper.port", machine.zookeeper.port);
        host.set("storm.zookeeper.session.timeout", 6000);
        host.set("storm.local.hostname", "127.0.0.1");
        host.set("nimbus.seeds", serde_json::json!(["127.0.0.1"]));
        host.set("nimbus.thrift.port", free_port());
        host.set("executor.metrics.frequency.secs", 1);

        let mut conf = topology.conf().clone();
        // None of the host's business.
        conf.insert("storm.zookeeper.port".to_owned(), 1.into());
        conf.insert("storm.local.dir".to_owned(), "/nowhere".into());
        let dist = home.join("storm-local/supervisor/stormdist").join(ID);
        fs::create_dir_all(dist.join("resources")).unwrap();
        let thrift = normalise(topology.thrift(), &conf).unwrap();
        fs::write(dist.join("stormcode.ser"), Delegate::Gzip.write(&thrift)).unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(serde_json::Value::Object(conf.clone()).to_string().as_bytes()).unwrap();
        fs::write(dist.join("stormconf.ser"), gzip.finish().unwrap()).unwrap();

        let mut merged = host.clone();
        merged.overlay(&conf);
        let system = SystemTopology::derive(&thrift, merged.map()).unwrap();
        let port = free_port();
        let place = NodeInfo { node: NODE.to_owned(), port: BTreeSet::from([port.into()]) };
        let executors = system.executors(&system.start_executors());
        let executors = executors.values().flatten().map(|e| vec![e.task_start.into(), e.task_end.into()]);
        let assignment = Assignment {
            node_host: BTreeMap::from([(NODE.to_owned(), "127.0.0.1".to_owned())]),
            executor_node_port: executors.map(|executor| (executor, place.clone())).collect(),
            ..Assignment::default()
        };
        let zk = Cluster::connect(&host).await.unwrap();
        zk.set_storm_base(ID, &base(TopologyStatus::Active)).await.unwrap();
        zk.set_assignment(ID, &assignment).await.unwrap();
        let supervisor = Arc::new(Supervisor {
            assignment: Mutex::new(Some(assignment.clone())),
            beats: AtomicU64::new(0),
            connections: Mutex::default(),
        });
        let supervisor_port = free_port();
        let server = tokio::spawn(listen(supervisor.clone(), supervisor_port).await);
        Stage {
            home,
            _folder: folder,
            host,
            zk,
            supervisor,
            server,
            supervisor_port,
            port,
            natives: topology.natives().clone(),
            assignment,
            seen,
        }
    }

    fn dist(&self) -> PathBuf {
        self.home.join("storm-local/supervisor/stormdist").join(ID)
    }

    fn start(&mut self, overrides: &[(&str, serde_json::Value)]) -> Worker {
        let mut host = self.host.clone();
        for (key, value) in overrides {
            host.set(key, value.clone());
        }
        let args = WorkerArgs {
            topology_id: ID.to_owned(),
            supervisor_id: NODE.to_owned(),
            supervisor_port: self.supervisor_port,
            port: self.port,
            worker_id: "w1".to_owned(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let run = storm_worker::run(host, args, self.natives.clone(), LogLevels::fixed(), shutdown);
        Worker { stop, task: tokio::spawn(run) }
    }

    fn supervisor_down(&self) {
        self.server.abort();
    }

    async fn supervisor_up(&mut self) {
        self.server = tokio::spawn(listen(self.supervisor.clone(), self.supervisor_port).await);
    }
}

struct Worker {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Exit, WorkerError>>,
}

impl Worker {
    async fn stop(self) -> Result<Exit, WorkerError> {
        self.stop.send(()).expect("it runs");
        tokio::time::timeout(LIMIT, self.task).await.expect("it ends in time").unwrap()
    }

    /// Waits for it to end by itself.
    async fn ended(self) -> Result<Exit, WorkerError> {
        tokio::time::timeout(LIMIT, self.task).await.expect("it ends in time").unwrap()
    }
}

struct Supervisor {
    assignment: Mutex<Option<Assignment>>,
    beats: AtomicU64,
    connections: Mutex<BTreeSet<std::net::SocketAddr>>,
}

impl SupervisorHandler for Supervisor {
    async fn send_supervisor_assignments(
        &self,
        _ctx: &RequestContext,
        _assignments: SupervisorAssignments,
    ) -> Result<(), ServiceError> {
        panic!("a worker does not call this")
    }

    async fn get_local_assignment_for_storm(
        &self,
        ctx: &RequestContext,
        id: String,
    ) -> Result<Assignment, ServiceError> {
        self.connections.lock().unwrap().insert(ctx.peer);
        assert_eq!(id, ID);
        let found = self.assignment.lock().unwrap().clone();
        found.ok_or_else(|| {
            ServiceError::Declared(Exception::NotAliveException(NotAliveException { msg: format!("no {id} here") }))
        })
    }

    async fn send_supervisor_worker_heartbeat(
        &self,
        ctx: &RequestContext,
        beat: SupervisorWorkerHeartbeat,
    ) -> Result<(), ServiceError> {
        self.connections.lock().unwrap().insert(ctx.peer);
        assert_eq!(beat.storm_id, ID);
        assert!(beat.executors.contains(&ExecutorInfo { task_start: -1, task_end: -1 }));
        self.beats.fetch_add(1, SeqCst);
        Ok(())
    }
}

async fn listen(supervisor: Arc<Supervisor>, port: u16) -> impl Future<Output = ()> + Send {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let options = ServerOptions::new("supervisor", 1 << 20);
    serve(listener, SupervisorService(supervisor), options, std::future::pending())
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_async(what, async || condition()).await;
}

async fn until_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited {LIMIT:?} for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn with_machine<F: Future<Output = ()>>(test: impl FnOnce(Machine) -> F) {
    let mut machine = Machine::prepare(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    machine.start_zookeeper();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test(machine));
    runtime.shutdown_background();
}
