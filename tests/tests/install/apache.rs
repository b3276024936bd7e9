//! A release of Apache Storm and one of Apache ZooKeeper on one machine: its own daemons, told by the JDK's jps.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use storm_tests::jars::python_jar;
use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::Nest;
use storm_tests::release::storm_archive;
use storm_tests::wait::wait_until;

use super::distributed::archive as zookeeper_archive;
use super::single::verified_units;
use super::{LIMIT, own_ports, run, tree};

/// The home of the Java on PATH, by a path with a blank in it.
fn java_home(nest: &Nest) -> PathBuf {
    let java = Command::new("sh").args(["-c", "readlink -f \"$(command -v java)\""]).output().expect("sh runs");
    let java = PathBuf::from(String::from_utf8_lossy(&java.stdout).trim());
    let link = nest.dir().join("my java");
    symlink(java.parent().and_then(Path::parent).expect("the home of a Java"), &link).expect("linked");
    link
}

/// Role to process, of the daemons that `status` tells of.
fn running(nest: &Nest) -> BTreeMap<String, u32> {
    let status = run(nest, &["status", "-o", "jsonl"]);
    let lines = status.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let running = lines.filter(|line| line["state"] == "running" && line["address"].is_string());
    running.filter_map(|l| Some((l["role"].as_str()?.to_owned(), l["pid"].as_u64()?.try_into().ok()?))).collect()
}

/// What the JDK says of a process.
fn class(pid: u32) -> String {
    let output = Command::new("jps").arg("-l").output().expect("the JDK's jps");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{pid} ")));
    line.unwrap_or_else(|| panic!("no JVM {pid} in\n{text}")).to_owned()
}

/// What a server on this machine answers.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_release_of_apache_is_installed_used_and_as_it_was() {
    let nest = Nest::new();
    let root = nest.dir().join("root");
    // The folder of the installation is known by a link.
    fs::create_dir_all(root.join("disk/apache")).expect("made");
    fs::create_dir(root.join("opt")).expect("made");
    symlink("../disk/apache", root.join("opt/apache")).expect("linked");
    let dir = root.join("opt/apache");
    let before = tree(&root);
    let (storm, zookeeper, java) = (storm_archive(), zookeeper_archive(&nest), java_home(&nest));
    let [shown, storm, zookeeper, java] = [&dir, &storm, &zookeeper, &java].map(|path| path.display().to_string());
    let mut args = vec!["install", "single", "--service", "background", "--dir", &shown];
    args.extend(["--storm-archive", &storm, "--zookeeper-archive", &zookeeper, "--java-home", &java]);
    let pages = [free_port(), free_port()];
    let mut settings = own_ports();
    for setting in [
        format!("ui.port={}", pages[0]),
        format!("logviewer.port={}", pages[1]),
        "ui.host=127.0.0.1".to_owned(),
        // Figures come every minute where nobody says else.
        "executor.metrics.frequency.secs=1".to_owned(),
        "nimbus.monitor.freq.secs=1".to_owned(),
        "worker.childopts=-Xmx128m".to_owned(),
        "supervisor.monitor.frequency.secs=1".to_owned(),
    ] {
        settings.extend(["-c".to_owned(), setting]);
    }
    args.extend(settings.iter().map(String::as_str));

    let done = run(&nest, &args);
    assert!(done.status.success(), "{done:?}");
    // The words were counted by Apache's own workers.
    assert!(done.stderr.contains("lines acked"), "{done:?}");
    let daemons = running(&nest);
    for (role, class_of) in [
        ("nimbus", "org.apache.storm.daemon.nimbus.Nimbus"),
        ("supervisor", "org.apache.storm.daemon.supervisor.Supervisor"),
        ("ui", "org.apache.storm.daemon.ui.UIServer"),
        ("logviewer", "org.apache.storm.daemon.logviewer.LogviewerServer"),
    ] {
        let pid = daemons.get(role).unwrap_or_else(|| panic!("no {role} in {daemons:?}"));
        assert_eq!(class(*pid), class_of);
        let environ = fs::read_to_string(format!("/proc/{pid}/environ")).expect("it lives");
        assert!(environ.contains(&format!("JAVA_HOME={java}\0")), "{role}");
    }
    // They have read what was written for them.
    assert!(get(pages[0], "/").ends_with("\r\n\r\nUIServer of localhost\n"));
    assert!(get(pages[1], "/").ends_with("\r\n\r\nLogviewerServer of localhost\n"));
    let again = run(&nest, &args);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");

    // A topology of Apache's own client, with the jars and the configuration of the installation.
    let jar = nest.dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    let lib = dir.join("storm/apache-storm-2.8.3/lib-worker/*").display().to_string();
    let conf = dir.join("conf").display().to_string();
    let mut client = peers::java(&[&peers::java_classes().display().to_string(), &lib, &conf]);
    client.args(["-Dstorm.options=", "-Dstorm.conf.file="]).arg(format!("-Dstorm.jar={}", jar.display()));
    nest.run({
        client.args(["client.SubmitShell", "words", "1"]);
        client
    })
    .ok();
    wait_until(LIMIT, "the topology of the Java client to emit", || {
        run(&nest, &["monitor", "words", "-m", "lines", "--count", "1"]).status.success()
    });

    // One that is killed is told, and its file is not believed; the others and the workers go on.
    storm_tests::process::kill(daemons["nimbus"], rustix::process::Signal::KILL);
    wait_until(LIMIT, "the killed Nimbus to be missed", || !running(&nest).contains_key("nimbus"));
    let status = run(&nest, &["status"]);
    assert_eq!(status.status.code(), Some(3), "{status:?}");
    run(&nest, &["start", "nimbus"]).ok();
    let restarted = running(&nest);
    assert_ne!(restarted["nimbus"], daemons["nimbus"]);
    assert_eq!((restarted["ui"], restarted["supervisor"]), (daemons["ui"], daemons["supervisor"]));
    wait_until(LIMIT, "the topology to be there again", || {
        run(&nest, &["list", "-o", "json"]).stdout.contains("\"status\": \"ACTIVE\"")
    });
    // A second one of a role does not start beside the first.
    let yaml = dir.join("conf/storm.yaml").display().to_string();
    let second = run(&nest, &["--config", &yaml, "nimbus"]);
    assert_eq!(second.status.code(), Some(8), "{second:?}");

    let confirm = format!("--confirm={shown}");
    let removed = run(&nest, &["uninstall", "--dir", &shown, &confirm]);
    assert!(removed.status.success() && !removed.stdout.contains("kept"), "{removed:?}");
    assert_eq!(tree(&root), before);
    let left: Vec<u32> = daemons.values().chain(restarted.values()).copied().collect();
    assert!(left.iter().all(|pid| !storm_tests::process::is_alive(*pid)), "{left:?}");
}

#[test]
fn what_is_no_release_is_refused_before_anything_is_done() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt/storm").display().to_string();
    let zookeeper = zookeeper_archive(&nest).display().to_string();
    let install = |more: &[&str]| {
        let args = ["install", "single", "--service", "background", "--dir", &dir, "--dry-run"];
        run(&nest, &[&args[..], more].concat())
    };
    let other = install(&["--storm-archive", &zookeeper]);
    assert_eq!(other.status.code(), Some(6), "{other:?}");
    assert!(other.stderr.contains("this is no release of Apache Storm"), "{other:?}");
    let none = install(&["--storm-archive", "/nope/apache-storm-2.8.3.tar.gz"]);
    assert_eq!(none.status.code(), Some(3), "{none:?}");
    // A Java that is not there.
    let java = install(&["--zookeeper-archive", &zookeeper, "--java-home", "/nope"]);
    assert_eq!(java.status.code(), Some(10), "{java:?}");
    assert!(java.stdout.contains("[java/missing] there is no Java in /nope"), "{java:?}");
}

#[test]
fn units_of_apaches_daemons_are_what_systemd_takes() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt/storm");
    let (storm, zookeeper, java) = (storm_archive(), zookeeper_archive(&nest), java_home(&nest));
    let file = nest.dir().join("cluster.yaml");
    let text = format!(
        "name: one\ndir: {dir:?}\nservice: systemd\nuser: storm-test\nstorm: {{archive: {storm:?}, java_home: {java:?}}}\n\
         zookeeper: {{archive: {zookeeper:?}, java_home: {java:?}}}\n\
         hosts:\n- {{name: localhost, roles: [zookeeper, nimbus, supervisor, ui, logviewer]}}\n",
    );
    fs::write(&file, text).expect("written");
    let units = verified_units(&nest, &file, &dir);
    assert_eq!(units.len(), 5, "{:?}", units.keys());
    // Each JVM is asked to end, and does so with the status of a signal.
    assert!(units.values().all(|unit| unit.contains("SuccessExitStatus=143")), "{units:?}");
    let ui = &units["storm-one-ui.service"];
    assert!(
        ui.contains(&format!("ExecStart={}/bin/stormctl --config {}/conf/storm.yaml ui", dir.display(), dir.display())),
        "{ui}"
    );
}
