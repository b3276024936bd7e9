//! Configuration of several hosts: compared, pushed, refused.

use std::fs;

use serde_json::{Value, json};
use storm_agent::sha256;

use super::{Fleet, LIMIT};

fn read(fleet: &Fleet, at: usize) -> String {
    fs::read_to_string(fleet.hosts[at].config()).expect("read")
}

#[test]
fn hosts_are_compared_by_what_is_in_force() {
    let fleet = Fleet::new(2);
    let text = read(&fleet, 1);
    fs::write(fleet.hosts[1].config(), text + "ui.port: 8099\nui.https.keystore.password: hush\n").expect("written");
    let (a, b) = (fleet.hosts[0].address(), fleet.hosts[1].address());
    let done = fleet.ask(&["config", "diff", &a, &b, "-o", "json"]);
    assert_eq!(done.status.code(), Some(10), "{done:?}");
    let diff: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&diff["left"], &diff["right"]), (&json!(a), &json!(b)));
    let item = |key: &str| diff["items"].as_array().expect("items").iter().find(|i| i["key"] == key).cloned();
    assert_eq!(item("ui.port").map(|i| i["right"].clone()), Some(json!(8099)));
    assert!(item("storm.local.hostname").is_none() && !done.stdout.contains("hush"), "{}", done.stdout);
    // A file of here with a host; and a host with itself.
    let file = fleet.hosts[0].config().display().to_string();
    let same = fleet.ask(&["config", "diff", &file, &a]);
    assert!(same.status.success(), "{same:?}");
    let nobody = fleet.ask(&["config", "diff", &a, "127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(4), "{nobody:?}");
}

#[test]
fn a_push_writes_what_was_shown_and_restarts_who_reads_it() {
    let fleet = Fleet::new(2);
    let tls = fleet.operator().join("agent-tls");
    let start = fleet.python(&fleet.hosts[0].address(), &tls, &[("ControlDaemons", json!({"action": "START"}))]);
    let first = start[3]["answer"][0]["daemons"][0]["pid"].as_i64().expect("started");
    let new = fleet.nest.dir().join("new.yaml");
    // The same for both hosts; what each has of its own is not in it.
    let text = |more: &str| {
        let shared: String = read(&fleet, 0)
            .lines()
            .filter(|l| !["storm.home", "storm.local.hostname", "stormctl.", "#"].iter().any(|own| l.starts_with(own)))
            .map(|l| format!("{l}\n"))
            .collect();
        format!("# For all.\n{shared}{more}")
    };
    let push =
        |args: &[&str]| fleet.ask(&[&["config", "push", &new.display().to_string(), "--hosts", "all"], args].concat());
    let olds = [read(&fleet, 0), read(&fleet, 1)];

    // Only looked at.
    fs::write(&new, text("ui.port: 8099\nstorm.zookeeper.session.timeout: 21000\n")).expect("written");
    let dry = push(&["--dry-run", "-o", "json"]);
    assert!(dry.status.success(), "{dry:?}");
    let shown: Value = serde_json::from_str(&dry.stdout).expect("JSON");
    let item = &shown["items"][0];
    assert_eq!(item["state"], "planned");
    assert!(item["keys"].to_string().contains("ui.port"), "{item}");
    assert!(!item["keys"].to_string().contains("storm.local.hostname"), "{item}");
    assert_eq!([read(&fleet, 0), read(&fleet, 1)], olds);
    assert_eq!(push(&[]).status.code(), Some(7), "nobody has said yes");
    assert_eq!([read(&fleet, 0), read(&fleet, 1)], olds);

    // Nobody's daemon reads it: nothing is restarted.
    fs::write(&new, text("ui.port: 8099\n")).expect("written");
    let done = push(&["--yes", "-o", "json"]);
    assert!(done.status.success(), "{done:?}");
    let shown: Value = serde_json::from_str(&done.stdout).expect("JSON");
    for (at, old) in olds.iter().enumerate() {
        let item = &shown["items"][at];
        assert_eq!((&item["state"], &item["restarted"]), (&json!("written"), &json!([])), "{item}");
        assert_eq!(fs::read_to_string(item["backup"].as_str().expect("backup")).expect("read"), *old);
        let now = read(&fleet, at);
        assert!(now.contains("# For all.") && now.contains("ui.port: 8099"), "{now}");
        let own = |l: &str| l.starts_with("storm.local.hostname:") && l.contains(&format!("host{at}"));
        assert!(now.lines().any(own), "{now}");
        assert!(now.contains(&format!("stormctl.agent.port: {}", fleet.hosts[at].port)), "{now}");
    }
    let log = fs::read_to_string(fleet.hosts[0].home.join("conf/.stormctl/changes.log")).expect("a log of changes");
    assert!(log.contains(" ann storm.yaml: push new.yaml: "), "{log}");
    let again: Value = serde_json::from_str(&push(&["--yes", "-o", "json"]).ok()).expect("JSON");
    assert_eq!(again["items"][0]["state"], "same");

    // Its own server reads this key, and is the only daemon that runs.
    let port = storm_tests::ports::free_port();
    let moved = |l: &str| match l.starts_with("storm.zookeeper.port") {
        true => format!("storm.zookeeper.port: {port}\n"),
        false => format!("{l}\n"),
    };
    fs::write(&new, text("ui.port: 8099\n").lines().map(moved).collect::<String>()).expect("written");
    let done = fleet.ask(&[
        "config",
        "push",
        &new.display().to_string(),
        "--hosts",
        &fleet.hosts[0].address(),
        "--yes",
        "-o",
        "json",
    ]);
    assert!(done.status.success(), "{done:?}");
    let shown: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(shown["items"][0]["restarted"], json!(["zookeeper"]), "{shown}");
    let status = fleet.python(&fleet.hosts[0].address(), &tls, &[("ControlDaemons", json!({"action": "STATUS"}))]);
    let daemon = &status[3]["answer"][0]["daemons"][0];
    assert_eq!(daemon["address"], format!("127.0.0.1:{port}"), "{daemon}");
    assert_ne!(daemon["pid"].as_i64(), Some(first));
    let stop = fleet.python(&fleet.hosts[0].address(), &tls, &[("ControlDaemons", json!({"action": "STOP"}))]);
    assert_eq!(stop[3]["answer"][0]["daemons"][0]["state"], "stopped", "{stop:?}");
}

#[test]
fn what_is_wrong_or_out_of_date_is_written_nowhere() {
    let mut fleet = Fleet::new(2);
    let olds = [read(&fleet, 0), read(&fleet, 1)];
    let new = fleet.nest.dir().join("new.yaml");
    let name = new.display().to_string();
    fs::write(&new, "storm.zookeeper.servers: zk1\nui.port: x\n").expect("written");
    let refused = fleet.ask(&["config", "push", &name, "--hosts", "all", "--yes"]);
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(
        refused.stderr.contains("config/number-expected") && refused.stderr.contains("nothing was written"),
        "{refused:?}"
    );
    assert_eq!([read(&fleet, 0), read(&fleet, 1)], olds);

    // Somebody else was quicker.
    let content = "dWkucG9ydDogODA5OQo=";
    let calls = [
        ("WriteConfig", json!({"content": content, "expectedSha256": sha256(b"something else")})),
        ("WriteConfig", json!({"content": "/w==", "expectedSha256": sha256(olds[0].as_bytes())})),
        ("WriteConfig", json!({"content": content, "expectedSha256": sha256(olds[0].as_bytes()), "what": "a\nb"})),
        ("WriteConfig", json!({"content": content, "expectedSha256": sha256(olds[0].as_bytes())})),
    ];
    let answers = fleet.python(&fleet.hosts[0].address(), &fleet.operator().join("agent-tls"), &calls);
    let status: Vec<&str> = answers[3..].iter().map(|a| a["status"].as_str().unwrap_or("OK")).collect();
    assert_eq!(status, ["ABORTED", "INVALID_ARGUMENT", "OK", "ABORTED"], "{answers:?}");
    assert_eq!(read(&fleet, 0), "ui.port: 8099\n");
    let log = fs::read_to_string(fleet.hosts[0].home.join("conf/.stormctl/changes.log")).expect("a log of changes");
    assert_eq!(log.lines().count(), 1, "{log}");

    // A host that is down is told before anything is written on the others.
    fleet.hosts[0].agent().kill_nine();
    fs::write(&new, "ui.port: 8100\n").expect("written");
    let partly = fleet.ask(&["config", "push", &name, "--hosts", "all", "--yes"]);
    assert_eq!(partly.status.code(), Some(9), "{partly:?}");
    assert!(partly.stderr.contains("nothing was written anywhere"), "{partly:?}");
    assert_eq!(read(&fleet, 1), olds[1]);
    assert!(fleet.hosts[1].agent().terminate(LIMIT).success());
}
