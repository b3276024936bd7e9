//! Processes and logs of several hosts on one screen, and what becomes of the hosts that do not answer.

use std::fs;
use std::io::Write;
use std::net::TcpListener;

use serde_json::{Value, json};
use storm_tests::ports::free_port;
use storm_tests::process::own_bytes;
use storm_tests::wait::wait_until;

use super::{Fleet, LIMIT};

#[test]
fn some_hosts_that_do_not_answer_leave_the_others_their_say() {
    let fleet = Fleet::new(2);
    // One is down, and one takes a connection and says nothing.
    let down = format!("127.0.0.1:{}", free_port());
    let silent = TcpListener::bind("127.0.0.1:0").expect("bound");
    let mute = silent.local_addr().expect("bound").to_string();
    let (a, b) = (fleet.hosts[0].address(), fleet.hosts[1].address());
    let done = fleet.ask(&["jps", "--hosts", &format!("{a},{down},{mute},{b}"), "--timeout", "2", "-o", "json"]);
    assert_eq!(done.status.code(), Some(9), "{done:?}");
    let shown: Value = serde_json::from_str(&done.stdout).expect("JSON");
    for host in [&a, &b] {
        let own = |i: &Value| i["host"] == **host && i["role"] == "agent";
        assert!(shown["items"].as_array().expect("items").iter().any(own), "{host} in {shown}");
    }
    let code = |host: &str| {
        let hosts = shown["hosts"].as_array().expect("hosts");
        hosts.iter().find(|h| h["host"] == host).map(|h| h["code"].clone()).expect("named")
    };
    assert_eq!((code(&down), code(&mute), code(&a)), (json!("agent/unreachable"), json!("agent/late"), Value::Null));
    assert!(done.stderr.contains(&down) && done.stderr.contains(&mute), "{done:?}");
    assert_eq!(fleet.ask(&["jps", "--hosts", &down]).status.code(), Some(4));

    // `all` is what the configuration names; plain lines are those of jps with the host in front.
    let plain = fleet.ask(&["jps", "--hosts", "all"]).ok();
    let pid = |at: usize| fleet.hosts[at].agent.as_ref().expect("runs").pid();
    for (host, pid) in [(&a, pid(0)), (&b, pid(1))] {
        assert!(plain.lines().any(|l| l == format!("{host} {pid} Agent")), "{plain}");
    }
    let wide = fleet.ask(&["jps", "--hosts", "all", "-o", "wide"]).ok();
    assert!(wide.starts_with("HOST"), "{wide}");
    // Without agents to name and without a Nimbus nobody knows who all are.
    let nobody = fleet.ask(&["-c", "stormctl.agent.hosts=[]", "jps", "--hosts", "all"]);
    assert_eq!(nobody.status.code(), Some(4), "{nobody:?}");
    assert!(nobody.stderr.contains("--hosts a,b"), "{nobody:?}");
}

#[test]
fn logs_of_all_hosts_are_one_in_order_of_time() {
    let fleet = Fleet::new(2);
    let line = |second: u32, text: &str| format!("2026-08-02T10:00:{second:02}.000Z t main [INFO] {text}\n");
    fleet.hosts[0].log("wc-1-100/6700", &(line(1, "a") + "  more of a\n" + &line(4, "d")));
    fleet.hosts[0].log("wc-1-100/6701", &line(3, "c"));
    fleet.hosts[1].log("wc-1-100/6700", &(line(2, "b") + &line(5, "e").replace("INFO", "ERROR")));
    fleet.hosts[1].log("nimbus", &line(9, "of nimbus"));
    let (a, b) = (fleet.hosts[0].address(), fleet.hosts[1].address());
    let logs = |args: &[&str]| fleet.ask(&[&["logs", "wc", "--hosts", "all"], args].concat());
    let expected: Vec<String> = [
        (&a, 6700, line(1, "a")),
        (&a, 6700, "  more of a\n".to_owned()),
        (&b, 6700, line(2, "b")),
        (&a, 6701, line(3, "c")),
        (&a, 6700, line(4, "d")),
        (&b, 6700, line(5, "e").replace("INFO", "ERROR")),
    ]
    .map(|(host, slot, line)| format!("{host}/{slot} | {}", line.trim_end()))
    .into();
    assert_eq!(logs(&[]).ok().lines().collect::<Vec<_>>(), expected);
    assert_eq!(logs(&["-n", "2"]).ok().lines().collect::<Vec<_>>(), expected[4..]);
    assert_eq!(logs(&["--level", "error"]).ok().lines().collect::<Vec<_>>(), expected[5..]);
    assert_eq!(logs(&["--grep", "more of"]).ok().lines().collect::<Vec<_>>(), expected[..2]);
    assert_eq!(logs(&["--since", "2026-08-02T10:00:04Z"]).ok().lines().count(), 2);
    let json: Value = serde_json::from_str(&logs(&["-o", "json"]).ok()).expect("JSON");
    assert_eq!((&json["items"][1]["source"], &json["items"][1]["host"]), (&json!("6700"), &json!(b)));

    // A host without that log is told, and the others are shown.
    let partly = fleet.ask(&["logs", "nimbus", "--hosts", "all"]);
    assert_eq!(partly.status.code(), Some(9), "{partly:?}");
    assert!(partly.stdout.contains("of nimbus") && partly.stderr.contains(&a), "{partly:?}");
    assert_eq!(fleet.ask(&["logs", "supervisor", "--hosts", "all"]).status.code(), Some(3));

    let operator = fleet.operator().join("storm.yaml");
    let follow = fleet.command(&operator, &["logs", "wc", "--hosts", "all", "-f", "-n", "1"]);
    let mut follow = fleet.nest.spawn("follow", follow);
    follow.wait_for_output(LIMIT, "[ERROR] e");
    for (at, slot) in [(0, 6701), (1, 6700)] {
        let path = fleet.hosts[at].logs().join(format!("workers-artifacts/wc-1-100/{slot}/worker.log"));
        let mut file = fs::File::options().append(true).open(path).expect("opened");
        file.write_all(line(10, &format!("new on {at}")).as_bytes()).expect("written");
        follow.wait_for_output(LIMIT, &format!("new on {at}"));
    }
    // A worker that comes later is found.
    fleet.hosts[0].log("wc-1-100/6702", &line(11, "late worker"));
    follow.wait_for_output(LIMIT, "6702 | ");
}

#[test]
fn a_large_log_and_a_reader_that_stops_cost_the_agent_little() {
    let fleet = Fleet::new(1);
    let host = &fleet.hosts[0];
    let text: String = (0..600_000)
        .map(|n| {
            format!(
                "2026-08-02T10:{:02}:{:02}.{:03}Z t main [INFO] a line of a large log\n",
                n / 60_000 % 60,
                n / 1000 % 60,
                n % 1000
            )
        })
        .collect();
    assert!(text.len() > 34 << 20);
    host.log("nimbus", &text);
    let pid = host.agent.as_ref().expect("runs").pid();
    let before = own_bytes(pid);
    // It prints to a pipe that nobody reads: all that is in between fills up, and the agent waits.
    let mut command =
        fleet.command(&fleet.operator().join("storm.yaml"), &["logs", "nimbus", "--hosts", &host.address()]);
    fleet.nest.mark(&mut command);
    let stopped = command.stdout(std::process::Stdio::piped()).stdin(std::process::Stdio::null()).spawn();
    let mut stopped = stopped.expect("started");
    let whole = fleet.ask(&["logs", "nimbus", "--hosts", &host.address()]).ok();
    assert_eq!(whole.len() - whole.lines().count() * format!("{}/nimbus | ", host.address()).len(), text.len());
    // While it was read once as a whole and once in part; a tail of everything is bounded as well.
    let tail = fleet.ask(&["logs", "nimbus", "--hosts", &host.address(), "-n", "1000000000"]).ok();
    let lines = tail.lines().count();
    assert!((100_000..500_000).contains(&lines), "{lines} lines");
    let grown = own_bytes(pid).saturating_sub(before);
    assert!(grown < 80 << 20, "the agent has grown by {} MiB", grown >> 20);
    stopped.kill().expect("killed");
    stopped.wait().expect("gone");
    wait_until(LIMIT, "the agent to be done with it", || {
        fleet.ask(&["logs", "nimbus", "--hosts", &host.address(), "-n", "1"]).status.success()
    });
}
