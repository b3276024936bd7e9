//! A component that takes nothing for a while holds up those that feed it, and nobody else: acks, other streams, other components
//! of its worker go on, and it gets all of its own when it takes again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use storm_engine::EngineHandle;
use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::network::{address, engine, listen};
use crate::support::*;

/// How a component takes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// It blocks, on a thread of its own.
    Blocks,
    /// It says that it is not ready.
    IsNotReady,
}

/// Tells paused components to go on.
#[derive(Default)]
struct Pause {
    over: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
    wakers: Mutex<Vec<Waker>>,
    executed: AtomicU64,
}

impl Pause {
    fn wait(&self) {
        let mut waiting = self.lock.lock().unwrap();
        while !self.over.load(Ordering::SeqCst) {
            waiting = self.changed.wait(waiting).unwrap();
        }
    }

    fn end(&self) {
        let _changing = self.lock.lock().unwrap();
        self.over.store(true, Ordering::SeqCst);
        self.changed.notify_all();
        self.wakers.lock().unwrap().iter().for_each(Waker::wake);
    }
}

struct Paused {
    way: Way,
    pause: Arc<Pause>,
}

impl Bolt for Paused {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.pause.wakers.lock().unwrap().push(ctx.waker());
        Ok(())
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if self.way == Way::Blocks {
            self.pause.wait();
        }
        self.pause.executed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn ready(&self) -> bool {
        self.way == Way::Blocks || self.pause.over.load(Ordering::SeqCst)
    }

    fn blocking(&self) -> bool {
        self.way == Way::Blocks
    }
}

/// Passes on.
fn pass() -> impl Bolt {
    Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
        out.emit(values![t.value(0)]);
        Ok(())
    })
}

struct Run2 {
    engines: Vec<EngineHandle>,
    pause: Arc<Pause>,
    /// Of the spout that feeds the paused component, alone or among others.
    held: Arc<Seen>,
    /// Of the spout that has nothing to do with it.
    free: Arc<Seen>,
}

const HELD: u64 = 3000;
const FREE: u64 = 30_000;

/// held -> relay -> paused and swift; free -> step -> last. Queues are short, so that the pause is felt everywhere at once.
fn start_paused(way: Way, workers: Option<[&[&str]; 2]>) -> Run2 {
    let (pause, held, free) = (Arc::new(Pause::default()), Arc::new(Seen::default()), Arc::new(Seen::default()));
    let mut b = TopologyBuilder::new();
    b.conf("topology.executor.receive.buffer.size", 64).conf("topology.message.timeout.secs", 3600);
    b.conf("topology.disable.loadaware.messaging", true);
    let (h, f, p) = (held.clone(), free.clone(), pause.clone());
    b.set_spout("held", move || Numbers::new(HELD, &h)).outputs(["n"]);
    b.set_spout("free", move || Numbers::new(FREE, &f)).outputs(["n"]);
    b.set_bolt("relay", pass).outputs(["n"]).shuffle("held");
    b.set_bolt("paused", move || Paused { way, pause: p.clone() }).shuffle("relay");
    b.set_bolt("swift", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).shuffle("relay");
    b.set_bolt("step", pass).outputs(["n"]).parallelism(2).shuffle("free");
    b.set_bolt("last", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).fields("step", ["n"]);
    let engines = match workers {
        None => vec![start_with(b, 1)],
        Some([here, there]) => {
            let p = prepare(b);
            let (a, b) = (listen(), listen());
            vec![engine(&p, there, &b, &address(&a)), engine(&p, here, &a, &address(&b))]
        }
    };
    Run2 { engines, pause, held, free }
}

/// While the component is paused everything else comes to its end; afterwards it does, too.
async fn others_go_on(way: Way, workers: Option<[&[&str]; 2]>) {
    let run = start_paused(way, workers);
    let what = format!("{way:?}, {workers:?}");
    eventually(&format!("the free are done: {what}"), || run.free.all_acked(FREE)).await;
    assert_eq!(run.pause.executed.load(Ordering::SeqCst), 0);
    assert_eq!(Seen::get(&run.held.acked), 0, "acked before the paused one had it: {what}");
    assert!(Seen::get(&run.held.emitted) < HELD, "the pause was not felt: {what}");
    run.pause.end();
    eventually(&format!("the held are done: {what}"), || run.held.all_acked(HELD)).await;
    assert_eq!((Seen::get(&run.held.failed), Seen::get(&run.free.failed)), (0, 0));
    assert_eq!(run.pause.executed.load(Ordering::SeqCst), HELD);
    for engine in run.engines {
        end(engine).await;
    }
}

const WAYS: [Way; 2] = [Way::Blocks, Way::IsNotReady];

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_up_nobody_else_in_the_worker() {
    for way in WAYS {
        others_go_on(way, None).await;
    }
}

/// The paused one in the other worker, and the free ones' tuples, acks or both on the connections that its tuples wait for.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_up_nobody_else_between_workers() {
    let splits: [[&[&str]; 2]; 4] = [
        [&["held", "free", "relay"], &["paused", "swift", "step", "last"]],
        [&["held", "free", "step"], &["relay", "paused", "swift", "last"]],
        [&["held", "relay", "step", "last"], &["free", "paused", "swift"]],
        [&["held", "paused", "step"], &["free", "relay", "swift", "last"]],
    ];
    for way in WAYS {
        for split in splits {
            others_go_on(way, Some(split)).await;
        }
    }
}

/// The paused one acks what it took before: acks come home from behind full queues.
#[tokio::test(flavor = "multi_thread")]
async fn acks_that_wait_for_a_pause_come_when_it_is_over() {
    for way in WAYS {
        let run = start_paused(way, Some([&["held", "free", "relay", "step"], &["paused", "swift", "last"]]));
        eventually("the free are done", || run.free.all_acked(FREE)).await;
        // Pauses of the topology itself change nothing about what is under way.
        run.engines.iter().for_each(|e| e.deactivate());
        eventually("both spouts pause", || Seen::get(&run.held.deactivated) == 1).await;
        let under_way = Seen::get(&run.held.emitted);
        run.pause.end();
        eventually("what was under way is done", || Seen::get(&run.held.acked) == under_way).await;
        run.engines.iter().for_each(|e| e.activate());
        eventually("the held are done", || run.held.all_acked(HELD)).await;
        for engine in run.engines {
            end(engine).await;
        }
    }
}

/// Emits the numbers 0 and 1 at once, as one that blocks or as one that does not.
struct Two {
    emitted: Arc<AtomicU64>,
    pause: Option<Arc<Pause>>,
    acked: Arc<AtomicU64>,
}

impl Spout for Two {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let n = self.emitted.fetch_add(1, Ordering::SeqCst);
        if n >= 2 {
            return Ok(Progress::Exhausted);
        }
        if let (1, Some(pause)) = (n, &self.pause) {
            pause.wait();
        }
        out.emit_reliable(values![n as i64], n);
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, _: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.acked.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn blocking(&self) -> bool {
        self.pause.is_some()
    }
}

/// Passes on at once what is not 1, and 1 when the pause is over.
struct Hesitates(Arc<Pause>);

impl Bolt for Hesitates {
    fn execute(&mut self, t: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if t.int(0)? == 1 {
            self.0.wait();
        }
        out.emit(values![t.value(0)]);
        Ok(())
    }

    fn blocking(&self) -> bool {
        true
    }
}

/// What a component that blocks has done does not wait for what it does next: what it has emitted arrives, and what it has acked is
/// acked, while it blocks.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_a_pause_does_not_wait_for_its_end() {
    for (spout_blocks, two_workers) in [(false, false), (false, true), (true, false), (true, true)] {
        let what = format!("the spout blocks: {spout_blocks}, two workers: {two_workers}");
        let (pause, counts) = (Arc::new(Pause::default()), [const { AtomicU64::new(0) }; 3].map(Arc::new));
        let [emitted, acked, arrived] = counts.clone();
        let mut b = TopologyBuilder::new();
        let gate = spout_blocks.then(|| pause.clone());
        b.set_spout("two", move || Two { emitted: emitted.clone(), pause: gate.clone(), acked: acked.clone() })
            .outputs(["n"]);
        if !spout_blocks {
            let gate = pause.clone();
            b.set_bolt("hesitates", move || Hesitates(gate.clone())).outputs(["n"]).shuffle("two");
        }
        b.set_bolt("last", move || {
            let arrived = arrived.clone();
            Run(move |_: &Tuple<'_>, _: &mut BoltOutput<'_>| {
                arrived.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        })
        .shuffle(if spout_blocks { "two" } else { "hesitates" });
        let p = prepare(b);
        let (x, y) = (listen(), listen());
        let engines = match two_workers {
            false => {
                let engine = storm_engine::Engine::start(p.spec()).unwrap();
                engine.activate();
                vec![engine]
            }
            true if spout_blocks => {
                vec![engine(&p, &["last"], &y, &address(&x)), engine(&p, &["two"], &x, &address(&y))]
            }
            true => vec![engine(&p, &["hesitates"], &y, &address(&x)), engine(&p, &["two", "last"], &x, &address(&y))],
        };
        let [_, acked, arrived] = counts;
        eventually(&format!("the first has arrived: {what}"), || arrived.load(Ordering::SeqCst) == 1).await;
        if !spout_blocks {
            eventually(&format!("the first is acked: {what}"), || acked.load(Ordering::SeqCst) == 1).await;
        }
        pause.end();
        eventually(&format!("both are acked: {what}"), || acked.load(Ordering::SeqCst) == 2).await;
        for engine in engines {
            end(engine).await;
        }
    }
}
