//! A supervisor's home for a test: folders, a blobstore, and the supervisor without its network side.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal};
use serde_json::{Map, Value, json};
use storm_conf::Conf;
use storm_supervisor::blobs::{BlobError, BlobSource};
use storm_supervisor::driver::SlotView;
use storm_supervisor::host::{Host, Identity};
use storm_supervisor::layout::Layout;
use storm_supervisor::processes;
use storm_supervisor::recovery::recover;
use storm_supervisor::supervisor::Supervisor;
use storm_thrift::local_state::{LocalState, keys};
use storm_thrift::types::{Assignment, LSWorkerHeartbeat, NodeInfo, StormTopology};
use tokio::sync::watch;

pub const GRACE: Duration = Duration::from_millis(300);

/// A blobstore in memory; the version counts the changes.
#[derive(Debug, Clone)]
pub struct MemoryBlobs(Arc<Mutex<Blobs>>);

/// Key -> version and content.
type Blobs = BTreeMap<String, (i64, Vec<u8>)>;

impl MemoryBlobs {
    fn get(&self, key: &str) -> Result<(i64, Vec<u8>), BlobError> {
        self.0.lock().unwrap().get(key).cloned().ok_or(BlobError::NotFound { key: key.to_owned() })
    }
}

impl BlobSource for MemoryBlobs {
    async fn version(&self, key: &str) -> Result<i64, BlobError> {
        Ok(self.get(key)?.0)
    }

    async fn download(&self, key: &str, to: &Path) -> Result<i64, BlobError> {
        let (version, bytes) = self.get(key)?;
        fs::write(to, bytes).unwrap();
        Ok(version)
    }
}

pub struct Home {
    dir: tempfile::TempDir,
    blobs: MemoryBlobs,
    extra: Option<(String, Value)>,
    pub port: u16,
    pub supervisor_id: String,
}

impl Home {
    pub fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let beats = dir.path().join("beats");
        // From the future, so that it stays fresh.
        let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i32 + 3600;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let beat = LSWorkerHeartbeat {
            time_secs: soon,
            topology_id: "any".to_owned(),
            executors: Vec::new(),
            port: i32::from(port),
        };
        LocalState::open(beats, 1).unwrap().put(keys::WORKER_HEARTBEAT, &beat).unwrap();
        let supervisor_id = format!("s-{port}");
        Home { dir, blobs: MemoryBlobs(Arc::default()), extra: None, port, supervisor_id }
    }

    pub fn with(key: &str, value: Value) -> Home {
        let mut home = Home::new();
        home.extra = Some((key.to_owned(), value));
        home
    }

    pub fn conf(&self) -> Conf {
        let mut conf = Conf::defaults();
        conf.set("storm.home", self.dir.path().display().to_string());
        conf.set("supervisor.worker.shutdown.sleep.secs", GRACE.as_secs_f64());
        if let Some((key, value)) = &self.extra {
            conf.set(key, value.clone());
        }
        conf
    }

    pub fn layout(&self) -> Layout {
        Layout::of(&self.conf()).unwrap()
    }

    /// Where a worker may count its runs.
    pub fn count(&self) -> PathBuf {
        self.dir.path().join("count")
    }

    pub fn blob(&self, key: &str, bytes: &[u8]) {
        let mut blobs = self.blobs.0.lock().unwrap();
        let version = blobs.get(key).map_or(1, |(v, _)| v + 1);
        blobs.insert(key.to_owned(), (version, bytes.to_vec()));
    }

    pub fn lose_blobstore(&self) {
        self.blobs.0.lock().unwrap().clear();
    }

    pub fn topology(&self, id: &str, script: &str) {
        self.topology_with(id, script, &[]);
    }

    /// A topology whose worker is a shell script.
    pub fn topology_with(&self, id: &str, script: &str, more: &[(&str, Value)]) {
        let script = format!("#!/bin/sh\necho \"$@\" > args\n{script}");
        let mut conf: Map<String, Value> = Map::new();
        conf.insert("topology.native.binary".to_owned(), json!("worker.sh"));
        let environment = json!({ "BEATS": self.dir.path().join("beats"), "COUNT": self.count() });
        conf.insert("topology.environment".to_owned(), environment);
        conf.extend(more.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(Value::Object(conf).to_string().as_bytes()).unwrap();
        self.blob(&format!("{id}-stormconf.ser"), &gz.finish().unwrap());
        let code = storm_zk::Delegate::Gzip.write(&StormTopology::default());
        self.blob(&format!("{id}-stormcode.ser"), &code);
        self.blob(&format!("{id}-stormjar.jar"), &zip(&[("resources/worker.sh", &script, 0o644)]));
    }

    /// Starts a supervisor on what is on disk.
    pub async fn supervisor(&self) -> Running<'_> {
        let identity = Identity {
            supervisor_id: self.supervisor_id.clone(),
            port: 6628,
            stormctl: PathBuf::from("/nonexistent/stormctl"),
        };
        let host = Host::new(self.conf(), identity, self.blobs.clone()).unwrap();
        let supervisor = Supervisor::new(Arc::new(host));
        recover(&supervisor).await;
        let running = Running { home: self, supervisor, view: Mutex::default() };
        running.refresh().await;
        running
    }
}

pub fn zip(files: &[(&str, &str, u32)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text, mode) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub struct Running<'a> {
    home: &'a Home,
    pub supervisor: Supervisor<MemoryBlobs>,
    view: Mutex<Option<watch::Receiver<SlotView>>>,
}

impl Running<'_> {
    pub fn host(&self) -> &Arc<Host<MemoryBlobs>> {
        &self.supervisor.host
    }

    /// What Nimbus would push: this topology, or nothing, for the one port.
    pub async fn assign(&self, topology_id: Option<&str>) {
        let assignments = topology_id.map(|id| {
            let node = NodeInfo { node: self.home.supervisor_id.clone(), port: [i64::from(self.home.port)].into() };
            let mut assignment = Assignment::default();
            assignment.executor_node_port.insert(vec![1, 1], node);
            (id.to_owned(), assignment)
        });
        self.supervisor.apply(assignments.into_iter().collect(), None).await;
        self.refresh().await;
    }

    async fn refresh(&self) {
        let view = self.supervisor.watch(self.home.port).await;
        *self.view.lock().unwrap() = view;
    }

    /// How the slot is doing.
    pub fn view(&self) -> Option<SlotView> {
        self.view.lock().unwrap().as_ref().map(|v| v.borrow().clone())
    }

    pub async fn state(&self, state: &str) {
        eventually(state, || self.view().is_some_and(|v| v.state == state)).await;
    }

    /// The id of the worker, once it runs.
    pub async fn running(&self) -> String {
        self.state("RUNNING").await;
        self.view().and_then(|v| v.worker_id).expect("a running slot has a worker")
    }

    /// The process of a worker.
    pub fn pid(&self, worker: &str) -> i32 {
        pid_of(self.home, worker).expect("a worker has a pid file")
    }

    /// The process that the script of a worker has noted.
    pub async fn child(&self, worker: &str) -> i32 {
        let file = self.home.layout().worker(worker).root().join("child.pid");
        let read = || fs::read_to_string(&file).ok()?.trim().parse().ok();
        eventually("the child of the worker", || read().is_some()).await;
        read().expect("just seen")
    }

    /// Ends the supervisor; its worker goes on.
    pub async fn stop(self) {
        self.supervisor.stop().await;
    }

    /// Ends worker and supervisor.
    pub async fn end(self) {
        self.assign(None).await;
        self.state("EMPTY").await;
        self.supervisor.stop().await;
    }
}

impl Drop for Home {
    /// Whatever a failed test has left running.
    fn drop(&mut self) {
        let layout = self.layout();
        for dir in fs::read_dir(layout.workers()).into_iter().flatten().flatten() {
            let worker_id = dir.file_name().to_string_lossy().into_owned();
            let leader = processes::main_process(&layout.worker(&worker_id).pids(), &worker_id);
            // Nothing more can be done about one that does not go.
            let _gone = processes::Quarry { worker_id, leader }.signal(Signal::KILL);
        }
    }
}

/// The process of a worker, as soon as it has one.
pub fn pid_of(home: &Home, worker: &str) -> Option<i32> {
    processes::pids_in(&home.layout().worker(worker).pids()).into_iter().next()
}

pub fn kill(pid: i32) {
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

pub fn alive(pid: i32) -> bool {
    processes::is_alive(pid)
}

pub async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !check() {
        assert!(Instant::now() < deadline, "no {what} within 20 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
