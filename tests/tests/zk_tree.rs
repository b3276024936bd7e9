//! Storm's ZooKeeper tree, judged by Storm's own `StormClusterStateImpl`: each reads what the other wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::future::Future;
use std::time::Duration;

use storm_conf::Conf;
use storm_tests::cluster::{Cluster as Machine, ClusterOptions};
use storm_tests::peers;
use storm_tests::process::Process;
use storm_thrift::types::*;
use storm_thrift::wire::Wire;
use storm_thrift::{from_bytes, to_bytes};
use storm_zk::Cluster;

const LIMIT: Duration = Duration::from_secs(60);
const ID: &str = "wörter-1-1700000000";
const NODE: &str = "0b6d4a3e-1111-2222-3333-444455556666-127.0.0.1";
const COMPONENT: &str = "my bolt/2";
const ENCODED: &str = "my+bolt%2F2";
const KEY: &str = "wc-1-1700000000-stormjar.jar";

#[test]
fn storm_reads_what_we_write() {
    with_zookeeper(async |machine, zk| {
        let values = Values::new(1);
        zk.set_storm_base(ID, &values.base).await.unwrap();
        zk.set_assignment(ID, &values.assignment).await.unwrap();
        zk.publish_supervisor(NODE, &values.supervisor).await.unwrap();
        zk.publish_nimbus("nimbus.example", &values.nimbus).await.unwrap();
        zk.setup_heartbeats(ID).await.unwrap();
        zk.setup_heartbeats("empty-1-1").await.unwrap();
        zk.set_worker_heartbeat(ID, NODE, 6700, &values.heartbeat).await.unwrap();
        for n in 0..12 {
            zk.report_error(ID, COMPONENT, &values.error(n)).await.unwrap();
        }
        zk.set_credentials(ID, &values.credentials).await.unwrap();
        zk.set_log_config(ID, &values.log_config).await.unwrap();
        zk.set_profile_request(ID, &values.profile).await.unwrap();
        assert_eq!(zk.setup_blob(KEY, "n1.example:6627:0").await.unwrap(), 1);
        assert_eq!(zk.setup_blob(KEY, "n1.example:6627:0").await.unwrap(), 2);

        let script = format!(
            "activeStorms\nstormBase {ID}\nremoteAssignmentInfo {ID}\nsupervisors\nsupervisorInfo {NODE}\nnimbuses\nheartbeatStorms\n\
             getWorkerHeartbeat {ID} {NODE} 6700\nerrorTopologies\nerrors {ID} {ENCODED}\nlastError {ID} {ENCODED}\n\
             credentials {ID}\ntopologyLogConfig {ID}\ngetTopologyProfileRequests {ID}\nactiveKeys\nblobstoreInfo {KEY}\n\
             getKeySequenceNumber {KEY} n2.example:6627:0\ngetKeySequenceNumber {KEY} n1.example:6627:0\n\
             getKeySequenceNumber new-key n1.example:6627:0\n"
        );
        let java = Java::run(&machine, &script);
        assert_eq!(java.answers("activeStorms"), [ID]);
        assert_eq!(java.one::<StormBase>("stormBase"), values.base);
        assert_eq!(java.one::<Assignment>("remoteAssignmentInfo"), values.assignment);
        assert_eq!(java.answers("supervisors"), [NODE]);
        assert_eq!(java.one::<SupervisorInfo>("supervisorInfo"), values.supervisor);
        assert_eq!(java.one::<NimbusSummary>("nimbuses"), values.nimbus);
        assert_eq!(java.answers("heartbeatStorms"), ["empty-1-1", ID]);
        assert_eq!(java.one::<ClusterWorkerHeartbeat>("getWorkerHeartbeat"), values.heartbeat);
        assert_eq!(java.answers("errorTopologies"), [ID]);
        let errors: Vec<ErrorInfo> = java.many("errors");
        assert_eq!(errors, (2..12).rev().map(|n| values.error(n)).collect::<Vec<_>>(), "the newest ten");
        assert_eq!(java.one::<ErrorInfo>("lastError"), values.error(11));
        assert_eq!(java.one::<Credentials>("credentials"), values.credentials);
        assert_eq!(java.one::<LogConfig>("topologyLogConfig"), values.log_config);
        assert_eq!(java.one::<ProfileRequest>("getTopologyProfileRequests"), values.profile);
        assert_eq!(java.answers("activeKeys"), [KEY]);
        assert_eq!(java.answers("blobstoreInfo"), ["n1.example:6627:0-2"]);
        // What Storm would choose: another one has to fetch, the holder updates, a new key starts at one.
        assert_eq!(java.answers("getKeySequenceNumber"), ["0", "3", "1"]);
    });
}

#[test]
fn we_read_what_storm_writes() {
    with_zookeeper(async |machine, zk| {
        let v = Values::new(2);
        // Storm skips its own trimming when there is nothing to trim, so it gets more than ten errors to report.
        let errors: String = (0..12)
            .fold(String::new(), |all, n| all + &format!("reportError {ID} {ENCODED} host{n} 6701 failure{n}\n"));
        let script = format!(
            "activateStorm {ID} {}\nsetAssignment {ID} {}\nsupervisorHeartbeat {NODE} {}\naddNimbusHost nimbus.example {}\n\
             workerHeartbeat {ID} {NODE} 6700 {}\n{errors}setCredentials {ID} {}\nsetTopologyLogConfig {ID} {}\n\
             setWorkerProfileRequest {ID} {}\nsetupBlob {KEY} n1.example:6627:0\nactivateStorm other-2-2 {}\nremoveStorm other-2-2\n",
            hex(&v.base),
            hex(&v.assignment),
            hex(&v.supervisor),
            hex(&v.nimbus),
            hex(&v.heartbeat),
            hex(&v.credentials),
            hex(&v.log_config),
            hex(&v.profile),
            hex(&v.base),
        );
        zk.setup_heartbeats(ID).await.unwrap();
        zk.setup_errors(ID).await.unwrap();
        // Storm expects the directory of blobs' sequence numbers only once there is one.
        assert_eq!(zk.setup_blob("first-key", "n0.example:6627:0").await.unwrap(), 1);
        let _java = Java::run(&machine, &script);
        assert_eq!(zk.storms().await.unwrap(), [ID]);
        assert_eq!(zk.storm_base(ID).await.unwrap().as_ref(), Some(&v.base));
        assert_eq!(zk.assignment(ID).await.unwrap().as_ref(), Some(&v.assignment));
        assert_eq!(zk.assignments().await.unwrap(), BTreeMap::from([(ID.to_owned(), v.assignment.clone())]));
        assert_eq!(zk.supervisors().await.unwrap(), BTreeMap::from([(NODE.to_owned(), v.supervisor.clone())]));
        assert_eq!(zk.nimbuses().await.unwrap(), std::slice::from_ref(&v.nimbus));
        assert_eq!(zk.worker_heartbeat(ID, NODE, 6700).await.unwrap().as_ref(), Some(&v.heartbeat));
        assert_eq!(zk.heartbeat_topologies().await.unwrap(), [ID]);
        let errors = zk.errors(ID, COMPONENT).await.unwrap();
        let hosts: Vec<_> = errors.iter().map(|error| error.host.clone().expect("a host")).collect();
        assert_eq!(hosts, (2..12).rev().map(|n| format!("host{n}")).collect::<Vec<_>>(), "the newest ten");
        assert!(errors[0].error.contains("failure11") && errors[0].port == Some(6701), "{errors:?}");
        assert_eq!(zk.last_error(ID, COMPONENT).await.unwrap().as_ref(), Some(&errors[0]));
        assert_eq!(zk.error_components(ID).await.unwrap(), [COMPONENT]);
        assert_eq!(zk.credentials(ID).await.unwrap().as_ref(), Some(&v.credentials));
        assert_eq!(zk.log_config(ID).await.unwrap().as_ref(), Some(&v.log_config));
        assert_eq!(zk.profile_requests(ID).await.unwrap(), std::slice::from_ref(&v.profile));
        assert_eq!(zk.blob_holders(KEY).await.unwrap(), [("n1.example:6627:0".to_owned(), 1)]);
        let mut keys = zk.blob_keys().await.unwrap();
        keys.sort();
        assert_eq!(keys, ["first-key", KEY]);

        // And we take it all down.
        zk.remove_storm(ID).await.unwrap();
        zk.teardown_errors(ID).await.unwrap();
        zk.teardown_heartbeats(ID).await.unwrap();
        zk.remove_blob(KEY).await.unwrap();
        assert!(zk.storms().await.unwrap().is_empty());
        assert_eq!(zk.assignment(ID).await.unwrap(), None);
        assert_eq!(zk.credentials(ID).await.unwrap(), None);
        assert_eq!(zk.log_config(ID).await.unwrap(), None);
        assert!(zk.profile_requests(ID).await.unwrap().is_empty());
        assert!(zk.heartbeat_topologies().await.unwrap().is_empty() && zk.error_topologies().await.unwrap().is_empty());
        assert_eq!(zk.blob_holders(KEY).await.unwrap_err().code(), "zk/no-blob");
        // A blob of that name starts anew.
        assert_eq!(zk.setup_blob(KEY, "n1.example:6627:0").await.unwrap(), 1);
    });
}

#[test]
fn directories_carry_storms_byte_and_junk_is_an_error_with_its_path() {
    with_zookeeper(async |_machine, zk| {
        let client = zk.client().await.unwrap();
        for dir in [
            "",
            "assignments",
            "storms",
            "supervisors",
            "workerbeats",
            "errors",
            "blobstore",
            "nimbuses",
            "logconfigs",
            "backpressure",
        ] {
            assert_eq!(client.get_data(&format!("/{dir}")).await.unwrap().0, [7], "/{dir}");
        }
        let open = zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all());
        client.create("/storms/junk-1-1", b"junk", &open).await.unwrap();
        let error = zk.storm_base("junk-1-1").await.unwrap_err();
        assert_eq!(error.code(), "zk/data");
        assert!(error.to_string().contains("/storm/storms/junk-1-1"), "{error}");
        // One bad node does not hide the good ones.
        zk.set_storm_base(ID, &Values::new(3).base).await.unwrap();
        assert_eq!(zk.storm_bases().await.unwrap().into_keys().collect::<Vec<_>>(), [ID]);
    });
}

/// The plain form is for clusters that have configured it.
#[test]
fn the_delegate_is_the_configured_one() {
    with_zookeeper(async |machine, zk| {
        let base = Values::new(4).base;
        let mut conf = conf(&machine);
        conf.set("storm.meta.serialization.delegate", "org.apache.storm.serialization.ThriftSerializationDelegate");
        let plain = Cluster::connect(&conf).await.unwrap();
        plain.set_storm_base("plain-1-1", &base).await.unwrap();
        zk.set_storm_base("gzip-1-1", &base).await.unwrap();
        let client = zk.client().await.unwrap();
        assert_eq!(client.get_data("/storms/plain-1-1").await.unwrap().0, to_bytes(&base));
        assert!(client.get_data("/storms/gzip-1-1").await.unwrap().0.starts_with(&[0x1f, 0x8b]));
        assert_eq!(zk.storm_base("plain-1-1").await.unwrap().as_ref(), Some(&base));
        assert_eq!(plain.storm_base("gzip-1-1").await.unwrap().as_ref(), Some(&base));
        plain.close().await;
    });
}

fn conf(machine: &Machine) -> Conf {
    let mut conf = Conf::default();
    conf.set("storm.zookeeper.servers", "127.0.0.1");
    conf.set("storm.zookeeper.port", machine.zookeeper.port);
    conf
}

fn with_zookeeper<F: Future<Output = ()>>(test: impl FnOnce(Machine, Cluster) -> F) {
    let mut machine = Machine::prepare(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    machine.start_zookeeper();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let zk = Cluster::connect(&conf(&machine)).await.unwrap();
        test(machine, zk.clone()).await;
        zk.close().await;
    });
}

/// Storm's `IStormClusterState`, after it has run a script.
struct Java {
    answers: Vec<(String, String)>,
    // Its ephemeral nodes live as long as it does.
    _process: Process,
}

impl Java {
    fn run(machine: &Machine, script: &str) -> Java {
        let [file, answers] = ["script", "answers"].map(|name| machine.nest().dir().join(name));
        fs::write(&file, script).unwrap();
        let classes = peers::java_classes();
        let mut java = peers::java(&[&peers::storm_server_classpath(), &classes.display().to_string()]);
        // Otherwise Java would ask the locale how to read node names.
        java.arg("-Dfile.encoding=UTF-8");
        java.arg("zk.Tree").arg(machine.zookeeper.port.to_string()).arg(&file).arg(&answers);
        let mut process = machine.nest().spawn("java-tree", java);
        process.wait_for_output(LIMIT, "done\n");
        let answers = fs::read_to_string(answers).unwrap();
        let answers = answers.lines().filter_map(|line| line.split_once(' '));
        let answers = answers.map(|(call, answer)| (call.to_owned(), answer.to_owned())).collect();
        Java { answers, _process: process }
    }

    fn answers(&self, call: &str) -> Vec<&str> {
        self.answers.iter().filter(|(name, _)| name == call).map(|(_, answer)| answer.as_str()).collect()
    }

    fn many<T: Wire>(&self, call: &str) -> Vec<T> {
        let answers = self.answers(call).into_iter();
        answers.map(|hex| from_bytes(&unhex(hex)).unwrap_or_else(|e| panic!("{call} {hex}: {e}"))).collect()
    }

    fn one<T: Wire>(&self, call: &str) -> T {
        let mut all = self.many(call);
        assert_eq!(all.len(), 1, "answers to {call}");
        all.remove(0)
    }
}

fn hex<T: Wire>(value: &T) -> String {
    to_bytes(value).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes everything");
        hex
    })
}

/// Empty if it is not hexadecimal.
fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
    digits.collect::<Option<_>>().unwrap_or_default()
}

/// One of everything, no field left out.
struct Values {
    base: StormBase,
    assignment: Assignment,
    supervisor: SupervisorInfo,
    nimbus: NimbusSummary,
    heartbeat: ClusterWorkerHeartbeat,
    credentials: Credentials,
    log_config: LogConfig,
    profile: ProfileRequest,
    seed: i32,
}

impl Values {
    fn new(seed: i32) -> Values {
        let node = NodeInfo { node: NODE.to_owned(), port: BTreeSet::from([6700]) };
        let resources = BTreeMap::from([("cpu.pcore.percent".to_owned(), 400.0), ("x".to_owned(), seed.into())]);
        Values {
            base: StormBase {
                name: "wörter".to_owned(),
                status: TopologyStatus::Rebalancing,
                num_workers: seed,
                component_executors: Some(BTreeMap::from([(COMPONENT.to_owned(), 2), ("__acker".to_owned(), 1)])),
                launch_time_secs: Some(1_700_000_000),
                owner: Some("alice".to_owned()),
                topology_action_options: Some(TopologyActionOptions::KillOptions(KillOptions { wait_secs: Some(30) })),
                prev_status: Some(TopologyStatus::Active),
                component_debug: Some(BTreeMap::from([(
                    COMPONENT.to_owned(),
                    DebugOptions { enable: Some(true), samplingpct: Some(10.0) },
                )])),
                principal: Some("alice@EXAMPLE".to_owned()),
                topology_version: Some("7".to_owned()),
            },
            assignment: Assignment {
                master_code_dir: "/var/storm".to_owned(),
                node_host: BTreeMap::from([(NODE.to_owned(), "host.example".to_owned())]),
                executor_node_port: BTreeMap::from([(vec![1, 1], node.clone()), (vec![2, 3], node.clone())]),
                executor_start_time_secs: BTreeMap::from([(vec![1, 1], 1_700_000_001), (vec![2, 3], seed.into())]),
                worker_resources: BTreeMap::from([(
                    node.clone(),
                    WorkerResources { mem_on_heap: Some(128.0), cpu: Some(10.0), ..WorkerResources::default() },
                )]),
                total_shared_off_heap: BTreeMap::from([(NODE.to_owned(), 1.5)]),
                owner: Some("alice".to_owned()),
            },
            supervisor: SupervisorInfo {
                time_secs: 1_700_000_002,
                hostname: "host.example".to_owned(),
                assignment_id: Some(NODE.to_owned()),
                used_ports: Some(vec![6700]),
                meta: Some(vec![6700, 6701, seed.into()]),
                scheduler_meta: Some(BTreeMap::from([("rack".to_owned(), "r1".to_owned())])),
                uptime_secs: Some(12),
                version: Some("2.8.3".to_owned()),
                resources_map: Some(resources),
                server_port: Some(6628),
            },
            nimbus: NimbusSummary {
                host: "nimbus.example".to_owned(),
                port: 6627,
                uptime_secs: 1_700_000_003,
                is_leader: false,
                version: "2.8.3".to_owned(),
                tls_port: Some(seed),
            },
            heartbeat: ClusterWorkerHeartbeat {
                storm_id: ID.to_owned(),
                executor_stats: BTreeMap::from([(ExecutorInfo { task_start: 1, task_end: 1 }, bolt_stats())]),
                time_secs: 1_700_000_004,
                uptime_secs: seed,
            },
            credentials: Credentials {
                creds: BTreeMap::from([("password".to_owned(), "§".to_owned())]),
                topo_owner: Some("alice".to_owned()),
            },
            log_config: LogConfig {
                named_logger_level: Some(BTreeMap::from([(
                    "ROOT".to_owned(),
                    LogLevel {
                        action: LogLevelAction::Update,
                        target_log_level: Some("DEBUG".to_owned()),
                        reset_log_level_timeout_secs: Some(seed),
                        ..LogLevel::default()
                    },
                )])),
            },
            profile: ProfileRequest {
                node_info: NodeInfo { node: "host.example".to_owned(), port: BTreeSet::from([6700]) },
                action: ProfileAction::JstackDump,
                time_stamp: Some(1_700_000_005_000),
            },
            seed,
        }
    }

    fn error(&self, n: i32) -> ErrorInfo {
        ErrorInfo {
            error: format!("failure {n} of {}", self.seed),
            error_time_secs: 1_700_000_000 + n,
            host: Some("host.example".to_owned()),
            port: Some(6700),
        }
    }
}

fn bolt_stats() -> ExecutorStats {
    let by_window = |n: i64| BTreeMap::from([(":all-time".to_owned(), BTreeMap::from([("default".to_owned(), n)]))]);
    let input = GlobalStreamId { component_id: "lines".to_owned(), stream_id: "default".to_owned() };
    let by_input = |n: i64| BTreeMap::from([(":all-time".to_owned(), BTreeMap::from([(input.clone(), n)]))]);
    let times = || BTreeMap::from([(":all-time".to_owned(), BTreeMap::from([(input.clone(), 0.25)]))]);
    ExecutorStats {
        emitted: by_window(40),
        transferred: by_window(20),
        rate: 0.05,
        specific: ExecutorSpecificStats::Bolt(BoltStats {
            acked: by_input(20),
            failed: by_input(1),
            process_ms_avg: times(),
            executed: by_input(21),
            execute_ms_avg: times(),
        }),
    }
}
