//! Topologies from closures, and waiting with a deadline.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use storm_engine::{Engine, EngineHandle, EngineSpec};
use storm_thrift::types::{ExecutorInfo, ExecutorSpecificStats, GlobalStreamId};
use storm_topology::builder::{TopologyBuilder, component_factory};
use storm_topology::prelude::*;
use storm_topology::system::SystemTopology;
use storm_topology::{ComponentFactory, MessageId, TaskContext};

pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until the condition holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A bolt from a closure.
pub struct Run<F>(pub F);

impl<F> Bolt for Run<F>
where
    F: FnMut(&Tuple<'_>, &mut BoltOutput<'_>) -> Result<(), ComponentError> + Send,
{
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        (self.0)(tuple, out)
    }
}

/// What a [`Numbers`] spout has seen.
#[derive(Default)]
pub struct Seen {
    pub acked: AtomicU64,
    pub failed: AtomicU64,
    pub emitted: AtomicU64,
    pub max_pending: AtomicU64,
    pub activated: AtomicU64,
    pub deactivated: AtomicU64,
    /// How often each number was acked.
    pub acks: Mutex<BTreeMap<u64, u64>>,
}

impl Seen {
    pub fn get(count: &AtomicU64) -> u64 {
        count.load(Ordering::SeqCst)
    }

    pub fn all_acked(&self, until: u64) -> bool {
        self.acks.lock().unwrap().len() as u64 == until
    }
}

/// Emits the numbers from 0 to `until`, reliably, and again those that fail.
pub struct Numbers {
    next: u64,
    step: u64,
    until: u64,
    again: VecDeque<u64>,
    seen: Arc<Seen>,
}

impl Numbers {
    pub fn new(until: u64, seen: &Arc<Seen>) -> Numbers {
        Numbers { next: 0, step: 1, until, again: VecDeque::new(), seen: seen.clone() }
    }
}

impl Spout for Numbers {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.next = ctx.task_index as u64;
        self.step = ctx.component_tasks.len() as u64;
        Ok(())
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let n = match self.again.pop_front() {
            Some(n) => n,
            None if self.next < self.until => {
                self.next += self.step;
                self.next - self.step
            }
            None => return Ok(Progress::Exhausted),
        };
        out.emit_reliable(values![n as i64], n);
        self.seen.emitted.fetch_add(1, Ordering::SeqCst);
        self.seen.max_pending.fetch_max(out.pending() as u64, Ordering::SeqCst);
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.seen.acked.fetch_add(1, Ordering::SeqCst);
        *self.seen.acks.lock().unwrap().entry(id.number().unwrap()).or_default() += 1;
        Ok(())
    }

    fn fail(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.seen.failed.fetch_add(1, Ordering::SeqCst);
        self.again.push_back(id.number().unwrap());
        Ok(())
    }

    fn activate(&mut self, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.seen.activated.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn deactivate(&mut self, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.seen.deactivated.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A topology ready for engines.
#[derive(Clone)]
pub struct Prepared {
    pub system: SystemTopology,
    pub conf: Map<String, Value>,
    pub factory: Arc<dyn ComponentFactory>,
}

/// Checks and numbers a topology. Acking is on unless the topology says otherwise.
pub fn prepare(builder: TopologyBuilder) -> Prepared {
    let topology = builder.build().unwrap();
    let mut conf =
        json!({"topology.acker.executors": 1, "topology.eventlogger.executors": 0}).as_object().unwrap().clone();
    conf.extend(topology.conf().clone());
    let system = SystemTopology::derive(topology.thrift(), &conf).unwrap();
    let factory = Arc::new(component_factory(&system, topology.natives().clone()));
    Prepared { system, conf, factory }
}

impl Prepared {
    pub fn spec(&self) -> EngineSpec {
        EngineSpec::in_process("test-1-0", self.system.clone(), self.conf.clone(), self.factory.clone())
    }

    pub fn tasks(&self, component: &str) -> Vec<i32> {
        self.system.component(component).unwrap().tasks.clone()
    }

    /// The executors of some components.
    pub fn executors(&self, components: &[&str]) -> Vec<ExecutorInfo> {
        let all = self.system.executors(&self.system.start_executors());
        components.iter().flat_map(|c| all[*c].clone()).collect()
    }
}

pub fn start_with(builder: TopologyBuilder, data_threads: usize) -> EngineHandle {
    let mut spec = prepare(builder).spec();
    spec.data_threads = data_threads;
    let engine = Engine::start(spec).unwrap();
    engine.activate();
    engine
}

/// Runs on two data threads.
pub fn start(builder: TopologyBuilder) -> EngineHandle {
    start_with(builder, 2)
}

/// Shuts down, which must not take long.
pub async fn end(engine: EngineHandle) {
    let ended = tokio::task::spawn_blocking(move || engine.shutdown());
    tokio::time::timeout(DEADLINE, ended).await.expect("shutdown in time").unwrap();
}

/// Sums over executors of what bolts executed and acked from a stream.
pub fn executed(engine: &EngineHandle, component: &str, stream: &str) -> (i64, i64) {
    let id = GlobalStreamId { component_id: component.into(), stream_id: stream.into() };
    let mut sums = (0, 0);
    for stats in engine.stats().values() {
        if let ExecutorSpecificStats::Bolt(b) = &stats.specific {
            sums.0 += b.executed[":all-time"].get(&id).copied().unwrap_or_default();
            sums.1 += b.acked[":all-time"].get(&id).copied().unwrap_or_default();
        }
    }
    sums
}

/// Acked, failed, emitted of the spouts' default streams.
pub fn spouts(engine: &EngineHandle) -> (i64, i64, i64) {
    let mut sums = (0, 0, 0);
    for stats in engine.stats().values() {
        if let ExecutorSpecificStats::Spout(s) = &stats.specific {
            let get = |m: &BTreeMap<String, BTreeMap<String, i64>>| m[":all-time"].get("default").copied().unwrap_or(0);
            sums.0 += get(&s.acked);
            sums.1 += get(&s.failed);
            sums.2 += get(&stats.emitted);
        }
    }
    sums
}
