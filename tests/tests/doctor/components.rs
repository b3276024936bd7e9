//! Components in other languages, workers that end, and bolts that cannot keep up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::process::kill;
use storm_tests::topologies::{bolt, spout, submit};
use storm_tests::wait::{wait_for, wait_until};
use storm_thrift::types::StormTopology;

use crate::cluster::child;
use crate::report::Answer;

const LIMIT: Duration = Duration::from_secs(60);

#[track_caller]
fn why(cluster: &Cluster, name: &str, code: &str, words: &[&str]) -> Answer {
    wait_for(LIMIT, &format!("why {name} to say {code} {words:?}"), || {
        let answer = Answer::of(cluster.stormctl_at(&cluster.supervisors[0], &["-o", "json", "why", name]));
        answer.tells(code, words).then_some(answer)
    })
}

/// `numbers.py` to a bolt that runs this script, and is named after it.
fn run(cluster: &Cluster, name: &str, script: &str, conf: Value) {
    let jar = cluster.nest().dir().join(format!("{name}.jar"));
    python_jar(&jar, &["numbers.py", script, "worker_dies.py"]);
    let last = bolt(script, &["numbers"], &["number", "word"]);
    let topology = StormTopology {
        spouts: BTreeMap::from([("numbers".to_owned(), spout("numbers.py", &["number", "line"]))]),
        bolts: BTreeMap::from([(script.trim_end_matches(".py").to_owned(), last)]),
        ..StormTopology::default()
    };
    let dir = cluster.nest().dir().join(name);
    std::fs::create_dir(&dir).expect("a folder for the spout");
    let mut settings = json!({ "test.dir": dir, "executor.metrics.frequency.secs": 1 });
    for (key, value) in conf.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    cluster.ask(async |nimbus| submit(nimbus, name, &jar, &settings, topology.clone()).await).expect("accepted");
}

#[test]
fn what_is_wrong_with_components_and_workers() {
    let cluster = Cluster::start(ClusterOptions { slots: 4, ..ClusterOptions::default() });
    // P123: the module exists elsewhere.
    run(&cluster, "lacking", "lacks_module.py", json!({}));
    // The program of this one ends as soon as it is a worker.
    run(&cluster, "dying", "words.py", json!({ "topology.native.binary": "worker_dies.py" }));
    // P121: one tuple at a time behind a bolt that takes its time.
    run(
        &cluster,
        "crawling",
        "crawls.py",
        json!({ "topology.max.spout.pending": 1, "topology.stats.sample.rate": 1.0 }),
    );
    // P122: nobody reads what this child writes, once its worker is stopped.
    run(&cluster, "flooding", "floods.py", json!({}));

    why(
        &cluster,
        "lacking",
        "component/module-missing",
        &["no_such_module_anywhere", "127.0.0.1", "pip install", "python3"],
    );
    let ends = why(
        &cluster,
        "dying",
        "topology/worker-exits",
        &["exit code 3", "the last words of this worker", "stormctl logs dying"],
    );
    assert!(ends.verdict().contains("does not run as it should"), "{}", ends.verdict());

    let flooder = child(&cluster, "floods.py");
    let worker = storm_tests::process::parent(flooder).expect("its worker");
    wait_until(LIMIT, "the child to write when nobody reads", || {
        kill(worker, Signal::STOP);
        // It is at work only some of the time.
        let until = Instant::now() + Duration::from_millis(200);
        while Instant::now() < until {
            if std::fs::read_to_string(format!("/proc/{flooder}/wchan")).is_ok_and(|place| place.contains("pipe_write"))
            {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        kill(worker, Signal::CONT);
        false
    });
    why(&cluster, "flooding", "component/blocked", &[&flooder.to_string(), "pipe_write"]);
    kill(worker, Signal::CONT);

    let slow = why(&cluster, "crawling", "component/capacity", &["crawls", "capacity"]);
    slow.says("component/paused", &["numbers waits for crawls", "at most 1"]);
    assert_eq!(slow.exit, 0, "slow, but not broken: {:#}", slow.json);
}
