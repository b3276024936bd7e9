//! Who runs where: a component that waits, declared or not, and threads that sleep while another does their work.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use storm_topology::HOLDS_THREAD;
use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::support::*;

/// Waits for each tuple, and may say so.
struct Waits {
    time: Duration,
    declared: bool,
}

impl Bolt for Waits {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        std::thread::sleep(self.time);
        Ok(())
    }

    fn blocking(&self) -> bool {
        self.declared
    }
}

/// A topology of a fast path and a slow one.
fn fast_and_slow(slow: Duration, declared: bool, until: u64) -> (TopologyBuilder, Arc<Seen>) {
    let (fast, few) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let mut b = TopologyBuilder::new();
    let seen = fast.clone();
    b.set_spout("many", move || Numbers::new(until, &seen)).outputs(["n"]);
    b.set_bolt("fast", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).shuffle("many");
    b.set_spout("few", move || Numbers::new(u64::MAX, &few)).outputs(["n"]).conf("topology.max.spout.pending", 4);
    b.set_bolt("slow", move || Waits { time: slow, declared }).parallelism(3).shuffle("few");
    (b, fast)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_that_says_it_blocks_stalls_nobody() {
    let (b, fast) = fast_and_slow(Duration::from_secs(60), true, 200_000);
    let mut engine = start(b);
    let mut errors = engine.errors();
    // All three slow ones are in a call that outlasts the test's patience.
    eventually("the fast path is done", || fast.all_acked(200_000)).await;
    assert!(errors.try_recv().is_err(), "one that says so is not told of");
    // Its threads end with the process: nobody waits a minute for them.
    drop(engine);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_that_waits_and_does_not_say_so_is_named() {
    let (b, _) = fast_and_slow(Duration::from_millis(50), false, 10);
    let mut engine = start(b);
    let report = tokio::time::timeout(DEADLINE, engine.errors().recv()).await.expect("a report in time").unwrap();
    assert_eq!(report.component, "slow");
    assert!(report.message.starts_with(HOLDS_THREAD) && report.message.contains("blocking"), "{report}");
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_that_does_not_come_back_is_named_while_it_is_away() {
    let release = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let (s, r) = (seen.clone(), release.clone());
    b.set_spout("numbers", move || Numbers::new(1, &s)).outputs(["n"]);
    b.set_bolt("away", move || {
        let release = r.clone();
        Run(move |_: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            while !release.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        })
    })
    .shuffle("numbers");
    let mut engine = start(b);
    let report = tokio::time::timeout(DEADLINE, engine.errors().recv()).await.expect("a report in time").unwrap();
    assert_eq!(report.component, "away");
    assert!(report.message.contains("has not let go"), "{report}");
    assert_eq!(Seen::get(&seen.acked), 0, "it is told of while it is away");
    release.store(true, Ordering::SeqCst);
    eventually("it comes back", || Seen::get(&seen.acked) == 1).await;
    end(engine).await;
}

/// Emits a number each time its turn comes.
struct Drip {
    next: u64,
    due: Instant,
    seen: Arc<AtomicU64>,
}

const PAUSE: Duration = Duration::from_millis(2);

impl Spout for Drip {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        if Instant::now() < self.due {
            return Ok(Progress::IdleUntil(self.due));
        }
        self.due = Instant::now() + PAUSE;
        self.next += 1;
        out.emit_reliable(values![self.next as i64], self.next);
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, _: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_with_little_to_do_does_the_work_of_those_that_sleep() {
    let acked = Arc::new(AtomicU64::new(0));
    let used: Arc<Mutex<Vec<(&str, ThreadId)>>> = Arc::default();
    let mut b = TopologyBuilder::new();
    let seen = acked.clone();
    b.set_spout("drip", move || Drip { next: 0, due: Instant::now(), seen: seen.clone() }).outputs(["n"]);
    for (name, from) in [("first", "drip"), ("second", "first"), ("third", "second")] {
        let used = used.clone();
        let bolt = move || {
            let used = used.clone();
            Run(move |t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
                used.lock().unwrap().push((name, std::thread::current().id()));
                out.emit(&[t.value(0)]);
                Ok(())
            })
        };
        b.set_bolt(name, bolt).outputs(["n"]).shuffle(from);
    }
    let engine = start(b);
    eventually("tuples have come through", || acked.load(Ordering::SeqCst) >= 300).await;
    end(engine).await;
    let used = used.lock().unwrap();
    let of = |name: &str| used.iter().filter(|(n, _)| *n == name).map(|(_, t)| *t).collect::<Vec<_>>();
    let (first, third) = (of("first"), of("third"));
    // The last bolt belongs to the other thread, which may sleep through all of it.
    let same = first.iter().zip(&third).filter(|(a, b)| a == b).count();
    assert!(same > 30, "{same} of {} tuples stayed on one thread", first.len().min(third.len()));
    assert!(used.iter().map(|(_, t)| *t).collect::<HashSet<_>>().len() <= 2);
}
