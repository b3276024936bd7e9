//! Prints how many tuples per second the engine moves in this process: a chain of a spout and two bolts, and a word count, each
//! with and without acking; in one engine, and in two that talk over loopback as workers do.
//!
//! `cargo run --release -p storm-engine --example ladder [SECONDS] [DATA_THREADS [PART_OF_NAME]]`

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use storm_engine::{Engine, EngineHandle, EngineSpec};
use storm_thrift::types::{ExecutorInfo, ExecutorSpecificStats};
use storm_topology::builder::{TopologyBuilder, component_factory};
use storm_topology::prelude::*;
use storm_topology::system::SystemTopology;

struct Constant {
    reliable: bool,
    next: u64,
}

impl Spout for Constant {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        self.next += 1;
        if self.reliable {
            out.emit_reliable(values!["some data"], self.next);
        } else {
            out.emit(values!["some data"]);
        }
        Ok(Progress::Emitted)
    }
}

struct Identity;

impl Bolt for Identity {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        out.emit(values![tuple.value(0)]);
        Ok(())
    }
}

struct Nothing;

impl Bolt for Nothing {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        Ok(())
    }
}

const SENTENCES: [&str; 5] = [
    "the cow jumped over the moon",
    "an apple a day keeps the doctor away",
    "four score and seven years ago",
    "snow white and the seven dwarfs",
    "i am at two with nature",
];

struct Sentences {
    reliable: bool,
    next: u64,
}

impl Spout for Sentences {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let sentence = SENTENCES[self.next as usize % SENTENCES.len()];
        self.next += 1;
        if self.reliable {
            out.emit_reliable(values![sentence], self.next);
        } else {
            out.emit(values![sentence]);
        }
        Ok(Progress::Emitted)
    }
}

struct Split;

impl Bolt for Split {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        tuple.str(0)?.split(' ').for_each(|word| out.emit(values![word]));
        Ok(())
    }
}

#[derive(Default)]
struct Count(HashMap<String, u64>);

impl Bolt for Count {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let word = tuple.str(0)?;
        match self.0.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(word.to_owned(), 1);
            }
        }
        Ok(())
    }
}

fn chain(reliable: bool) -> TopologyBuilder {
    let mut b = TopologyBuilder::new();
    b.set_spout("spout", move || Constant { reliable, next: 0 }).outputs(["data"]);
    b.set_bolt("identity", || Identity).outputs(["data"]).local_or_shuffle("spout");
    b.set_bolt("nothing", || Nothing).local_or_shuffle("identity");
    b
}

fn word_count(reliable: bool, parallelism: i32) -> TopologyBuilder {
    let mut b = TopologyBuilder::new();
    b.set_spout("spout", move || Sentences { reliable, next: 0 }).outputs(["sentence"]).parallelism(parallelism);
    b.set_bolt("split", || Split).outputs(["word"]).parallelism(parallelism).local_or_shuffle("spout");
    b.set_bolt("count", Count::default).parallelism(parallelism).fields("split", ["word"]);
    b
}

/// One spout and one splitter, and counters in both workers.
fn far_word_count(reliable: bool) -> TopologyBuilder {
    let mut b = TopologyBuilder::new();
    b.set_spout("spout", move || Sentences { reliable, next: 0 }).outputs(["sentence"]);
    b.set_bolt("split", || Split).outputs(["word"]).shuffle("spout");
    b.set_bolt("count", Count::default).parallelism(2).fields("split", ["word"]);
    b
}

/// Tuples emitted by spouts, executed by bolts, and acked; and the mean complete latency in milliseconds.
fn totals(engines: &[EngineHandle]) -> (i64, i64, i64, f64) {
    let mut t = (0, 0, 0, 0.0);
    for stats in engines.iter().flat_map(|engine| engine.stats().into_values()) {
        match &stats.specific {
            ExecutorSpecificStats::Bolt(b) => t.1 += b.executed[":all-time"].values().sum::<i64>(),
            ExecutorSpecificStats::Spout(s) => {
                t.0 += stats.emitted[":all-time"].values().sum::<i64>();
                t.2 += s.acked[":all-time"].values().sum::<i64>();
                t.3 = s.complete_ms_avg[":all-time"].values().copied().fold(t.3, f64::max);
            }
        }
    }
    t
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// Starts so many workers of a topology, with the executors dealt out as Storm's scheduler does.
fn start(
    builder: TopologyBuilder,
    pending: Option<i64>,
    workers: usize,
    threads: usize,
) -> Result<Vec<EngineHandle>, Box<dyn std::error::Error>> {
    let topology = builder.build()?;
    let mut conf: Map<String, serde_json::Value> = topology.conf().clone();
    conf.insert("topology.eventlogger.executors".into(), json!(0));
    conf.insert("topology.max.spout.pending".into(), json!(pending));
    conf.insert("topology.workers".into(), json!(workers));
    let system = SystemTopology::derive(topology.thrift(), &conf)?;
    let mut executors: Vec<ExecutorInfo> =
        system.executors(&system.start_executors()).into_values().flatten().filter(|e| e.task_start > 0).collect();
    executors.sort();
    let listeners = (0..workers).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let addresses =
        listeners.iter().map(|l| Ok(l.local_addr()?.to_string())).collect::<Result<Vec<_>, std::io::Error>>()?;
    let mut engines = Vec::new();
    for (here, listener) in listeners.into_iter().enumerate() {
        let factory = Arc::new(component_factory(&system, topology.natives().clone()));
        let mut spec = EngineSpec::in_process("ladder-1-0", system.clone(), conf.clone(), factory);
        spec.executors.clear();
        let mut peers = BTreeMap::new();
        for (i, executor) in executors.iter().enumerate() {
            match i % workers {
                worker if worker == here => spec.executors.push(executor.clone()),
                worker => {
                    peers.extend((executor.task_start..=executor.task_end).map(|t| (t, addresses[worker].clone())));
                }
            }
        }
        spec.peers = peers;
        spec.listener = Some(listener);
        spec.data_threads = threads;
        engines.push(Engine::start(spec)?);
    }
    engines.iter().for_each(EngineHandle::activate);
    Ok(engines)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let seconds: f64 = args.next().map_or(Ok(5.0), |s| s.parse())?;
    let threads: usize = args.next().map_or(Ok(0), |s| s.parse())?;
    let part = args.next().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _inside = runtime.enter();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{:<28}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "", "spout M/s", "bolts M/s", "acked M/s", "mean ms", "cpu s/M"
    )?;
    let ladder: [(&str, TopologyBuilder, Option<i64>, usize); 11] = [
        ("chain, untracked", chain(false), None, 1),
        ("chain, acked", chain(true), Some(5000), 1),
        ("chain, acked, unlimited", chain(true), None, 1),
        ("word count, untracked", word_count(false, 1), None, 1),
        ("word count, acked", word_count(true, 1), Some(5000), 1),
        ("word count x2, untracked", word_count(false, 2), None, 1),
        ("word count x2, acked", word_count(true, 2), Some(5000), 1),
        ("chain, two, untracked", chain(false), None, 2),
        ("chain, two, acked", chain(true), Some(20_000), 2),
        ("word count, two, untracked", far_word_count(false), None, 2),
        ("word count, two, acked", far_word_count(true), Some(2000), 2),
    ];
    for (name, builder, pending, workers) in ladder.into_iter().filter(|row| row.0.contains(&part)) {
        let engines = start(builder, pending, workers, threads)?;
        std::thread::sleep(Duration::from_secs_f64(seconds / 5.0));
        let (before, cpu, start) = (totals(&engines), cpu_seconds(), Instant::now());
        std::thread::sleep(Duration::from_secs_f64(seconds));
        let (after, took, cpu) = (totals(&engines), start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let spouted = (after.0 - before.0) as f64 / 1e6;
        writeln!(
            out,
            "{name:<28}{:>12.2}{:>12.2}{:>12.2}{:>12.3}{:>12.3}",
            spouted / took,
            (after.1 - before.1) as f64 / 1e6 / took,
            (after.2 - before.2) as f64 / 1e6 / took,
            after.3,
            cpu / spouted
        )?;
        engines.iter().for_each(EngineHandle::shutdown);
    }
    Ok(())
}
