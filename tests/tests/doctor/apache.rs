//! The same questions to Apache's daemons.

use std::fs;
use std::time::Duration;

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions, HOST, Maker, srvr};
use storm_tests::peers;
use storm_tests::ports::free_ports;
use storm_tests::recording::Recording;
use storm_tests::wait::wait_until;

use crate::report::Answer;

const LIMIT: Duration = Duration::from_secs(90);

/// P085: a member of an ensemble whose other members are down.
#[test]
fn a_member_of_apache_zookeeper_without_a_quorum() {
    let cluster = Cluster::prepare(ClusterOptions { zookeeper: Maker::Apache, ..ClusterOptions::default() });
    let role = &cluster.zookeeper;
    let data = role.home.join("data");
    fs::create_dir(&data).expect("its data");
    fs::write(data.join("myid"), "1").expect("its id");
    let file = role.home.join("zoo.cfg");
    let [a, b, c, d, e, f] = free_ports();
    let text = format!(
        "tickTime=500\ninitLimit=5\nsyncLimit=2\ndataDir={}\nclientPort={}\nclientPortAddress={HOST}\nadmin.enableServer=false\n\
         server.1={HOST}:{a}:{b}\nserver.2={HOST}:{c}:{d}\nserver.3={HOST}:{e}:{f}\n",
        data.display(),
        role.port
    );
    fs::write(&file, text).expect("written");
    let mut java = peers::java(&[&peers::zookeeper_classpath()]);
    java.args(["-Xmx256m", "org.apache.zookeeper.server.quorum.QuorumPeerMain"]).arg(&file);
    let mut member = cluster.nest().spawn("member", java);
    wait_until(LIMIT, "the member to listen", || {
        assert!(member.ended().is_none(), "{}", member.output());
        srvr(role.port).is_some_and(|answer| answer.contains("not currently serving"))
    });
    let answer = Answer::of(cluster.stormctl_at(role, &["-o", "json", "--timeout", "5s", "doctor"]));
    answer.says("zookeeper/no-quorum", &["server.2=", "zoo.cfg:", "more than half"]);
    answer.says("zookeeper/autopurge", &["zoo.cfg", "is not set"]);
    assert!(!answer.has("zookeeper/no-process"), "{:?}", answer.codes());
}

#[test]
fn apaches_nimbus_and_supervisor_are_asked_alike() {
    let options =
        ClusterOptions { nimbus: Maker::Apache, supervisor: Maker::Apache, slots: 1, ..ClusterOptions::default() };
    let mut cluster = Cluster::start(options);
    let recording = Recording::submit(&cluster, "recording", 1, json!({}));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    let ask = |cluster: &Cluster, arguments: &[&str]| {
        Answer::of(cluster.stormctl_at(&cluster.supervisors[0], &[&["-o", "json"], arguments].concat()))
    };
    wait_until(LIMIT, "nothing to be wrong", || ask(&cluster, &["why", "recording"]).exit == 0);
    let answer = ask(&cluster, &["why", "recording"]);
    assert!(answer.verdict().starts_with("recording is ACTIVE"), "{}", answer.verdict());
    Recording::submit(&cluster, "second", 1, json!({}));
    wait_until(LIMIT, "slots asked and free", || {
        ask(&cluster, &["why", "second"]).tells("topology/no-slots", &["0 of 1 slots", "1 of 1 slots used"])
    });
    cluster.supervisors[0].kill_nine();
    ask(&cluster, &["doctor"]).says("workers/no-supervisor", &["1 workers", "adopts them"]);
}
