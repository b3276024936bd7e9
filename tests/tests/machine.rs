//! What goes wrong on machines: a port that is taken, files that are cut off or gone.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::process;
use storm_tests::recording::Recording;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

fn slots(cluster: &Cluster) -> Vec<i32> {
    let supervisors = cluster.summary().map(|summary| summary.supervisors).unwrap_or_default();
    supervisors.iter().map(|supervisor| supervisor.num_workers).collect()
}

/// The slot ports that the storm.yaml of a supervisor names.
fn slot_ports(cluster: &Cluster) -> Vec<u16> {
    let text = fs::read_to_string(cluster.supervisors[0].config()).expect("storm.yaml");
    let line = text.lines().find_map(|line| line.strip_prefix("supervisor.slots.ports:")).expect("the slots");
    serde_json::from_str(line.trim()).expect("a list of ports")
}

#[test]
fn a_taken_slot_port_is_no_slot() {
    let mut cluster = Cluster::prepare(ClusterOptions { slots: 2, ..ClusterOptions::default() });
    let ports = slot_ports(&cluster);
    let stranger = TcpListener::bind((Ipv4Addr::UNSPECIFIED, ports[0])).expect("the port is free yet");
    cluster.start_zookeeper();
    cluster.start_nimbus();
    cluster.start_supervisor(0);
    cluster.wait_for_supervisors(1);
    let recording = Recording::submit(&cluster, "recording", 2, json!({}));
    let workers = cluster.wait_for_workers(1);
    assert_eq!(workers[0].port, ports[1], "the worker is on the taken port");
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 2).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "on the other slot", &tasks);
    assert_eq!(slots(&cluster), [1]);
    let said = cluster.supervisors[0].process().output();
    assert!(said.contains(&ports[0].to_string()), "the supervisor does not name the port:\n{said}");
    let me = std::process::id().to_string();
    assert!(said.contains(&me), "the supervisor does not name the holder, {me}:\n{said}");

    drop(stranger);
    wait_until(LIMIT, "the freed port to be a slot again", || slots(&cluster) == [2]);
    recording.finish_and_check(LIMIT);
}

/// What is done to a file, and its name.
type Damage<'a> = (&'a str, &'a dyn Fn(Vec<u8>) -> Vec<u8>);

/// The newest version in a version store.
fn newest(store: &Path) -> Option<PathBuf> {
    let list = fs::read_dir(store).unwrap_or_else(|e| panic!("cannot list {}: {e}", store.display()));
    let versions = list.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
    versions.max().map(|version| store.join(version.to_string()))
}

#[test]
fn a_supervisor_comes_up_on_state_that_was_cut_off() {
    // A supervisor that has lost its id is another one: the work moves to it when that of the old one is dead.
    let options = ClusterOptions { slots: 1, ..ClusterOptions::default() }
        .with("nimbus.monitor.freq.secs", 1)
        .with("nimbus.task.launch.secs", 5)
        .with("nimbus.task.timeout.secs", 5);
    let mut cluster = Cluster::start(options);
    let recording = Recording::submit(&cluster, "recording", 1, json!({}));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let zeroed = |bytes: Vec<u8>| vec![0; bytes.len()];
    let damages: [Damage; 3] = [("cut off", &half), ("zeroed", &zeroed), ("emptied", &|_| Vec::new())];
    for store in ["localstate", "isupervisor"] {
        for (damage, apply) in damages {
            let store = cluster.supervisors[0].local_dir().join("supervisor").join(store);
            wait_until(LIMIT, "the state to be written again", || newest(&store).is_some());
            cluster.supervisors[0].kill_nine();
            let file = newest(&store).expect("a version");
            let damaged = apply(fs::read(&file).expect("the state"));
            fs::write(&file, &damaged).expect("written");
            cluster.start_supervisor(0);
            // The old session's node may stand for the dead supervisor for a while; a new one says what it found.
            cluster.wait_for_supervisors(1);
            wait_until(LIMIT, &format!("{} {damage} to be told", store.display()), || {
                cluster.supervisors[0].process().output().contains(&file.display().to_string())
                    || cluster.supervisors[0].process().output().contains(&store.display().to_string())
            });
            recording.wait_for_flow(LIMIT, &format!("after {} was {damage}", store.display()), &tasks);
            wait_until(LIMIT, "one worker", || cluster.workers(0).len() == 1);
        }
    }
    recording.finish_and_check(LIMIT);
}

#[test]
fn nimbus_serves_on_without_its_blobs() {
    let mut cluster = Cluster::start(ClusterOptions::default());
    let recording = Recording::submit(&cluster, "recording", 1, json!({}));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    let workers = cluster.wait_for_workers(1);

    cluster.nimbus.kill_nine();
    fs::remove_dir_all(cluster.nimbus.local_dir().join("blobs")).expect("the blobs are there");
    cluster.start_nimbus();
    cluster.wait_for_supervisors(1);
    let listed = cluster.stormctl(&["list"]).ok();
    assert!(listed.contains("recording"), "{listed}");
    recording.wait_for_flow(LIMIT, "without the blobs", &tasks);
    assert_eq!(cluster.all_workers(), workers, "the worker of the topology without blobs was ended");

    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    cluster.ask(async |nimbus| submit(nimbus, "next", &jar, &json!({}), lines_to_split()).await).expect("accepted");
    cluster.wait_for_workers(2);
    let said = cluster.nimbus.process().output();
    let id = cluster.topology("recording").expect("it is listed").id;
    assert!(said.contains(&id), "Nimbus does not say which topology has lost its blobs:\n{said}");

    recording.finish_and_check(LIMIT);
    cluster.stormctl(&["kill", "recording", "next", "-w", "0"]).ok();
    wait_until(LIMIT, "both topologies to go", || cluster.summary().is_ok_and(|s| s.topologies.is_empty()));
    wait_until(LIMIT, "their workers to go", || cluster.all_workers().is_empty());
}

#[test]
fn a_jar_that_is_not_a_zip_is_refused() {
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let jar = cluster.nest().dir().join("text.jar");
    fs::write(&jar, "this is no zip").expect("written");
    let answer = cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &json!({}), lines_to_split()).await);
    let refusal = answer.expect_err("a jar that is no zip").to_string();
    assert!(refusal.contains("zip") || refusal.contains("jar"), "{refusal}");
    let said = cluster.stormctl(&["submit", &jar.display().to_string(), "words"]).refused();
    assert!(said.contains("text.jar") && said.contains("zip"), "{said}");
    assert!(cluster.topology("words").is_none());
}

#[test]
fn a_missing_file_of_one_topology_hurts_no_other() {
    let mut cluster = Cluster::start(ClusterOptions::default());
    let [hurt, other] = ["hurt", "other"].map(|name| Recording::submit(&cluster, name, 1, json!({})));
    let tasks =
        |recording: &Recording| -> Vec<u32> { recording.tasks_by_port(&cluster, 1).into_values().flatten().collect() };
    let (hurt_tasks, other_tasks) = (tasks(&hurt), tasks(&other));
    hurt.wait_for_flow(LIMIT, "at first", &hurt_tasks);
    other.wait_for_flow(LIMIT, "at first", &other_tasks);
    let workers = cluster.wait_for_workers(2);
    let id = cluster.topology("hurt").expect("it runs").id;

    for file in ["stormconf.ser", "stormcode.ser", "stormjar.jar", "resources/words.py"] {
        cluster.supervisors[0].kill_nine();
        let path = cluster.supervisors[0].local_dir().join("supervisor/stormdist").join(&id).join(file);
        fs::remove_file(&path).unwrap_or_else(|e| panic!("cannot remove {}: {e}", path.display()));
        cluster.start_supervisor(0);
        cluster.wait_for_supervisors(1);
        other.wait_for_flow(LIMIT, &format!("beside a topology without {file}"), &other_tasks);
        // A worker that is launched again finds what it needs.
        let mut workers = cluster.workers(0);
        workers.retain(|worker| !is_of(&cluster, worker.port, &other));
        workers.iter().for_each(|worker| process::kill(worker.pid, rustix::process::Signal::KILL));
        wait_until(LIMIT, "another worker", || {
            cluster.workers(0).len() == 2 && !cluster.workers(0).iter().any(|worker| workers.contains(worker))
        });
        hurt.keep_flowing(Duration::from_secs(1), &format!("after the loss of {file}"), &hurt_tasks);
    }
    let now = cluster.wait_for_workers(2);
    let kept = workers.iter().filter(|worker| now.contains(worker)).count();
    assert_eq!(kept, 1, "the worker of the other topology was started anew: {workers:?}, {now:?}");
    hurt.finish_and_check(LIMIT);
    other.finish_and_check(LIMIT);
}

/// Whether the worker on this port runs tasks of this topology.
fn is_of(cluster: &Cluster, port: u16, recording: &Recording) -> bool {
    recording.tasks_by_port(cluster, 1).contains_key(&port)
}

/// Worker processes, whatever is written about them anywhere.
fn worker_processes(cluster: &Cluster) -> Vec<u32> {
    let is_worker = |pid: &u32| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).any(|argument| argument == b"worker")
    };
    cluster.nest().processes().into_iter().filter(is_worker).collect()
}

#[test]
fn a_worker_whose_pid_file_is_gone_is_found_all_the_same() {
    let mut cluster = Cluster::start(ClusterOptions { slots: 1, ..ClusterOptions::default() });
    let recording = Recording::submit(&cluster, "recording", 1, json!({}));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 1).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    let workers = cluster.wait_for_workers(1);
    let workers_dir = cluster.supervisors[0].local_dir().join("workers");

    cluster.supervisors[0].kill_nine();
    let pid_file = workers_dir.join(&workers[0].worker_id).join("pids").join(workers[0].pid.to_string());
    fs::remove_file(&pid_file).expect("the pid file is there");
    cluster.start_supervisor(0);
    cluster.wait_for_supervisors(1);
    recording.wait_for_flow(LIMIT, "after the loss of the pid file", &tasks);
    wait_until(LIMIT, "one worker process", || worker_processes(&cluster).len() == 1);

    cluster.stormctl(&["kill", "recording", "-w", "0"]).ok();
    wait_until(LIMIT, "the worker to go with its topology", || worker_processes(&cluster).is_empty());
}

#[test]
fn workers_of_a_topology_that_is_killed_leave_without_their_supervisor() {
    let mut cluster = Cluster::start(ClusterOptions::default());
    let recording = Recording::submit(&cluster, "recording", 2, json!({}));
    let tasks: Vec<u32> = recording.tasks_by_port(&cluster, 2).into_values().flatten().collect();
    recording.wait_for_flow(LIMIT, "at first", &tasks);
    cluster.supervisors[0].kill_nine();
    cluster.stormctl(&["kill", "recording", "-w", "0"]).ok();
    wait_until(LIMIT, "the workers to leave by themselves", || worker_processes(&cluster).is_empty());
    cluster.start_supervisor(0);
    cluster.wait_for_supervisors(1);
    wait_until(LIMIT, "what they left behind to be removed", || {
        fs::read_dir(cluster.supervisors[0].local_dir().join("workers")).is_ok_and(|mut left| left.next().is_none())
    });
}
