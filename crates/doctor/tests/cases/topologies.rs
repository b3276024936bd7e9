//! P096 to P104: the life of a topology; and the answers of `why`.

use serde_json::json;
use storm_doctor::{Severity, examine, explain, rules};

use crate::made::*;

#[test]
fn p097_a_finding_for_programs() {
    let mut facts = healthy();
    facts.topologies[0].status = "INACTIVE".into();
    let json = one(&facts, "topology/inactive").json();
    assert_eq!(
        json,
        json!({
            "code": "topology/inactive",
            "severity": "info",
            "subject": {"kind": "topology", "name": "wc"},
            "message": "wc is deactivated: its spouts do not emit",
            "evidence": [{"place": "n1:6627", "text": "status INACTIVE"}],
            "cause": null,
            "repair": {"command": "stormctl activate wc", "apply": ["activate", "wc"], "confirm": null},
        })
    );
}

#[test]
fn p098_a_name_with_blanks() {
    let mut facts = healthy();
    facts.topologies[0].name = "my topo".into();
    says(&facts, "topology/odd-name", &["\"my topo\"", "stormctl kill 'my topo'"]);
}

#[test]
fn p099_p101_a_topology_is_being_killed() {
    let mut facts = healthy();
    (facts.topologies[0].status, facts.topologies[0].kill_due) = ("KILLED".into(), Some(NOW + 12));
    let finding = says(&facts, "topology/killed", &["12 s left"]);
    assert_eq!(finding.severity, Severity::Info);
    assert_eq!(codes(&facts), ["topology/killed"]);
}

#[test]
fn p104_killed_and_still_there() {
    let mut facts = healthy();
    (facts.topologies[0].status, facts.topologies[0].kill_due) = ("KILLED".into(), Some(NOW - 600));
    says(&facts, "topology/kill-stuck", &["600 s ago", "sup1:6700", "/storm/storms/wc-1-1", "stormctl kill wc -w 0"]);
    assert!(!codes(&facts).contains(&"topology/killed"));
}

#[test]
fn slots_asked_and_free_and_the_hosts_ruled_out() {
    let mut facts = healthy();
    let t = &mut facts.topologies[0];
    (t.placed, t.executors, t.workers) = (0, 3, Vec::new());
    t.scheduler = Some("Waiting for slots: 3 of 3 executors run nowhere".into());
    let mut other = topology("big");
    other.workers[0].port = 6701;
    facts.topologies.push(other);
    let summary = facts.nimbus.summary.as_mut().unwrap();
    summary.supervisors[0].num_used_workers = 4;
    let mut second = summary.supervisors[0].clone();
    (second.host, second.blacklisted) = ("sup2".into(), Some(true));
    summary.supervisors.push(second);
    let finding = says(
        &facts,
        "topology/no-slots",
        &[
            "3 of 3 executors",
            "1 workers asked, 0 of 8 slots on 2 supervisors free",
            "ruled out: 4 of 4 slots used",
            "ruled out: blacklisted",
            "used by big",
            "stormctl kill big",
        ],
    );
    assert_eq!(finding.subject.topology(), Some("wc"));
}

#[test]
fn no_supervisor_at_all() {
    let mut facts = healthy();
    facts.nimbus.summary.as_mut().unwrap().supervisors.clear();
    tree(&mut facts).supervisors.clear();
    facts.host.processes.clear();
    let t = &mut facts.topologies[0];
    (t.placed, t.workers) = (0, Vec::new());
    says(&facts, "supervisor/none", &["/storm/supervisors", "stormctl start supervisor"]);
    says(&facts, "topology/no-slots", &["no supervisor is registered"]);
}

#[test]
fn fewer_workers_than_asked() {
    let mut facts = healthy();
    facts.topologies[0].workers_asked = 3;
    says(&facts, "topology/few-slots", &["asked for 3 workers and has 1", "1 of 4 slots used"]);
    // Three workers cannot be had of two executors.
    facts.topologies[0].executors = 2;
    facts.topologies[0].placed = 2;
    assert!(!codes(&facts).contains(&"topology/few-slots"));
}

#[test]
fn a_worker_that_ends_tells_its_exit_status_and_last_lines() {
    let mut facts = healthy();
    facts.topologies[0].workers[0].uptime_secs = 0;
    let said = "worker w-1 of wc-1-1 ended after 80 ms: process 5: exit code 3; the end of /a/worker.log.err:\nOutOfMemoryError: heap";
    component(&mut facts, "__system").last_error = Some(fault(said));
    let finding = says(
        &facts,
        "topology/worker-exits",
        &["sup1:6700", "exit code 3", "OutOfMemoryError: heap", "stormctl logs wc"],
    );
    assert!(finding.message.ends_with("does not stay up: exit code 3"), "{}", finding.message);
    // One that has lived there since then has got over it.
    component(&mut facts, "__system").last_error.as_mut().unwrap().at = NOW - 100;
    facts.topologies[0].workers[0].uptime_secs = 90;
    assert!(!codes(&facts).contains(&"topology/worker-exits"));
}

#[test]
fn why_keeps_to_what_bears_on_the_topology() {
    let mut facts = healthy();
    facts.topologies.push(topology("other"));
    facts.topologies[1].status = "INACTIVE".into();
    facts.topologies[0].workers[0].uptime_secs = 0;
    // Somebody's disk habits explain nothing.
    set(&mut facts, "nimbus.task.timeout.secs", json!(30));
    facts.host.workers[0].beat_age = Some(90);
    let all: Vec<&str> = examine(&facts).iter().map(|f| f.code).collect();
    assert!(all.contains(&"config/order") && all.contains(&"topology/inactive"), "{all:?}");
    let found = explain(&facts, "wc");
    let codes: Vec<&str> = found.iter().map(|f| f.code).collect();
    assert_eq!(codes, ["workers/silent", "topology/starting"]);
    let verdict = rules::verdict(&facts, "wc", &found);
    assert_eq!(verdict, "wc is ACTIVE: 3 of 3 executors placed, 0 of 1 workers report; it does not run as it should");
    let facts = healthy();
    assert!(rules::verdict(&facts, "wc", &explain(&facts, "wc")).ends_with("nothing wrong was found"));
}
