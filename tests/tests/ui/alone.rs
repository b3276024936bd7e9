//! The UI without a cluster, and both daemons as `stormctl` starts and stops them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use storm_tests::built::stormctl;
use storm_tests::ports::free_ports;
use storm_tests::process::{Finished, Nest};

use super::daemon;
use super::http::Server;
use super::members::check;

struct Machine {
    nest: Nest,
    config: PathBuf,
    ui: u16,
    logviewer: u16,
}

impl Machine {
    fn new(more: &[(&str, Value)]) -> Machine {
        let nest = Nest::new();
        let [nimbus, ui, logviewer] = free_ports();
        let mut keys = json!({
            "nimbus.seeds": ["127.0.0.1"],
            "nimbus.thrift.port": nimbus,
            "storm.local.hostname": "127.0.0.1",
            "storm.local.dir": nest.dir().join("local"),
            "storm.log.dir": nest.dir().join("logs"),
            "ui.port": ui,
            "logviewer.port": logviewer,
        });
        for (key, value) in more {
            keys[*key] = value.clone();
        }
        let config = nest.dir().join("storm.yaml");
        let lines = keys.as_object().expect("a map").iter().map(|(k, v)| format!("{k}: {v}\n"));
        fs::write(&config, lines.collect::<String>()).expect("written");
        Machine { nest, config, ui, logviewer }
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(stormctl());
        command.arg("--config").arg(&self.config).args(arguments);
        command.env("HOME", self.nest.dir()).env("TMPDIR", self.nest.dir());
        self.nest.run(command)
    }

    fn server(&self, port: u16) -> Server<'_> {
        Server { nest: &self.nest, port }
    }
}

#[test]
fn both_daemons_are_roles_of_their_host() {
    let machine = Machine::new(&[("stormctl.roles", json!(["logviewer", "ui"]))]);
    let started = machine.run(&["start", "-o", "jsonl"]).ok();
    let started: Vec<Value> = started.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let told: Vec<_> = started.iter().map(|s| (s["role"].as_str(), s["address"].as_str())).collect();
    let (ui, logviewer) = (format!("127.0.0.1:{}", machine.ui), format!("127.0.0.1:{}", machine.logviewer));
    assert_eq!(told, [(Some("ui"), Some(ui.as_str())), (Some("logviewer"), Some(logviewer.as_str()))]);
    assert!(machine.run(&["start"]).ok().contains("runs already"));
    let listed = machine.run(&["jps", "-l"]).ok();
    let pid = |item: &Value| item["pid"].as_u64().expect("a pid");
    for (item, class) in started.iter().zip(["ui.UIServer", "logviewer.LogviewerServer"]) {
        let line = format!("{} org.apache.storm.daemon.{class}\n", pid(item));
        assert!(listed.contains(&line), "{listed}");
        let comm = fs::read_to_string(format!("/proc/{}/comm", pid(item))).expect("a name");
        assert_eq!(Some(comm.trim()), item["role"].as_str());
    }
    assert!(machine.run(&["jps"]).ok().contains(&format!("{} UIServer\n", pid(&started[0]))));
    let second = machine.run(&["ui"]);
    assert_eq!(second.status.code(), Some(8), "{second:?}");
    // Its own log is among those that the log viewer shows.
    assert!(machine.server(machine.logviewer).get("/api/v1/daemonlog?file=ui.log").body.contains("the UI is up"));
    assert!(machine.run(&["logs", "logviewer"]).ok().contains("the log viewer is up"));
    machine.run(&["restart", "ui"]).ok();
    assert_eq!(machine.server(machine.ui).get("/").status, 200);
    machine.run(&["stop"]).ok();
    assert_eq!(machine.run(&["status"]).status.code(), Some(3));
    assert_eq!(machine.nest.processes(), Vec::<u32>::new());
}

#[test]
fn without_a_nimbus_it_says_so() {
    let machine = Machine::new(&[("ui.title", json!("<b>Storm</b> & \"co\"")), ("ui.actions.enabled", json!(false))]);
    let _ui = daemon(&machine.nest, &machine.config, &["ui"]);
    let server = machine.server(machine.ui);
    server.wait();
    let reply = server.get("/api/v1/cluster/summary");
    assert_eq!(reply.status, 500);
    check(&reply.json(), "error");
    assert!(reply.body.contains(&format!("127.0.0.1:{}", server_port(&machine))), "{}", reply.body);
    let headers = [
        ("cache-control", "no-cache, no-store"),
        ("access-control-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    for (name, value) in headers {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    let script = server.get("/api/v1/cluster/summary?callback=jQuery1_2");
    assert_eq!((script.status, script.header("content-type")), (500, Some("application/javascript;charset=utf-8")));
    assert!(script.body.starts_with("jQuery1_2({\"error\":\"500 Server Error\""), "{}", script.body);
    let not = server.get("/api/v1/cluster/summary?callback=alert(1)//");
    assert_eq!(not.header("content-type"), Some("application/json;charset=utf-8"));

    // Nothing is changed here, whoever asks, and nothing is asked of Nimbus for it.
    for path in ["/topology/t-1-1/kill/0", "/topology/t-1-1/activate", "/topology/t-1-1/logconfig"] {
        let reply = server.post(path);
        assert_eq!(reply.status, 403, "{path}: {}", reply.body);
        assert!(reply.body.contains("ui.actions.enabled"), "{}", reply.body);
    }
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing.html", 404),
        ("GET", "/..%2f..%2fetc%2fpasswd", 404),
        ("POST", "/api/v1/cluster/summary", 405),
        ("PUT", "/api/v1/topology/t-1-1/activate", 405),
        ("DELETE", "/api/v1/topology/t-1-1", 405),
        ("OPTIONS", "/api/v1/topology/t-1-1/kill/0", 405),
        ("GET", "/api/v1/topology/t-1-1/kill/0", 405),
    ] {
        let reply = server.send(&["-X", method], path);
        assert_eq!(reply.status, status, "{method} {path}");
        check(&reply.json(), "error");
    }
    let long = format!("X-Long: {}", "x".repeat(5000));
    assert_eq!(server.send(&["-H", &long], "/").status, 431);
    let page = server.get("/index.html");
    assert!(page.body.contains("<title>&lt;b&gt;Storm&lt;/b&gt; &amp; &quot;co&quot;</title>"), "{}", page.body);
    assert!(!page.body.contains("<b>") && page.body.contains("&quot;actions&quot;:false"), "{}", page.body);
    for (path, kind) in [("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/visualize.html", "text/html")] {
        assert!(server.get(path).header("content-type").is_some_and(|k| k.starts_with(kind)), "{path}");
    }
}

fn server_port(machine: &Machine) -> String {
    let text = fs::read_to_string(&machine.config).expect("there");
    let line = text.lines().find_map(|l| l.strip_prefix("nimbus.thrift.port: ")).expect("a port");
    line.to_owned()
}

#[test]
fn what_it_cannot_do_ends_it_at_once() {
    for (role, key, value) in [
        ("ui", "ui.filter", json!("org.example.Filter")),
        ("ui", "ui.https.port", json!(8443)),
        ("ui", "ui.host", json!("no-such-host.invalid")),
        ("logviewer", "logviewer.filter", json!("org.example.Filter")),
        ("logviewer", "logviewer.https.port", json!(8443)),
    ] {
        let machine = Machine::new(&[(key, value)]);
        let done = machine.run(&[role]);
        assert_eq!(done.status.code(), Some(6), "{done:?}");
        assert!(
            done.stderr.contains("http/config") && done.stderr.contains(key.rsplit('.').next().expect("a word")),
            "{done:?}"
        );
    }
    let machine = Machine::new(&[]);
    let _other = std::net::TcpListener::bind(("127.0.0.1", machine.ui)).expect("free");
    let done = machine.run(&["ui"]);
    assert!(!done.status.success());
    assert!(done.stderr.contains("http/bind") && done.stderr.contains("ui.port"), "{done:?}");
}
