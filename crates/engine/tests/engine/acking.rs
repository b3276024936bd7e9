//! Trees: completed once, replayed when failed, ended by time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;
use storm_topology::{Anchor, OwnedTuple};

use crate::support::*;

const TEXT: [&str; 4] = [
    "the cow jumped over the moon",
    "an apple a day",
    "four score and seven years ago",
    "snow white and the seven dwarfs",
];

type Counts = Arc<Mutex<HashMap<String, u64>>>;

fn word_count(lines: u64, parallelism: i32, seen: &Arc<Seen>, counts: &Counts) -> TopologyBuilder {
    let mut b = TopologyBuilder::new();
    let seen = seen.clone();
    b.conf("topology.max.spout.pending", 1000);
    b.set_spout("numbers", move || Numbers::new(lines, &seen)).outputs(["n"]).parallelism(parallelism);
    b.set_bolt("split", || {
        Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
            let line = TEXT[t.int(0)? as usize % TEXT.len()];
            line.split(' ').for_each(|word| out.emit(values![word]));
            Ok(())
        })
    })
    .outputs(["word"])
    .parallelism(parallelism)
    .shuffle("numbers");
    let counts = counts.clone();
    b.set_bolt("count", move || {
        let counts = counts.clone();
        Run(move |t: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            *counts.lock().unwrap().entry(t.str(0)?.to_owned()).or_default() += 1;
            Ok(())
        })
    })
    .parallelism(parallelism)
    .fields("split", ["word"]);
    b
}

fn expected(lines: u64) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for n in 0..lines {
        for word in TEXT[n as usize % TEXT.len()].split(' ') {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn word_count_equals_a_plain_count_and_every_line_is_acked_once() {
    for (threads, parallelism) in [(1, 1), (2, 1), (2, 3), (4, 4)] {
        let (seen, counts) = (Arc::new(Seen::default()), Counts::default());
        let lines = 20_000;
        let engine = start_with(word_count(lines, parallelism, &seen, &counts), threads);
        eventually("all lines acked", || seen.all_acked(lines)).await;
        assert_eq!(*counts.lock().unwrap(), expected(lines), "{threads} threads, parallelism {parallelism}");
        assert_eq!(Seen::get(&seen.failed), 0);
        assert!(seen.acks.lock().unwrap().values().all(|n| *n == 1));
        let words: u64 = expected(lines).values().sum();
        assert_eq!(executed(&engine, "split", "default"), (words as i64, words as i64));
        assert_eq!(spouts(&engine), (lines as i64, 0, lines as i64));
        end(engine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_tuples_come_again_until_they_are_done() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.conf("topology.max.spout.pending", 100);
    b.set_spout("numbers", move || Numbers::new(1000, &s)).outputs(["n"]);
    b.set_bolt("pass", || {
        Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
            out.emit(values![t.value(0)]);
            Ok(())
        })
    })
    .outputs(["n"])
    .parallelism(2)
    .shuffle("numbers");
    let failed = Arc::new(Mutex::new(HashSet::new()));
    let f = failed.clone();
    b.set_bolt("flaky", move || {
        let failed = f.clone();
        Run(move |t: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            let n = t.int(0)?;
            if n % 3 == 0 && failed.lock().unwrap().insert(n) {
                return Err(ComponentError::failed(format!("{n} is not wanted yet")));
            }
            Ok(())
        })
    })
    .parallelism(2)
    .fields("pass", ["n"]);
    let mut engine = start(b);
    let mut errors = engine.errors();
    eventually("all acked", || seen.all_acked(1000)).await;
    assert_eq!(Seen::get(&seen.failed), 334);
    assert_eq!(Seen::get(&seen.acked), 1000);
    let report = errors.recv().await.unwrap();
    assert_eq!(report.component, "flaky");
    assert!(report.message.contains("is not wanted yet"), "{report}");
    end(engine).await;
}

/// Holds tuples, joins pairs of them, and acks outside `execute`.
struct Join {
    held: Vec<OwnedTuple>,
    waker: Option<storm_topology::Waker>,
}

impl Bolt for Join {
    fn prepare(&mut self, ctx: &storm_topology::TaskContext) -> Result<(), ComponentError> {
        self.waker = Some(ctx.waker());
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.held.push(tuple.to_owned());
        if self.held.len() >= 2 {
            let waker = self.waker.clone();
            // As a component with a thread of its own would.
            std::thread::spawn(move || waker.iter().for_each(storm_topology::Waker::wake));
        }
        Ok(())
    }

    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        while self.held.len() >= 2 {
            let pair: Vec<OwnedTuple> = self.held.drain(..2).collect();
            let anchors: Vec<&dyn Anchor> = pair.iter().map(|t| t as &dyn Anchor).collect();
            out.emit_anchored(&anchors, values![&pair[0].values()[0], &pair[1].values()[0]]);
            out.reset_timeout(&pair[0]);
            pair.iter().for_each(|t| out.ack(t));
            // A second time does nothing.
            out.ack(&pair[0]);
        }
        Ok(())
    }

    fn ack_mode(&self) -> AckMode {
        AckMode::Manual
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tuples_with_two_anchors_belong_to_both_trees() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(400, &s)).outputs(["n"]);
    b.set_bolt("join", || Join { held: Vec::new(), waker: None }).outputs(["a", "b"]).shuffle("numbers");
    let failed = Arc::new(Mutex::new(HashSet::new()));
    b.set_bolt("last", move || {
        let failed = failed.clone();
        Run(move |t: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            let (a, b) = (t.int(0)?, t.int(1)?);
            // Both must come again, as one bolt fails what came of both.
            if a % 10 == 0 && failed.lock().unwrap().insert(a) {
                return Err(ComponentError::failed(format!("{a} and {b}")));
            }
            Ok(())
        })
    })
    .shuffle("join");
    let engine = start(b);
    eventually("all acked", || seen.all_acked(400)).await;
    let failed = Seen::get(&seen.failed);
    assert!(failed > 0 && failed.is_multiple_of(2), "{failed} failed");
    assert_eq!(Seen::get(&seen.acked), 400);
    end(engine).await;
}

struct Swallow;

impl Bolt for Swallow {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        Ok(())
    }
    fn ack_mode(&self) -> AckMode {
        AckMode::Manual
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_acks_times_out() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.conf("topology.message.timeout.secs", 1).conf("topology.max.spout.pending", 5);
    b.set_spout("numbers", move || Numbers::new(5, &s)).outputs(["n"]);
    b.set_bolt("swallow", || Swallow).shuffle("numbers");
    let started = Instant::now();
    let engine = start(b);
    eventually("all timed out", || Seen::get(&seen.failed) >= 5).await;
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(1), "timed out after {took:?}, too early");
    assert!(took < Duration::from_secs(2), "timed out after {took:?}, too late");
    assert_eq!(Seen::get(&seen.acked), 0);
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_can_be_turned_off() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.conf("topology.message.timeout.secs", 1).conf("topology.enable.message.timeouts", false);
    b.set_spout("numbers", move || Numbers::new(5, &s)).outputs(["n"]);
    b.set_bolt("swallow", || Swallow).shuffle("numbers");
    let engine = start(b);
    eventually("all executed", || executed(&engine, "numbers", "default").0 == 5).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(Seen::get(&seen.failed), 0);
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ackers_everything_counts_as_done_at_once() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.conf("topology.acker.executors", 0);
    b.set_spout("numbers", move || Numbers::new(5000, &s)).outputs(["n"]);
    b.set_bolt("swallow", || Swallow).shuffle("numbers");
    let engine = start(b);
    eventually("all acked", || seen.all_acked(5000)).await;
    assert_eq!(Seen::get(&seen.max_pending), 0);
    assert_eq!(spouts(&engine), (5000, 0, 5000));
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spout_nobody_listens_to_is_acked() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(100, &s)).outputs(["n"]);
    let engine = start(b);
    eventually("all acked", || seen.all_acked(100)).await;
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn max_spout_pending_is_kept() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.conf("topology.max.spout.pending", 7);
    b.set_spout("numbers", move || Numbers::new(3000, &s)).outputs(["n"]);
    b.set_bolt("pass", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).parallelism(2).shuffle("numbers");
    let engine = start(b);
    eventually("all acked", || seen.all_acked(3000)).await;
    assert_eq!(Seen::get(&seen.max_pending), 7);
    end(engine).await;
}
