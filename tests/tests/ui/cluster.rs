//! A running topology, seen through the UI.

use std::time::Duration;

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::ports::free_ports;
use storm_tests::process::Process;
use storm_tests::recording::Recording;
use storm_tests::wait::{wait_for, wait_until};

use super::http::Server;
use super::members::{check, check_each};
use super::{LIMIT, browser, daemon};

struct Site {
    // Before the cluster, whose folder they log to.
    _ui: Process,
    _logviewer: Process,
    ui_port: u16,
    logviewer_port: u16,
    id: String,
    recording: Recording,
    cluster: Cluster,
}

impl Site {
    fn start(nimbus: Maker) -> Site {
        let [ui_port, logviewer_port] = free_ports();
        let options = ClusterOptions { nimbus, slots: 2, ..ClusterOptions::default() };
        let options = options
            .with("ui.port", ui_port)
            .with("logviewer.port", logviewer_port)
            .with("nimbus.monitor.freq.secs", 2)
            .with("executor.metrics.frequency.secs", 2)
            .with("task.heartbeat.frequency.secs", 1)
            .with("ui.project.bugtracker.url", "https://bugs.example.org");
        let cluster = Cluster::start(options);
        let ui = daemon(cluster.nest(), &cluster.nimbus.config(), &["ui"]);
        let logviewer = daemon(cluster.nest(), &cluster.supervisors[0].config(), &["logviewer"]);
        let recording = Recording::submit(&cluster, "recording", 1, json!({}));
        cluster.wait_for_workers(1);
        let id = cluster.topology("recording").expect("submitted").id;
        let site = Site { _ui: ui, _logviewer: logviewer, ui_port, logviewer_port, id, recording, cluster };
        site.ui().wait();
        site.logviewer().wait();
        site
    }

    fn ui(&self) -> Server<'_> {
        Server { nest: self.cluster.nest(), port: self.ui_port }
    }

    fn logviewer(&self) -> Server<'_> {
        Server { nest: self.cluster.nest(), port: self.logviewer_port }
    }

    fn json(&self, path: &str) -> Value {
        self.ui().json(&path.replace("ID", &self.id))
    }

    fn status(&self) -> String {
        self.cluster.topology("recording").map_or_else(String::new, |t| t.status)
    }
}

/// Every document, with its members and their types.
fn documents(site: &Site) {
    let cluster = site.json("/cluster/summary");
    check(&cluster, "cluster");
    check(&cluster["stormVersionInfo"], "version");
    let nimbuses = site.json("/nimbus/summary");
    check(&nimbuses, "nimbuses");
    check_each(&nimbuses["nimbuses"], "nimbus");
    let supervisors = site.json("/supervisor/summary");
    check(&supervisors, "supervisors");
    check_each(&supervisors["supervisors"], "supervisor");
    let supervisor = supervisors["supervisors"][0]["id"].as_str().expect("an id");
    for path in [format!("/supervisor?id={supervisor}&sys=true"), "/supervisor?host=127.0.0.1".to_owned()] {
        let page = site.json(&path);
        check(&page, "supervisor-page");
        check_each(&page["supervisors"], "supervisor");
        check_each(&page["workers"], "worker");
    }
    let topologies = site.json("/topology/summary");
    check(&topologies, "topologies");
    check_each(&topologies["topologies"], "topology-summary");
    for path in ["/topology/ID", "/topology/ID/metrics", "/topology/ID?window=600&sys=true"] {
        let page = site.json(path);
        check(&page, "topology");
        check_each(&page["topologyStats"], "topology-stats");
        check_each(&page["spouts"], "spout");
        check_each(&page["bolts"], "bolt");
        check_each(&page["workers"], "worker");
    }
    components(site);
    let workers = site.json("/topology-workers/ID");
    check(&workers, "topology-workers");
    check_each(&workers["hostPortList"], "place");
    let graph = site.json("/topology/ID/visualization?window=600");
    assert_eq!(graph.as_object().map(|g| g.len()), Some(3), "{graph}");
    for node in graph.as_object().expect("an object").values() {
        check(node, "graph-node");
        check_each(&node[":stats"], "graph-executor");
    }
    check_each(&graph["record"][":inputs"], "graph-input");
    assert_eq!(graph["record"][":inputs"][0][":grouping"], "fields");
    check_each(&site.json("/topology/ID/visualization-init")["visualizationTable"][0], "stream-box");
    let owners = site.json("/owner-resources");
    check(&owners, "owners");
    check_each(&owners["owners"], "owner");
    let owner = owners["owners"][0]["owner"].as_str().expect("a name").to_owned();
    check(&site.json(&format!("/owner-resources/{owner}")), "owner-page");
    check(&site.json("/history/summary"), "history");
    check(&site.json("/topology/ID/logconfig"), "levels");
    assert_eq!(site.json("/topology/ID/lag"), json!({}));
    let conf = site.json("/cluster/configuration");
    assert_eq!(conf["ui.project.bugtracker.url"], "https://bugs.example.org");
}

fn components(site: &Site) {
    let spout = site.json("/topology/ID/component/numbers?window=600");
    check(&spout, "spout-page");
    check_each(&spout["spoutSummary"], "spout-window");
    check_each(&spout["outputStats"], "spout-output");
    check_each(&spout["executorStats"], "spout-executor");
    let bolt = site.json("/topology/ID/component/words");
    check(&bolt, "bolt-page");
    check_each(&bolt["boltStats"], "bolt-window");
    check_each(&bolt["inputStats"], "bolt-input");
    check_each(&bolt["outputStats"], "bolt-output");
    check_each(&bolt["executorStats"], "bolt-executor");
    assert_eq!(bolt["componentErrors"], json!([]));
}

/// What it tells is what Nimbus tells on its Thrift port.
fn values(site: &Site) {
    let ask = |window: &str, sys: bool| {
        let (id, window) = (site.id.clone(), window.to_owned());
        site.cluster.ask(async |nimbus| nimbus.get_topology_page_info(id, window, sys).await).expect("answered")
    };
    // Both are asked while tuples flow: equal they are only when nothing was reported in between.
    wait_until(LIMIT, "the UI to tell what Nimbus tells", || {
        let before = ask(":all-time", false);
        let page = site.json("/topology/ID");
        let after = ask(":all-time", false);
        let emitted = |page: &storm_thrift::types::TopologyPageInfo| {
            page.topology_stats.as_ref().and_then(|s| s.window_to_emitted.as_ref()?.get(":all-time").copied())
        };
        let all = page["topologyStats"].as_array().expect("windows");
        let told = all.iter().find(|w| w["window"] == ":all-time").expect("the whole time")["emitted"].as_i64();
        let (first, last) = (emitted(&before), emitted(&after));
        told == first && first == last && told.is_some_and(|n| n > 0)
    });
    let (told, page) = (ask("600", false), site.json("/topology/ID?window=600"));
    assert_eq!(page["name"], "recording");
    assert_eq!(page["windowHint"], "10m 0s");
    assert_eq!(page["executorsTotal"], json!(told.num_executors));
    assert_eq!(page["tasksTotal"], json!(told.num_tasks));
    assert_eq!(page["msgTimeout"], 5);
    let ids = |list: &Value, key: &str| {
        let all = list.as_array().expect("components");
        all.iter().map(|c| c[key].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&page["bolts"], "boltId"), ["record", "words"]);
    assert_eq!(ids(&page["spouts"], "spoutId"), ["numbers"]);
    let words = told.id_to_bolt_agg_stats.as_ref().expect("bolts")["words"].common_stats.clone().expect("statistics");
    assert_eq!(page["bolts"][1]["tasks"], json!(words.num_tasks));
    assert!(site.json("/topology/ID?sys=true")["bolts"].as_array().expect("bolts").len() > 2);
    let listed = site.cluster.stormctl(&["list", "-o", "json"]).ok();
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let summary = &site.json("/topology/summary")["topologies"][0];
    for (ours, theirs) in [("id", "id"), ("name", "name"), ("status", "status")] {
        assert_eq!(summary[ours], listed["items"][0][theirs], "{listed}");
    }
}

/// The links to logs lead to the log viewer, which has them.
fn links(site: &Site) {
    let page = site.json("/topology/ID");
    let link = page["workers"][0]["workerLogLink"].as_str().expect("a link").to_owned();
    let front = site.logviewer().url("");
    let path = link.strip_prefix(&front).unwrap_or_else(|| panic!("{link} leads to another server than {front}"));
    let log = site.logviewer().get(path);
    assert_eq!((log.status, log.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(log.body.contains("<pre id=\"logContent\">"), "{}", log.body);
    let port = page["workers"][0]["port"].as_u64().expect("a port");
    let listed = site.logviewer().json(&format!("/listLogs?topoId={}&port={port}", site.id));
    let worker_log = format!("{}/{port}/worker.log", site.id);
    assert!(listed.as_array().expect("a list").contains(&json!(worker_log)), "{listed}");
    let found = site.logviewer().json(&format!("/search?file={worker_log}&search-string=INFO&num-matches=1"));
    check(&found, "search");
    check_each(&found["matches"], "match");
    let deep = site.logviewer().json(&format!("/deepSearch/{}?search-string=INFO&port=*", site.id));
    check_each(&deep, "deep");
    check_each(&deep[0]["matches"], "deep-file");
    check_each(&deep[0]["matches"][0]["matches"], "match");
}

/// Changes do what they say, and say what they do.
fn changes(site: &Site) {
    let post = |path: &str| {
        let reply = site.ui().post(&path.replace("ID", &site.id));
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()
    };
    let done = post("/topology/ID/deactivate");
    check(&done, "operation");
    assert_eq!(done, json!({"topologyOperation": "deactivate", "topologyId": site.id, "status": "success"}));
    assert_eq!(site.status(), "INACTIVE");
    post("/topology/ID/activate");
    assert_eq!(site.status(), "ACTIVE");
    assert_eq!(post("/topology/ID/debug/enable/25")["topologyOperation"], "debug/enable");
    let page = site.json("/topology/ID");
    assert_eq!((&page["debug"], &page["samplingPct"]), (&json!(true), &json!(25.0)));
    post("/topology/ID/component/words/debug/enable/30");
    assert_eq!(site.json("/topology/ID/component/words")["samplingPct"], json!(30.0));
    post("/topology/ID/debug/disable/0");
    assert_eq!(site.json("/topology/ID")["debug"], false);

    let levels = |body: &str| {
        let path = format!("/api/v1/topology/{}/logconfig", site.id);
        site.ui().send(&["-X", "POST", "-H", "Content-Type: application/json", "-d", body], &path)
    };
    let set = levels(r#"{"namedLoggerLevels":{"a.b":{"target_level":"debug","timeout":300}}}"#).json();
    check(&set["namedLoggerLevels"]["a.b"], "level");
    assert_eq!(set["namedLoggerLevels"]["a.b"]["target_level"], "DEBUG");
    assert_eq!(site.json("/topology/ID/logconfig"), set);
    let gone = levels(r#"{"namedLoggerLevels":{"a.b":{"target_level":null,"timeout":0}}}"#).json();
    assert_eq!(gone, json!({"namedLoggerLevels": {}}));
    assert_eq!(levels("{").status, 500);

    let worker = site.json("/topology/ID")["workers"][0].clone();
    let at = format!("{}:{}", worker["host"].as_str().expect("a host"), worker["port"]);
    let started = post(&format!("/topology/ID/profiling/start/{at}/10"));
    assert_eq!((&started["status"], &started["id"]), (&json!("ok"), &json!(at)));
    let active = wait_for(LIMIT, "the profile to be known", || {
        let page = site.json("/topology/ID/component/words");
        page["profilerActive"].as_array().filter(|list| !list.is_empty()).cloned()
    });
    assert_eq!(active[0]["port"], json!(worker["port"].to_string()));
    post(&format!("/topology/ID/profiling/stop/{at}"));

    post("/topology/ID/rebalance/0");
    wait_until(LIMIT, "the rebalance to be over", || site.status() == "ACTIVE");
}

fn refusals(site: &Site) {
    for (path, word) in [
        ("/topology/nothing-1-1", "nothing-1-1"),
        ("/topology/nothing-1-1/component/words", "nothing-1-1"),
        ("/topology/nothing-1-1/visualization", "nothing-1-1"),
        ("/topology-workers/nothing-1-1", "nothing-1-1"),
        // As encoded ids have it, and as scripts of browsers write it.
        ("/topology/no+such-1-1", "no such-1-1"),
        ("/topology/no%20such-1-1", "no such-1-1"),
        ("/topology/ID?window=soon", "window"),
    ] {
        let reply = site.ui().get(&format!("/api/v1{}", path.replace("ID", &site.id)));
        assert_eq!(reply.status, 500, "{path}");
        check(&reply.json(), "error");
        assert_eq!(reply.json()["error"], "500 Server Error");
        assert!(reply.body.contains(word), "{path}: {}", reply.body);
    }
    for path in [
        "/topology/nothing-1-1/activate",
        "/topology/ID/kill/soon",
        "/topology/ID/kill/-1",
        "/topology/ID/debug/perhaps/1",
        "/topology/ID/debug/enable/101",
        "/topology/ID/profiling/start/nowhere/10",
        "/topology/ID/profiling/dance/h:1",
    ] {
        assert_eq!(site.ui().post(&path.replace("ID", &site.id)).status, 500, "{path}");
    }
    // What changes something is no GET, and a page of another server changes nothing.
    let kill = format!("/api/v1/topology/{}/kill/0", site.id);
    assert_eq!(site.ui().get(&kill).status, 405);
    for header in ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        let reply = site.ui().send(&["-X", "POST", "-H", header], &kill);
        assert_eq!(reply.status, 403, "{header}: {}", reply.body);
    }
    let stranger = ["-X", "POST", "-H", "Host: evil.example:80", "-H", "Origin: http://evil.example:80"];
    assert_eq!(site.ui().send(&stranger, &kill).status, 403);
    assert_eq!(site.status(), "ACTIVE");
    // Its own page may.
    let own = format!("Origin: http://127.0.0.1:{}", site.ui_port);
    let activate = format!("/api/v1/topology/{}/activate", site.id);
    assert_eq!(site.ui().send(&["-X", "POST", "-H", &own, "-H", "Sec-Fetch-Site: same-origin"], &activate).status, 200);
}

fn whole(nimbus: Maker) -> Site {
    let site = Site::start(nimbus);
    let tasks: Vec<u32> = site.recording.tasks_by_port(&site.cluster, 1).into_values().flatten().collect();
    site.recording.wait_for_flow(LIMIT, "at first", &tasks);
    // The first report has all components in it, or none of them.
    wait_until(LIMIT, "statistics of every component", || {
        let page = site.json("/topology/ID");
        let parts = [&page["spouts"][0]["emitted"], &page["bolts"][0]["executed"], &page["bolts"][1]["executed"]];
        parts.iter().all(|n| n.as_i64().is_some_and(|n| n > 0))
            && site.json("/topology/ID/component/numbers?window=600")["outputStats"] != json!([])
    });
    documents(&site);
    values(&site);
    refusals(&site);
    changes(&site);
    site
}

fn killed(site: &Site) {
    let reply = site.ui().post(&format!("/topology/{}/kill/0", site.id));
    assert_eq!(reply.json()["topologyOperation"], "kill");
    wait_until(LIMIT, "the topology to go", || site.cluster.topology("recording").is_none());
    assert_eq!(site.ui().get(&format!("/api/v1/topology/{}", site.id)).status, 500);
    assert_eq!(site.json("/topology/summary")["topologies"], json!([]));
}

#[test]
fn a_topology_on_our_daemons() {
    let site = whole(Maker::Ours);
    links(&site);
    browser::pages(site.ui(), site.logviewer(), &site.id);
    killed(&site);
}

#[test]
fn a_topology_on_apaches_nimbus() {
    let site = whole(Maker::Apache);
    killed(&site);
}

#[test]
fn a_nimbus_that_comes_back_is_found_again() {
    let [ui_port] = free_ports();
    let mut cluster =
        Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() }.with("ui.port", ui_port));
    let _ui = daemon(cluster.nest(), &cluster.nimbus.config(), &["ui"]);
    let get = |cluster: &Cluster| {
        let server = Server { nest: cluster.nest(), port: ui_port };
        server.wait();
        server.get("/api/v1/cluster/summary")
    };
    assert_eq!(get(&cluster).status, 200);
    cluster.nimbus.terminate();
    let reply = get(&cluster);
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("no Nimbus leader found"), "{}", reply.body);
    cluster.start_nimbus();
    wait_until(Duration::from_secs(30), "the UI to find it", || get(&cluster).status == 200);
}
