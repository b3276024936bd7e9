//! Children that hang, die, are missing or talk nonsense.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use storm_tests::process::Nest;
use storm_tests::wait::{wait_for, wait_until};
use storm_topology::multilang::{ShellBolt, ShellCommand};
use storm_topology::{Bolt, ComponentError, TaskContext, Value};

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

const HOST: &str = "STORM_TEST_HOST";

/// The host that the test below kills: this test alone, in a process of its own.
#[test]
fn be_a_host_if_asked() {
    let Ok(folder) = std::env::var(HOST) else { return };
    let folder = std::path::PathBuf::from(folder);
    let context = TaskContext {
        resources_dir: folder.join("resources"),
        pid_dir: folder.join("pids"),
        ..TaskContext::detached("split")
    };
    let mut bolt = ShellBolt::new(python("split.py"));
    bolt.prepare(&context).expect("it starts");
    std::thread::sleep(Duration::from_secs(120));
}

#[test]
fn a_child_dies_with_its_host_even_when_it_is_stopped() {
    let place = Place::new(StormPy::Ours);
    let nest = Nest::new();
    let mut host = std::process::Command::new(std::env::current_exe().expect("this test"));
    host.args(["multilang::faults::be_a_host_if_asked", "--exact"]).env(HOST, place.dir.path());
    let mut host = nest.spawn("host", host);
    let pid = wait_for(Duration::from_secs(20), "the child leaves its pid", || {
        let entry = std::fs::read_dir(place.pids()).ok()?.next()?.ok()?;
        entry.file_name().to_string_lossy().parse::<i32>().ok()
    });
    kill_process(Pid::from_raw(pid).expect("a pid"), Signal::STOP).expect("stopped");
    host.kill_nine();
    wait_until(Duration::from_secs(5), "the stopped child is gone with its host", || !is_alive(pid));
}
