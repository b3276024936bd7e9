//! Storm's verbs against our Nimbus and against Apache's, with the Java client's commands as the judge.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::jars::python_jar;
use storm_tests::peers;
use storm_tests::process::Finished;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::{wait_for, wait_until};

use super::LIMIT;
use super::zk::kazoo;

const COMMAND: &str = "org.apache.storm.command";

/// A cluster of one supervisor, whose workers report every second, and that runs `words`.
fn words(nimbus: Maker, supervisor: Maker) -> Cluster {
    let options = ClusterOptions { nimbus, supervisor, slots: 2, ..ClusterOptions::default() };
    let options = options.with("executor.metrics.frequency.secs", 1).with("nimbus.monitor.freq.secs", 1);
    let cluster = Cluster::start(options.with("task.heartbeat.frequency.secs", 1));
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    let conf = json!({"topology.stats.sample.rate": 1.0, "topology.workers": 1, "topology.eventlogger.executors": 0});
    cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &conf, lines_to_split()).await).expect("accepted");
    cluster
}

/// What one of the classes behind the verbs of `storm` prints, without its log.
fn java(cluster: &Cluster, class: &str, arguments: &[&str]) -> Finished {
    let mut done = cluster.java_client(&format!("{COMMAND}.{class}"), &[], arguments);
    let own = done.stdout.lines().filter(|l| !is_log(l)).map(|l| format!("{l}\n")).collect();
    done.stdout = own;
    done
}

/// `12:00:00.000 [main] INFO  o.a.s.Class - message`, or what SLF4J says of itself.
fn is_log(line: &str) -> bool {
    line.starts_with("20") || line.contains(" [main] ") || line.contains("] INFO ") || line.contains("] WARN ")
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

fn storms_verbs_against(nimbus: Maker, supervisor: Maker) {
    let cluster = words(nimbus, supervisor);
    let ctl = |arguments: &[&str]| cluster.stormctl(arguments);
    let id = cluster.topology("words").expect("just submitted").id;

    // monitor: the components, and a line of figures.
    wait_until(LIMIT, "words to be counted", || {
        ctl(&["monitor", "words", "-m", "split", "--count", "1"]).status.success()
    });
    assert_eq!(ctl(&["monitor", "words"]).ok(), java(&cluster, "Monitor", &["words"]).ok());
    let ours = ctl(&["monitor", "words", "-m", "split", "-w", "transferred", "-i", "1", "--count", "2"]).ok();
    let mut theirs = cluster.nest().spawn("monitor", monitor(&cluster, &["words", "-m", "split", "-w", "transferred"]));
    theirs.wait_for_output(LIMIT, "words\tsplit\t1\tdefault\t0\t");
    let theirs = theirs.output();
    let ours: Vec<&str> = ours.lines().collect();
    assert!(theirs.lines().any(|l| l == ours[0]), "{theirs}\n{ours:?}");
    assert!(ours[1].starts_with("words\tsplit\t1\tdefault\t0\t") && ours[1].ends_with("\t0.0"), "{ours:?}");
    assert_eq!((ours.len(), ours[2].split('\t').count()), (3, 7), "{ours:?}");
    let unknown = ctl(&["monitor", "words", "-m", "none", "--count", "1"]);
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");

    // get-errors: the same line.
    let ours = ctl(&["get-errors", "words"]).ok();
    assert_eq!(ours, java(&cluster, "GetErrors", &["words"]).ok());
    assert_eq!(ctl(&["get_errors", "none", "-o", "storm"]).ok(), java(&cluster, "GetErrors", &["none"]).ok());
    assert_eq!(ctl(&["get-errors", "none"]).status.code(), Some(3));

    // set_log_level: what Nimbus knows afterwards.
    let levels = || {
        let id = id.clone();
        let config = cluster.ask(async move |nimbus| nimbus.get_log_config(id).await).expect("answered");
        let levels = config.named_logger_level.unwrap_or_default();
        let level = |l: storm_thrift::types::LogLevel| (l.action, l.target_log_level, l.reset_log_level_timeout_secs);
        levels.into_iter().map(|(logger, l)| (logger, level(l))).collect::<Vec<_>>()
    };
    ctl(&["set_log_level", "words", "-l", "a.b=WARN", "-l", "ROOT=DEBUG:300"]).ok();
    let ours = levels();
    assert_eq!(ours.len(), 2);
    ctl(&["set-log-level", "words", "-r", "a.b", "-r", "ROOT"]).ok();
    assert!(levels().is_empty(), "{:?}", levels());
    java(&cluster, "SetLogLevel", &["words", "-l", "a.b=WARN", "-l", "ROOT=DEBUG:300"]).ok();
    assert_eq!(ours, levels());
    assert_eq!(ctl(&["set-log-level", "words", "-l", "ROOT=LOUD"]).status.code(), Some(2));

    // upload-credentials and admin creds.
    let file = cluster.nest().dir().join("creds.properties");
    fs::write(&file, "from.file = 1\nboth=old\n").expect("written");
    let file = file.display().to_string();
    ctl(&["upload-credentials", "words", "-f", &file, "both", "new", "--dry-run"]).ok();
    assert_eq!(ctl(&["admin", "creds", &id]).ok(), format!("{id}:\n"));
    ctl(&["upload-credentials", "words", "-f", &file, "both", "new"]).ok();
    let keys = ctl(&["admin", "creds", &id]).ok();
    assert_eq!(keys, java(&cluster, "AdminCommands", &["creds", &id]).ok());
    assert!(keys.contains("\tboth\n") && keys.contains("\tfrom.file\n"), "{keys}");
    assert_eq!(ctl(&["upload-credentials", "words", "-e"]).status.code(), Some(1));
    assert_eq!(ctl(&["upload-credentials", "words", "odd"]).status.code(), Some(2));

    blobs(&cluster);

    // What ZooKeeper holds.
    let beats = wait_for(LIMIT, "a heartbeat", || {
        let listed = ctl(&["heartbeats", "list", &format!("/workerbeats/{id}")]);
        Some(listed.stdout).filter(|text| !text.is_empty())
    });
    let beat = json_of(&ctl(&["heartbeats", "get", &format!("{id}/{}", beats.trim())]).ok());
    assert_eq!(beat["storm-id"], json!(id));
    let supervisors = json_of(&ctl(&["admin", "print_super", "-o", "json"]).ok());
    assert_eq!(supervisors["items"][0]["value"]["hostname"], "127.0.0.1");
    let one = supervisors["items"][0]["id"].as_str().expect("an id");
    let printed = ctl(&["admin", "print_super", one]).ok();
    assert!(
        printed.starts_with(&format!("{one}:\n{{\n")) && printed.contains("\thostname: \"127.0.0.1\"\n"),
        "{printed}"
    );
    assert!(ctl(&["admin", "print_assignment", &id]).ok().contains("\texecutor_node_port: "));
    assert!(ctl(&["admin", "print_topo", "words"]).ok().contains("\t\t\tcommon: {\n"));

    corrupt(&cluster, &id);

    assert!(ctl(&["kill", "words", "--dry-run"]).ok().contains("would kill words"));
    assert_eq!(cluster.topology("words").map(|t| t.status).as_deref(), Some("ACTIVE"));
    ctl(&["kill", "words", "-w", "1", "--wait"]).ok();
    assert!(cluster.topology("words").is_none());
}

fn monitor(cluster: &Cluster, arguments: &[&str]) -> Command {
    let home = cluster.nimbus.home.display().to_string();
    let mut java = peers::java(&[&peers::storm_server_classpath(), &home]);
    java.args(["-Dstorm.options=", "-Dstorm.conf.file="]).arg(format!("{COMMAND}.Monitor")).args(arguments);
    java
}

fn blobs(cluster: &Cluster) {
    let ctl = |arguments: &[&str]| cluster.stormctl(arguments);
    let content = cluster.nest().dir().join("content");
    let path = content.display().to_string();
    // Several chunks, and bytes that are no text.
    let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    fs::write(&content, &bytes).expect("written");
    ctl(&["blobstore", "create", "k1", "-f", &path, "-a", "u:ann:rwa,o::rw", "-r", "1"]).ok();
    let again = ctl(&["blobstore", "create", "k1", "-f", &path]);
    assert_eq!(again.status.code(), Some(8), "{again:?}");

    let back = cluster.nest().dir().join("back");
    ctl(&["blobstore", "cat", "k1", "-f", &back.display().to_string()]).ok();
    assert!(fs::read(&back).expect("read") == bytes);
    java(cluster, "Blobstore", &["cat", "k1", "-f", &back.display().to_string()]).ok();
    assert!(fs::read(&back).expect("read") == bytes);

    // The Java client's list is in its log.
    let listed = || {
        let log = cluster.java_client(&format!("{COMMAND}.Blobstore"), &[], &["list", "k1"]).ok();
        let line = log.lines().find(|l| l.contains("k1 ")).unwrap_or_else(|| panic!("no k1 in {log}")).to_owned();
        line[line.find("k1 ").expect("found")..].to_owned() + "\n"
    };
    let ours = ctl(&["blobstore", "list", "k1", "-o", "storm"]).ok();
    assert_eq!(ours, listed());
    // Apache's Nimbus adds an entry of its own when nobody is authenticated.
    assert!(ours.contains(" [u:ann:rwa, o::rw-"), "{ours}");
    ctl(&["blobstore", "set-acl", "k1", "-s", "o::rwa"]).ok();
    assert!(listed().ends_with(" [o::rwa]\n"));

    fs::write(&content, "short").expect("written");
    ctl(&["blobstore", "update", "k1", "-f", &path]).ok();
    assert_eq!(ctl(&["blobstore", "cat", "k1"]).ok(), "short");
    assert_eq!(ctl(&["blobstore", "replication", "--read", "k1"]).ok(), "Current replication factor 1\n");
    let all = json_of(&ctl(&["blobstore", "list", "-o", "json"]).ok());
    let keys: Vec<&str> = all["items"].as_array().expect("items").iter().filter_map(|i| i["key"].as_str()).collect();
    assert!(keys.contains(&"k1") && keys.iter().any(|k| k.ends_with("-stormjar.jar")), "{keys:?}");
    let partly = ctl(&["blobstore", "list", "k1", "none"]);
    assert_eq!(partly.status.code(), Some(9), "{partly:?}");

    ctl(&["blobstore", "delete", "k1", "--dry-run"]).ok();
    ctl(&["blobstore", "delete", "k1"]).ok();
    assert_eq!(ctl(&["blobstore", "cat", "k1"]).status.code(), Some(3));
    assert_eq!(ctl(&["blobstore", "delete", "k1"]).status.code(), Some(3));
}

/// A topology whose node is there, and no blob of it. The node is a copy of a living one's: a Nimbus of Apache's that reads
/// a node without a topology in it ends.
fn corrupt(cluster: &Cluster, living: &str) {
    let ctl = |arguments: &[&str]| cluster.stormctl(arguments);
    let refused = ctl(&["admin", "zk_cli", "create", "/written", "x"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    ctl(&["admin", "zk_cli", "-w", "create", "/written", "x"]).ok();
    assert!(ctl(&["admin", "zk_cli", "ls", "/"]).ok().contains("written"));

    cluster.nest().run(kazoo(cluster, &["copy", &format!("/storm/storms/{living}"), "/storm/storms/ghost-1-1"])).ok();
    assert!(ctl(&["admin", "zk_cli", "ls", "/storms"]).ok().contains("ghost-1-1"));
    assert!(ctl(&["admin", "remove_corrupt_topologies", "--dry-run"]).ok().contains("would remove ghost-1-1"));
    assert_eq!(ctl(&["admin", "remove_corrupt_topologies", "-o", "name"]).ok(), "ghost-1-1\n");
    assert!(!ctl(&["admin", "zk_cli", "ls", "/storms"]).ok().contains("ghost"));
    assert!(ctl(&["admin", "remove_corrupt_topologies"]).ok().contains("every topology has blobs"));
}

#[test]
fn storms_verbs_against_our_daemons() {
    storms_verbs_against(Maker::Ours, Maker::Ours);
}

#[test]
fn storms_verbs_against_apaches_nimbus() {
    storms_verbs_against(Maker::Apache, Maker::Ours);
}

#[test]
fn storms_verbs_against_apaches_daemons() {
    storms_verbs_against(Maker::Apache, Maker::Apache);
}

#[test]
fn values_of_the_configuration_and_health_are_those_of_the_java_commands() {
    let cluster = Cluster::prepare(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let keys = [
        "nimbus.seeds",
        "nimbus.thrift.port",
        "topology.stats.sample.rate",
        "worker.metrics",
        "no.such.key",
        "topology.debug",
    ];
    for key in keys {
        let theirs = java(&cluster, "ConfigValue", &[key]).ok();
        let theirs = theirs.lines().find_map(|l| l.strip_prefix("VALUE: ")).expect("a value").to_owned();
        for verb in ["localconfvalue", "remoteconfvalue"] {
            let ours = cluster.stormctl(&[verb, key]).ok();
            // The order of a map's keys is nobody's promise.
            let sorted = |text: &str| {
                let mut parts: Vec<String> = text.trim_matches(['{', '}']).split(", ").map(str::to_owned).collect();
                parts.sort_unstable();
                parts
            };
            let ours = ours.strip_prefix(&format!("{key}: ")).expect("the key").trim_end();
            assert_eq!(sorted(ours), sorted(&theirs), "{key}");
        }
    }

    let checks = cluster.nimbus.home.join("healthchecks");
    fs::create_dir(&checks).expect("made");
    let script = |name: &str, text: &str| {
        let path = checks.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        let done = Command::new("chmod").arg("755").arg(&path).status().expect("chmod runs");
        assert!(done.success());
    };
    let both = |expected: i32| {
        let home = cluster.nimbus.home.display().to_string();
        let ours = cluster.stormctl(&["-c", &format!("storm.home={home}"), "node-health-check"]);
        assert_eq!(ours.status.code(), Some(expected), "{ours:?}");
        let theirs = java(&cluster, "HealthCheck", &[]);
        assert_eq!(theirs.status.code(), Some(expected), "{theirs:?}");
    };
    script("good", "echo fine");
    both(0);
    script("bad", "echo ERROR disk; exit 1");
    both(1);
}

#[test]
fn a_drpc_call_reaches_apaches_own_processor() {
    let cluster = Cluster::prepare(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let port = storm_tests::ports::free_port();
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
    java.args(["drpc.Server", &port.to_string()]);
    let mut server = cluster.nest().spawn("drpc", java);
    server.wait_for_output(LIMIT, "serving");
    let (servers, port) = ("drpc.servers=[\"127.0.0.1\"]".to_owned(), format!("drpc.port={port}"));
    let call = |rest: &[&str]| {
        let mut all = vec!["-c", &servers, "-c", &port, "drpc-client"];
        all.extend(rest);
        cluster.stormctl(&all)
    };
    wait_until(LIMIT, "the port to be open", || call(&["exclaim", "x"]).status.success());
    assert_eq!(call(&["-f", "exclaim", "a", "b c"]).ok(), "exclaim \"a\" => \"a!\"\nexclaim \"b c\" => \"b c!\"\n");
    assert_eq!(call(&["exclaim", "a", "-o", "name"]).ok(), "a!\n");
    let failed = call(&["other", "a"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(failed.stderr.contains("nobody serves other"), "{failed:?}");
    let nobody = cluster.stormctl(&["-c", &servers, "-c", "drpc.port=1", "drpc-client", "f", "a"]);
    assert_eq!(nobody.status.code(), Some(4), "{nobody:?}");
    let unset = cluster.stormctl(&["drpc-client", "f", "a"]);
    assert_eq!(unset.status.code(), Some(6), "{unset:?}");
}

#[test]
fn a_java_program_submits_its_jar() {
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    let jar = jar.display().to_string();
    let home = cluster.nest().dir().join("apache");
    let run = |arguments: &[&str]| {
        let mut command = super::command(cluster.nest(), &[]);
        command.env("STORM_EXT_CLASSPATH", peers::java_classes()).env("STORM_HOME", &home);
        command.arg("--config").arg(cluster.nimbus.config()).args(arguments);
        cluster.nest().run(command)
    };
    let missing = run(&["jar", &jar, "client.SubmitShell", "words", "1"]);
    assert_eq!(missing.status.code(), Some(5), "{missing:?}");
    assert!(missing.stderr.contains("lib-worker") && missing.stderr.contains("STORM_HOME"), "{missing:?}");

    fs::create_dir(&home).expect("made");
    std::os::unix::fs::symlink(peers::storm_client_jars(), home.join("lib-worker")).expect("linked");
    let path = run(&["classpath"]).ok();
    assert!(path.contains(&format!("{}/lib-worker/*", home.display())), "{path}");
    run(&["jar", &jar, "client.SubmitShell", "words", "1", "--dry-run"]).ok();
    assert!(cluster.topology("words").is_some(), "what is behind the class belongs to it");
    let said = run(&["jar", &jar, "client.SubmitShell", "more", "2", "INACTIVE", "-c", "topology.debug=true"]).ok();
    assert!(said.contains("submitted more"), "{said}");
    let topology = cluster.topology("more").expect("submitted");
    assert_eq!(topology.status, "INACTIVE");
    let conf = cluster.ask(async move |nimbus| nimbus.get_topology_conf(topology.id).await).expect("its configuration");
    assert_eq!(json_of(&conf)["topology.debug"], json!(true));
    let gone = run(&["jar", "none.jar", "C"]);
    assert_eq!(gone.status.code(), Some(3), "{gone:?}");
}

/// What the resolver finds goes along: on the class path of the program, and as blobs of its topology.
#[test]
fn artifacts_go_with_a_java_programs_jar() {
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let dir = cluster.nest().dir();
    let jar = dir.join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    let home = dir.join("apache");
    let tools = home.join("lib-tools/submit-tools");
    fs::create_dir_all(&tools).expect("made");
    std::os::unix::fs::symlink(peers::storm_client_jars(), home.join("lib-worker")).expect("linked");
    let mut pack = Command::new("jar");
    pack.arg("--create").arg("--file").arg(tools.join("resolver.jar"));
    pack.arg("-C").arg(peers::java_classes()).arg("org/apache/storm/submit/command");
    cluster.nest().run(pack).ok();
    let artifact = dir.join("artifact.jar");
    fs::copy(&jar, &artifact).expect("copied");
    let run = |arguments: &[&str]| {
        let mut command = super::command(cluster.nest(), &[]);
        command.env("STORM_EXT_CLASSPATH", peers::java_classes()).env("STORM_HOME", &home);
        command.env("TEST_ARTIFACT", &artifact).arg("--config").arg(cluster.nimbus.config()).args(arguments);
        cluster.nest().run(command)
    };
    let jar = jar.display().to_string();
    let rest = [jar.as_str(), "client.SubmitShell", "words", "1"];
    let flags =
        ["--artifacts", "org.x:y:1.0^org.z:z", "--artifactRepositories", "own^http://127.0.0.1/", "--proxyUrl", "p"];
    let done = run(&[&["jar"], &flags[..], &rest].concat());
    assert!(
        done.stderr.contains(
            "resolver: --artifacts org.x:y:1.0^org.z:z --artifactRepositories own^http://127.0.0.1/ --proxyUrl p"
        ),
        "{done:?}"
    );
    assert!(done.stderr.contains(&format!(":{}", artifact.display())), "not on the class path: {done:?}");
    done.ok();
    let blobs = cluster.stormctl(&["blobstore", "list", "-o", "name"]).ok();
    let blob = blobs.lines().find(|b| b.starts_with("dep-org.x-y-1.0"));
    assert!(blob.is_some(), "{blobs}");
    let topology = json_of(&cluster.stormctl(&["admin", "print_topo", "words", "-o", "json"]).ok());
    assert_eq!(topology["items"][0]["value"]["dependency_artifacts"], json!([blob]), "{topology}");

    let missing = run(&["jar", "--artifacts", "org.x:missing:1", rest[0], rest[1], "more", "1"]);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(missing.stderr.contains("java/artifacts") && cluster.topology("more").is_none(), "{missing:?}");
    fs::remove_dir_all(&tools).expect("removed");
    assert_eq!(run(&[&["jar"], &flags[..], &rest].concat()).status.code(), Some(5));
}

/// What is asked on the machine of a supervisor, whoever made it.
fn a_supervisors_machine(maker: Maker) {
    let cluster = words(maker, maker);
    let before = cluster.wait_for_workers(1);
    let supervisor = &cluster.supervisors[0];
    let here = |arguments: &[&str]| cluster.stormctl_at(supervisor, arguments);
    let pid = before[0].pid.to_string();

    let listed = json_of(&here(&["jps", "-o", "json"]).ok());
    let items = listed["items"].as_array().expect("a list");
    let worker = items.iter().find(|p| p["pid"] == before[0].pid).unwrap_or_else(|| panic!("no {pid} in {listed}"));
    assert_eq!((&worker["role"], &worker["orphan"]), (&json!("worker"), &json!(false)), "{worker}");
    assert_eq!(worker["slot"], json!(before[0].port), "{worker}");
    let id = cluster.topology("words").expect("it runs").id;
    assert_eq!(worker["topology"], json!(id));

    let entries = wait_for(LIMIT, "its worker to log", || {
        let done = here(&["logs", "words", "-o", "json"]);
        done.status.success().then(|| json_of(&done.stdout)).filter(|d| d["items"][0]["time"].is_string())
    });
    assert!(entries["items"].as_array().is_some_and(|e| e.iter().any(|e| e["level"] == "INFO")), "{entries}");
    assert!(here(&["node-health-check"]).ok().ends_with("healthy\n"));
    let described = here(&["describe", "words"]).ok();
    assert!(described.contains(&format!("127.0.0.1:{}", before[0].port)), "{described}");

    let told = here(&["kill_workers", "--dry-run", "-o", "name"]).ok();
    assert!(told.lines().any(|l| l == pid), "{told} has no {pid}");
    assert!(storm_tests::process::is_alive(before[0].pid));
    let done = here(&["kill_workers", "-o", "name"]).ok();
    assert!(done.lines().any(|l| l == pid), "{done} has no {pid}");
    assert!(!storm_tests::process::is_alive(before[0].pid));
    wait_until(Duration::from_secs(60), "another worker", || {
        cluster.all_workers().iter().any(|w| w.pid != before[0].pid)
    });
}

#[test]
fn on_the_machine_of_our_supervisor() {
    a_supervisors_machine(Maker::Ours);
}

#[test]
fn on_the_machine_of_apaches_supervisor() {
    a_supervisors_machine(Maker::Apache);
}

/// `storm shell`: the folder is uploaded, and the program is told where.
#[test]
fn a_program_submits_what_shell_uploaded() {
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let dir = cluster.nest().dir();
    fs::create_dir_all(dir.join("resources/inner")).expect("made");
    for file in ["lines.py", "inner/split.py"] {
        fs::write(dir.join("resources").join(file), "import storm\n").expect("written");
    }
    let run = |arguments: &[&str]| {
        let mut command = super::command(cluster.nest(), &[]);
        command.arg("--config").arg(cluster.nimbus.config()).args(arguments);
        cluster.nest().run(command)
    };
    fs::write(dir.join("tell.sh"), "echo \"$@\" >told\n").expect("written");
    let dry = run(&["shell", "--dry-run", "resources", "sh", "x"]).ok();
    assert!(dry.contains("would upload resources with 2 files, then run: sh x HOST PORT JAR"), "{dry}");
    run(&["shell", "./resources/", "sh", "tell.sh", "one", "--dry-run"]).ok();
    let told = fs::read_to_string(dir.join("told")).expect("it ran");
    let words: Vec<&str> = told.split_whitespace().collect();
    // What is behind the program belongs to it.
    assert_eq!(words[..4], ["one", "--dry-run", "127.0.0.1", &cluster.nimbus.port.to_string()]);
    // The judge is Python's zipfile: the jar is where the program is told, as `jar cf` would have made it.
    let python =
        "import sys, zipfile; print(sorted(n for n in zipfile.ZipFile(sys.argv[1]).namelist() if n.startswith('res')))";
    let mut listing = Command::new("python3");
    listing.args(["-c", python, words[4]]);
    assert_eq!(
        cluster.nest().run(listing).ok().trim(),
        "['resources/', 'resources/inner/split.py', 'resources/lines.py']"
    );
    let failed = run(&["shell", "resources", "false"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert_eq!(run(&["shell", "nowhere", "true"]).status.code(), Some(3));
    assert_eq!(run(&["shell", "resources", "no-such-program"]).status.code(), Some(5));
    assert_eq!(run(&["repl"]).status.code(), Some(5));
}
