//! Back pressure, loops, blocking components: nothing grows without bound, nothing stands still.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::support::*;

/// Emits as fast as it is asked, untracked.
struct Flood {
    next: i64,
    emitted: Arc<AtomicU64>,
}

impl Spout for Flood {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        out.emit(values![self.next]);
        self.next += 1;
        self.emitted.fetch_add(1, Ordering::SeqCst);
        Ok(Progress::Emitted)
    }
}

/// A gate that components wait at.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.changed.wait(open).unwrap();
        }
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

/// Blocks in `execute` until the gate opens.
struct Gated {
    gate: Arc<Gate>,
    executed: Arc<AtomicU64>,
}

impl Bolt for Gated {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.gate.pass();
        self.executed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn blocking(&self) -> bool {
        true
    }
}

/// Waits until the number stands still for a while, and returns it.
async fn settled(count: &AtomicU64) -> u64 {
    let mut last = count.load(Ordering::SeqCst);
    let mut still = 0;
    while still < 30 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = count.load(Ordering::SeqCst);
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_consumer_stops_its_spout_and_memory_stays_bounded() {
    let (gate, emitted, executed) =
        (Arc::new(Gate::default()), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut b = TopologyBuilder::new();
    b.conf("topology.executor.receive.buffer.size", 1024);
    let e = emitted.clone();
    b.set_spout("flood", move || Flood { next: 0, emitted: e.clone() }).outputs(["n"]);
    b.set_bolt("pass", || {
        Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
            out.emit(values![t.value(0)]);
            Ok(())
        })
    })
    .outputs(["n"])
    .shuffle("flood");
    let (g, x) = (gate.clone(), executed.clone());
    b.set_bolt("slow", move || Gated { gate: g.clone(), executed: x.clone() }).shuffle("pass");
    let engine = start(b);
    eventually("something emitted", || emitted.load(Ordering::SeqCst) > 1000).await;
    let held = settled(&emitted).await;
    // What may wait for each of the two bolts, and an activation or two on top.
    assert!(held < 2 * 1024 + 4 * 256, "{held} tuples under way to a bolt that takes none");
    gate.open();
    eventually("it goes on", || executed.load(Ordering::SeqCst) > 20 * held).await;
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heavy_tuples_take_more_credit() {
    let (gate, emitted, executed) =
        (Arc::new(Gate::default()), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    struct Heavy(Arc<AtomicU64>);
    impl Spout for Heavy {
        fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
            let text = "x".repeat(64 * 1024);
            out.emit(values![&text]);
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Progress::Emitted)
        }
    }
    let mut b = TopologyBuilder::new();
    b.conf("topology.executor.receive.buffer.size", 2048);
    let e = emitted.clone();
    b.set_spout("heavy", move || Heavy(e.clone())).outputs(["text"]);
    let (g, x) = (gate.clone(), executed.clone());
    b.set_bolt("slow", move || Gated { gate: g.clone(), executed: x.clone() }).shuffle("heavy");
    let engine = start(b);
    eventually("something emitted", || emitted.load(Ordering::SeqCst) > 4).await;
    // 2048 units are 512 KiB, eight tuples; an activation adds some.
    let held = settled(&emitted).await;
    assert!(held < 64, "{held} tuples of 64 KiB under way");
    gate.open();
    eventually("it goes on", || executed.load(Ordering::SeqCst) > held).await;
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_that_blocks_does_not_hold_up_others() {
    let gate = Arc::new(Gate::default());
    let (blocked, free) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("a", move || Numbers::new(10, &s)).outputs(["n"]);
    let (g, x) = (gate.clone(), blocked.clone());
    b.set_bolt("stuck", move || Gated { gate: g.clone(), executed: x.clone() }).shuffle("a");
    let other = Arc::new(Seen::default());
    let s = other.clone();
    b.set_spout("b", move || Numbers::new(50_000, &s)).outputs(["n"]);
    let x = free.clone();
    b.set_bolt("free", move || {
        let x = x.clone();
        Run(move |_: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            x.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    })
    .shuffle("b");
    let engine = start_with(b, 1);
    eventually("the free ones are done", || other.all_acked(50_000)).await;
    assert_eq!(blocked.load(Ordering::SeqCst), 0);
    gate.open();
    eventually("the stuck ones are done", || seen.all_acked(10)).await;
    end(engine).await;
}

/// Sends each number back through the loop until it is 0.
fn countdown() -> impl Bolt {
    Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
        let n = t.int(0)?;
        if n > 0 {
            out.emit(values![n - 1]);
            // More comes out of the loop than went in.
            if n % 50 == 0 {
                out.emit(values![n - 1]);
            }
        }
        Ok(())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_do_not_stand_still() {
    for threads in [1, 2] {
        let seen = Arc::new(Seen::default());
        let mut b = TopologyBuilder::new();
        b.conf("topology.executor.receive.buffer.size", 64).conf("topology.max.spout.pending", 200);
        let s = seen.clone();
        b.set_spout("numbers", move || Numbers::new(300, &s)).outputs(["n"]);
        b.set_bolt("a", countdown).outputs(["n"]).shuffle("numbers").shuffle("b");
        b.set_bolt("b", countdown).outputs(["n"]).parallelism(2).shuffle("a");
        let engine = start_with(b, threads);
        eventually("all acked", || seen.all_acked(300)).await;
        assert_eq!(Seen::get(&seen.failed), 0);
        end(engine).await;
    }
}

/// Takes a few tuples at a time, and more when woken from another thread.
struct Sips {
    taken: u64,
    allowed: Arc<AtomicU64>,
    executed: Arc<AtomicU64>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Bolt for Sips {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        *self.waker.lock().unwrap() = Some(ctx.waker());
        Ok(())
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.taken += 1;
        self.executed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn ready(&self) -> bool {
        self.taken < self.allowed.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_that_is_not_ready_gets_nothing_until_woken() {
    let (allowed, executed) = (Arc::new(AtomicU64::new(3)), Arc::new(AtomicU64::new(0)));
    let waker = Arc::new(Mutex::new(None));
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(100, &s)).outputs(["n"]);
    let (a, x, w) = (allowed.clone(), executed.clone(), waker.clone());
    b.set_bolt("sips", move || Sips { taken: 0, allowed: a.clone(), executed: x.clone(), waker: w.clone() })
        .shuffle("numbers");
    let engine = start(b);
    eventually("three taken", || executed.load(Ordering::SeqCst) == 3).await;
    assert_eq!(settled(&executed).await, 3);
    for _ in 0..97 {
        let next = allowed.fetch_add(1, Ordering::SeqCst) + 1;
        waker.lock().unwrap().as_ref().unwrap().wake();
        eventually("one more taken", || executed.load(Ordering::SeqCst) == next).await;
    }
    eventually("all acked", || seen.all_acked(100)).await;
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_spout_feeds_the_rest_from_its_own_thread() {
    struct Slow {
        next: u64,
        stop: Arc<AtomicBool>,
        acked: Arc<AtomicU64>,
    }
    impl Spout for Slow {
        fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
            if self.stop.load(Ordering::SeqCst) || self.next == 100 {
                return Ok(Progress::Exhausted);
            }
            std::thread::sleep(Duration::from_millis(1));
            self.next += 1;
            out.emit_reliable(values![self.next as i64], self.next);
            Ok(Progress::Emitted)
        }
        fn ack(&mut self, _: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
            self.acked.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        fn blocking(&self) -> bool {
            true
        }
    }
    let acked = Arc::new(AtomicU64::new(0));
    let mut b = TopologyBuilder::new();
    let (a, stop) = (acked.clone(), Arc::new(AtomicBool::new(false)));
    b.set_spout("slow", move || Slow { next: 0, stop: stop.clone(), acked: a.clone() }).outputs(["n"]);
    b.set_bolt("pass", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).shuffle("slow");
    let engine = start(b);
    eventually("all acked", || acked.load(Ordering::SeqCst) == 100).await;
    end(engine).await;
}
