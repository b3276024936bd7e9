//! ZooKeeper, Nimbus and listening supervisors.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::json;
use storm_conf::Conf;
use storm_tests::cluster::srvr;
use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::{Nest, Process};
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::wait_until;
use storm_thrift::types::{
    Assignment, ExecutorInfo, SupervisorAssignments, SupervisorInfo, SupervisorWorkerHeartbeat,
    SupervisorWorkerHeartbeats, TopologySummary,
};
use storm_thrift::{
    ClientError, ClientOptions, NimbusClient, RequestContext, ServerOptions, ServiceError, SupervisorHandler,
    SupervisorService, serve,
};
use storm_zk::Cluster;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub const HOST: &str = "127.0.0.1";
pub const LIMIT: Duration = Duration::from_secs(20);

/// A ZooKeeper server of its own.
pub struct Keeper {
    nest: Nest,
    pub port: u16,
    process: Process,
}

impl Keeper {
    pub fn start() -> Keeper {
        let nest = Nest::new();
        let port = free_port();
        let process = Keeper::spawn(&nest, port);
        let keeper = Keeper { nest, port, process };
        keeper.wait();
        keeper
    }

    fn spawn(nest: &Nest, port: u16) -> Process {
        let (data, file) = (nest.dir().join("data"), nest.dir().join("zoo.cfg"));
        let text = format!(
            "tickTime=500\ndataDir={}\nclientPort={port}\nclientPortAddress={HOST}\nadmin.enableServer=false\n\
             maxClientCnxns=0\n",
            data.display()
        );
        fs::write(&file, text).unwrap();
        let mut java = peers::java(&[&peers::zookeeper_classpath()]);
        java.args(["-Xmx256m", "org.apache.zookeeper.server.quorum.QuorumPeerMain"]).arg(&file);
        nest.spawn("zookeeper", java)
    }

    fn wait(&self) {
        wait_until(LIMIT, "ZooKeeper to serve", || srvr(self.port).is_some_and(|a| a.contains("Mode:")));
    }

    pub fn kill(&mut self) {
        self.process.kill_nine();
    }

    pub fn restart(&mut self) {
        self.process = Keeper::spawn(&self.nest, self.port);
        self.wait();
    }

    /// One for all tests that do not kill it; they keep apart by the root.
    pub fn shared() -> &'static Keeper {
        static SHARED: OnceLock<Keeper> = OnceLock::new();
        SHARED.get_or_init(Keeper::start)
    }
}

/// A place for one cluster: a folder and a root in ZooKeeper.
pub struct Place {
    dir: tempfile::TempDir,
    pub conf: Conf,
}

impl Place {
    pub fn new(keeper: &Keeper) -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = tempfile::tempdir().unwrap();
        let mut conf = Conf::default();
        for (key, value) in [
            ("storm.zookeeper.servers", json!([HOST])),
            ("storm.zookeeper.port", json!(keeper.port)),
            ("storm.zookeeper.root", json!(format!("/storm-{}", COUNT.fetch_add(1, Ordering::Relaxed)))),
            ("storm.zookeeper.session.timeout", json!(4000)),
            ("storm.local.dir", json!(dir.path().join("local"))),
            ("storm.local.hostname", json!(HOST)),
            ("nimbus.thrift.port", json!(0)),
            ("topology.eventlogger.executors", json!(0)),
            ("topology.message.timeout.secs", json!(30)),
            ("topology.workers", json!(1)),
            // Long, so that what is seen was not done by the periodic round.
            ("nimbus.monitor.freq.secs", json!(3600)),
        ] {
            conf.set(key, value);
        }
        Place { dir, conf }
    }

    pub fn with(mut self, key: &str, value: serde_json::Value) -> Place {
        self.conf.set(key, value);
        self
    }

    pub fn local_dir(&self) -> PathBuf {
        self.dir.path().join("local")
    }

    /// A zip that Nimbus takes for a topology jar.
    pub fn jar(&self) -> PathBuf {
        let path = self.dir.path().join("topology.jar");
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        zip.start_file("resources/lines.py", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"print()").unwrap();
        zip.finish().unwrap();
        path
    }

    pub async fn zk(&self) -> Cluster {
        Cluster::connect(&self.conf).await.unwrap()
    }
}

/// A running Nimbus.
pub struct Nimbus {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), storm_nimbus::NimbusError>>,
}

impl Nimbus {
    pub async fn start(conf: &Conf) -> Nimbus {
        let (stop, stopped) = oneshot::channel();
        let (ready, bound) = oneshot::channel();
        let run = storm_nimbus::run(conf.clone(), move |address| ready.send(address).unwrap(), async move {
            let _dropped_or_sent = stopped.await;
        });
        let task = tokio::spawn(run);
        let address = bound.await.expect("Nimbus serves");
        Nimbus { address, stop, task }
    }

    pub async fn client(&self) -> NimbusClient {
        client(self.address.port()).await
    }

    /// Ends it in good order.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }

    /// Ends it without a word to anybody.
    pub fn kill(self) {
        self.task.abort();
    }
}

pub async fn client(port: u16) -> NimbusClient {
    NimbusClient::connect(HOST, port, options()).await.unwrap()
}

pub fn options() -> ClientOptions {
    ClientOptions { connect_timeout: LIMIT, call_timeout: LIMIT, max_frame: 1 << 20 }
}

/// A supervisor that takes assignments and starts nothing; its workers beat only if the test says so.
pub struct Supervisor {
    pub id: String,
    pushes: watch::Receiver<Pushed>,
    zk: Cluster,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
pub struct Pushed {
    pub count: u64,
    pub assignments: BTreeMap<String, Assignment>,
}

struct Listens(watch::Sender<Pushed>);

impl SupervisorHandler for Listens {
    async fn send_supervisor_assignments(
        &self,
        _: &RequestContext,
        assignments: SupervisorAssignments,
    ) -> Result<(), ServiceError> {
        self.0.send_modify(|p| {
            p.count += 1;
            p.assignments = assignments.storm_assignment;
        });
        Ok(())
    }

    async fn get_local_assignment_for_storm(&self, _: &RequestContext, _: String) -> Result<Assignment, ServiceError> {
        Err(ServiceError::NoResult)
    }

    async fn send_supervisor_worker_heartbeat(
        &self,
        _: &RequestContext,
        _: SupervisorWorkerHeartbeat,
    ) -> Result<(), ServiceError> {
        Ok(())
    }
}

impl Supervisor {
    pub async fn start(place: &Place, id: &str, ports: &[i64]) -> Supervisor {
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let port = i32::from(listener.local_addr().unwrap().port());
        let (sender, pushes) = watch::channel(Pushed::default());
        let service = SupervisorService(Arc::new(Listens(sender)));
        let task =
            tokio::spawn(serve(listener, service, ServerOptions::new("supervisor", 1 << 20), std::future::pending()));
        let zk = place.zk().await;
        let info = SupervisorInfo {
            time_secs: 1,
            hostname: HOST.into(),
            assignment_id: Some(id.into()),
            used_ports: Some(vec![]),
            meta: Some(ports.to_vec()),
            uptime_secs: Some(7),
            version: Some("2.8.8".into()),
            resources_map: Some(BTreeMap::from([("cpu.pcore.percent".into(), 400.0)])),
            server_port: Some(port),
            ..SupervisorInfo::default()
        };
        zk.publish_supervisor(id, &info).await.unwrap();
        Supervisor { id: id.into(), pushes, zk, task }
    }

    pub async fn vanish(self) {
        self.zk.close().await;
        self.task.abort();
    }

    /// Waits for a push after which `good` holds of the topology's assignment here.
    pub async fn pushed(&self, what: &str, good: impl Fn(&BTreeMap<String, Assignment>) -> bool) -> Pushed {
        let mut pushes = self.pushes.clone();
        let wait = pushes.wait_for(|p| p.count > 0 && good(&p.assignments));
        let Ok(pushed) = tokio::time::timeout(LIMIT, wait).await else {
            panic!("{}: no push of {what}; the last was {:?}", self.id, *self.pushes.borrow());
        };
        pushed.unwrap().clone()
    }

    /// Sends beats of every worker that the assignments put on this supervisor.
    pub async fn beat(&self, nimbus: &mut NimbusClient, assignments: &[(&str, &Assignment)]) {
        let beat = |(id, a): &(&str, &Assignment)| SupervisorWorkerHeartbeat {
            storm_id: (*id).to_owned(),
            executors: a
                .executor_node_port
                .iter()
                .filter(|(_, at)| at.node == self.id)
                .map(|(k, _)| ExecutorInfo { task_start: k[0] as i32, task_end: k[1] as i32 })
                .collect(),
            time_secs: 0,
        };
        let worker_heartbeats = assignments.iter().map(beat).collect();
        let beats = SupervisorWorkerHeartbeats { supervisor_id: self.id.clone(), worker_heartbeats };
        nimbus.send_supervisor_worker_heartbeats(beats).await.unwrap();
    }
}

/// Submits lines and split with two executors each.
pub async fn submit_to(
    nimbus: &mut NimbusClient,
    name: &str,
    jar: &Path,
    conf: serde_json::Value,
) -> Result<(), ClientError> {
    let mut topology = lines_to_split();
    for bolt in topology.bolts.values_mut() {
        bolt.common.parallelism_hint = Some(2);
    }
    submit(nimbus, name, jar, &conf, topology).await
}

pub async fn summary(nimbus: &mut NimbusClient, name: &str) -> Option<TopologySummary> {
    nimbus.get_topology_summaries().await.unwrap().into_iter().find(|t| t.name == name)
}

/// Asks until the answer is good.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ask().await {
            return value;
        }
        assert!(started.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
