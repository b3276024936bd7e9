//! Cyclic topologies with queues that are full all the time: every tree completes, within a worker and around two of them.

use std::sync::Arc;

use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::network::{address, engine, listen};
use crate::support::*;

/// Sends each number on until it is 0; now and then more comes out than went in.
fn countdown() -> impl Bolt {
    Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
        let n = t.int(0)?;
        if n > 0 {
            out.emit(values![n - 1]);
            if n % 40 == 0 {
                out.emit(values![n - 1]);
            }
        }
        Ok(())
    })
}

/// The same for components that may block: they have threads of their own.
struct Blocking<B>(B);

impl<B: Bolt> Bolt for Blocking<B> {
    fn execute(&mut self, t: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.execute(t, out)
    }
    fn blocking(&self) -> bool {
        true
    }
}

type Shape = fn(&mut TopologyBuilder);

/// Everything that goes round, by its name, and how many numbers are sent into it: the greater, the longer they go round.
const SHAPES: [(&str, u64, Shape); 4] = [
    ("a bolt that feeds itself", 400, |b| {
        b.set_bolt("a", countdown).outputs(["n"]).parallelism(2).shuffle("numbers").shuffle("a");
    }),
    ("two bolts that feed each other", 400, |b| {
        b.set_bolt("a", countdown).outputs(["n"]).parallelism(2).shuffle("numbers").fields("b", ["n"]);
        b.set_bolt("b", countdown).outputs(["n"]).parallelism(2).shuffle("a");
    }),
    ("a round of three, with a way out", 400, |b| {
        b.set_bolt("a", countdown).outputs(["n"]).shuffle("numbers").shuffle("c");
        b.set_bolt("b", countdown).outputs(["n"]).parallelism(2).shuffle("a");
        b.set_bolt("c", countdown).outputs(["n"]).parallelism(2).fields("b", ["n"]);
        b.set_bolt("d", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).all("b").shuffle("c");
    }),
    // Everything leaves them at once.
    ("two that block, each on a thread of its own", 150, |b| {
        b.set_bolt("a", || Blocking(countdown())).outputs(["n"]).shuffle("numbers").shuffle("b");
        b.set_bolt("b", || Blocking(countdown())).outputs(["n"]).shuffle("a");
    }),
];

/// Far more is under way than queues should hold.
fn looped(until: u64, shape: Shape) -> (TopologyBuilder, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    b.conf("topology.executor.receive.buffer.size", 64).conf("topology.disable.loadaware.messaging", true);
    b.conf("topology.message.timeout.secs", 3600);
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(until, &s)).outputs(["n"]);
    shape(&mut b);
    (b, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_within_a_worker_come_to_an_end() {
    for (name, until, shape) in SHAPES {
        for threads in [1, 2] {
            let (b, seen) = looped(until, shape);
            let engine = start_with(b, threads);
            eventually(&format!("{name}: all acked on {threads} threads"), || seen.all_acked(until)).await;
            assert_eq!(Seen::get(&seen.failed), 0);
            end(engine).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_around_two_workers_come_to_an_end() {
    for (name, until, shape) in SHAPES {
        let (b, seen) = looped(until, shape);
        let p = prepare(b);
        let (a, b) = (listen(), listen());
        // The spout, and what it feeds, apart from the rest; or, where there is no rest, from what it feeds.
        let rest: Vec<&str> = ["b", "c", "d"].into_iter().filter(|c| p.system.component(c).is_some()).collect();
        let (here, there) = if rest.is_empty() { (vec!["numbers"], vec!["a"]) } else { (vec!["numbers", "a"], rest) };
        let two = engine(&p, &there, &b, &address(&a));
        let one = engine(&p, &here, &a, &address(&b));
        eventually(&format!("{name}: all acked around two workers"), || seen.all_acked(until)).await;
        assert_eq!(Seen::get(&seen.failed), 0);
        end(one).await;
        end(two).await;
    }
}
