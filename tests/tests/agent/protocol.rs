//! The protocol, spoken by gRPC's own Python, which learns it from the reflection service.

use serde_json::{Value, json};
use storm_agent::sha256;
use storm_tests::wait::wait_until;

use super::{Fleet, LIMIT, wait_for_line};

#[test]
fn any_client_can_ask_for_health_and_learn_the_calls() {
    let fleet = Fleet::new(1);
    let host = &fleet.hosts[0];
    host.log(
        "nimbus",
        "2026-08-02T10:00:01.000Z m main [INFO] one\n2026-08-02T10:00:02.000Z m main [WARN] two\n  at x\n",
    );
    let config = std::fs::read_to_string(host.config()).expect("read");
    let calls = [
        ("Describe", json!({})),
        ("ListProcesses", json!({})),
        ("ListLogs", json!({})),
        ("ReadLog", json!({"name": "nimbus.log", "offset": -5, "limit": 4})),
        ("ReadLog", json!({"name": "../conf/storm.yaml"})),
        ("ReadLog", json!({"name": "none.log"})),
        ("FollowLogs", json!({"name": "nimbus", "level": "WARN"})),
        ("FollowLogs", json!({"name": "nimbus", "level": "LOUD"})),
        ("FollowLogs", json!({"name": "nimbus", "grep": "("})),
        ("FollowLogs", json!({"name": "no-such-topology"})),
        ("GetConfig", json!({})),
        ("ControlDaemons", json!({"action": "STATUS"})),
        ("ControlDaemons", json!({"action": "STOP", "roles": ["agent"]})),
        ("ControlDaemons", json!({"action": "START", "roles": ["--config"]})),
        ("ControlDaemons", json!({"action": "START", "roles": ["nonsense"]})),
    ];
    let answers = fleet.python(&host.address(), &fleet.operator().join("agent-tls"), &calls);
    assert_eq!(answers[0]["answer"], "SERVING");
    assert_eq!(answers[1]["answer"], "SERVING");
    let services = answers[2]["answer"].to_string();
    for service in ["stormctl.agent.v1.Agent", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"] {
        assert!(services.contains(service), "{services}");
    }
    let answer = |at: usize| &answers[3 + at]["answer"][0];
    let status = |at: usize| answers[3 + at]["status"].as_str().unwrap_or("OK");
    assert_eq!(answer(0)["host"], "host0");
    assert_eq!(answer(0)["caller"], "operator");
    let processes = answer(1)["processes"].as_array().expect("processes");
    let own = processes.iter().find(|p| p["config"] == host.config().display().to_string()).expect("itself");
    assert_eq!((&own["role"], &own["name"]), (&json!("agent"), &json!("Agent")), "{own}");
    assert!(own["ports"].as_array().is_some_and(|p| p.contains(&json!(host.port))), "{own}");
    assert_eq!(answer(2)["logs"][0]["name"], "nimbus.log");
    // The last five bytes are "at x" and the end of the line.
    assert_eq!(answer(3)["data"], "YXQgeA==");
    assert_eq!([status(4), status(5)], ["INVALID_ARGUMENT", "NOT_FOUND"]);
    let entries = answer(6)["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["text"], "2026-08-02T10:00:02.000Z m main [WARN] two\n  at x");
    assert_eq!([status(7), status(8), status(9)], ["INVALID_ARGUMENT", "INVALID_ARGUMENT", "NOT_FOUND"]);
    assert_eq!(answer(10)["file"]["sha256"], sha256(config.as_bytes()));
    assert_eq!(answer(11)["daemons"][0]["state"], "stopped", "{}", answer(11));
    assert_eq!([status(12), status(13), status(14)], ["INVALID_ARGUMENT"; 3]);
}

#[test]
fn events_are_told_as_they_happen() {
    let mut fleet = Fleet::new(2);
    let operator = fleet.operator().join("storm.yaml");
    let mut watch = fleet.nest.spawn("watch", fleet.command(&operator, &["agent", "events", "-o", "jsonl"]));
    let from = [fleet.hosts[0].address(), fleet.hosts[1].address()];
    for host in &from {
        wait_for_line(&watch, "a first word", |l| l["event"] == "health" && l["host"] == **host);
    }
    // A daemon that begins and ends, by the agent's own hand.
    let tls = fleet.operator().join("agent-tls");
    let control = |action: &str| {
        let calls = [("ControlDaemons", json!({"action": action, "roles": ["zookeeper"]}))];
        let answers = fleet.python(&from[0], &tls, &calls);
        answers[3]["answer"][0]["daemons"][0].clone()
    };
    let began = control("START");
    assert_eq!(began["state"], "running", "{began}");
    let of = |event: &'static str, pid: Value| move |l: &Value| l["event"] == event && l["pid"] == pid;
    wait_for_line(&watch, "a beginning", of("began", began["pid"].clone()));
    let again = control("RESTART");
    assert_ne!(again["pid"], began["pid"], "{again}");
    wait_for_line(&watch, "an end", of("ended", began["pid"].clone()));
    wait_for_line(&watch, "another beginning", of("began", again["pid"].clone()));
    assert_eq!(control("STOP")["state"], "stopped");
    wait_for_line(&watch, "its end", of("ended", again["pid"].clone()));

    let config = fleet.hosts[1].config();
    let text = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, format!("{text}ui.port: x\n")).expect("written");
    wait_for_line(&watch, "a change", |l| l["event"] == "config-changed" && l["host"] == from[1].as_str());
    wait_for_line(&watch, "its effect", |l| l["troubles"][0]["code"] == "config/number-expected");
    // Agents that end take leave at once, and so does who has nobody left to listen to.
    for host in &mut fleet.hosts {
        assert!(host.agent().terminate(LIMIT).success());
    }
    wait_until(LIMIT, "the watch to end", || watch.ended().is_some());
}
