//! The guard of child processes: nothing a test starts may outlive it.

use std::process::{Command, Stdio};
use std::time::Duration;

use storm_tests::ports::free_ports;
use storm_tests::process::{Nest, is_alive, kill};
use storm_tests::wait::{wait_for, wait_until};

const LIMIT: Duration = Duration::from_secs(10);

fn sh(script: &str) -> Command {
    let mut sh = Command::new("sh");
    sh.args(["-c", script]);
    sh
}

#[test]
fn a_nest_takes_its_processes_with_it_also_those_in_other_sessions() {
    let nest = Nest::new();
    let mut process = nest.spawn("parent", sh("setsid sleep 1000 & echo started; exec sleep 1000"));
    process.wait_for_output(LIMIT, "started");
    let both = wait_for(LIMIT, "both processes", || Some(nest.processes()).filter(|found| found.len() >= 2));
    let dir = nest.dir().to_owned();
    drop(process);
    drop(nest);
    assert!(both.iter().all(|pid| !is_alive(*pid)), "{both:?} live on");
    assert!(!dir.exists(), "{} is left", dir.display());
}

#[test]
fn a_killed_test_leaves_nothing() {
    if let Ok(marker) = std::env::var("STORM_TEST_PLAYS_THE_KILLED") {
        let nest = Nest::new();
        let _process = nest.spawn("child", sh("setsid sleep 1000 & wait"));
        let is_sleep =
            |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n");
        let pid = wait_for(LIMIT, "the child", || nest.processes().into_iter().find(is_sleep));
        std::fs::write(marker, pid.to_string()).expect("written");
        std::thread::park();
    }
    let dir = tempfile::tempdir().expect("a folder");
    let marker = dir.path().join("pid");
    let mut test = Command::new(std::env::current_exe().expect("this test"));
    test.args(["--exact", "a_killed_test_leaves_nothing"]).env("STORM_TEST_PLAYS_THE_KILLED", &marker);
    let mut test = test.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("this test starts");
    let pid: u32 = wait_for(LIMIT, "its child", || std::fs::read_to_string(&marker).ok()?.parse().ok());
    assert!(is_alive(pid));
    kill(test.id(), rustix::process::Signal::KILL);
    test.wait().expect("it ends");
    wait_until(LIMIT, "the child to die with the test", || !is_alive(pid));
}

#[test]
fn a_process_tells_how_it_ended() {
    let nest = Nest::new();
    let mut process = nest.spawn("short", sh("echo to both; echo sides >&2; exit 3"));
    assert_eq!(process.wait(LIMIT).code(), Some(3));
    assert_eq!(process.output(), "to both\nsides\n");
    assert_eq!(nest.run(sh("echo yes")).ok(), "yes\n");
    assert_eq!(nest.run(sh("echo no; exit 1")).refused(), "no\n");
}

#[test]
fn ports_differ() {
    let ports: [u16; 20] = free_ports();
    assert_eq!(std::collections::BTreeSet::from(ports).len(), ports.len());
}
