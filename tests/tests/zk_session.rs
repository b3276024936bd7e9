//! Sessions that break, and the election with Curator's own LeaderLatch in it.

use std::future::Future;
use std::time::{Duration, Instant};

use storm_conf::Conf;
use storm_tests::cluster::{Cluster as Machine, ClusterOptions};
use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::Process;
use storm_thrift::types::{StormBase, SupervisorInfo};
use storm_zk::{Cluster, LeaderLatch, SessionState};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use zookeeper_client::Client;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn connecting_takes_no_time() {
    with_zookeeper(async |machine| {
        Cluster::connect(&conf(&machine)).await.unwrap().close().await;
        let start = Instant::now();
        let zk = Cluster::connect(&conf(&machine)).await.unwrap();
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_millis(250), "{elapsed:?}");
        zk.close().await;
    });
}

#[test]
fn all_servers_are_tried() {
    with_zookeeper(async |machine| {
        let mut conf = conf(&machine);
        let dead = format!("127.0.0.1:{}", free_port());
        conf.set("storm.zookeeper.servers", serde_json::json!([dead, "no-such-host.invalid", "127.0.0.1"]));
        let zk = Cluster::connect(&conf).await.unwrap();
        assert!(zk.storms().await.unwrap().is_empty());
        zk.close().await;
    });
}

#[test]
fn a_session_closed_from_outside_is_replaced_with_all_that_was_in_it() {
    with_zookeeper(async |machine| {
        let gate = Gate::new(&machine).await;
        let zk = Cluster::connect(&conf_to(gate.port)).await.unwrap();
        let observer = Cluster::connect(&conf(&machine)).await.unwrap();
        zk.publish_supervisor("s1", &supervisor(1)).await.unwrap();
        zk.publish_supervisor("gone", &supervisor(1)).await.unwrap();
        zk.withdraw_supervisor("gone").await.unwrap();
        assert_eq!(zk.setup_blob("key", "n1:6627:0").await.unwrap(), 1);
        let latch = LeaderLatch::join(&zk, "n1:6627:0").await.unwrap();
        assert!(latch.is_leader());
        let (mut leader, mut session) = (latch.watch(), zk.session());
        let mut changes = zk.watch_storm_base("wc-1-1");
        assert!(timeout(LIMIT, changes.changed()).await.unwrap(), "armed");

        let client = zk.client().await.unwrap();
        let first = client.session_id();
        gate.expire(&machine, client).await;
        // Leadership is given up, and won again in the new session.
        timeout(LIMIT, leader.wait_for(|leads| !leads)).await.unwrap().unwrap();
        timeout(LIMIT, session.wait_for(|state| *state == SessionState::Reconnected)).await.unwrap().unwrap();
        timeout(LIMIT, leader.wait_for(|leads| *leads)).await.unwrap().unwrap();
        assert_ne!(zk.client().await.unwrap().session_id(), first);
        assert_eq!(observer.supervisors().await.unwrap().into_keys().collect::<Vec<_>>(), ["s1"]);
        assert_eq!(observer.blob_holders("key").await.unwrap(), [("n1:6627:0".to_owned(), 1)]);
        assert_eq!(observer.participants().await.unwrap(), ["n1:6627:0"]);
        // The watch is set again: it tells of the gap, and of what comes after it.
        assert!(timeout(LIMIT, changes.changed()).await.unwrap());
        observer.set_storm_base("wc-1-1", &StormBase::default()).await.unwrap();
        assert!(timeout(LIMIT, changes.changed()).await.unwrap());
        // What is refreshed later belongs to the new session.
        zk.publish_supervisor("s1", &supervisor(2)).await.unwrap();
        assert_eq!(observer.supervisor("s1").await.unwrap(), Some(supervisor(2)));

        // Leaving in order takes it all away at once, long before the session would run out.
        latch.leave().await;
        assert!(observer.participants().await.unwrap().is_empty());
        let start = Instant::now();
        zk.close().await;
        assert!(observer.supervisors().await.unwrap().is_empty());
        assert!(observer.blob_holders("key").await.unwrap().is_empty());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        observer.close().await;
    });
}

#[test]
fn a_short_absence_of_the_server_costs_leadership_but_not_the_session() {
    with_zookeeper(async |mut machine| {
        let zk = Cluster::connect(&conf(&machine)).await.unwrap();
        zk.publish_supervisor("s1", &supervisor(1)).await.unwrap();
        let latch = LeaderLatch::join(&zk, "n1:6627:0").await.unwrap();
        let (mut leader, mut session) = (latch.watch(), zk.session());
        let id = zk.client().await.unwrap().session_id();
        let mut changes = zk.watch_storm_base("wc-1-1");
        assert!(timeout(LIMIT, changes.changed()).await.unwrap(), "armed");

        machine.zookeeper.kill_nine();
        timeout(LIMIT, session.wait_for(|state| *state == SessionState::Suspended)).await.unwrap().unwrap();
        timeout(LIMIT, leader.wait_for(|leads| !leads)).await.unwrap().unwrap();
        // Asked for in the gap, answered after it.
        let write = tokio::spawn({
            let zk = zk.clone();
            async move { zk.set_storm_base("wc-1-1", &StormBase::default()).await }
        });
        machine.start_zookeeper();
        timeout(LIMIT, write).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, leader.wait_for(|leads| *leads)).await.unwrap().unwrap();
        assert_eq!(*session.borrow(), SessionState::Reconnected);
        assert_eq!(zk.client().await.unwrap().session_id(), id);
        assert_eq!(zk.participants().await.unwrap(), ["n1:6627:0"], "one place, not two");
        assert_eq!(zk.supervisor("s1").await.unwrap(), Some(supervisor(1)));
        assert!(timeout(LIMIT, changes.changed()).await.unwrap(), "the change after the gap is seen");
        drop(latch);
        zk.close().await;
    });
}

#[test]
fn a_long_absence_ends_operations_with_the_cause_and_the_session() {
    with_zookeeper(async |mut machine| {
        let mut conf = conf(&machine);
        conf.set("storm.zookeeper.retry.times", 2);
        conf.set("storm.zookeeper.retry.interval", 100);
        let zk = Cluster::connect(&conf).await.unwrap();
        zk.publish_supervisor("s1", &supervisor(1)).await.unwrap();
        let latch = LeaderLatch::join(&zk, "n1:6627:0").await.unwrap();
        let mut session = zk.session();

        machine.zookeeper.kill_nine();
        timeout(LIMIT, session.wait_for(|state| *state == SessionState::Suspended)).await.unwrap().unwrap();
        let error = zk.storms().await.unwrap_err();
        assert_eq!(error.code(), "zk/unreachable");
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", machine.zookeeper.port)), "{error}");
        // Published in the gap: it fails, but the next session has it.
        assert_eq!(zk.publish_supervisor("s1", &supervisor(2)).await.unwrap_err().code(), "zk/unreachable");

        timeout(LIMIT, session.wait_for(|state| *state == SessionState::Lost)).await.unwrap().unwrap();
        // The keeper's own tries tell the cause.
        let refused = async {
            loop {
                let error = zk.storms().await.unwrap_err().to_string();
                if error.contains("Connection refused") {
                    return error;
                }
            }
        };
        let error = timeout(LIMIT, refused).await.unwrap();
        assert!(error.contains(&format!("127.0.0.1:{}: Connection refused", machine.zookeeper.port)), "{error}");

        machine.start_zookeeper();
        timeout(LIMIT, session.wait_for(|state| *state == SessionState::Reconnected)).await.unwrap().unwrap();
        assert_eq!(zk.supervisor("s1").await.unwrap(), Some(supervisor(2)));
        timeout(LIMIT, latch.watch().wait_for(|leads| *leads)).await.unwrap().unwrap();
        // The session that the server still remembered has left nothing behind.
        assert_eq!(zk.participants().await.unwrap(), ["n1:6627:0"]);
        drop(latch);
        zk.close().await;
    });
}

#[test]
fn one_election_with_curators_latch() {
    with_zookeeper(async |machine| {
        let gate = Gate::new(&machine).await;
        let zk = Cluster::connect(&conf_to(gate.port)).await.unwrap();
        let mut first = curator(&machine, "java1:6627:0");
        first.wait_for_output(LIMIT, "sees java1:6627:0\n");
        let ours = LeaderLatch::join(&zk, "rust:6627:0").await.unwrap();
        assert!(!ours.is_leader());
        let mut last = curator(&machine, "java2:6627:0");
        last.wait_for_output(LIMIT, "sees java1:6627:0\n");
        assert_eq!(ours.participants().await.unwrap(), ["java1:6627:0", "rust:6627:0", "java2:6627:0"]);

        // Curator's leader goes in order: we are next, and Curator knows it.
        first.terminate(LIMIT);
        timeout(LIMIT, ours.watch().wait_for(|leads| *leads)).await.unwrap().unwrap();
        last.wait_for_output(LIMIT, "sees rust:6627:0\n");
        assert!(!last.output().contains("\nleader\n"), "two leaders");

        // We go in order: Curator is next.
        ours.leave().await;
        last.wait_for_output(LIMIT, "leader\n");
        let again = LeaderLatch::join(&zk, "rust:6627:0").await.unwrap();
        assert!(!again.is_leader());
        assert_eq!(again.participants().await.unwrap(), ["java2:6627:0", "rust:6627:0"]);

        // Curator dies: its session runs out, and we are next.
        last.kill_nine();
        timeout(LIMIT, again.watch().wait_for(|leads| *leads)).await.unwrap().unwrap();
        assert_eq!(again.participants().await.unwrap(), ["rust:6627:0"]);

        // Our session dies under us with Curator waiting behind: it takes over, and we queue up behind it.
        let mut next = curator(&machine, "java3:6627:0");
        next.wait_for_output(LIMIT, "sees rust:6627:0\n");
        let mut leader = again.watch();
        leader.borrow_and_update();
        gate.expire(&machine, zk.client().await.unwrap()).await;
        next.wait_for_output(LIMIT, "leader\n");
        timeout(LIMIT, leader.wait_for(|leads| !leads)).await.unwrap().unwrap();
        let queued = async {
            while zk.participants().await.unwrap() != ["java3:6627:0", "rust:6627:0"] {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, queued).await.expect("we queue up again");
        again.leave().await;
        zk.close().await;
    });
}

/// A port that leads to the server, and can be shut.
struct Gate {
    port: u16,
    open: watch::Sender<bool>,
}

impl Gate {
    async fn new(machine: &Machine) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), machine.zookeeper.port);
        let (open, opened) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut opened = opened.clone();
                if !*opened.borrow_and_update() {
                    continue;
                }
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    tokio::select! {
                        _either_has_gone = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _shut = opened.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Gate { port, open }
    }

    /// Closes the session that was made through the gate, as anybody with its password can, while its owner is shut out.
    async fn expire(&self, machine: &Machine, client: Client) {
        self.open.send_replace(false);
        let server = format!("127.0.0.1:{}", machine.zookeeper.port);
        let thief = Client::connector().with_session(client.session().clone());
        drop(client);
        let thief = thief.connect(&server).await.expect("the session is alive");
        let mut states = thief.state_watcher();
        drop(thief);
        let state = timeout(LIMIT, states.changed()).await.unwrap();
        assert_eq!(state, zookeeper_client::SessionState::Closed);
        self.open.send_replace(true);
    }
}

fn curator(machine: &Machine, id: &str) -> Process {
    let mut java = peers::java(&[&peers::zookeeper_classpath(), &peers::java_classes().display().to_string()]);
    java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn").arg("zk.Latch");
    java.arg(format!("127.0.0.1:{}/storm", machine.zookeeper.port)).arg(id);
    machine.nest().spawn(id.split(':').next().expect("a host"), java)
}

fn supervisor(time_secs: i64) -> SupervisorInfo {
    SupervisorInfo { time_secs, hostname: "host.example".to_owned(), ..SupervisorInfo::default() }
}

fn conf(machine: &Machine) -> Conf {
    conf_to(machine.zookeeper.port)
}

fn conf_to(port: u16) -> Conf {
    let mut conf = Conf::default();
    conf.set("storm.zookeeper.servers", "127.0.0.1");
    conf.set("storm.zookeeper.port", port);
    conf.set("storm.zookeeper.session.timeout", 6000);
    conf
}

fn with_zookeeper<F: Future<Output = ()>>(test: impl FnOnce(Machine) -> F) {
    let mut machine = Machine::prepare(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    machine.start_zookeeper();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test(machine));
}
