//! How long commands take as whole processes, next to the JVMs that Apache Storm's client starts for the same question:
//!
//!     cargo run --release -p storm-tests --example commands

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::wait_until;

const ROUNDS: usize = 40;
const JAVA_ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(60);

/// What is asked, and within how many milliseconds it should be answered.
const COMMANDS: &[(&str, f64)] = &[
    ("list", 30.0),
    ("describe words", 30.0),
    ("status", 30.0),
    ("jps", 30.0),
    ("jps -o wide", 30.0),
    ("zk status", 30.0),
    ("zk ls", 30.0),
    ("zk get storms/ID", 30.0),
    ("get-errors words", 30.0),
    ("monitor words", 30.0),
    ("blobstore list", 30.0),
    ("logs words -n 20", 30.0),
    ("admin print_assignment", 30.0),
    ("why words", 30.0),
    ("config list", 10.0),
    ("config lint", 10.0),
    ("config explain nimbus.seeds", 10.0),
    ("explain nimbus/no-leader", 10.0),
    ("version", 10.0),
    ("__complete fish -- stormctl describe wo", 80.0),
];

fn main() {
    let cluster = Cluster::start(ClusterOptions::default().with("executor.metrics.frequency.secs", 1));
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    // A spout that has said all soon: the machine is to be quiet.
    let conf = json!({"topology.max.spout.pending": 1});
    cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &conf, lines_to_split()).await).expect("accepted");
    wait_until(LIMIT, "its executors", || cluster.topology_info("words").is_some_and(|i| !i.executors.is_empty()));
    let id = cluster.topology("words").expect("it is there").id;
    fs::create_dir_all(cluster.nest().dir().join("home")).expect("made");

    println!("{ROUNDS} runs each, milliseconds as a whole process\n");
    println!("{:<44} {:>7} {:>7} {:>7}  limit", "stormctl ...", "median", "p90", "most");
    let mut late = 0;
    let mut list = 0.0;
    for (line, limit) in COMMANDS {
        let line = line.replace("ID", &id);
        let times = measured(ROUNDS, || {
            let mut command = Command::new(stormctl());
            command
                .env("HOME", cluster.nest().dir().join("home"))
                .env("STORM_CONF_FILE", cluster.supervisors[0].config());
            command.args(line.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        });
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let told = if at(0.5) < *limit { "" } else { "  LATE" };
        late += usize::from(!told.is_empty());
        if line == "list" {
            list = at(0.5);
        }
        println!("{line:<44} {:>7.1} {:>7.1} {:>7.1}  {limit:>4}{told}", at(0.5), at(0.9), at(1.0));
    }

    // `bin/storm list` asks a JVM for java.library.path, another for storm.log.dir, and then runs the command in a third.
    let value = |key: &str| cluster.java_client("org.apache.storm.command.ConfigValue", &[], &[key]).ok();
    let mut times: Vec<f64> = (0..JAVA_ROUNDS)
        .map(|_| {
            let began = Instant::now();
            value("java.library.path");
            value("storm.log.dir");
            cluster.java_client("org.apache.storm.command.ListTopologies", &[], &[]).ok();
            ms(began)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let java = times[times.len() / 2];
    println!("\nthe three JVMs of `storm list`: {java:.0} ms; stormctl list: {list:.1} ms; {:.0} times", java / list);
    println!("{} of {} commands within their limit", COMMANDS.len() - late, COMMANDS.len());
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

/// Sorted times of so many runs, after one that only warms the files.
fn measured(rounds: usize, command: impl Fn() -> Command) -> Vec<f64> {
    let run = || {
        let began = Instant::now();
        command().status().expect("it starts");
        ms(began)
    };
    run();
    let mut times: Vec<f64> = (0..rounds).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times
}
