//! Judged by Apache Storm's own classes: its version store, and its supervisor's command line.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use storm_conf::Conf;
use storm_supervisor::command::{LaunchInputs, command};
use storm_supervisor::layout::{Layout, Stormdist};
use storm_supervisor::record::Record;
use storm_supervisor::topology_files::TopologyFiles;
use storm_tests::peers;
use storm_thrift::local_state::{KEEP, LocalState, keys, peek};
use storm_thrift::types::{
    Bolt, ComponentCommon, ComponentObject, ExecutorInfo, LSApprovedWorkers, LSSupervisorAssignments, LSSupervisorId,
    LSWorkerHeartbeat, LocalAssignment, StormTopology, WorkerResources,
};

fn executor(task_start: i32, task_end: i32) -> ExecutorInfo {
    ExecutorInfo { task_start, task_end }
}

/// What the program prints, without Storm's own log.
fn run(java: &mut std::process::Command) -> String {
    let output = java.output().expect("java runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        output.status.success(),
        "{java:?}: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn local_states(verb: &str, dir: &Path) -> String {
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
    let text = run(java.arg("supervisor.LocalStates").arg(verb).arg(dir));
    let ours = ["supervisor-id", "approved-workers", "local-assignment", "worker-heartbeat"];
    let lines = text.lines().filter(|l| ours.iter().any(|word| l.starts_with(word)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn storms_local_state_reads_what_we_write() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    let assignment = LocalAssignment {
        topology_id: "wc-1-17".to_owned(),
        executors: vec![executor(1, 2), executor(3, 3)],
        resources: Some(WorkerResources { mem_on_heap: Some(256.0), ..WorkerResources::default() }),
        total_node_shared: Some(0.0),
        owner: Some("joe".to_owned()),
    };
    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "old".to_owned() }).unwrap();
    state.stage(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "from-rust".to_owned() });
    state.stage(
        keys::APPROVED_WORKERS,
        &LSApprovedWorkers { approved_workers: BTreeMap::from([("w".to_owned(), 6700), ("x".to_owned(), 6701)]) },
    );
    state
        .stage(keys::LOCAL_ASSIGNMENTS, &LSSupervisorAssignments { assignments: BTreeMap::from([(6700, assignment)]) });
    let beat = LSWorkerHeartbeat {
        time_secs: 17,
        topology_id: "wc-1-17".to_owned(),
        executors: vec![executor(-1, -1), executor(1, 2)],
        port: 6700,
    };
    state.stage(keys::WORKER_HEARTBEAT, &beat);
    state.commit().unwrap();
    let expected = "supervisor-id from-rust\n\
                    approved-workers {w=6700, x=6701}\n\
                    local-assignment 6700 wc-1-17 1-2,3-3 joe\n\
                    worker-heartbeat 17 wc-1-17 -1--1,1-2 6700";
    assert_eq!(local_states("read", dir.path()), expected);
}

#[test]
fn we_read_and_continue_what_storms_local_state_writes() {
    let dir = tempfile::tempdir().unwrap();
    local_states("write", dir.path());
    let beat: Option<LSWorkerHeartbeat> = peek(dir.path(), keys::WORKER_HEARTBEAT).unwrap();
    assert_eq!(beat.unwrap().time_secs, 6);
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    assert_eq!(state.lost(), []);
    let id: LSSupervisorId = state.get(keys::SUPERVISOR_ID).unwrap().unwrap();
    assert_eq!(id.supervisor_id, "from-java-6");
    let workers: LSApprovedWorkers = state.get(keys::APPROVED_WORKERS).unwrap().unwrap();
    assert_eq!(workers.approved_workers, BTreeMap::from([("worker-6".to_owned(), 6700)]));
    let assignments: LSSupervisorAssignments = state.get(keys::LOCAL_ASSIGNMENTS).unwrap().unwrap();
    let assignment = &assignments.assignments[&6700];
    assert_eq!(assignment.executors, [executor(1, 2), executor(3, 3)]);
    assert_eq!(assignment.owner.as_deref(), Some("joe"));

    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "and on".to_owned() }).unwrap();
    assert!(local_states("read", dir.path()).starts_with("supervisor-id and on\napproved-workers {worker-6=6700}\n"));
}

#[test]
fn a_store_with_something_set_aside_is_still_one_for_storm() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "first".to_owned() }).unwrap();
    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "second".to_owned() }).unwrap();
    let newest =
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_none()).max().unwrap();
    fs::write(newest, [0; 64]).unwrap();
    assert_eq!(LocalState::open(dir.path(), KEEP).unwrap().lost().len(), 1);
    assert!(local_states("read", dir.path()).starts_with("supervisor-id first\n"));
}

/// A home with one localised topology of Java components.
struct Home {
    dir: tempfile::TempDir,
    conf: Conf,
}

const TOPOLOGY: &str = "wc-1-17";
const PORT: u16 = 6701;

impl Home {
    fn new(host: &[(&str, Value)], topology: &[(&str, Value)], code: StormTopology) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        for folder in ["lib-worker", "extlib", "conf", "log4j2"] {
            fs::create_dir(home.join(folder)).unwrap();
        }
        let mut conf = Conf::defaults();
        conf.set("storm.home", home.display().to_string());
        conf.set("storm.local.dir", home.join("local").display().to_string());
        for (key, value) in host {
            conf.set(key, value.clone());
        }
        let home = Home { dir, conf };
        let dist = home.dist();
        fs::create_dir_all(dist.resources()).unwrap();
        fs::create_dir_all(home.layout().supervisor().join("tmp")).unwrap();
        let mut own: Map<String, Value> = Map::new();
        own.insert("topology.submitter.user".to_owned(), json!("joe"));
        own.extend(topology.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(Value::Object(own).to_string().as_bytes()).unwrap();
        fs::write(dist.conf(), gz.finish().unwrap()).unwrap();
        fs::write(dist.code(), storm_zk::Delegate::Gzip.write(&code)).unwrap();
        fs::write(dist.jar(), "").unwrap();
        home
    }

    fn layout(&self) -> Layout {
        Layout::of(&self.conf).unwrap()
    }

    fn dist(&self) -> Stormdist {
        self.layout().stormdist(TOPOLOGY)
    }

    /// Both command lines, one argument a line, and both environments.
    fn judge(&self, resources: Option<WorkerResources>, variables: &[(&str, &str)]) {
        let layout = self.layout();
        let assignment = LocalAssignment {
            topology_id: TOPOLOGY.to_owned(),
            executors: vec![executor(1, 1)],
            resources: resources.clone(),
            owner: Some("joe".to_owned()),
            ..LocalAssignment::default()
        };
        Record::open(&layout.local_state()).unwrap().launch(PORT, "before", &assignment).unwrap();
        let host: Map<String, Value> = {
            let defaults = Conf::defaults();
            let own = self.conf.map().iter().filter(|(k, v)| defaults.map().get(*k) != Some(*v));
            own.map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        let conf_file = self.dir.path().join("host.json");
        fs::write(&conf_file, Value::Object(host).to_string()).unwrap();

        let classes = peers::java_classes().display().to_string();
        let home = self.dir.path().display();
        let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
        java.env_remove("JAVA_HOME")
            .env_remove("STORM_CONF_DIR")
            .env_remove("STORM_EXT_CLASSPATH")
            .envs(variables.iter().copied());
        java.args([
            "-Dlog4j2.level=OFF".to_owned(),
            format!("-Dstorm.home={home}"),
            format!("-Dstorm.log.dir={home}/logs"),
        ]);
        java.arg("org.apache.storm.daemon.supervisor.LaunchCommand").arg(&conf_file).arg(layout.local_state());
        java.args(["sup-1", "6628", &PORT.to_string()]);
        let text = run(&mut java);
        let between = |from: &str, to: &str| -> String {
            let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from:?} in {text}"));
            rest.split_once(to).unwrap_or_else(|| panic!("no {to:?} in {text}")).0.to_owned()
        };
        let java_args = between("-- command\n", "-- environment\n");
        let (worker_id, java_args) = java_args.split_once('\n').expect("a worker id first");
        let java_env = between("-- environment\n", "-- end\n");

        let files = TopologyFiles::read(&self.dist()).unwrap();
        let environment = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let ours = command(&LaunchInputs {
            layout: &layout,
            conf: &self.conf,
            files: &files,
            resources: resources.as_ref(),
            topology_id: TOPOLOGY,
            supervisor_id: "sup-1",
            supervisor_port: 6628,
            port: PORT,
            worker_id,
            stormctl: &PathBuf::from("/opt/stormctl"),
            environment: &environment,
        })
        .unwrap();
        let conf_argument = format!("-Dstorm.conf.file={}", layout.worker(worker_id).conf().display());
        let our_args: Vec<String> = std::iter::once(ours.program.display().to_string())
            .chain(ours.args)
            // Deliberately not empty: the whole configuration of the host is in a file of the worker's own.
            .map(|arg| if arg == conf_argument { "-Dstorm.conf.file=".to_owned() } else { arg })
            .collect();
        assert_eq!(our_args, java_args.lines().collect::<Vec<_>>());
        let mut env = ours.env;
        env.remove("STORM_WORKER_ID");
        let our_env: Vec<String> = env.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(our_env, java_env.lines().collect::<Vec<_>>());
    }
}

fn java_topology() -> StormTopology {
    let mut code = StormTopology::default();
    let object = ComponentObject::SerializedJava(vec![0xac, 0xed].into());
    code.bolts.insert("sink".to_owned(), Bolt { bolt_object: object, common: ComponentCommon::default() });
    code
}

#[test]
fn the_command_line_is_that_of_storms_supervisor() {
    Home::new(&[], &[], java_topology()).judge(None, &[]);
}

#[test]
fn the_command_line_with_everything_that_can_be_set() {
    let host = [
        (
            "worker.childopts",
            json!(
                "-Xmx%HEAP-MEM%m  -Da=%ID% -Db=%WORKER-ID%:%TOPOLOGY-ID%:%WORKER-PORT% -Dl=%LIMIT-MEM% -Do=%OFF-HEAP-MEM%"
            ),
        ),
        ("worker.gc.childopts", json!("-XX:+UseSerialGC")),
        ("worker.profiler.enabled", json!(true)),
        ("storm.topology.classpath.beginning.enabled", json!(true)),
    ];
    let topology = [
        ("topology.worker.childopts", json!(["-Dmine=%ID%", "-Dtwo=a b"])),
        ("topology.worker.logwriter.childopts", json!("-Xmx32m -Dlw=%WORKER-PORT%")),
        ("topology.logging.config", json!("/c/own.xml")),
        ("topology.logging.sensitivity", json!("S1")),
        ("topology.classpath", json!("/x/*:/y")),
        ("topology.classpath.beginning", json!(["/first/*", "/second/*"])),
        ("topology.environment", json!({ "A": "1", "LD_LIBRARY_PATH": "/own" })),
    ];
    let mut code = java_topology();
    code.dependency_jars = Some(vec!["dep-one.jar".to_owned()]);
    code.dependency_artifacts = Some(vec!["dep-two.jar".to_owned()]);
    let resources = WorkerResources {
        mem_on_heap: Some(383.5),
        mem_off_heap: Some(10.2),
        cpu: Some(30.0),
        ..WorkerResources::default()
    };
    let variables = [("JAVA_HOME", "/jdk"), ("STORM_EXT_CLASSPATH", "/ext/*"), ("STORM_CONF_DIR", "/etc/storm")];
    Home::new(&host, &topology, code).judge(Some(resources), &variables);
}
