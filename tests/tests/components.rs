//! Shell components that are not there, die, hang or talk nonsense: their topology says so, and nobody else suffers.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::process::{self, is_alive};
use storm_tests::recording::Recording;
use storm_tests::topologies::{bolt, shell, spout, submit};
use storm_tests::wait::{wait_for, wait_until};
use storm_thrift::types::StormTopology;

use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(60);

/// Submits `numbers.py` to a bolt named `broken`, and gives the texts of its errors once there are such.
fn errors_of(cluster: &Cluster, name: &str, jar: &Path, broken: storm_thrift::types::Bolt, words: &[&str]) -> String {
    let topology = StormTopology {
        spouts: BTreeMap::from([("numbers".to_owned(), spout("numbers.py", &["number", "line"]))]),
        bolts: BTreeMap::from([("broken".to_owned(), broken)]),
        ..StormTopology::default()
    };
    let dir = cluster.nest().dir().join(name);
    std::fs::create_dir(&dir).expect("a folder for the spout");
    let conf = json!({ "test.dir": dir });
    cluster.ask(async |nimbus| submit(nimbus, name, jar, &conf, topology.clone()).await).expect("accepted");
    wait_for(LIMIT, &format!("an error of `broken` in {name} with the words {words:?}"), || {
        cluster.last_error(name, "broken").filter(|error| words.iter().all(|word| error.contains(word)))
    })
}

#[test]
fn broken_scripts_are_named_in_the_errors_of_their_component() {
    let mut cluster = Cluster::start(ClusterOptions { slots: 6, ..ClusterOptions::default() });
    let healthy = Recording::submit(&cluster, "healthy", 1, json!({}));
    let jar = cluster.nest().dir().join("broken.jar");
    python_jar(&jar, &["numbers.py", "dies.py", "lacks_module.py", "babbles.py"]);
    let by = |script: &str| bolt(script, &["numbers"], &[]);

    let mut no_command = by("dies.py");
    no_command.bolt_object = shell("no-such-interpreter", "dies.py");
    errors_of(&cluster, "gone", &jar, by("gone.py"), &["gone.py"]);
    errors_of(&cluster, "dead", &jar, by("dies.py"), &["dies.py", "3", "these are my last words"]);
    errors_of(&cluster, "lacking", &jar, by("lacks_module.py"), &["no_such_module_anywhere"]);
    errors_of(&cluster, "babbling", &jar, by("babbles.py"), &["babbles.py", "hello, I have not"]);
    errors_of(&cluster, "uncommanded", &jar, no_command, &["no-such-interpreter"]);

    let healthy_tasks: Vec<u32> = healthy.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    healthy.wait_for_flow(LIMIT, "beside broken topologies", &healthy_tasks);
    let broken = ["gone", "dead", "lacking", "babbling", "uncommanded"];
    cluster.stormctl(&[&["kill", "-w", "0"], &broken[..]].concat()).ok();
    wait_until(LIMIT, "the broken topologies to go", || broken.iter().all(|name| cluster.topology(name).is_none()));
    healthy.wait_for_flow(LIMIT, "after the broken topologies", &healthy_tasks);
    let (nimbus, supervisor) = (cluster.nimbus.process().ended(), cluster.supervisors[0].process().ended());
    assert_eq!((nimbus, supervisor), (None, None));
    assert_eq!(cluster.wait_for_workers(1).len(), 1, "workers of killed topologies are left");
    healthy.finish_and_check(LIMIT);
}

/// The process that runs a script for a worker.
fn child_of(cluster: &Cluster, script: &str) -> Option<u32> {
    cluster.nest().processes().into_iter().find(|pid| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments: Vec<_> = command.split(|byte| *byte == 0).collect();
        arguments.iter().any(|argument| argument.ends_with(script.as_bytes())) && arguments[0].ends_with(b"python3")
    })
}

#[test]
fn a_child_that_hangs_is_replaced_and_nothing_is_lost() {
    let cluster = Cluster::start(ClusterOptions::default());
    let recording = Recording::submit(&cluster, "recording", 1, json!({ "topology.subprocess.timeout.secs": 3 }));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);

    let hung = child_of(&cluster, "record.py").expect("the recorder runs");
    process::kill(hung, Signal::STOP);
    wait_until(LIMIT, "the hung child to be ended", || !is_alive(hung));
    recording.wait_for_flow(LIMIT, "after a child hung", &tasks);
    let said = wait_for(LIMIT, "an error that tells of it", || cluster.last_error("recording", "record"));
    assert!(said.contains("topology.subprocess.timeout.secs") || said.contains("heartbeat"), "{said}");

    let killed = child_of(&cluster, "words.py").expect("the splitter runs");
    process::kill(killed, Signal::KILL);
    recording.wait_for_flow(LIMIT, "after a child was killed", &tasks);
    recording.finish_and_check(LIMIT);
}

#[test]
fn a_spout_that_is_not_asked_for_long_is_not_declared_dead() {
    let cluster = Cluster::start(ClusterOptions::default());
    let conf = json!({ "topology.subprocess.timeout.secs": 2, "topology.max.spout.pending": 1, "topology.message.timeout.secs": 60 });
    let recording = Recording::submit(&cluster, "recording", 1, conf);
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    let (spout, splitter) = (child_of(&cluster, "numbers.py"), child_of(&cluster, "words.py"));

    // An inactive spout hears nothing either.
    cluster.stormctl(&["deactivate", "recording"]).ok();
    let before = wait_for(LIMIT, "the stream to come to rest", || {
        let before = recording.progress();
        // Longer than a child may owe an answer.
        std::thread::sleep(Duration::from_secs(5));
        (recording.progress() == before).then_some(before)
    });
    cluster.stormctl(&["activate", "recording"]).ok();
    wait_until(LIMIT, "tuples after the rest", || recording.progress() != before);
    assert_eq!((child_of(&cluster, "numbers.py"), child_of(&cluster, "words.py")), (spout, splitter));
    recording.finish_and_check(LIMIT);
}

#[test]
fn a_child_that_writes_a_megabyte_before_it_reads_blocks_nobody() {
    let cluster = Cluster::start(ClusterOptions::default());
    let scripts = ["floods.py", "tally.py"];
    let recording = Recording::submit_scripts(&cluster, "recording", 1, json!({}), scripts);
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    for _ in 0..5 {
        recording.wait_for_flow(LIMIT, "through the flood", &tasks);
    }
    recording.finish_and_check(LIMIT);
}
