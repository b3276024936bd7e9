//! Bolts that do as they should.

use std::time::Duration;

use bytes::Bytes;
use storm_topology::multilang::ShellBolt;
use storm_topology::{Bolt, Value};

use super::driver::{Did, Place, StormPy, Task, emit, is_alive, only_pid, python, quick};

fn split(storm_py: StormPy) {
    let place = Place::new(storm_py);
    let mut task = Task::start(ShellBolt::new(python("split.py")), &place, quick()).expect("it starts");
    task.give(11, &["two wörds".into()]);
    task.give(12, &["bad".into()]);
    task.give(13, &["last".into()]);
    let did = task.until(7);
    assert_eq!(did[..3], [emit(&["two".into()], &[11]), emit(&["wörds".into()], &[11]), Did::Ack(11)]);
    assert!(matches!(&did[3], Did::Error(text) if text.contains("ValueError: a bad line")), "{:?}", did[3]);
    assert_eq!(did[4..], [Did::Fail(12), emit(&["last".into()], &[13]), Did::Ack(13)]);

    let pid = only_pid(&place);
    assert!(is_alive(pid));
    task.bolt.cleanup();
    assert!(!is_alive(pid));
}

#[test]
fn a_basic_bolt_on_apaches_storm_py() {
    split(StormPy::Apaches);
}

#[test]
fn a_basic_bolt_on_our_storm_py() {
    split(StormPy::Ours);
}

fn join(storm_py: StormPy) {
    let place = Place::new(storm_py);
    let mut task = Task::start(ShellBolt::new(python("joiner.py")), &place, quick()).expect("it starts");
    task.give(1, &["a".into()]);
    task.give_on("bad", 2, &["x".into()]);
    task.give(3, &["b".into()]);
    let direct =
        Did::Emit { values: vec!["a".into()], stream: "direct".to_owned(), anchors: vec![1], id: None, task: Some(7) };
    let wanted = [Did::Fail(2), emit(&["ab".into()], &[1, 3]), direct, Did::Ack(1), Did::Ack(3)];
    assert_eq!(task.until(5), wanted);
}

#[test]
fn anchors_direct_emits_and_fails_on_apaches_storm_py() {
    join(StormPy::Apaches);
}

#[test]
fn anchors_direct_emits_and_fails_on_our_storm_py() {
    join(StormPy::Ours);
}

#[test]
fn a_line_that_is_no_utf8_passes_through_python_unharmed() {
    for storm_py in [StormPy::Apaches, StormPy::Ours] {
        let place = Place::new(storm_py);
        let mut task = Task::start(ShellBolt::new(python("split.py")), &place, quick()).expect("it starts");
        let raw = |b: &'static [u8]| Value::Bytes(Bytes::from_static(b));
        task.give(1, &[raw(b"caf\xe9 au lait")]);
        let did = task.until(4);
        let words = [emit(&[raw(b"caf\xe9")], &[1]), emit(&["au".into()], &[1]), emit(&["lait".into()], &[1])];
        assert_eq!(did[..3], words, "{storm_py:?}");
    }
}

#[test]
fn a_thousand_tuples_pass_the_bounded_queue_in_order() {
    let place = Place::new(StormPy::Ours);
    let mut task = Task::start(ShellBolt::new(python("split.py")), &place, quick()).expect("it starts");
    for i in 0..1000_u32 {
        task.give(u64::from(i), &[i.to_string().into()]);
    }
    let did = task.until(2000);
    for (i, pair) in did.chunks(2).enumerate() {
        assert_eq!(pair, [emit(&[i.to_string().into()], &[i as u64]), Did::Ack(i as u64)]);
    }
}

#[test]
fn a_child_that_talks_before_it_listens_stops_nobody() {
    let place = Place::new(StormPy::Ours);
    let mut task = Task::start(ShellBolt::new(python("flood.py")), &place, quick()).expect("it starts");
    // Large enough to fill the pipe to the child while it is not reading.
    let big: Value = "y".repeat(8000).into();
    for i in 0..50 {
        task.give(i, std::slice::from_ref(&big));
    }
    let did = task.until(5050);
    assert_eq!(did.iter().filter(|d| matches!(d, Did::Emit { .. })).count(), 5000);
    assert_eq!(did.iter().filter(|d| matches!(d, Did::Ack(_))).count(), 50);
}

#[test]
fn an_idle_child_answers_heartbeats_and_lives() {
    let place = Place::new(StormPy::Apaches);
    let mut task = Task::start(ShellBolt::new(python("split.py")), &place, quick()).expect("it starts");
    task.run_for(Duration::from_secs(5));
    assert!(is_alive(only_pid(&place)));
    assert_eq!(task.notes.did, []);
}
