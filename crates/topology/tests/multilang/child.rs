//! Our own components as children of our own host: what Apache Storm's worker would do with them.

use std::path::Path;

use storm_topology::Bolt;
use storm_topology::builtins::CountBolt;
use storm_topology::multilang::{ShellBolt, ShellCommand};

use super::driver::{Did, Place, StormPy, Task, emit, quick};

/// Run again by [`a_native_bolt_is_a_child`], in a process of its own.
#[test]
fn serve_if_asked() {
    if std::env::var_os("STORM_TEST_CHILD").is_none() {
        return;
    }
    let component = storm_topology::ComponentInstance::bolt(CountBolt::default());
    let from = std::io::BufReader::new(std::io::stdin());
    let to = std::fs::OpenOptions::new().write(true).open("/dev/fd/3").expect("the protocol's output");
    storm_topology::multilang::run_child(component, from, to).expect("a good end");
}

#[test]
fn a_native_bolt_is_a_child() {
    let place = Place::new(StormPy::Ours);
    let me = std::env::current_exe().expect("this test");
    // The test framework writes to standard output, so the protocol is moved to a descriptor of its own.
    let script = format!(
        "exec 3>&1 1>/dev/null; STORM_TEST_CHILD=1 exec {} multilang::child::serve_if_asked --exact --nocapture",
        quoted(&me)
    );
    let mut task =
        Task::start(ShellBolt::new(ShellCommand::new(["sh", "-c", &script])), &place, quick()).expect("it starts");
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

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}
