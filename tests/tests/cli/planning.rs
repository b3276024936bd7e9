//! `--dry-run` of submit and rebalance against what the Nimbus then does, ours and Apache's; `submit --replace`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::wait::wait_for;

use super::LIMIT;

/// Two supervisors with two slots each.
fn cluster(nimbus: Maker) -> Cluster {
    let options = ClusterOptions { nimbus, supervisors: 2, slots: 2, ..ClusterOptions::default() };
    Cluster::start(options.with("nimbus.monitor.freq.secs", 1).with("executor.metrics.frequency.secs", 1))
}

fn flux(cluster: &Cluster, file: &str, name: &str, workers: usize, parallelism: usize) -> String {
    let path = cluster.nest().dir().join(file);
    let text = format!(
        "name: {name}\nconfig: {{topology.workers: {workers}}}\n\
         spouts:\n  - {{id: l, className: lines, constructorArgs: [[/etc/passwd]]}}\n\
         bolts:\n  - {{id: s, className: split, parallelism: {parallelism}}}\n\
         streams:\n  - {{from: l, to: s, grouping: {{type: SHUFFLE}}}}\n"
    );
    fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn plan(done: &str) -> Value {
    serde_json::from_str(done).unwrap_or_else(|e| panic!("{e} in {done}"))
}

/// Executors by port, as planned.
fn planned(plan: &Value) -> BTreeMap<i64, i64> {
    let workers = plan["workers"].as_array().expect("workers").iter();
    workers.map(|w| (w["port"].as_i64().expect("a port"), w["executors"].as_i64().expect("executors"))).collect()
}

/// Executors by port, as they are.
fn placed(cluster: &Cluster, name: &str) -> BTreeMap<i64, i64> {
    let mut ports = BTreeMap::new();
    for executor in cluster.topology_info(name).map(|i| i.executors).unwrap_or_default() {
        *ports.entry(i64::from(executor.port)).or_default() += 1;
    }
    ports
}

fn plans_come_true(nimbus: Maker) {
    let cluster = cluster(nimbus);
    let ctl = |arguments: &[&str]| cluster.stormctl(arguments);
    let one = flux(&cluster, "one.yaml", "one", 2, 4);
    let foreseen = plan(&ctl(&["submit", &one, "--dry-run", "-o", "json"]).ok());
    assert_eq!((&foreseen["fits"], &foreseen["slots"], &foreseen["slots_left"]), (&json!(true), &json!(4), &json!(2)));
    assert!(cluster.topology("one").is_none(), "nothing is submitted");
    ctl(&["submit", &one]).ok();
    wait_for(LIMIT, "the topology where it was foreseen", || {
        (placed(&cluster, "one") == planned(&foreseen)).then_some(())
    });

    // Three workers more than there are slots.
    let big = flux(&cluster, "big.yaml", "big", 5, 4);
    let done = ctl(&["submit", &big, "--dry-run", "-o", "json"]);
    let foreseen = plan(&done.ok());
    assert_eq!((&foreseen["workers_wanted"], planned(&foreseen).len()), (&json!(5), 2));
    let all = flux(&cluster, "all.yaml", "all", 4, 4);
    ctl(&["submit", &all]).ok();
    wait_for(LIMIT, "no slot to be left", || (placed(&cluster, "all").len() == 2).then_some(()));
    let none = ctl(&["submit", &big, "--dry-run"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(none.stderr.contains("0 of 4 slots on 2 supervisors are free"), "{none:?}");
    ctl(&["kill", "all", "-w", "0", "--wait"]).ok();

    let options = ["-n", "1", "-e", "s=2"];
    let foreseen = plan(&ctl(&[&["rebalance", "one", "--dry-run", "-o", "json"], &options[..]].concat()).ok());
    assert_eq!((&foreseen["workers_wanted"], planned(&foreseen).len()), (&json!(1), 1));
    assert_eq!(cluster.topology("one").map(|t| t.status).as_deref(), Some("ACTIVE"));
    ctl(&[&["rebalance", "one", "-w", "0"], &options[..]].concat()).ok();
    wait_for(LIMIT, "the topology where it was foreseen", || {
        (placed(&cluster, "one") == planned(&foreseen)).then_some(())
    });
    let unknown = ctl(&["rebalance", "one", "--dry-run", "-e", "none=2"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

#[test]
fn plans_come_true_with_our_nimbus() {
    plans_come_true(Maker::Ours);
}

#[test]
fn plans_come_true_with_apaches_nimbus() {
    plans_come_true(Maker::Apache);
}

fn replaced_only_by_what_is_in_order(nimbus: Maker) {
    let options = ClusterOptions { nimbus, supervisors: 0, ..ClusterOptions::default() };
    let cluster = Cluster::start(options.with("nimbus.monitor.freq.secs", 1));
    let ctl = |arguments: &[&str]| cluster.stormctl(arguments);
    let file = flux(&cluster, "one.yaml", "one", 1, 1);
    ctl(&["submit", &file, "--replace"]).ok();
    let id = |cluster: &Cluster| cluster.topology("one").map(|t| (t.id, t.status));
    let first = id(&cluster).expect("submitted");
    assert_eq!(ctl(&["submit", &file]).status.code(), Some(8));

    for wrong in ["topology.workers=many", "topology.blobstore.map={\"none\":{}}"] {
        let refused = ctl(&["submit", &file, "--replace", "-w", "0", "-c", wrong]);
        assert!(!refused.status.success(), "{refused:?}");
        assert_eq!(id(&cluster).as_ref(), Some(&first), "nothing is killed: {refused:?}");
    }
    let foreseen = ctl(&["submit", &file, "--replace", "--dry-run"]);
    assert_eq!(foreseen.status.code(), Some(1), "there is no supervisor: {foreseen:?}");
    assert_eq!(id(&cluster).as_ref(), Some(&first));

    let done = plan(&ctl(&["submit", &file, "--replace", "-w", "0", "--inactive", "-o", "json"]).ok());
    let second = id(&cluster).expect("in its place");
    assert_eq!((&done["replaced"], &done["id"]), (&json!(first.0), &json!(second.0)));
    assert_ne!(first.0, second.0);
    assert_eq!(second.1, "INACTIVE");
}

#[test]
fn our_nimbus_replaces_a_topology_only_by_one_in_order() {
    replaced_only_by_what_is_in_order(Maker::Ours);
}

#[test]
fn apaches_nimbus_replaces_a_topology_only_by_one_in_order() {
    replaced_only_by_what_is_in_order(Maker::Apache);
}
