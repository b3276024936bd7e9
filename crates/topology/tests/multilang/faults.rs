//! Children that hang, die, are missing or talk nonsense.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use storm_tests::wait::wait_until;
use storm_topology::multilang::{ShellBolt, ShellCommand};
use storm_topology::{ComponentError, Value};

use super::driver::{Did, Place, StormPy, Task, is_alive, only_pid, python, quick};

fn refused(command: ShellCommand) -> String {
    let place = Place::new(StormPy::Ours);
    let error: ComponentError = match Task::start(ShellBolt::new(command), &place, quick()) {
        Ok(_) => panic!("it starts"),
        Err(e) => e,
    };
    assert!(error.is_fatal());
    error.message().to_owned()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_missing_interpreter_is_named_with_the_host() {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    says(&refused(ShellCommand::new(["python9", "split.py"])), &["[split]", "python9", &host, "installed", "PATH="]);
}

#[test]
fn a_missing_script_is_told_by_the_interpreter() {
    says(&refused(python("nowhere.py")), &["[python3 nowhere.py]", "exit code 2", "nowhere.py", "No such file"]);
}

#[test]
fn a_missing_module_is_told_by_the_interpreter() {
    says(
        &refused(python("needs_module.py")),
        &["ShellBolt died", "exit code 1", "No module named 'no_such_module_anywhere'"],
    );
}

#[test]
fn output_that_is_not_the_protocol_is_shown() {
    says(&refused(python("prints.py")), &["hello from a component that forgot the protocol", "only the protocol"]);
}

#[test]
fn missing_resources_are_named() {
    let place = Place::new(StormPy::Ours);
    std::fs::remove_dir_all(place.resources()).expect("removed");
    let Err(error) = Task::start(ShellBolt::new(python("split.py")), &place, quick()) else { panic!("it starts") };
    says(error.message(), &["there is no folder", "resources"]);
}

#[test]
fn a_child_that_dies_tells_its_last_words() {
    let place = Place::new(StormPy::Apaches);
    let mut task = Task::start(ShellBolt::new(python("dies.py")), &place, quick()).expect("it starts");
    task.give(1, &["the last tuple".into()]);
    says(
        &task.until_death(),
        &["exit code 3", "cannot go on with the last tuple", "sent last", "python3 dies.py", "name:split task:4"],
    );
}

#[test]
fn a_killed_child_is_dead_at_once() {
    let place = Place::new(StormPy::Apaches);
    let mut task = Task::start(ShellBolt::new(python("split.py")), &place, quick()).expect("it starts");
    let pid = Pid::from_raw(only_pid(&place)).expect("a pid");
    kill_process(pid, Signal::KILL).expect("killed");
    says(&task.until_death(), &["killed by signal 9", "Pipe to subprocess seems to be broken"]);
}

#[test]
fn a_stopped_child_owes_an_answer_and_is_killed() {
    let place = Place::new(StormPy::Apaches);
    let mut task = Task::start(ShellBolt::new(python("split.py")), &place, quick()).expect("it starts");
    let pid = only_pid(&place);
    kill_process(Pid::from_raw(pid).expect("a pid"), Signal::STOP).expect("stopped");
    for i in 0..30 {
        task.give(i, &["a line".into()]);
    }
    says(&task.until_death(), &["silent for 3 s", "tuples wait for it", "still running, killed"]);
    assert!(!is_alive(pid));
}

#[test]
fn what_a_child_started_ends_with_it() {
    let place = Place::new(StormPy::Ours);
    let mut task = Task::start(ShellBolt::new(python("leaves_a_grandchild.py")), &place, quick()).expect("it starts");
    task.give(1, &["go".into()]);
    let did = task.until(2);
    let Did::Emit { values, .. } = &did[0] else { panic!("{did:?}") };
    let Value::Int(grandchild) = values[0] else { panic!("{did:?}") };
    let grandchild = i32::try_from(grandchild).expect("a pid");
    assert!(is_alive(grandchild));
    drop(task);
    wait_until(Duration::from_secs(5), "the grandchild ends", || !is_alive(grandchild));
}

#[test]
fn a_child_dies_with_the_thread_that_holds_it() {
    let place = Place::new(StormPy::Ours);
    let command = ShellCommand::new(["sleep", "600"]);
    // `sleep` never answers the handshake; the thread that started it ends without having killed it.
    let conf = serde_json::json!({"topology.subprocess.timeout.secs": 1});
    let (context, _woken) = place.context(conf);
    let started = std::thread::spawn(move || {
        use storm_topology::Bolt;
        let error = ShellBolt::new(command).prepare(&context).expect_err("it says nothing");
        error.message().to_owned()
    });
    says(&started.join().expect("it ends"), &["silent for 1 s"]);
}
