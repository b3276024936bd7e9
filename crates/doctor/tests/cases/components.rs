//! P120 to P123: components in other languages; and who cannot keep up.

use serde_json::json;
use storm_doctor::facts::Child;

use crate::made::*;

fn child(state: char, waits_in: Option<&str>) -> Child {
    Child {
        pid: 30,
        worker_id: "w-1".into(),
        command: "python3 split.py".into(),
        state,
        waits_in: waits_in.map(str::to_owned),
    }
}

#[test]
fn p120_a_child_is_stopped() {
    let mut facts = healthy();
    facts.host.children = vec![child('S', Some("pipe_read"))];
    assert_eq!(codes(&facts), [] as [&str; 0]);
    facts.host.children = vec![child('T', None)];
    let finding =
        says(&facts, "component/hung", &["process 30", "python3 split.py", "owes an answer for 30 s", "kill -CONT 30"]);
    assert_eq!(finding.subject.to_string(), "component wc/split");
    facts.topologies[0].conf.insert("topology.subprocess.timeout.secs".into(), json!(300));
    says(&facts, "component/hung", &["for 300 s"]);
}

#[test]
fn p121_a_spout_that_is_paused_is_well() {
    let mut facts = healthy();
    facts.topologies[0].conf.insert("topology.max.spout.pending".into(), json!(1));
    assert_eq!(codes(&facts), [] as [&str; 0]);
    component(&mut facts, "split").capacity = Some(0.99);
    says(&facts, "component/paused", &["lines waits for split", "at most 1", "as it should be"]);
}

#[test]
fn p122_parent_and_child_wait_for_each_other() {
    let mut facts = healthy();
    facts.host.children = vec![child('S', Some("anon_pipe_write"))];
    says(&facts, "component/blocked", &["nobody reads", "/proc/30/wchan", "kill -9 30"]);
}

#[test]
fn p123_a_module_is_missing_on_the_workers_host() {
    let mut facts = healthy();
    let said = "`python3 lacks.py` ended with exit code 1:\nTraceback\nModuleNotFoundError: No module named 'pandas'";
    component(&mut facts, "split").last_error = Some(fault(said));
    says(&facts, "component/module-missing", &["pandas", "sup1", "python3", "ssh sup1 python3 -m pip install pandas"]);
    assert!(!codes(&facts).contains(&"component/errors"), "told once");
}

#[test]
fn a_bolt_that_holds_a_thread_of_the_worker() {
    let mut facts = healthy();
    let said = "holds a thread of the worker longer than 10 ms: 40 times, 2000 ms in all";
    component(&mut facts, "split").last_error = Some(fault(said));
    says(&facts, "component/holds-thread", &["split", "40 times", "sup1", "`blocking`"]);
    assert!(!codes(&facts).contains(&"component/errors"), "told once");
}

#[test]
fn a_bolt_without_reserve() {
    let mut facts = healthy();
    component(&mut facts, "split").capacity = Some(0.97);
    says(&facts, "component/capacity", &["97 %", "1 executors of 4 tasks", "stormctl rebalance wc -e split=2"]);
    // With no task left more executors are impossible.
    component(&mut facts, "split").tasks = 1;
    says(&facts, "component/capacity", &["has 1 tasks", "submit it"]);
}

#[test]
fn a_child_process_is_busy_while_a_tuple_is_with_it() {
    let mut facts = healthy();
    let split = component(&mut facts, "split");
    // 11,400 tuples of 50 ms each in ten minutes; handing them over costs nothing.
    (split.shell, split.executed, split.process_ms, split.capacity) = (true, 11_400, Some(50.0), Some(0.001));
    says(&facts, "component/capacity", &["95 %", "50.000 ms for each tuple"]);
    component(&mut facts, "split").shell = false;
    assert_eq!(codes(&facts), [] as [&str; 0], "a bolt in the worker may hold on to tuples, as a join does");
}

#[test]
fn tuples_that_fail() {
    let mut facts = healthy();
    component(&mut facts, "lines").failed = 500;
    says(&facts, "component/failing", &["500 of 1500", "within 30 s"]);
    component(&mut facts, "split").capacity = Some(1.0);
    says(&facts, "component/failing", &["split cannot keep up"]);
    component(&mut facts, "lines").failed = 10;
    assert!(!codes(&facts).contains(&"component/failing"));
}

#[test]
fn an_error_of_a_component() {
    let mut facts = healthy();
    component(&mut facts, "split").last_error = Some(fault("java.lang.RuntimeException: boom\n\tat a.B.c(B.java:7)"));
    says(&facts, "component/errors", &["5 s ago", "boom", "B.java:7", "sup1:6700"]);
    component(&mut facts, "split").last_error.as_mut().unwrap().at = NOW - 4000;
    assert_eq!(codes(&facts), [] as [&str; 0], "long ago");
}
