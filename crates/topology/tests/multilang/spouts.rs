//! Spouts.

use std::time::Duration;

use storm_topology::multilang::ShellSpout;
use storm_topology::{MessageId, Spout, SpoutOutput, Value};

use super::driver::{Did, Notes, Place, StormPy, is_alive, only_pid, python, quick, spout_until};

fn id(n: i64) -> Value {
    Value::Map([("n".to_owned(), n.into())].into())
}

fn line(n: i64) -> Did {
    let values = vec![format!("line {n}").into()];
    Did::Emit { values, stream: "default".to_owned(), anchors: vec![], id: Some(id(n)), task: None }
}

fn source(storm_py: StormPy) {
    let place = Place::new(storm_py);
    let (context, _woken) = place.context(quick());
    let mut spout = ShellSpout::new(python("source.py"));
    let mut notes = Notes::default();
    spout.open(&context).expect("it starts");
    spout.activate(&mut SpoutOutput::new(&mut notes)).expect("it is asked");
    assert_eq!(spout_until(&mut spout, &mut notes, 3), [line(0), line(1), line(2)]);

    spout.ack(MessageId::Value(Box::new(id(0))), &mut SpoutOutput::new(&mut notes)).expect("it is told");
    spout.fail(MessageId::Value(Box::new(id(1))), &mut SpoutOutput::new(&mut notes)).expect("it is told");
    assert_eq!(spout_until(&mut spout, &mut notes, 1), [line(1)]);

    // Between questions a spout owes nothing, however long that is.
    std::thread::sleep(Duration::from_secs(4));
    spout.fail(MessageId::Value(Box::new(id(2))), &mut SpoutOutput::new(&mut notes)).expect("it is told");
    assert_eq!(spout_until(&mut spout, &mut notes, 1), [line(2)]);

    spout.deactivate(&mut SpoutOutput::new(&mut notes)).expect("it is told");
    let pid = only_pid(&place);
    assert!(is_alive(pid));
    spout.close();
    assert!(!is_alive(pid));
}

#[test]
fn a_spout_on_apaches_storm_py() {
    source(StormPy::Apaches);
}

#[test]
fn a_spout_on_our_storm_py() {
    source(StormPy::Ours);
}

#[test]
fn a_spout_that_does_not_answer_is_dead() {
    let place = Place::new(StormPy::Ours);
    let (context, _woken) = place.context(quick());
    let mut spout = ShellSpout::new(python("slow_spout.py"));
    spout.open(&context).expect("it starts");
    let mut notes = Notes::default();
    let error = spout.next_tuple(&mut SpoutOutput::new(&mut notes)).expect_err("it sleeps");
    assert!(error.is_fatal() && error.message().contains("silent for 3 s"), "{error}");
    assert!(error.message().contains(r#"sent last: {"command":"next""#), "{error}");
    assert!(!is_alive(only_pid(&place)));
}
