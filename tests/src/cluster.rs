//! A whole cluster of separate processes on this machine: ZooKeeper, Nimbus and any number of supervisors, each with
//! a home of its own, each to be killed and started again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_thrift::types::{ClusterSummary, GetInfoOptions, NumErrorsChoice, TopologyInfo, TopologySummary};
use storm_thrift::{ClientError, ClientOptions, Exception, NimbusClient, SupervisorClient};

use crate::apache;
use crate::built::stormctl;
use crate::peers;
use crate::ports::{free_port, free_ports};
use crate::process::{self, Finished, Nest, Process};
use crate::wait::{wait_for, wait_until};

pub const HOST: &str = "127.0.0.1";
/// How long a role may take to come up; only a broken one takes that long.
pub const START: Duration = Duration::from_secs(60);

/// Whose program plays a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Ours,
    Apache,
}

#[derive(Debug, Clone)]
pub struct ClusterOptions {
    pub zookeeper: Maker,
    /// Apache's, to see that a test of ours asks for what the real one gives.
    pub nimbus: Maker,
    pub supervisor: Maker,
    pub supervisors: usize,
    pub slots: usize,
    /// Laid over the harness' own storm.yaml of every role.
    pub conf: Map<String, Value>,
}

impl Maker {
    fn from_env(variable: &str) -> Maker {
        match std::env::var(variable).as_deref() {
            Ok("apache") => Maker::Apache,
            Ok("ours") | Err(_) => Maker::Ours,
            Ok(other) => panic!("{variable} is {other:?}: it may be `ours` or `apache`"),
        }
    }
}

/// Ours, unless `STORM_TEST_ZOOKEEPER=apache`, `STORM_TEST_NIMBUS=apache` or `STORM_TEST_SUPERVISOR=apache` says else.
impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions {
            zookeeper: Maker::from_env("STORM_TEST_ZOOKEEPER"),
            nimbus: Maker::from_env("STORM_TEST_NIMBUS"),
            supervisor: Maker::from_env("STORM_TEST_SUPERVISOR"),
            supervisors: 1,
            slots: 4,
            conf: Map::new(),
        }
    }
}

impl ClusterOptions {
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> ClusterOptions {
        self.conf.insert(key.to_owned(), value.into());
        self
    }
}

/// One daemon: what starts it, and its process while it runs.
pub struct Role {
    name: String,
    /// The folder with its storm.yaml and its state.
    pub home: PathBuf,
    pub port: u16,
    pub(crate) process: Option<Process>,
}

impl Role {
    pub fn config(&self) -> PathBuf {
        self.home.join("storm.yaml")
    }

    pub fn local_dir(&self) -> PathBuf {
        self.home.join("local")
    }

    pub fn log_dir(&self) -> PathBuf {
        self.home.join("logs")
    }

    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap_or_else(|| panic!("{} is not running", self.name))
    }

    pub fn kill_nine(&mut self) {
        self.process().kill_nine();
        self.process = None;
    }

    pub fn terminate(&mut self) {
        self.process().terminate(Duration::from_secs(30));
        self.process = None;
    }
}

/// A living worker, as its supervisor's directories show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerProcess {
    pub worker_id: String,
    pub pid: u32,
    pub port: u16,
}

pub struct Cluster {
    pub zookeeper: Role,
    pub nimbus: Role,
    pub supervisors: Vec<Role>,
    options: ClusterOptions,
    // Last, so that the roles' own processes are gone when it looks for what is left.
    nest: Nest,
}

impl Cluster {
    /// Starts everything and waits until Nimbus lists every supervisor.
    pub fn start(options: ClusterOptions) -> Cluster {
        let mut cluster = Cluster::prepare(options);
        cluster.start_zookeeper();
        cluster.start_nimbus();
        for index in 0..cluster.supervisors.len() {
            cluster.start_supervisor(index);
        }
        cluster.wait_for_supervisors(cluster.supervisors.len());
        cluster
    }

    /// Writes all the configuration, starts nothing.
    pub fn prepare(options: ClusterOptions) -> Cluster {
        let nest = Nest::new();
        let [zookeeper_port, nimbus_port] = free_ports();
        let shared = json!({
            "storm.zookeeper.servers": [HOST],
            "storm.zookeeper.port": zookeeper_port,
            // A role that was killed is noticed, and may lead again, when its session is over.
            "storm.zookeeper.session.timeout": 6000,
            "nimbus.seeds": [HOST],
            "nimbus.thrift.port": nimbus_port,
            "storm.local.hostname": HOST,
        });
        let role = |name: &str, port: u16, own: Value| {
            let home = nest.dir().join(name);
            for dir in ["", "local", "logs"] {
                fs::create_dir_all(home.join(dir)).unwrap_or_else(|e| panic!("cannot create {}: {e}", home.display()));
            }
            let role = Role { name: name.to_owned(), home, port, process: None };
            let dirs = json!({
                "storm.local.dir": role.local_dir(),
                "storm.log.dir": role.log_dir(),
                "storm.workers.artifacts.dir": role.log_dir().join("workers-artifacts"),
            });
            write_yaml(&role.config(), &[&shared, &dirs, &own, &Value::Object(options.conf.clone())]);
            role
        };
        let zookeeper_data = nest.dir().join("zookeeper").join("data");
        let zookeeper = role("zookeeper", zookeeper_port, json!({ "dev.zookeeper.path": zookeeper_data }));
        let nimbus = role("nimbus", nimbus_port, json!({}));
        let supervisors = (0..options.supervisors)
            .map(|index| {
                let port = free_port();
                let slots: Vec<u16> = (0..options.slots).map(|_| free_port()).collect();
                let own = json!({ "supervisor.thrift.port": port, "supervisor.slots.ports": slots });
                role(&format!("supervisor-{index}"), port, own)
            })
            .collect();
        Cluster { zookeeper, nimbus, supervisors, options, nest }
    }

    pub fn nest(&self) -> &Nest {
        &self.nest
    }

    pub fn start_zookeeper(&mut self) {
        let role = &mut self.zookeeper;
        let command = match self.options.zookeeper {
            Maker::Ours => daemon(role, "dev-zookeeper"),
            Maker::Apache => apache::zookeeper(role),
        };
        role.process = Some(self.nest.spawn("zookeeper", command));
        let process = role.process.as_mut().expect("just started");
        wait_until(START, "ZooKeeper to serve", || {
            assert!(process.ended().is_none(), "ZooKeeper ended: {:?}", process.ended());
            srvr(role.port).is_some_and(|answer| answer.contains("Mode:"))
        });
    }

    pub fn start_nimbus(&mut self) {
        self.spawn_nimbus();
        self.wait_for_leader();
    }

    /// Starts Nimbus without waiting for it to lead.
    pub fn spawn_nimbus(&mut self) {
        let command = match self.options.nimbus {
            Maker::Ours => daemon(&self.nimbus, "nimbus"),
            Maker::Apache => apache::nimbus(&self.nimbus),
        };
        self.nimbus.process = Some(self.nest.spawn("nimbus", command));
    }

    pub fn start_supervisor(&mut self, index: usize) {
        let role = &mut self.supervisors[index];
        let command = match self.options.supervisor {
            Maker::Ours => daemon(role, "supervisor"),
            Maker::Apache => apache::supervisor(role),
        };
        role.process = Some(self.nest.spawn(&role.name, command));
    }

    pub fn wait_for_leader(&mut self) {
        wait_until(START, "Nimbus to lead", || {
            let ended = self.nimbus.process().ended();
            assert!(ended.is_none(), "Nimbus ended: {ended:?}");
            // The node of a killed Nimbus leads until its session is over; only a leader takes a file.
            self.ask(async |nimbus| nimbus.begin_file_upload().await).is_ok()
        });
    }

    pub fn wait_for_supervisors(&mut self, count: usize) {
        wait_until(START, &format!("{count} supervisors"), || {
            for supervisor in &mut self.supervisors {
                let ended = supervisor.process.as_mut().and_then(Process::ended);
                assert!(ended.is_none(), "{} ended: {ended:?}", supervisor.name);
            }
            self.summary().is_ok_and(|summary| summary.supervisors.len() == count)
        });
    }

    /// Asks this cluster's Nimbus on a connection of its own.
    pub fn ask<T>(
        &self,
        call: impl AsyncFnOnce(&mut NimbusClient) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        ask(self.nimbus.port, call)
    }

    pub fn summary(&self) -> Result<ClusterSummary, ClientError> {
        self.ask(async |nimbus| nimbus.get_cluster_info().await)
    }

    /// The topology of that name, while Nimbus knows one.
    pub fn topology(&self, name: &str) -> Option<TopologySummary> {
        self.ask(async |nimbus| nimbus.get_topology_summaries().await).ok()?.into_iter().find(|t| t.name == name)
    }

    pub fn topology_info(&self, name: &str) -> Option<TopologyInfo> {
        let name = name.to_owned();
        self.ask(async |nimbus| nimbus.get_topology_info_by_name(name).await).ok()
    }

    /// The last error of a component. Others may be gone: as in Storm they live as long as the worker's session.
    pub fn last_error(&self, name: &str, component: &str) -> Option<String> {
        let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::One) };
        let name = name.to_owned();
        let info = self.ask(async |nimbus| nimbus.get_topology_info_by_name_with_opts(name, options).await).ok()?;
        info.errors.get(component)?.first().map(|error| error.error.clone())
    }

    /// Runs `stormctl` as a client of this cluster.
    pub fn stormctl(&self, arguments: &[&str]) -> Finished {
        self.stormctl_at(&self.nimbus, arguments)
    }

    /// Runs `stormctl` on the machine of a role, that is with its configuration.
    pub fn stormctl_at(&self, role: &Role, arguments: &[&str]) -> Finished {
        let mut command = Command::new(stormctl());
        command.arg("--config").arg(role.config()).args(arguments).env("HOME", self.nest.dir());
        self.nest.run(command)
    }

    /// Runs a Java class as Apache Storm's `storm` script runs its client commands.
    pub fn java_client(&self, class: &str, properties: &[&str], arguments: &[&str]) -> Finished {
        let home = self.nimbus.home.display().to_string();
        let mut java =
            peers::java(&[&peers::java_classes().display().to_string(), &peers::storm_server_classpath(), &home]);
        java.args(["-client", "-Dstorm.options=", "-Dstorm.conf.file=", "-Dlog4j2.disable.jmx=true"]);
        java.arg(format!("-Dstorm.home={home}")).arg(format!("-Dstorm.log.dir={home}/logs"));
        java.args(properties).arg(class).args(arguments);
        self.nest.run(java)
    }

    /// The living workers of one supervisor, without the processes of their shell components.
    pub fn workers(&self, index: usize) -> Vec<WorkerProcess> {
        let folder = self.supervisors[index].local_dir().join("workers");
        let mut found = Vec::new();
        for worker_id in names(&folder) {
            let pids: Vec<u32> = names(&folder.join(&worker_id).join("pids"))
                .iter()
                .filter_map(|pid| pid.parse().ok().filter(|pid| process::is_alive(*pid)))
                .collect();
            // A link to the artifacts' folder of topology and port.
            let artifacts = fs::read_link(folder.join(&worker_id).join("artifacts")).unwrap_or_default();
            let port = artifacts.file_name().and_then(|port| port.to_str()?.parse().ok());
            let parents = pids.iter().filter(|pid| process::parent(**pid).is_none_or(|parent| !pids.contains(&parent)));
            found
                .extend(parents.filter_map(|pid| {
                    port.map(|port| WorkerProcess { worker_id: worker_id.clone(), pid: *pid, port })
                }));
        }
        found.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        found
    }

    pub fn all_workers(&self) -> Vec<WorkerProcess> {
        (0..self.supervisors.len()).flat_map(|index| self.workers(index)).collect()
    }

    /// Every worker log of every supervisor, for the message of a failed assertion.
    pub fn worker_logs(&self) -> String {
        let mut text = String::new();
        for supervisor in &self.supervisors {
            for file in files_below(&supervisor.log_dir().join("workers-artifacts")) {
                let content = fs::read(&file).unwrap_or_default();
                text.push_str(&format!("--- {}\n{}\n", file.display(), String::from_utf8_lossy(&content)));
            }
        }
        text
    }

    #[track_caller]
    pub fn wait_for_workers(&self, count: usize) -> Vec<WorkerProcess> {
        wait_for(START, &format!("{count} workers"), || {
            let workers = self.all_workers();
            (workers.len() == count).then_some(workers)
        })
    }
}

/// Asks the Nimbus on a port, from whatever thread.
pub fn ask<T>(
    port: u16,
    call: impl AsyncFnOnce(&mut NimbusClient) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let options = ClientOptions {
        connect_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(20),
        max_frame: 16 * 1024 * 1024,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut nimbus = NimbusClient::connect(HOST, port, options).await?;
        call(&mut nimbus).await
    })
}

/// Whether a supervisor answers calls on its port.
pub fn supervisor_answers(port: u16) -> bool {
    let limit = Duration::from_secs(5);
    let options = ClientOptions { connect_timeout: limit, call_timeout: limit, max_frame: 1024 * 1024 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Ok(mut supervisor) = SupervisorClient::connect(HOST, port, options).await else { return false };
        // It has no such topology: its declared refusal is an answer.
        let answer = supervisor.get_local_assignment_for_storm("nothing".to_owned()).await;
        answer.is_err_and(|refusal| matches!(refusal.declared(), Some(Exception::NotAliveException(_))))
    })
}

/// What a ZooKeeper server answers to the four-letter word, if one is there.
pub fn srvr(port: u16) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"srvr").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn daemon(role: &Role, verb: &str) -> Command {
    let mut command = Command::new(stormctl());
    command.arg("--config").arg(role.config()).arg(verb).current_dir(&role.home).env("HOME", &role.home);
    command
}

/// One key a line; JSON is YAML.
fn write_yaml(file: &Path, layers: &[&Value]) {
    let mut merged = Map::new();
    for layer in layers {
        for (key, value) in layer.as_object().expect("an object of settings") {
            merged.insert(key.clone(), value.clone());
        }
    }
    let text: String = merged.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    fs::write(file, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
}

/// The names in a folder; none if it is not there (a worker's folder may go at any moment).
fn names(dir: &Path) -> Vec<String> {
    let Ok(list) = fs::read_dir(dir) else { return Vec::new() };
    list.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(dir) {
        let path = dir.join(name);
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
