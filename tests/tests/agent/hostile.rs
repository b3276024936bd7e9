//! What strangers, and callers that mean no good, send to the port; and the end of an agent in the middle of everything.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use storm_tests::hostile::{assault, half_open};
use storm_tests::process::{kill, own_bytes};

use super::{Fleet, LIMIT};

#[test]
fn strangers_change_nothing_for_those_who_may_ask() {
    let mut fleet = Fleet::new(1);
    let port = fleet.hosts[0].port;
    let pid = fleet.hosts[0].agent().pid();
    let before = own_bytes(pid);
    assault(port, 7);
    let held = half_open(port, 60);
    fleet.ask(&["agent", "status"]).ok();
    drop(held);
    // HTTP/2 without TLS is a stranger as well.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    plain.set_read_timeout(Some(LIMIT)).expect("set");
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("written");
    let mut answer = Vec::new();
    // The end of the connection may come as a reset.
    let _ended = plain.read_to_end(&mut answer);
    assert!(answer.first().is_none_or(|kind| *kind == 21), "an alert of TLS, or nothing: {answer:?}");
    fleet.ask(&["agent", "status"]).ok();
    assert!(fleet.hosts[0].agent().ended().is_none());
    let grown = own_bytes(pid).saturating_sub(before);
    assert!(grown < 64 << 20, "the agent has grown by {} MiB", grown >> 20);
}

#[test]
fn requests_of_any_size_are_answered_or_refused() {
    let fleet = Fleet::new(1);
    let large = "x".repeat(1 << 20);
    let calls = [
        ("FollowLogs", json!({"name": large})),
        ("ReadLog", json!({"name": "a/".repeat(5000)})),
        ("FollowLogs", json!({"name": "nimbus", "grep": format!("{large}(a*)*b")})),
        ("WriteConfig", json!({"content": "YWFh".repeat(1 << 18), "expectedSha256": ""})),
        ("WriteConfig", json!({"content": "YWFh".repeat(1 << 20), "expectedSha256": ""})),
        ("ReadLog", json!({"name": "", "offset": "-9223372036854775808", "limit": "18446744073709551615"})),
        ("ControlDaemons", json!({"action": 77})),
        ("Describe", json!({})),
    ];
    let answers = fleet.python(&fleet.hosts[0].address(), &fleet.operator().join("agent-tls"), &calls);
    let status: Vec<&str> = answers[3..].iter().map(|a| a["status"].as_str().unwrap_or("OK")).collect();
    assert!(status[..7].iter().all(|s| *s != "OK" && *s != "UNAVAILABLE"), "{status:?}");
    assert_eq!(status[7], "OK", "{answers:?}");
}

#[test]
fn an_agent_ends_at_once_whatever_goes_on() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut fleet = Fleet::new(1);
        fleet.hosts[0].log("nimbus", "2026-08-02T10:00:01.000Z t main [INFO] first\n");
        let operator = fleet.operator().join("storm.yaml");
        let mut follow =
            fleet.nest.spawn("follow", fleet.command(&operator, &["logs", "nimbus", "--hosts", "all", "-f"]));
        follow.wait_for_output(LIMIT, "first");
        let mut watch = fleet.nest.spawn("watch", fleet.command(&operator, &["agent", "events"]));
        watch.wait_for_output(LIMIT, "healthy");
        let held = half_open(fleet.hosts[0].port, 10);
        let agent = fleet.hosts[0].agent();
        kill(agent.pid(), signal);
        assert!(agent.wait(Duration::from_secs(20)).success(), "{}", agent.output());
        assert!(!agent.output().contains("not at its end"), "{}", agent.output());
        assert!(watch.wait(LIMIT).success(), "{}", watch.output());
        assert!(follow.wait(LIMIT).success(), "{}", follow.output());
        drop(held);
        let pid_file = fleet.hosts[0].home.join("local/run/agent.pid");
        assert!(!pid_file.exists(), "{} is left behind", pid_file.display());
    }
}
