//! `stormctl zk`'s look at the tree and its changes, against our server and Apache's; kazoo is the other party.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::jars::python_jar;
use storm_tests::peers;
use storm_tests::process::Finished;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::{wait_for, wait_until};
use storm_thrift::types::{Credentials, LogConfig, LogLevel, LogLevelAction};

use super::{LIMIT, command};

fn only_zookeeper(maker: Maker) -> Cluster {
    let mut cluster =
        Cluster::prepare(ClusterOptions { zookeeper: maker, supervisors: 0, ..ClusterOptions::default() });
    cluster.start_zookeeper();
    cluster
}

fn zk(cluster: &Cluster, args: &[&str]) -> Finished {
    let mut command = command(cluster.nest(), &[]);
    command.arg("--config").arg(cluster.nimbus.config()).arg("zk").args(args);
    cluster.nest().run(command)
}

pub fn kazoo(cluster: &Cluster, args: &[&str]) -> Command {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/znodes.py"));
    python.arg(format!("127.0.0.1:{}", cluster.zookeeper.port)).args(args);
    python.env("PYTHONPATH", peers::python_path());
    python
}

fn json(done: Finished) -> Value {
    serde_json::from_str(&done.ok()).expect("JSON")
}

#[test]
fn what_kazoo_writes_we_read_and_the_other_way_round() {
    for maker in [Maker::Ours, Maker::Apache] {
        let cluster = only_zookeeper(maker);
        let other = |args: &[&str]| cluster.nest().run(kazoo(&cluster, args)).ok();
        other(&["make", "/app/colour", "grün\nund blau"]);
        assert_eq!(zk(&cluster, &["get", "/app/colour"]).ok(), "grün\nund blau\n");
        assert_eq!(zk(&cluster, &["get", "/app/colour", "--raw"]).ok(), "grün\nund blau");
        assert_eq!(zk(&cluster, &["ls", "/app"]).ok(), "colour\n");
        let node = json(zk(&cluster, &["get", "/app/colour", "-o", "json"]));
        assert_eq!((&node["kind"], &node["type"]), (&json!("ZNode"), &json!("Text")));
        assert_eq!((&node["data"], &node["stat"]["version"]), (&json!("grün\nund blau"), &json!(0)));
        assert!(node["stat"]["modified"].as_str().is_some_and(|t| t.len() == 24 && t.ends_with('Z')), "{node}");

        // A change needs a yes, and the right version if one is named.
        let unsaid = zk(&cluster, &["set", "/app/colour", "red"]);
        assert_eq!(unsaid.status.code(), Some(7), "{unsaid:?}");
        assert!(unsaid.stderr.contains("--yes") && unsaid.stderr.contains("/app/colour"), "{unsaid:?}");
        zk(&cluster, &["set", "/app/colour", "red", "--dry-run"]).ok();
        assert_eq!(other(&["get", "/app/colour"]), "0 grün\nund blau\n");
        zk(&cluster, &["set", "/app/colour", "red", "--yes"]).ok();
        assert_eq!(other(&["get", "/app/colour"]), "1 red\n");
        other(&["set", "/app/colour", "blue"]);
        let late = zk(&cluster, &["set", "/app/colour", "green", "--if-version", "1", "-y"]);
        assert_eq!(late.status.code(), Some(8), "{late:?}");
        let late = zk(&cluster, &["rm", "/app/colour", "--if-version", "1", "-y"]);
        assert_eq!(late.status.code(), Some(8), "{late:?}");
        assert_eq!(other(&["get", "/app/colour"]), "2 blue\n");

        let missing = zk(&cluster, &["set", "/app/deep/er", "x", "-y"]);
        assert_eq!(missing.status.code(), Some(3), "{missing:?}");
        let file = cluster.nest().dir().join("value");
        std::fs::write(&file, [0_u8, 255, 10]).expect("written");
        zk(&cluster, &["set", "/app/deep/er", "--file", &file.display().to_string(), "--create", "-y"]).ok();
        let node = json(zk(&cluster, &["get", "/app/deep/er", "-o", "json"]));
        assert_eq!((&node["encoding"], &node["data"]), (&json!("hex"), &json!("00ff0a")));

        let full = zk(&cluster, &["rm", "/app", "-y"]);
        assert_eq!(full.status.code(), Some(8), "{full:?}");
        assert!(full.stderr.contains("stormctl zk rm -r /app"), "{full:?}");
        let planned = json(zk(&cluster, &["rm", "-r", "/app", "-n", "-o", "json"]));
        assert_eq!(planned["action"], "planned");
        let removed = json(zk(&cluster, &["rm", "-r", "/app", "-y", "-o", "json"]));
        assert_eq!((&removed["action"], &removed["nodes"]), (&json!("removed"), &json!(4)));
        assert_eq!(zk(&cluster, &["get", "/app"]).status.code(), Some(3));
        assert_eq!(zk(&cluster, &["rm", "-r", "/zookeeper", "-y"]).status.code(), Some(7));

        assert_eq!(zk(&cluster, &["ruok"]).status.code(), Some(if maker == Maker::Ours { 0 } else { 7 }));
        assert!(zk(&cluster, &["srvr"]).ok().contains("Mode: standalone"));
    }
}

#[test]
fn a_node_of_a_living_process_is_left_alone_and_paths_are_counted_and_found() {
    let cluster = only_zookeeper(Maker::Ours);
    let mut holder = kazoo(&cluster, &["hold", "/app/lock/me"]);
    holder.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut holder = holder.spawn().expect("python3 starts");
    wait_until(LIMIT, "the node", || zk(&cluster, &["get", "/app/lock/me"]).status.success());
    for path in ["/app/lock/me", "/app"] {
        let refused = zk(&cluster, &["rm", "-r", path, "--yes"]);
        assert_eq!(refused.status.code(), Some(7), "{refused:?}");
        assert!(refused.stderr.contains("error[zk/owned]"), "{refused:?}");
    }
    assert_eq!(zk(&cluster, &["find", "/app", "--ephemeral"]).ok(), "/app/lock/me\n");
    let listed = json(zk(&cluster, &["ls", "/app/lock", "-o", "json"]));
    assert!(listed["items"][0]["ephemeral_owner"].as_str().is_some_and(|o| o.starts_with("0x")), "{listed}");
    zk(&cluster, &["rm", "/app/lock/me", "--yes", "--force"]).ok();
    drop(holder.stdin.take());
    holder.wait().expect("it ends");

    for (path, text) in [("/app/a-1", "one apple"), ("/app/a-2", "two Apples"), ("/app/b", "none")] {
        zk(&cluster, &["set", path, text, "--create", "-y"]).ok();
    }
    assert_eq!(zk(&cluster, &["find", "/app", "--name", "a-*"]).ok(), "/app/a-1\n/app/a-2\n");
    assert_eq!(zk(&cluster, &["find", "/", "--name", "/app/?"]).ok(), "/app/b\n");
    assert_eq!(zk(&cluster, &["find", "/app", "--text", "apple"]).ok(), "/app/a-1: one apple\n");
    assert_eq!(zk(&cluster, &["find", "/app", "--text", "apple", "-i", "-o", "name"]).ok(), "/app/a-1\n/app/a-2\n");
    let usage = json(zk(&cluster, &["du", "/app", "-o", "json"]));
    let total = usage["items"].as_array().and_then(|i| i.last()).expect("a total");
    assert_eq!((&total["path"], &total["nodes"], &total["bytes"]), (&json!("/app"), &json!(5), &json!(23)));
    assert_eq!(zk(&cluster, &["ls", "-R", "/app"]).ok().lines().count(), 5);

    let none = zk(&cluster, &["ls", "/", "--server", "127.0.0.1:1"]);
    assert_eq!(none.status.code(), Some(4), "{none:?}");
    assert!(none.stderr.contains("127.0.0.1:1: Connection refused"), "{none:?}");
}

#[test]
fn the_shell_reads_lines_from_a_pipe() {
    let cluster = only_zookeeper(Maker::Ours);
    let shell = |lines: &str| {
        let file = cluster.nest().dir().join("lines");
        std::fs::write(&file, lines).expect("written");
        let mut sh = command(cluster.nest(), &[]);
        let stormctl = std::mem::replace(&mut sh, Command::new("sh"));
        sh.args(["-c", "exec \"$@\" < lines", "sh"]).arg(stormctl.get_program()).arg("--config");
        sh.arg(cluster.nimbus.config()).args(["zk", "shell"]).current_dir(cluster.nest().dir());
        cluster.nest().run(sh)
    };
    let done =
        shell("set /a/b 'two words' --create -y\ncd /a\npwd\nls\nget b\n# nothing\n\nrm b -y\nls\nquit\nget b\n");
    let said = done.ok();
    assert!(said.ends_with("/a\nb\ntwo words\n/a/b is removed (1 nodes)\n"), "{said}");
    // Every line is tried; the status is that of the first that failed.
    let failed = shell("get /none\nfrobnicate\nrm /a\npwd\n");
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");
    assert_eq!(failed.stdout, "/storm\n");
    for word in ["error[zk/no-node]", "error[usage/line]", "error[confirm/missing]"] {
        assert!(failed.stderr.contains(word), "no {word} in {failed:?}");
    }
}

/// On a terminal the name has to be typed.
#[test]
fn on_a_terminal_the_path_must_be_typed() {
    let cluster = only_zookeeper(Maker::Ours);
    zk(&cluster, &["set", "/app", "x", "--create", "-y"]).ok();
    let script = "import os, pty, sys\n\
                  pid, fd = pty.fork()\n\
                  if pid == 0: os.execv(sys.argv[2], sys.argv[2:])\n\
                  seen = b''\n\
                  while b'to confirm: ' not in seen: seen += os.read(fd, 1000)\n\
                  os.write(fd, sys.argv[1].encode() + b'\\n')\n\
                  try:\n\
                  \twhile os.read(fd, 1000): pass\n\
                  except OSError: pass\n\
                  sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let typed = |answer: &str| {
        let mut python = Command::new("python3");
        python.args(["-c", script, answer]).arg(stormctl()).arg("--config").arg(cluster.nimbus.config());
        python.args(["zk", "rm", "/app"]).env("HOME", cluster.nest().dir());
        cluster.nest().run(python).status.code()
    };
    assert_eq!(typed("yes"), Some(7));
    assert!(zk(&cluster, &["get", "/app"]).status.success());
    assert_eq!(typed("/app"), Some(0));
    assert_eq!(zk(&cluster, &["get", "/app"]).status.code(), Some(3));
}

fn storms_data_is_readable(maker: Maker) {
    let options = ClusterOptions { zookeeper: maker, nimbus: maker, supervisor: maker, ..ClusterOptions::default() };
    let cluster = Cluster::start(options.with("executor.metrics.frequency.secs", 1));
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &json!({}), lines_to_split()).await).expect("accepted");
    let id = cluster.topology("words").expect("it is known").id;
    let credentials = Credentials { creds: [("token".to_owned(), "s3cr3t".to_owned())].into(), topo_owner: None };
    cluster
        .ask(async |nimbus| nimbus.upload_new_credentials("words".to_owned(), credentials).await)
        .expect("credentials are taken");
    let level =
        LogLevel { action: LogLevelAction::Update, target_log_level: Some("DEBUG".into()), ..LogLevel::default() };
    let config = LogConfig { named_logger_level: Some([("com.acme".to_owned(), level)].into()) };
    // Unlike the other calls it wants the id.
    cluster.ask(async |nimbus| nimbus.set_log_config(id.clone(), config).await).expect("a log config");

    let data = |path: &str| json(zk(&cluster, &["get", path, "-o", "json"]));
    let only = |dir: &str| {
        let names = wait_for(LIMIT, dir, || {
            let names = zk(&cluster, &["ls", dir]);
            (names.status.success() && !names.stdout.is_empty()).then_some(names.stdout)
        });
        names.lines().next().expect("a child").to_owned()
    };
    let base = data(&format!("storms/{id}"));
    assert_eq!((&base["type"], &base["data"]["name"]), (&json!("StormBase"), &json!("words")));
    assert_eq!(base["data"]["status"], "ACTIVE");
    only("assignments");
    let assignment = data(&format!("assignments/{id}"));
    let slots = assignment["data"]["executor_node_port"].as_object().expect("slots");
    assert!(slots.keys().all(|k| k.starts_with('[') && k.contains('-')) && !slots.is_empty(), "{assignment}");
    let supervisor = only("supervisors");
    let info = data(&format!("supervisors/{supervisor}"));
    assert_eq!((&info["type"], &info["data"]["hostname"]), (&json!("SupervisorInfo"), &json!("127.0.0.1")));
    assert!(info["stat"]["ephemeral_owner"].is_string(), "{info}");
    let nimbus = only("nimbuses");
    assert_eq!(data(&format!("nimbuses/{nimbus}"))["type"], "NimbusSummary");
    let latch = only("leader-lock");
    let participant = data(&format!("leader-lock/{latch}"));
    assert_eq!(participant["type"], "Participant");
    assert!(participant["data"].as_str().is_some_and(|p| p.starts_with("127.0.0.1:")), "{participant}");
    let beat = only(&format!("workerbeats/{id}"));
    let beat = data(&format!("workerbeats/{id}/{beat}"));
    assert_eq!((&beat["type"], &beat["data"]["storm_id"]), (&json!("ClusterWorkerHeartbeat"), &json!(id)));
    assert_eq!(data(&format!("blobstoremaxkeysequencenumber/{id}-stormcode.ser"))["data"], 1);
    let holder = only(&format!("blobstore/{id}-stormcode.ser"));
    let holder = data(&format!("blobstore/{id}-stormcode.ser/{holder}"));
    assert_eq!(holder["data"]["sequence"], 1, "{holder}");
    let log = data(&format!("logconfigs/{id}"));
    assert_eq!(log["data"]["named_logger_level"]["com.acme"]["action"], "UPDATE", "{log}");

    // Keys of credentials are shown, values only if asked for; nor are they found.
    let path = format!("credentials/{id}");
    let shown = zk(&cluster, &["get", &path]).ok();
    assert!(shown.contains("token:") && !shown.contains("s3cr3t"), "{shown}");
    assert!(zk(&cluster, &["get", &path, "--show-secrets"]).ok().contains("token: s3cr3t"));
    let raw = zk(&cluster, &["get", &path, "--raw"]);
    assert_eq!(raw.status.code(), Some(7), "{raw:?}");
    assert_eq!(zk(&cluster, &["find", "--text", "s3cr3t"]).ok(), "");
    assert!(zk(&cluster, &["find", "--text", "s3cr3t", "--show-secrets"]).ok().contains(&path));
    assert!(zk(&cluster, &["find", "--text", "name: words"]).ok().contains(&format!("/storm/storms/{id}: ")));

    // What the topology runs by is guarded, also from a yes.
    for path in [format!("storms/{id}"), format!("assignments/{id}"), "/storm".to_owned(), "storms".to_owned()] {
        let refused = zk(&cluster, &["rm", "-r", &path, "--yes"]);
        assert_eq!(refused.status.code(), Some(7), "{refused:?}");
        assert!(refused.stderr.contains(&format!("stormctl kill {id}")), "{refused:?}");
    }
    let refused = zk(&cluster, &["set", &format!("storms/{id}"), "rubbish", "--yes"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    zk(&cluster, &["rm", &format!("logconfigs/{id}"), "--yes"]).ok();
    assert_eq!(cluster.topology("words").map(|t| t.status).as_deref(), Some("ACTIVE"));
    let text = zk(&cluster, &["du"]).ok();
    assert!(text.ends_with(" /storm\n") && text.contains("/storm/assignments\n"), "{text}");
}

#[test]
fn storms_data_of_our_daemons_is_readable() {
    storms_data_is_readable(Maker::Ours);
}

#[test]
fn storms_data_of_apaches_daemons_is_readable() {
    storms_data_is_readable(Maker::Apache);
}

#[test]
fn a_look_leaves_no_trace_and_takes_no_time() {
    let cluster = only_zookeeper(Maker::Ours);
    let empty = zk(&cluster, &["ls"]);
    assert_eq!(empty.status.code(), Some(3), "{empty:?}");
    assert_eq!(zk(&cluster, &["ls", "/"]).ok(), "zookeeper\n");
    let fastest = (0..10).map(|_| {
        let began = Instant::now();
        zk(&cluster, &["ls", "/"]).ok();
        began.elapsed().as_millis()
    });
    let fastest = fastest.min().unwrap_or_default();
    assert!(fastest < 100, "{fastest} ms, without optimisation");
}
