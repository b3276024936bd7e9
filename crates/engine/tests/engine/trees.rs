//! Random trees in real engines: bolts that hold tuples, work on several together, emit several anchored to all of them, fail some,
//! and feed each other. A message is acked when nothing that came of it is left, never before, and not if anything of it failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::network::{address, engine, listen};
use crate::support::*;

/// What is true of every message, kept by the components themselves, by the numbers that tuples carry.
#[derive(Default)]
struct Truth {
    /// Tuples of a message that were emitted and have been neither acked nor failed.
    live: BTreeMap<i64, i64>,
    failed: BTreeSet<i64>,
    settled: BTreeSet<i64>,
    acked: usize,
    faults: Vec<String>,
    wakers: Vec<Waker>,
}

impl Truth {
    fn settle(&mut self, n: i64) {
        if !self.settled.insert(n) {
            self.faults.push(format!("{n} was settled twice"));
        }
    }
}

type Shared = Arc<Mutex<Truth>>;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

const MESSAGES: i64 = 3000;

struct Messages {
    next: i64,
    truth: Shared,
}

impl Spout for Messages {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        if self.next == MESSAGES {
            return Ok(Progress::Exhausted);
        }
        self.truth.lock().unwrap().live.insert(self.next, 1);
        out.emit_reliable(values![&Value::List(vec![self.next.into()]), 0], self.next as u64);
        self.next += 1;
        Ok(Progress::Emitted)
    }

    fn ack(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let n = id.number().unwrap() as i64;
        let mut truth = self.truth.lock().unwrap();
        let live = truth.live[&n];
        if live != 0 {
            truth.faults.push(format!("{n} was acked with {live} of its tuples alive"));
        }
        if truth.failed.contains(&n) {
            truth.faults.push(format!("{n} was acked though a tuple of it had failed"));
        }
        truth.acked += 1;
        truth.settle(n);
        Ok(())
    }

    fn fail(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let n = id.number().unwrap() as i64;
        let mut truth = self.truth.lock().unwrap();
        if !truth.failed.contains(&n) {
            truth.faults.push(format!("{n} failed though no tuple of it had"));
        }
        truth.settle(n);
        Ok(())
    }
}

/// Holds a few tuples, and then works on some of them together.
struct Mix {
    held: Vec<OwnedTuple>,
    dice: Dice,
    /// Receivers of each tuple that it emits.
    receivers: i64,
    truth: Shared,
}

/// So many tuples in a thousand fail.
const FAILURES: u64 = 30;
const DEPTH: i64 = 4;

fn numbers(t: &OwnedTuple) -> Vec<i64> {
    match &t.values()[0] {
        Value::List(list) => list.iter().filter_map(|v| v.as_ref().as_int()).collect(),
        other => panic!("a list of numbers, not {other:?}"),
    }
}

fn depth(t: &OwnedTuple) -> i64 {
    t.values()[1].as_ref().as_int().expect("a depth")
}

impl Mix {
    /// Works until so many are held.
    fn work(&mut self, out: &mut BoltOutput<'_>, until: usize) {
        while self.held.len() > until {
            let count = (1 + self.dice.below(3) as usize).min(self.held.len());
            let mut inputs = Vec::new();
            for _ in 0..count {
                let at = self.dice.below(self.held.len() as u64) as usize;
                inputs.push(self.held.swap_remove(at));
            }
            let deepest = inputs.iter().map(depth).max().unwrap_or(DEPTH);
            let children = if deepest < DEPTH && self.receivers > 0 { self.dice.below(3) } else { 0 };
            (0..children).for_each(|_| self.emit(&inputs, deepest + 1, out));
            for input in &inputs {
                let fails = self.dice.below(1000) < FAILURES;
                {
                    let mut truth = self.truth.lock().unwrap();
                    for n in numbers(input) {
                        *truth.live.get_mut(&n).unwrap() -= 1;
                        if fails {
                            truth.failed.insert(n);
                        }
                    }
                }
                if fails { out.fail(input) } else { out.ack(input) }
            }
        }
    }

    fn emit(&self, inputs: &[OwnedTuple], depth: i64, out: &mut BoltOutput<'_>) {
        let union: BTreeSet<i64> = inputs.iter().flat_map(numbers).collect();
        {
            let mut truth = self.truth.lock().unwrap();
            union.iter().for_each(|n| *truth.live.get_mut(n).unwrap() += self.receivers);
        }
        let anchors: Vec<&dyn Anchor> = inputs.iter().map(|t| t as &dyn Anchor).collect();
        let list = Value::List(union.into_iter().map(Value::from).collect());
        out.emit_anchored(&anchors, values![&list, depth]);
    }
}

impl Bolt for Mix {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.dice.0 ^= ctx.task_id as u64;
        self.truth.lock().unwrap().wakers.push(ctx.waker());
        Ok(())
    }

    fn execute(&mut self, t: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.held.push(t.to_owned());
        self.work(out, 4);
        Ok(())
    }

    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.work(out, 0);
        Ok(())
    }

    fn ack_mode(&self) -> AckMode {
        AckMode::Manual
    }
}

/// messages -> a <-> b -> c: a and b feed each other, and what b emits goes to c as well.
fn mixed(seed: u64) -> (TopologyBuilder, Shared) {
    let truth = Shared::default();
    let mut b = TopologyBuilder::new();
    b.conf("topology.max.spout.pending", 200).conf("topology.message.timeout.secs", 3600);
    b.conf("topology.disable.loadaware.messaging", true);
    let t = truth.clone();
    b.set_spout("messages", move || Messages { next: 0, truth: t.clone() }).outputs(["list", "depth"]);
    let mix = |receivers: i64| {
        let truth = truth.clone();
        move || Mix { held: Vec::new(), dice: Dice(seed * 1000), receivers, truth: truth.clone() }
    };
    let fields = ["list", "depth"];
    b.set_bolt("a", mix(1)).outputs(fields).parallelism(2).shuffle("messages").shuffle("b");
    b.set_bolt("b", mix(2)).outputs(fields).parallelism(3).shuffle("a");
    b.set_bolt("c", mix(0)).outputs(fields).parallelism(2).fields("b", ["depth"]);
    (b, truth)
}

async fn all_settled(truth: &Shared, what: &str) {
    eventually(&format!("every message is settled: {what}"), || {
        let truth = truth.lock().unwrap();
        // Or else the last ones would be held for ever.
        truth.wakers.iter().for_each(Waker::wake);
        truth.settled.len() as i64 == MESSAGES
    })
    .await;
    let truth = truth.lock().unwrap();
    assert!(truth.faults.is_empty(), "{what}: {:?}", &truth.faults[..truth.faults.len().min(5)]);
    let failed = truth.settled.len() - truth.acked;
    assert!(failed > 50 && truth.acked > 500, "{what}: {failed} failed and {} were acked", truth.acked);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tree_ends_early_and_every_tree_ends_in_a_worker() {
    for seed in 1..=4 {
        for threads in [1, 3] {
            let (b, truth) = mixed(seed);
            let engine = start_with(b, threads);
            all_settled(&truth, &format!("seed {seed}, {threads} threads")).await;
            end(engine).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tree_ends_early_and_every_tree_ends_between_workers() {
    let splits: [[&[&str]; 2]; 3] =
        [[&["messages"], &["a", "b", "c"]], [&["messages", "a"], &["b", "c"]], [&["messages", "b"], &["a", "c"]]];
    for (seed, [here, there]) in (11..).zip(splits) {
        let (b, truth) = mixed(seed);
        let p = prepare(b);
        let (a, b) = (listen(), listen());
        let two = engine(&p, there, &b, &address(&a));
        let one = engine(&p, here, &a, &address(&b));
        all_settled(&truth, &format!("seed {seed}, {here:?}")).await;
        end(one).await;
        end(two).await;
    }
}
