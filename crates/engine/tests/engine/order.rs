//! What one task emits on a stream arrives at another task in the order in which it was emitted: on one thread, between threads,
//! between workers, and also where the receiver does not keep up. Untracked tuples, so that nothing is sent twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::network::{address, engine, listen};
use crate::support::*;

const UNTIL: i64 = 20_000;
const SOURCES: i32 = 2;

/// Emits numbers on two streams in turn, some at a time, each with its own name.
#[derive(Default)]
struct Counts {
    name: i64,
    next: i64,
}

impl Spout for Counts {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.name = ctx.task_id.into();
        Ok(())
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        for _ in 0..=self.next % 7 {
            if self.next == UNTIL {
                return Ok(Progress::Exhausted);
            }
            let stream = if self.next % 2 == 0 { "even" } else { "odd" };
            // Batches of every size.
            let filler = "-".repeat(self.next as usize % 50);
            out.send(Emission::new(values![self.name, self.next, filler.as_str()]).on(stream));
            self.next += 1;
        }
        Ok(Progress::Emitted)
    }
}

/// Passes on, stream by stream.
struct Pass;

impl Bolt for Pass {
    fn execute(&mut self, t: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        out.send(Emission::new(values![t.value(0), t.value(1), t.value(2)]).on(t.source_stream()));
        Ok(())
    }
}

#[derive(Default)]
struct Arrivals {
    count: AtomicU64,
    disorder: Mutex<Vec<String>>,
}

/// Notes whatever did not come after what was emitted before it, and rests now and then if it is to fall behind.
struct Judge {
    last: BTreeMap<(i64, i32, String), i64>,
    slow: bool,
    arrivals: Arc<Arrivals>,
}

impl Bolt for Judge {
    fn execute(&mut self, t: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let (name, n, stream) = (t.int(0)?, t.int(1)?, t.source_stream());
        let last = self.last.entry((name, t.source_task(), stream.to_owned())).or_insert(-1);
        if n <= *last {
            let what = format!("{n} of {name} came after {last} on `{stream}` from task {}", t.source_task());
            self.arrivals.disorder.lock().unwrap().push(what);
        }
        *last = n;
        let count = self.arrivals.count.fetch_add(1, Ordering::SeqCst);
        if self.slow && count.is_multiple_of(512) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn blocking(&self) -> bool {
        self.slow
    }
}

/// source -> near, and source -> pass -> far, where all numbers of a source pass one task. Queues are short.
fn ordered(slow: bool) -> (TopologyBuilder, Arc<Arrivals>) {
    let arrivals = Arc::new(Arrivals::default());
    let judge = |arrivals: &Arc<Arrivals>| {
        let arrivals = arrivals.clone();
        move || Judge { last: BTreeMap::new(), slow, arrivals: arrivals.clone() }
    };
    let fields = ["name", "n", "filler"];
    let mut b = TopologyBuilder::new();
    b.conf("topology.executor.receive.buffer.size", 128).conf("topology.acker.executors", 0);
    // Shuffles go to other workers too.
    b.conf("topology.disable.loadaware.messaging", true);
    b.set_spout("source", Counts::default).stream("even", fields).stream("odd", fields).parallelism(SOURCES);
    b.set_bolt("near", judge(&arrivals)).parallelism(3).shuffle_on("source", "even").shuffle_on("source", "odd");
    b.set_bolt("pass", || Pass)
        .stream("even", fields)
        .stream("odd", fields)
        .parallelism(2)
        .fields_on("source", "even", ["name"])
        .fields_on("source", "odd", ["name"]);
    b.set_bolt("far", judge(&arrivals)).parallelism(2).fields_on("pass", "even", ["name"]).fields_on(
        "pass",
        "odd",
        ["name"],
    );
    (b, arrivals)
}

async fn all_in_order(arrivals: &Arrivals) {
    // Each number arrives at `near` and at `far`.
    let all = 2 * SOURCES as u64 * UNTIL as u64;
    eventually("all have arrived", || arrivals.count.load(Ordering::SeqCst) >= all).await;
    assert_eq!(arrivals.count.load(Ordering::SeqCst), all);
    let disorder = arrivals.disorder.lock().unwrap();
    assert!(disorder.is_empty(), "{} times: {:?}", disorder.len(), &disorder[..disorder.len().min(5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_kept_within_a_worker() {
    for (threads, slow) in [(1, false), (2, false), (4, false), (2, true)] {
        let (b, arrivals) = ordered(slow);
        let engine = start_with(b, threads);
        all_in_order(&arrivals).await;
        end(engine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_kept_between_workers() {
    for slow in [false, true] {
        for split in [["source", "far"], ["source", "near"], ["source", "pass"]] {
            let (b, arrivals) = ordered(slow);
            let p = prepare(b);
            let rest: Vec<&str> =
                ["source", "near", "pass", "far"].into_iter().filter(|c| !split.contains(c)).collect();
            let (a, b) = (listen(), listen());
            let two = engine(&p, &rest, &b, &address(&a));
            let one = engine(&p, &split, &a, &address(&b));
            all_in_order(&arrivals).await;
            end(one).await;
            end(two).await;
        }
    }
}
