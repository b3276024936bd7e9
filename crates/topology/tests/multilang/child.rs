//! Our own components as children of our own host: what Apache Storm's worker would do with them.

use std::path::Path;

use storm_topology::Bolt;
use storm_topology::ComponentInstance;
use storm_topology::builtins::{CountBolt, FileBolt, LinesSpout, PrintBolt};
use storm_topology::multilang::{ShellBolt, ShellCommand, ShellSpout};
use storm_topology::{MessageId, Spout, SpoutOutput, Value};

use super::driver::{Did, Notes, Place, StormPy, Task, emit, quick, spout_until};

const CHILD: &str = "STORM_TEST_CHILD";

/// The child: this test alone, in a process of its own.
#[test]
fn serve_if_asked() {
    let Ok(component) = std::env::var(CHILD) else { return };
    let instance = match component.split_once('=').unwrap_or((&component, "")) {
        ("count", _) => ComponentInstance::bolt(CountBolt::default()),
        ("print", _) => ComponentInstance::bolt(PrintBolt),
        ("file", path) => ComponentInstance::bolt(FileBolt::new(path)),
        ("lines", path) => ComponentInstance::spout(LinesSpout::new(vec![path.to_owned()], false)),
        (other, _) => panic!("there is no component {other}"),
    };
    let from = std::io::BufReader::new(std::io::stdin());
    let to = std::fs::OpenOptions::new().write(true).open("/dev/fd/3").expect("the protocol's output");
    storm_topology::multilang::run_child(instance, from, to).expect("a good end");
}

/// The test framework writes to standard output, so the protocol is moved to a descriptor of its own.
fn child(component: &str) -> ShellCommand {
    let me = std::env::current_exe().expect("this test");
    let script = format!(
        "exec 3>&1 1>/dev/null; {CHILD}={} exec {} multilang::child::serve_if_asked --exact --nocapture",
        quoted(Path::new(component)),
        quoted(&me)
    );
    ShellCommand::new(["sh", "-c", &script])
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[test]
fn a_native_bolt_is_a_child() {
    let place = Place::new(StormPy::Ours);
    let mut task = Task::start(ShellBolt::new(child("count")), &place, quick()).expect("it starts");
    for (id, word) in [(1, "a"), (2, "b"), (3, "a")] {
        task.give(id, &[word.into()]);
    }
    let wanted = [
        emit(&["a".into(), 1.into()], &[1]),
        Did::Ack(1),
        emit(&["b".into(), 1.into()], &[2]),
        Did::Ack(2),
        emit(&["a".into(), 2.into()], &[3]),
        Did::Ack(3),
    ];
    assert_eq!(task.until(6), wanted);
    task.bolt.cleanup();
}

#[test]
fn a_bolt_that_acks_when_woken_does_so_as_a_child() {
    let place = Place::new(StormPy::Ours);
    let file = place.dir.path().join("out/words");
    let sink = child(&format!("file={}", file.display()));
    let mut task = Task::start(ShellBolt::new(sink), &place, quick()).expect("it starts");
    task.give(1, &["a".into(), 7.into()]);
    task.give(2, &["b c".into(), 0.5.into()]);
    let did = task.until(2);
    assert_eq!(did, [Did::Ack(1), Did::Ack(2)]);
    assert_eq!(std::fs::read_to_string(file).expect("the file"), "a\t7\nb c\t0.5\n");
}

#[test]
fn a_native_spout_is_a_child() {
    let place = Place::new(StormPy::Ours);
    let file = place.dir.path().join("lines");
    std::fs::write(&file, "one\ntwo").expect("written");
    let (context, _woken) = place.context(quick());
    let mut spout = ShellSpout::new(child(&format!("lines={}", file.display())));
    let mut notes = Notes::default();
    spout.open(&context).expect("it starts");
    spout.activate(&mut SpoutOutput::new(&mut notes)).expect("it is asked");
    let line = |n: i64, text: &str| Did::Emit {
        values: vec![text.into()],
        stream: "default".to_owned(),
        anchors: vec![],
        id: Some(Value::Int(n)),
        task: None,
    };
    assert_eq!(spout_until(&mut spout, &mut notes, 2), [line(0, "one"), line(1, "two")]);
    let id = || MessageId::Value(Box::new(Value::Int(1)));
    spout.fail(id(), &mut SpoutOutput::new(&mut notes)).expect("it is told");
    assert_eq!(spout_until(&mut spout, &mut notes, 1), [line(1, "two")]);
    spout.close();
}
