//! `stormctl jps` against the JDK's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::jars::python_jar;
use storm_tests::peers;
use storm_tests::process::Nest;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::{wait_for, wait_until};

use super::{LIMIT, command};

/// The line about a process, whatever the others are: other tests run theirs meanwhile.
fn line(list: &str, pid: u32) -> Option<String> {
    list.lines().find(|l| l.split(' ').next() == Some(&pid.to_string())).map(str::to_owned)
}

#[test]
fn jvms_are_listed_as_the_jdk_lists_them() {
    let nest = Nest::new();
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
    // It reads its standard input to the end, which is not before this test's.
    java.args(["-Dsome.flag=with blank", "conf.Judge", "one", "two words"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut jvm = java.spawn().expect("java starts");
    let jps = jps_of_the_jdk();
    let theirs = |flags: &str| {
        let mut command = Command::new(&jps);
        command.args(Some(flags).filter(|f| !f.is_empty()));
        nest.run(command).ok()
    };
    let ours = |flags: &str| {
        let mut command = command(&nest, &["jps"]);
        command.args(Some(flags).filter(|f| !f.is_empty()));
        nest.run(command).ok()
    };
    wait_until(LIMIT, "the JDK's jps to show the JVM", || {
        line(&theirs(""), jvm.id()).is_some_and(|l| l.ends_with("Judge"))
    });
    for flags in ["", "-l", "-m", "-v", "-V", "-q", "-lm", "-lmvV", "-mv"] {
        let wanted = line(&theirs(flags), jvm.id());
        assert!(wanted.is_some(), "the JDK's jps {flags} does not show it");
        assert_eq!(line(&ours(flags), jvm.id()), wanted, "jps {flags}");
    }
    drop(jvm.stdin.take());
    jvm.wait().expect("it ends");
    assert_eq!(line(&ours(""), jvm.id()), None);
}

fn jps_of_the_jdk() -> PathBuf {
    // Beside the javac that the peers are compiled with.
    let path = std::env::var_os("PATH").expect("PATH");
    let found = std::env::split_paths(&path).map(|d| d.join("jps")).find(|p| p.is_file());
    found.expect("the JDK's jps, as of Debian's default-jdk-headless")
}

#[test]
fn daemons_of_both_kinds_have_the_names_that_scripts_look_for() {
    let mut cluster =
        Cluster::start(ClusterOptions { zookeeper: Maker::Apache, nimbus: Maker::Ours, ..ClusterOptions::default() });
    let pids = [
        (cluster.zookeeper.process().pid(), "QuorumPeerMain", "java"),
        (cluster.nimbus.process().pid(), "Nimbus", "native"),
        (cluster.supervisors[0].process().pid(), "Supervisor", "native"),
    ];
    let jps = |flags: &[&str]| {
        let mut command = command(cluster.nest(), &["jps"]);
        command.args(flags);
        cluster.nest().run(command).ok()
    };
    let plain = jps(&[]);
    for (pid, name, _) in pids {
        assert_eq!(line(&plain, pid), Some(format!("{pid} {name}")), "{plain}");
    }
    assert!(plain.lines().any(|l| l.ends_with(" Jps")), "{plain}");
    let nimbus = pids[1].0;
    let long = jps(&["-l"]);
    assert_eq!(line(&long, nimbus), Some(format!("{nimbus} org.apache.storm.daemon.nimbus.Nimbus")), "{long}");
    let json: Value = serde_json::from_str(&jps(&["-o", "json"])).expect("JSON");
    let items = json["items"].as_array().expect("a list");
    for (pid, _, kind) in pids {
        let item = items.iter().find(|i| i["pid"] == pid).expect("listed");
        assert_eq!(item["kind"], kind);
        assert!(item["resident_bytes"].as_u64().is_some_and(|b| b > 1 << 20), "{item}");
    }
    let quiet: BTreeSet<String> = jps(&["-q"]).lines().map(str::to_owned).collect();
    assert!(pids.iter().all(|(pid, ..)| quiet.contains(&pid.to_string())), "{quiet:?}");
}

/// Every worker of a cluster as `jps -o json` has it, once all of them are there.
fn workers(cluster: &Cluster, count: usize) -> Vec<Value> {
    wait_for(LIMIT, &format!("{count} workers in jps"), || {
        let done = cluster.nest().run(command(cluster.nest(), &["jps", "-o", "jsonl"])).ok();
        let items = done.lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
        // Other tests have theirs.
        let mine: Vec<u64> = cluster.all_workers().iter().map(|w| u64::from(w.pid)).collect();
        let of_cluster = |item: &Value| {
            let slots: Vec<u64> = cluster.all_workers().iter().map(|w| u64::from(w.port)).collect();
            item["role"] == "worker"
                && (mine.iter().any(|pid| item["pid"] == *pid) || slots.iter().any(|port| item["slot"] == *port))
        };
        let found: Vec<Value> = items.filter(of_cluster).collect();
        (found.len() == count).then_some(found)
    })
}

fn an_orphan_is_marked(maker: Maker) {
    let options =
        ClusterOptions { zookeeper: Maker::Ours, nimbus: maker, supervisor: maker, ..ClusterOptions::default() };
    let mut cluster = Cluster::start(options);
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &json!({}), lines_to_split()).await).expect("accepted");
    let id = cluster.topology("words").expect("it is known").id;
    let worker = &workers(&cluster, 1)[0];
    assert_eq!((&worker["topology"], &worker["orphan"]), (&json!(id), &json!(false)), "{worker}");
    assert_eq!(worker["port"], worker["slot"]);
    assert_eq!(worker["kind"], if maker == Maker::Apache { "java" } else { "native" });
    // A worker of ours has taken less than a tick by now.
    assert!(worker["cpu_secs"].as_f64().is_some_and(|s| s > 0.0 || maker == Maker::Ours), "{worker}");
    assert!(worker["config"].is_string(), "{worker}");

    let daemons = [
        (cluster.nimbus.process().pid(), cluster.nimbus.port, cluster.nimbus.config(), "nimbus"),
        (
            cluster.supervisors[0].process().pid(),
            cluster.supervisors[0].port,
            cluster.supervisors[0].config(),
            "supervisor",
        ),
    ];
    let all = cluster.nest().run(command(cluster.nest(), &["jps", "-o", "json"])).ok();
    let all: Value = serde_json::from_str(&all).expect("JSON");
    for (pid, port, config, role) in daemons {
        let item = all["items"].as_array().and_then(|i| i.iter().find(|i| i["pid"] == pid)).expect("listed");
        assert_eq!(item["role"], role);
        assert!(item["ports"].as_array().is_some_and(|p| p.contains(&json!(port))), "{port} in {item}");
        assert_eq!(item["config"], config.display().to_string());
    }
    let wide = cluster.nest().run(command(cluster.nest(), &["jps", "-o", "wide"])).ok();
    assert!(wide.lines().next().is_some_and(|l| l.contains("TOPOLOGY") && l.contains("ORPHAN")), "{wide}");

    cluster.supervisors[0].kill_nine();
    let orphan = &workers(&cluster, 1)[0];
    assert_eq!(orphan["pid"], worker["pid"]);
    assert_eq!(orphan["orphan"], true, "{orphan}");
    assert!(orphan["orphan_reason"].as_str().is_some_and(|r| r.contains("supervisor")), "{orphan}");
    cluster.start_supervisor(0);
    wait_until(LIMIT, "the worker to be owned again", || workers(&cluster, 1).iter().all(|w| w["orphan"] == false));
}

#[test]
fn an_orphan_of_ours_is_marked_until_a_supervisor_adopts_it() {
    an_orphan_is_marked(Maker::Ours);
}

#[test]
fn an_orphan_of_apaches_is_marked_until_a_supervisor_adopts_it() {
    an_orphan_is_marked(Maker::Apache);
}
