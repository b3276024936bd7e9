//! What the dashboard takes as a whole process, in a real terminal, on clusters of this machine:
//!
//!     cargo run --release -p storm-tests --example figures

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::process::own_bytes;
use storm_tests::terminal::Terminal;
use storm_tests::topologies::{lines_to_split, submit};

const LIMIT: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(20);
const FLOOD: Duration = Duration::from_secs(30);
const TOPOLOGIES: usize = 500;
/// Of each topology.
const EXECUTORS: i32 = 20;
const LINES_A_SECOND: usize = 10_000;
const KEYS: usize = 100;

fn main() {
    // Without a supervisor nothing else runs beside what is measured.
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    first_frame(&cluster, "nimbuses", "leader", "first useful frame, empty cluster");
    idle(&cluster);
    fill(&cluster);
    first_frame(&cluster, "topologies", "topology-", "first useful frame, 500 topologies");
    keys_in_topologies(&cluster);
    keys_in_logs(&cluster);
}

fn open(cluster: &Cluster, view: &str) -> Terminal {
    let mut program = Command::new(stormctl());
    program.arg("--config").arg(cluster.nimbus.config()).args(["tui", view]);
    program.env("HOME", cluster.nest().dir()).env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    Terminal::spawn(cluster.nest(), &program, 200, 60)
}

fn leave(mut terminal: Terminal) {
    terminal.type_in("q");
    terminal.wait(LIMIT);
}

fn first_frame(cluster: &Cluster, view: &str, text: &str, what: &str) {
    let mut starts = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let terminal = open(cluster, view);
        until(&terminal, |s| s.contains(text));
        starts.push(began.elapsed());
        leave(terminal);
    }
    report(what, &mut starts);
}

/// Nothing changes in the cluster; all that the overview shows is asked.
fn idle(cluster: &Cluster) {
    for view in ["overview", "topologies"] {
        let mut terminal = open(cluster, view);
        terminal.wait_for_text(LIMIT, "nimbus ok");
        let (ticks, began) = (self::ticks(terminal.pid()), Instant::now());
        std::thread::sleep(IDLE);
        let used = (self::ticks(terminal.pid()) - ticks) as f64 / 100.0;
        println!("idle, {view}: {:.2} % of a core", used / began.elapsed().as_secs_f64() * 100.0);
        leave(terminal);
    }
}

fn fill(cluster: &Cluster) {
    let jar = cluster.nest().dir().join("topology.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    let mut topology = lines_to_split();
    let parts = topology.spouts.values_mut().map(|s| &mut s.common);
    for common in parts.chain(topology.bolts.values_mut().map(|b| &mut b.common)) {
        common.parallelism_hint = Some(EXECUTORS / 2);
    }
    let conf = json!({"topology.workers": 4, "topology.acker.executors": 0});
    let began = Instant::now();
    cluster
        .ask(async |nimbus| {
            for n in 0..TOPOLOGIES {
                submit(nimbus, &format!("topology-{n}"), &jar, &conf, topology.clone()).await?;
            }
            Ok(())
        })
        .expect("accepted");
    println!(
        "{TOPOLOGIES} topologies of {EXECUTORS} executors were submitted in {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// To the last row and back to the first, while every second brings all of them anew.
fn keys_in_topologies(cluster: &Cluster) {
    let mut terminal = open(cluster, "topologies");
    terminal.wait_for_text(LIMIT, "topology-");
    terminal.type_in("N");
    terminal.wait_for_text(LIMIT, "topology-0 ");
    let before = own_bytes(terminal.pid());
    let mut keys = Vec::new();
    for round in 0..KEYS {
        // By name, `topology-0` and `topology-99` are at the two ends.
        let (key, shown) = if round % 2 == 0 { ("G", "topology-99 ") } else { ("g", "topology-0 ") };
        std::thread::sleep(Duration::from_millis(37));
        let began = Instant::now();
        terminal.type_in(key);
        until(&terminal, |s| s.contains(shown));
        keys.push(began.elapsed());
    }
    report("key to frame, 500 topologies", &mut keys);
    let after = own_bytes(terminal.pid());
    println!("resident: {:.1} MiB, then {:.1} MiB", mib(before), mib(after));
    leave(terminal);
}

/// Lines are written as a worker writes them; one key wraps them, and back.
fn keys_in_logs(cluster: &Cluster) {
    let slot = cluster.nimbus.log_dir().join("workers-artifacts/topology-0-1-1785661200/6700");
    fs::create_dir_all(&slot).expect("a folder");
    let mut log = File::create(slot.join("worker.log")).expect("a log");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = std::thread::spawn(move || {
        let (began, mut written) = (Instant::now(), 0);
        while !stopped.load(Ordering::Relaxed) {
            let due = (began.elapsed().as_secs_f64() * LINES_A_SECOND as f64) as usize;
            let lines: String = (written..due)
                .map(|n| {
                    format!("2026-08-02T10:00:00.000Z  INFO storm_worker: executed tuple {n} of the stream default\n")
                })
                .collect();
            log.write_all(lines.as_bytes()).expect("written");
            written = due;
            std::thread::sleep(Duration::from_millis(10));
        }
        written as f64 / began.elapsed().as_secs_f64()
    });
    let mut terminal = open(cluster, "logs");
    terminal.wait_for_text(LIMIT, "executed tuple");
    std::thread::sleep(Duration::from_secs(5));
    let (before, began) = (own_bytes(terminal.pid()), Instant::now());
    let ticks = self::ticks(terminal.pid());
    let mut keys = Vec::new();
    while began.elapsed() < FLOOD {
        let wrapped = keys.len() % 2 == 1;
        std::thread::sleep(Duration::from_millis(137));
        let pressed = Instant::now();
        terminal.type_in("w");
        until(&terminal, |s| s.contains("wrapped") != wrapped);
        keys.push(pressed.elapsed());
    }
    let used = (self::ticks(terminal.pid()) - ticks) as f64 / 100.0 / began.elapsed().as_secs_f64() * 100.0;
    let after = own_bytes(terminal.pid());
    stop.store(true, Ordering::Relaxed);
    let rate = writer.join().expect("it wrote");
    report(&format!("key to frame, {rate:.0} log lines a second"), &mut keys);
    println!(
        "{used:.1} % of a core; resident: {:.1} MiB, {:.1} MiB {} s later",
        mib(before),
        mib(after),
        FLOOD.as_secs()
    );
    let dropped = terminal.screen().lines().find(|l| l.contains("lines dropped")).map(str::to_owned);
    println!("{}", dropped.unwrap_or_else(|| "no line was dropped".to_owned()).trim());
    leave(terminal);
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}

fn until(terminal: &Terminal, condition: impl Fn(&str) -> bool) {
    let began = Instant::now();
    while !condition(&terminal.screen()) {
        assert!(began.elapsed() < LIMIT, "it does not come; there is\n{}", terminal.screen());
        // What is waited for takes milliseconds, and the emulator needs the screen as well.
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let rest = stat.rsplit_once(')').expect("a name").1;
    rest.split_whitespace().skip(11).take(2).map(|f| f.parse::<u64>().expect("ticks")).sum()
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("{what}: {} times, p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", times.len(), at(0.5), at(0.99), at(1.0));
}
