//! Opening, pausing, ticking, dying, closing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use storm_engine::Engine;
use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn spouts_start_paused_and_pause_again() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(u64::MAX, &s)).outputs(["n"]);
    b.set_bolt("pass", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(()))).shuffle("numbers");
    let engine = Engine::start(prepare(b).spec()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(Seen::get(&seen.emitted), 0);
    for round in 1..=3 {
        let before = Seen::get(&seen.acked);
        engine.activate();
        eventually("tuples flow", || Seen::get(&seen.acked) > before + 100).await;
        assert_eq!(Seen::get(&seen.activated), round);
        engine.deactivate();
        eventually("paused", || Seen::get(&seen.deactivated) == round).await;
        // What is under way is finished.
        eventually("all acked", || Seen::get(&seen.acked) == Seen::get(&seen.emitted)).await;
        let emitted = Seen::get(&seen.emitted);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(Seen::get(&seen.emitted), emitted);
    }
    end(engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_come_by_the_clock() {
    let ticks = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(1, &s)).outputs(["n"]);
    let t = ticks.clone();
    b.set_bolt("ticked", move || {
        let ticks = t.clone();
        Run(move |t: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            if t.is_tick() {
                assert_eq!((t.source_component(), t.source_task(), t.int(0)?), ("__system", -1, 1));
                ticks.lock().unwrap().push(Instant::now());
            }
            Ok(())
        })
    })
    .conf("topology.tick.tuple.freq.secs", 1)
    .shuffle("numbers");
    let started = Instant::now();
    let engine = start(b);
    eventually("three ticks", || ticks.lock().unwrap().len() == 3).await;
    let took = started.elapsed();
    assert!((2950..4000).contains(&took.as_millis()), "three ticks in {took:?}");
    end(engine).await;
}

fn one_number_into<B: Bolt + 'static>(make: impl Fn() -> B + Send + Sync + 'static) -> TopologyBuilder {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    b.set_spout("numbers", move || Numbers::new(1, &seen)).outputs(["n"]);
    b.set_bolt("victim", make).outputs(["n"]).shuffle("numbers");
    b
}

async fn death_of(b: TopologyBuilder) -> String {
    let mut engine = start(b);
    let (mut fatal, mut errors) = (engine.fatal(), engine.errors());
    let death = tokio::time::timeout(DEADLINE, fatal.recv()).await.expect("a death in time").unwrap();
    assert_eq!(death.component, "victim");
    assert_eq!(errors.recv().await.unwrap(), death);
    end(engine).await;
    death.message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_cannot_go_on_is_named() {
    let fatal = one_number_into(|| {
        Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            std::fs::read("/nonexistent")?;
            Ok(())
        })
    });
    assert!(death_of(fatal).await.contains("No such file"));
    let panics = one_number_into(|| Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| panic!("out of luck")));
    assert_eq!(death_of(panics).await, "panicked: out of luck");
    let kind = one_number_into(|| Run(|t: &Tuple<'_>, _: &mut BoltOutput<'_>| t.str(0).map(|_| ())));
    assert_eq!(
        death_of(kind).await,
        "field 0 `n` of a tuple from `numbers` on stream `default` is a whole number, not text"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_emit_is_a_death_with_a_reason() {
    let stream = one_number_into(|| {
        Run(|_: &Tuple<'_>, out: &mut BoltOutput<'_>| {
            out.emit_on("elsewhere", values![1]);
            Ok(())
        })
    });
    assert_eq!(death_of(stream).await, "emitted on stream `elsewhere`, which the component does not declare");
    let width = one_number_into(|| {
        Run(|_: &Tuple<'_>, out: &mut BoltOutput<'_>| {
            out.emit(values![1, 2]);
            Ok(())
        })
    });
    assert_eq!(death_of(width).await, "emitted 2 values on stream `default`, which has 1 fields");
}

struct FailsToOpen;
impl Bolt for FailsToOpen {
    fn prepare(&mut self, _: &TaskContext) -> Result<(), ComponentError> {
        Err(ComponentError::fatal("no database"))
    }
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_open_is_a_death() {
    assert_eq!(death_of(one_number_into(|| FailsToOpen)).await, "no database");
}

struct Closes(Arc<AtomicU64>);
impl Bolt for Closes {
    fn execute(&mut self, _: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        out.report_error("just saying");
        Ok(())
    }
    fn cleanup(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn components_report_and_are_closed() {
    let closed = Arc::new(AtomicU64::new(0));
    let c = closed.clone();
    let mut engine = start(one_number_into(move || Closes(c.clone())));
    let report = tokio::time::timeout(DEADLINE, engine.errors().recv()).await.unwrap().unwrap();
    assert_eq!((report.component.as_str(), report.message.as_str()), ("victim", "just saying"));
    end(engine).await;
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_of_several_tasks_and_ackers_are_in_the_statistics() {
    let seen = Arc::new(Seen::default());
    let mut b = TopologyBuilder::new();
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(600, &s)).outputs(["n"]).parallelism(1).tasks(2);
    b.set_bolt("pass", || Run(|_: &Tuple<'_>, _: &mut BoltOutput<'_>| Ok(())))
        .parallelism(2)
        .tasks(6)
        .shuffle("numbers");
    let prepared = prepare(b);
    let engine = Engine::start(prepared.spec()).unwrap();
    engine.activate();
    eventually("all acked", || seen.all_acked(600)).await;
    let stats = engine.stats();
    let executors = prepared.executors(&["__acker", "numbers", "pass"]);
    assert_eq!(executors.len(), 4);
    assert_eq!(stats.keys().cloned().collect::<Vec<_>>(), executors);
    assert_eq!(prepared.tasks("pass").len(), 6);
    assert_eq!(executed(&engine, "numbers", "default"), (600, 600));
    assert!(stats.values().all(|s| s.rate == 1.0 && s.emitted.len() == 4));
    end(engine).await;
}
