//! The whole supervisor, with its port, and with neither ZooKeeper nor Nimbus.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use storm_conf::Conf;
use storm_supervisor::{Options, SupervisorError, run};
use storm_thrift::types::{Assignment, NodeInfo, SupervisorAssignments, SupervisorWorkerHeartbeat};
use storm_thrift::{ClientOptions, Exception, SupervisorClient};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::home::{self, Home, alive, eventually};

/// A supervisor as a task.
struct Serving {
    address: SocketAddr,
    id: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), SupervisorError>>,
}

fn options() -> Options {
    Options { stormctl: PathBuf::from("/nonexistent/stormctl") }
}

async fn serve(conf: Conf) -> Serving {
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, ready) = oneshot::channel();
    let shutdown = async { stopped.await.unwrap_or(()) };
    let told = move |ready| tell.send(ready).expect("somebody waits");
    let task = tokio::spawn(run(conf, options(), told, shutdown));
    let ready = tokio::time::timeout(Duration::from_secs(10), ready).await.expect("ready in time").expect("ready");
    Serving { address: ready.address, id: ready.supervisor_id, stop, task }
}

impl Serving {
    async fn client(&self) -> SupervisorClient {
        let options = ClientOptions::for_supervisor(&Conf::defaults());
        SupervisorClient::connect("127.0.0.1", self.address.port(), options).await.unwrap()
    }

    fn assignments(&self, topology_id: &str, port: u16) -> SupervisorAssignments {
        let mut assignment = Assignment::default();
        let node = NodeInfo { node: self.id.clone(), port: [i64::from(port)].into() };
        assignment.executor_node_port.insert(vec![1, 1], node);
        SupervisorAssignments { storm_assignment: [(topology_id.to_owned(), assignment)].into() }
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("ends in time").unwrap().unwrap();
    }
}

/// Nobody is at home anywhere.
fn alone(home: &Home) -> Conf {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut conf = home.conf();
    conf.set("supervisor.thrift.port", 0);
    conf.set("supervisor.slots.ports", vec![i64::from(home.port)]);
    conf.set("nimbus.seeds", vec!["127.0.0.1"]);
    conf.set("nimbus.thrift.port", nobody);
    conf.set("storm.zookeeper.servers", vec!["127.0.0.1"]);
    conf.set("storm.zookeeper.port", nobody);
    conf
}

fn workers(home: &Home) -> Vec<String> {
    let list = fs::read_dir(home.layout().workers()).into_iter().flatten().flatten();
    list.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_works_without_zookeeper_and_nimbus_and_leaves_its_workers_running() {
    let home = Home::new();
    home.topology("wc-1-1", crate::GOOD);
    // The files are on this machine already.
    let before = home.supervisor().await;
    before.host().localizer.localize(home.port, "wc-1-1").await.unwrap();
    before.stop().await;

    let first = serve(alone(&home)).await;
    let mut client = first.client().await;
    let unknown = client.get_local_assignment_for_storm("wc-1-1".to_owned()).await.unwrap_err();
    assert!(matches!(unknown.declared(), Some(Exception::NotAliveException(_))), "{unknown}");
    let pushed = first.assignments("wc-1-1", home.port);
    client.send_supervisor_assignments(pushed.clone()).await.unwrap();
    let told = client.get_local_assignment_for_storm("wc-1-1".to_owned()).await.unwrap();
    assert_eq!(told, pushed.storm_assignment["wc-1-1"]);
    let beat = |id: &str| SupervisorWorkerHeartbeat { storm_id: id.to_owned(), ..SupervisorWorkerHeartbeat::default() };
    client.send_supervisor_worker_heartbeat(beat("wc-1-1")).await.unwrap();
    client.send_supervisor_worker_heartbeat(beat("other")).await.unwrap_err();

    let mut pid = None;
    eventually("the worker", || {
        pid = workers(&home).first().and_then(|w| home::pid_of(&home, w));
        pid.is_some_and(alive)
    })
    .await;
    let (worker, pid) = (workers(&home)[0].clone(), pid.unwrap());
    eventually("its child", || home.layout().worker(&worker).root().join("child.pid").exists()).await;
    let conf = fs::read_to_string(home.layout().worker(&worker).conf()).unwrap();
    let conf: serde_json::Value = serde_json::from_str(&conf).unwrap();
    assert_eq!(conf["supervisor.thrift.port"], first.address.port());
    assert_eq!(conf["storm.local.dir"], home.layout().local().display().to_string());
    assert_eq!(conf.get("topology.workers"), None, "defaults are left out");

    // A second one must keep its hands off.
    let second = run(alone(&home), options(), |_| panic!("it must not start"), std::future::pending()).await;
    let error = second.unwrap_err();
    assert_eq!(error.code(), "supervisor/home-taken", "{error}");

    let id = first.id.clone();
    first.end().await;
    assert!(alive(pid), "workers outlive their supervisor");
    let again = serve(alone(&home)).await;
    assert_eq!(again.id, id, "the id is kept");
    assert_eq!(workers(&home), [worker.as_str()]);
    assert!(alive(pid));
    let mut client = again.client().await;
    client.send_supervisor_assignments(SupervisorAssignments::default()).await.unwrap();
    eventually("the end of the worker", || !alive(pid) && workers(&home).is_empty()).await;
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thrift_port_that_is_taken_names_its_holder() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("[::]:0").unwrap();
    let mut conf = alone(&home);
    conf.set("supervisor.thrift.port", taken.local_addr().unwrap().port());
    let error = run(conf, options(), |_| panic!("it must not start"), std::future::pending()).await.unwrap_err();
    assert_eq!(error.code(), "supervisor/port-taken");
    assert!(error.to_string().contains(&format!("held by process {}", std::process::id())), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slot_ports_that_are_none_are_refused_before_anything_is_touched() {
    let home = Home::new();
    let mut conf = alone(&home);
    conf.set("supervisor.slots.ports", vec![6700, 70_000]);
    let error = run(conf, options(), |_| panic!("it must not start"), std::future::pending()).await.unwrap_err();
    assert_eq!(error.code(), "supervisor/conf");
    assert!(error.to_string().contains("70000"), "{error}");
    assert!(!home.layout().local().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_record_is_set_aside_and_the_supervisor_starts() {
    let home = Home::new();
    let first = serve(alone(&home)).await;
    let id = first.id.clone();
    first.end().await;
    for file in fs::read_dir(home.layout().identity()).unwrap().flatten().map(|e| e.path()) {
        if file.extension().is_none() {
            fs::write(file, [0; 40]).unwrap();
        }
    }
    let again = serve(alone(&home)).await;
    assert_ne!(again.id, id, "nobody remembers the old one");
    again.end().await;
}
