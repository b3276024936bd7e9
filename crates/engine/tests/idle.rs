//! An engine with nothing to do costs next to nothing. Alone in its process, since it counts what the process does.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use storm_engine::{Engine, EngineSpec};
use storm_topology::builder::{TopologyBuilder, component_factory};
use storm_topology::prelude::*;
use storm_topology::system::SystemTopology;

struct NothingToSay;

impl Spout for NothingToSay {
    fn next_tuple(&mut self, _: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        Ok(Progress::Idle)
    }
}

struct Unused;

impl Bolt for Unused {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        Ok(())
    }
}

struct UnusedAndBlocking;

impl Bolt for UnusedAndBlocking {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        Ok(())
    }
    fn blocking(&self) -> bool {
        true
    }
}

/// How often the engine's threads have gone to sleep, and how many threads there are.
fn sleeps() -> (u64, usize) {
    let mut sum = 0;
    let mut threads = 0;
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
        if !(name.starts_with("data-") || name.starts_with("blocking-")) {
            continue;
        }
        threads += 1;
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let line = status.lines().find(|l| l.starts_with("voluntary_ctxt_switches")).unwrap();
        sum += line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
    }
    (sum, threads)
}

fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn an_idle_engine_sleeps() {
    let mut b = TopologyBuilder::new();
    b.set_spout("spout", || NothingToSay).outputs(["x"]).parallelism(2);
    b.set_bolt("bolt", || Unused).outputs(["x"]).parallelism(4).shuffle("spout");
    b.set_bolt("blocking", || UnusedAndBlocking).parallelism(2).shuffle("bolt");
    let topology = b.build().unwrap();
    let conf = json!({"topology.eventlogger.executors": 0}).as_object().unwrap().clone();
    let system = SystemTopology::derive(topology.thrift(), &conf).unwrap();
    let factory = Arc::new(component_factory(&system, topology.natives().clone()));
    let mut spec = EngineSpec::in_process("idle-1-0", system, conf, factory);
    spec.data_threads = 2;
    let engine = Engine::start(spec).unwrap();
    engine.activate();
    // The first waits of idle spouts are short.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let ((before, threads), ticks) = (sleeps(), cpu_ticks());
    assert_eq!(threads, 4);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (slept, ticks) = (sleeps().0 - before, cpu_ticks() - ticks);
    // Two spouts that are asked ten times a second.
    assert!(slept <= 70, "{slept} sleeps in 3 s");
    assert!(ticks <= 5, "{ticks} ticks of 10 ms in 3 s");
    engine.shutdown();
}
