//! One cluster, broken bit by bit and mended again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::process::kill;
use storm_tests::recording::Recording;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::{wait_for, wait_until};
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Permission};

use crate::report::Answer;

const LIMIT: Duration = Duration::from_secs(60);

fn ask(cluster: &Cluster, arguments: &[&str]) -> Answer {
    Answer::of(cluster.stormctl_at(&cluster.supervisors[0], &[&["-o", "json"], arguments].concat()))
}

/// Asks until the answer is there: the fault may take a moment to show.
#[track_caller]
fn ask_until(cluster: &Cluster, arguments: &[&str], code: &str, words: &[&str]) -> Answer {
    wait_for(LIMIT, &format!("{arguments:?} to say {code} {words:?}"), || {
        let answer = ask(cluster, arguments);
        answer.tells(code, words).then_some(answer)
    })
}

fn zookeeper<T>(cluster: &Cluster, work: impl AsyncFnOnce(Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::connect(&format!("127.0.0.1:{}", cluster.zookeeper.port)).await.expect("ZooKeeper serves");
        work(client).await
    })
}

fn submit_words(cluster: &Cluster, name: &str) {
    let jar = cluster.nest().dir().join("words.jar");
    if !jar.exists() {
        python_jar(&jar, &["lines.py", "split.py"]);
    }
    cluster.ask(async |nimbus| submit(nimbus, name, &jar, &json!({}), lines_to_split()).await).expect("accepted");
}

#[test]
fn faults_of_a_cluster_that_runs() {
    let mut cluster = Cluster::start(ClusterOptions { slots: 2, ..ClusterOptions::default() });
    let recording = Recording::submit(&cluster, "recording", 1, json!({ "topology.subprocess.timeout.secs": 60 }));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    wait_until(LIMIT, "nothing to be wrong", || {
        ask(&cluster, &["why", "recording"]).verdict().ends_with("nothing wrong was found")
    });
    assert_eq!(ask(&cluster, &["doctor"]).exit, 0);
    let unknown = cluster.stormctl(&["why", "recordin"]);
    assert_eq!(unknown.status.code(), Some(3), "{}{}", unknown.stdout, unknown.stderr);
    assert!(unknown.stderr.contains("recording"), "{}", unknown.stderr);

    // P098, and slots: two are there, three are asked for.
    submit_words(&cluster, "my topo");
    cluster.wait_for_workers(2);
    ask(&cluster, &["why", "my topo"]).says("topology/odd-name", &["stormctl kill 'my topo'"]);
    submit_words(&cluster, "third");
    let none =
        ask_until(&cluster, &["why", "third"], "topology/no-slots", &["0 of 2 slots", "ruled out: 2 of 2 slots used"]);
    none.says("topology/no-slots", &["my topo"]);
    assert_eq!(none.exit, 10);
    // P099, P100, P101: killed at once, one of several unknown, killed twice.
    let both = cluster.stormctl(&["kill", "-i", "-w", "60", "nobody", "my topo"]);
    assert!(!both.status.success() && both.stderr.contains("nobody"), "{}{}", both.stdout, both.stderr);
    ask_until(&cluster, &["why", "my topo"], "topology/killed", &["s left"]);
    cluster.stormctl(&["kill", "-w", "0", "my topo"]).ok();
    wait_until(LIMIT, "the topology to go", || cluster.topology("my topo").is_none());
    wait_until(LIMIT, "its slot to be given on", || !ask(&cluster, &["why", "third"]).has("topology/no-slots"));

    // P042 while it runs is the supervisor's matter; P054: a lost pid file.
    let worker =
        cluster.workers(0).into_iter().find(|w| worker_of(&cluster, &w.worker_id, "recording")).expect("its worker");
    let pid_file = cluster.supervisors[0]
        .local_dir()
        .join("workers")
        .join(&worker.worker_id)
        .join("pids")
        .join(worker.pid.to_string());
    fs::remove_file(&pid_file).expect("the pid file");
    ask(&cluster, &["doctor"]).says("workers/no-pid-file", &[&pid_file.display().to_string(), &worker.pid.to_string()]);
    fs::write(&pid_file, "").expect("put back");

    // P120: a child that is stopped.
    let child = child(&cluster, "record.py");
    kill(child, Signal::STOP);
    ask_until(&cluster, &["why", "recording"], "component/hung", &[&child.to_string(), "record", "60 s"]);
    kill(child, Signal::CONT);

    // P092, P093, P094: what somebody does to ZooKeeper.
    zookeeper(&cluster, async |client| {
        client.delete("/storm/nimbuses/127.0.0.1", None).await.expect("the node of Nimbus");
        let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
        client.create("/storm/storms/old-1-1", b"\xac\xed\x00\x05sr", &open).await.expect("made");
        let readable = [Acl::new(Permission::READ, AuthId::anyone())];
        let closed = CreateMode::Persistent.with_acls(Acls::new(&readable));
        client.create("/storm/logconfigs/closed-1-1", b"", &closed).await.expect("made");
    });
    let answer = ask(&cluster, &["doctor"]);
    answer.says("nimbus/not-registered", &["/storm/nimbuses/127.0.0.1", "restart nimbus"]);
    answer.says("zookeeper/foreign-data", &["/storm/storms/old-1-1", "StormBase"]);
    answer.says("zookeeper/acl", &["/storm/logconfigs/closed-1-1", "world:anyone"]);
    zookeeper(&cluster, async |client| client.delete("/storm/storms/old-1-1", None).await.expect("deleted"));

    // P032: what is no thrift. The harness has the log on standard output.
    let mut stranger = TcpStream::connect((Ipv4Addr::LOCALHOST, cluster.nimbus.port)).expect("Nimbus listens");
    stranger.write_all(b"Hello, is there anybody?\n").expect("sent");
    cluster.nimbus.process().wait_for_output(LIMIT, "dropped");
    fs::write(cluster.nimbus.log_dir().join("nimbus.log"), cluster.nimbus.process().output()).expect("written");
    let answer = Answer::of(cluster.stormctl_at(&cluster.nimbus, &["-o", "json", "doctor"]));
    answer.says("nimbus/strange-peer", &["127.0.0.1:", "nimbus.log:"]);

    // P087: everything takes long.
    let slow = slow_way(cluster.zookeeper.port, Duration::from_millis(300));
    let slowly = ["-c", &format!("storm.zookeeper.port={slow}"), "--timeout", "60s", "doctor"];
    ask(&cluster, &slowly).says("zookeeper/slow", &["a read took"]);

    let third = wait_for(LIMIT, "the worker of `third`", || {
        cluster.workers(0).into_iter().find(|w| worker_of(&cluster, &w.worker_id, "third"))
    });
    // P053 and P055: workers without their supervisor; one whose topology has gone.
    cluster.supervisors[0].kill_nine();
    let answer = ask(&cluster, &["doctor"]);
    answer.says("workers/no-supervisor", &["2 workers", &worker.pid.to_string(), "adopts them"]);
    answer.says("supervisor/gone", &["its node is still there", "start supervisor"]);
    kill(third.pid, Signal::STOP);
    cluster.stormctl(&["kill", "third", "-w", "0"]).ok();
    wait_until(LIMIT, "the topology to go", || cluster.topology("third").is_none());
    ask_until(
        &cluster,
        &["doctor"],
        "workers/orphan",
        &[&third.pid.to_string(), &third.port.to_string(), "start supervisor"],
    );
    kill(third.pid, Signal::CONT);
    cluster.start_supervisor(0);
    cluster.wait_for_supervisors(1);
    ask_until(&cluster, &["doctor"], "zookeeper/acl", &[]);
    wait_until(LIMIT, "the orphan to be gone", || !ask(&cluster, &["doctor"]).has("workers/orphan"));

    // P026 and P036: Nimbus dies; its place lives for the rest of its session, and the workers go on.
    cluster.nimbus.kill_nine();
    let answer = ask(&cluster, &["doctor"]);
    answer.says("nimbus/no-leader", &["refused", "workers of this host go on", "start nimbus"]);
    answer.says("nimbus/old-session", &["6 s", "/storm/leader-lock/"]);
    let answer = ask(&cluster, &["why", "recording"]);
    answer.says("nimbus/no-leader", &[]);
    assert!(answer.verdict().starts_with("recording is ACTIVE"), "told by ZooKeeper: {}", answer.verdict());
    recording.wait_for_flow(LIMIT, "without Nimbus", &tasks);

    // P029: it comes back without its blobs.
    fs::remove_dir_all(cluster.nimbus.local_dir().join("blobs")).expect("the blobs are there");
    cluster.start_nimbus();
    let answer =
        ask_until(&cluster, &["why", "recording"], "topology/code-lost", &["stormcode.ser", "kill recording -w 0"]);
    assert_eq!(answer.exit, 10);
    // What still runs would end with it: a yes to everything is not enough.
    let unnamed = cluster.stormctl(&["why", "recording", "--apply", "--yes"]);
    assert_eq!(unnamed.status.code(), Some(7), "{}{}", unnamed.stdout, unnamed.stderr);
    assert!(unnamed.stderr.contains("say --confirm=recording"), "{}", unnamed.stderr);

    // P088, and the worst day: nothing is up, and there is still an answer.
    cluster.zookeeper.kill_nine();
    let answer = ask(&cluster, &["--timeout", "6s", "doctor"]);
    answer.says("zookeeper/no-process", &["go on by themselves"]);
    cluster.nimbus.kill_nine();
    cluster.supervisors[0].kill_nine();
    let answer = ask(&cluster, &["--timeout", "6s", "why", "recording"]);
    answer
        .says("zookeeper/no-process", &[])
        .says("nimbus/no-leader", &[])
        .says("workers/no-supervisor", &[&worker.pid.to_string()]);
    assert!(answer.verdict().starts_with("recording is status unknown"), "{}", answer.verdict());
}

/// Whether the worker's artifacts are those of the topology.
fn worker_of(cluster: &Cluster, worker_id: &str, topology: &str) -> bool {
    let link = cluster.supervisors[0].local_dir().join("workers").join(worker_id).join("artifacts");
    fs::read_link(link).is_ok_and(|target| target.to_string_lossy().contains(&format!("/{topology}-")))
}

/// The Python process that runs a script for a worker of this cluster.
pub fn child(cluster: &Cluster, script: &str) -> u32 {
    wait_for(LIMIT, &format!("a child that runs {script}"), || {
        cluster.nest().processes().into_iter().find(|pid| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let arguments: Vec<_> = command.split(|byte| *byte == 0).collect();
            arguments[0].ends_with(b"python3") && arguments.iter().any(|a| a.ends_with(script.as_bytes()))
        })
    })
}

/// A port behind which a server is, every answer of it late.
fn slow_way(to: u16, by: Duration) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let (Ok(near), Ok(far)) = (near, TcpStream::connect((Ipv4Addr::LOCALHOST, to))) else { return };
            let (back_from, back_to) = (far.try_clone(), near.try_clone());
            std::thread::spawn(move || pass(near, far, Duration::ZERO));
            if let (Ok(from), Ok(to)) = (back_from, back_to) {
                std::thread::spawn(move || pass(from, to, by));
            }
        }
    });
    port
}

fn pass(mut from: TcpStream, mut to: TcpStream, late: Duration) {
    let mut bytes = [0; 65536];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        std::thread::sleep(late);
        if to.write_all(&bytes[..n]).is_err() {
            return;
        }
    }
    // The end is passed on, too; a connection that is gone already has it.
    let _gone = to.shutdown(std::net::Shutdown::Write);
}

/// P040: the leader calls itself by a name that only its own network knows.
#[test]
fn a_leader_whose_name_is_unknown_here() {
    let options = ClusterOptions { supervisors: 0, ..ClusterOptions::default() }
        .with("storm.local.hostname", "nimbus.inside.invalid");
    let cluster = Cluster::start(options);
    let arguments = ["-c", "storm.local.hostname=127.0.0.1", "-o", "json", "doctor"];
    let answer = Answer::of(cluster.stormctl(&arguments));
    answer.says("nimbus/leader-unreachable", &["nimbus.inside.invalid", "names the leader", "/etc/hosts"]);
    assert!(!answer.has("nimbus/no-leader"), "a seed does answer: {:?}", answer.codes());
    // A cluster without supervisors says so even then.
    answer.says("supervisor/none", &["start supervisor"]);
}
