//! Who gets which tuple.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use storm_engine::{java_list_hash, java_target};
use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::support::*;

type Got = Arc<Mutex<BTreeMap<i32, Vec<i64>>>>;

/// Notes what each task gets.
struct Note {
    task: i32,
    got: Got,
}

impl Bolt for Note {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.task = ctx.task_id;
        self.got.lock().unwrap().entry(self.task).or_default();
        Ok(())
    }

    fn execute(&mut self, t: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.got.lock().unwrap().entry(self.task).or_default().push(t.int(0)?);
        Ok(())
    }
}

/// Runs 900 numbers into three tasks.
async fn run(group: impl FnOnce(storm_topology::builder::BoltDeclarer<'_>)) -> BTreeMap<i32, Vec<i64>> {
    let seen = Arc::new(Seen::default());
    let got = Got::default();
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(900, &s)).outputs(["n"]);
    let g = got.clone();
    group(b.set_bolt("note", move || Note { task: 0, got: g.clone() }).parallelism(3));
    let engine = start(b);
    eventually("all acked", || seen.all_acked(900)).await;
    end(engine).await;
    let got = got.lock().unwrap().clone();
    assert_eq!(got.len(), 3);
    got
}

fn sorted(all: impl Iterator<Item = Vec<i64>>) -> Vec<i64> {
    let mut all: Vec<i64> = all.flatten().collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn shuffle_and_its_kin_share_evenly() {
    for (name, got) in [
        (
            "shuffle",
            run(|d| {
                d.shuffle("numbers");
            })
            .await,
        ),
        (
            "none",
            run(|d| {
                d.none("numbers");
            })
            .await,
        ),
        (
            "local or shuffle",
            run(|d| {
                d.local_or_shuffle("numbers");
            })
            .await,
        ),
    ] {
        assert_eq!(sorted(got.values().cloned()), (0..900).collect::<Vec<_>>(), "{name}");
        for (task, numbers) in &got {
            assert_eq!(numbers.len(), 300, "{name}: task {task}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_place_as_java_does() {
    let got = run(|d| {
        d.fields("numbers", ["n"]);
    })
    .await;
    let tasks: Vec<i32> = got.keys().copied().collect();
    for (task, numbers) in &got {
        for n in numbers {
            let hash = java_list_hash([ValueRef::Int(*n)].into_iter());
            assert_eq!(tasks[java_target(hash, 3)], *task, "{n}");
        }
    }
    // 31 + n, modulo 3.
    assert_eq!(got[&tasks[1]][0], 0);
    assert_eq!(sorted(got.into_values()), (0..900).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_global_and_partial_key() {
    let got = run(|d| {
        d.all("numbers");
    })
    .await;
    for numbers in got.values() {
        assert_eq!(*numbers, (0..900).collect::<Vec<_>>());
    }
    let got = run(|d| {
        d.global("numbers");
    })
    .await;
    assert_eq!(got.values().map(Vec::len).collect::<Vec<_>>(), [900, 0, 0]);
    let got = run(|d| {
        d.partial_key("numbers", ["n"]);
    })
    .await;
    assert_eq!(sorted(got.values().cloned()), (0..900).collect::<Vec<_>>());
    for (task, numbers) in &got {
        assert!((285..=315).contains(&numbers.len()), "task {task} got {}", numbers.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_key_uses_two_tasks_for_one_key() {
    struct OneKey(u64);
    impl Spout for OneKey {
        fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
            if self.0 == 600 {
                return Ok(Progress::Exhausted);
            }
            self.0 += 1;
            out.emit(values![7]);
            Ok(Progress::Emitted)
        }
    }
    let got = Got::default();
    let mut b = TopologyBuilder::new();
    b.set_spout("key", || OneKey(0)).outputs(["k"]);
    let g = got.clone();
    b.set_bolt("note", move || Note { task: 0, got: g.clone() }).parallelism(5).partial_key("key", ["k"]);
    let engine = start(b);
    let total = || got.lock().unwrap().values().map(Vec::len).sum::<usize>();
    eventually("all there", || total() == 600).await;
    let mut sizes: Vec<usize> = got.lock().unwrap().values().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 0, 0, 300, 300]);
    end(engine).await;
}

/// Sends each number to the task it picks, and asks where an ordinary emit went.
struct Picks {
    targets: Vec<i32>,
    told: Arc<Mutex<BTreeSet<i32>>>,
}

impl Bolt for Picks {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.targets = ctx.task_to_component.iter().filter(|(_, c)| *c == "note").map(|(t, _)| *t).collect();
        Ok(())
    }

    fn execute(&mut self, t: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let n = t.int(0)?;
        let task = self.targets[n as usize % self.targets.len()];
        let mut told = Vec::new();
        out.send(Emission::new(values![n]).on("picked").direct(task).targets(&mut told));
        assert_eq!(told, [task]);
        told.clear();
        out.send(Emission::new(values![n]).targets(&mut told));
        self.told.lock().unwrap().extend(told);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_emits_and_the_tasks_of_emits() {
    let (seen, got, other) = (Arc::new(Seen::default()), Got::default(), Got::default());
    let told = Arc::new(Mutex::new(BTreeSet::new()));
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(300, &s)).outputs(["n"]);
    let t = told.clone();
    b.set_bolt("picks", move || Picks { targets: Vec::new(), told: t.clone() })
        .outputs(["n"])
        .direct_stream("picked", ["n"])
        .shuffle("numbers");
    let g = got.clone();
    b.set_bolt("note", move || Note { task: 0, got: g.clone() }).parallelism(3).direct_on("picks", "picked");
    let g = other.clone();
    b.set_bolt("other", move || Note { task: 0, got: g.clone() }).parallelism(2).all("picks");
    let engine = start(b);
    eventually("all acked", || seen.all_acked(300)).await;
    for (i, numbers) in got.lock().unwrap().values().enumerate() {
        assert_eq!(*numbers, (0..300).filter(|n| n % 3 == i as i64).collect::<Vec<_>>());
    }
    assert_eq!(*told.lock().unwrap(), other.lock().unwrap().keys().copied().collect());
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_value_arrives_as_it_was() {
    let list = Value::List(vec!["a".into(), 1.into(), Value::Null]);
    let map = Value::Map([("k".to_owned(), list.clone())].into());
    let sent: Vec<Value> = vec![
        Value::Null,
        true.into(),
        (-5).into(),
        2.5.into(),
        "naïve".into(),
        Value::Bytes(vec![0, 255].into()),
        list,
        map,
    ];
    struct Once(Vec<Value>, bool);
    impl Spout for Once {
        fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
            if std::mem::replace(&mut self.1, true) {
                return Ok(Progress::Exhausted);
            }
            let values: Vec<ValueRef<'_>> = self.0.iter().map(Value::as_ref).collect();
            out.emit(&values);
            Ok(Progress::Emitted)
        }
    }
    let got = Arc::new(Mutex::new(Vec::new()));
    let mut b = TopologyBuilder::new();
    let s = sent.clone();
    b.set_spout("once", move || Once(s.clone(), false)).outputs(["a", "b", "c", "d", "e", "f", "g", "h"]);
    let g = got.clone();
    b.set_bolt("note", move || {
        let g = g.clone();
        Run(move |t: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            assert_eq!(t.field("e"), Some(ValueRef::Str("naïve")));
            assert_eq!((t.source_component(), t.source_stream(), t.is_tick()), ("once", "default", false));
            g.lock().unwrap().extend(t.to_owned().values().to_vec());
            Ok(())
        })
    })
    .shuffle("once");
    let engine = start(b);
    eventually("it arrived", || !got.lock().unwrap().is_empty()).await;
    assert_eq!(*got.lock().unwrap(), sent);
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_kept_across_streams() {
    struct TwoStreams(i64);
    impl Spout for TwoStreams {
        fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
            if self.0 == 20_000 {
                return Ok(Progress::Exhausted);
            }
            // Long runs of one stream, with the other now and then.
            let stream = if self.0 % 97 == 0 { "rare" } else { "default" };
            out.emit_on(stream, values![self.0]);
            self.0 += 1;
            Ok(Progress::Emitted)
        }
    }
    for threads in [1, 2] {
        let got = Got::default();
        let mut b = TopologyBuilder::new();
        b.set_spout("two", || TwoStreams(0)).outputs(["n"]).stream("rare", ["n"]);
        let g = got.clone();
        b.set_bolt("note", move || Note { task: 0, got: g.clone() }).shuffle("two").shuffle_on("two", "rare");
        let engine = start_with(b, threads);
        eventually("all there", || got.lock().unwrap().values().map(Vec::len).sum::<usize>() == 20_000).await;
        assert!(got.lock().unwrap().values().next().unwrap().is_sorted());
        end(engine).await;
    }
}
