//! A host on which nothing runs: files, sockets and the configuration tell enough.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::ports::free_port;
use storm_tests::process::Nest;
use storm_thrift::local_state::{KEEP, LocalState, keys};
use storm_thrift::types::{LSApprovedWorkers, LSSupervisorAssignments, LocalAssignment};

use crate::report::Answer;

/// A configured host, on which nothing is started.
fn host() -> Cluster {
    Cluster::prepare(ClusterOptions { slots: 2, ..ClusterOptions::default() })
}

#[track_caller]
fn doctor(cluster: &Cluster, arguments: &[&str]) -> Answer {
    let fixed = ["-o", "json", "doctor"];
    Answer::of(cluster.stormctl_at(&cluster.supervisors[0], &[arguments, &fixed].concat()))
}

#[test]
fn p023_without_any_storm_yaml_the_seeds_are_the_default() {
    let nest = Nest::new();
    let mut command = Command::new(stormctl());
    let port = format!("nimbus.thrift.port={}", free_port());
    command.args(["-c", &port, "-o", "json", "doctor"]).env("HOME", nest.dir()).env("STORM_HOME", nest.dir());
    command.env_remove("STORM_CONF_DIR").env_remove("STORM_CONF_FILE").env_remove("XDG_STATE_HOME");
    let began = Instant::now();
    let answer = Answer::of(nest.run(command));
    answer.says(
        "nimbus/no-leader",
        &["localhost", "refused", "no storm.yaml was found", "never set", "config set nimbus.seeds"],
    );
    assert!(began.elapsed() < Duration::from_secs(5), "at once, not after retries: {:?}", began.elapsed());
}

#[test]
fn every_seed_has_a_reason_of_its_own() {
    let host = host();
    // Takes connections and never answers.
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, host.nimbus.port)).expect("the port is free yet");
    let seeds = r#"nimbus.seeds=["127.0.0.1","no-such-host.invalid"]"#;
    let began = Instant::now();
    let answer = doctor(&host, &["-c", seeds, "--timeout", "3s"]);
    answer.says("nimbus/no-leader", &["no answer in time", "not known here", "no-such-host.invalid"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(mute);
}

#[test]
fn p038_a_cluster_of_several_hosts_knows_this_one_as_loopback() {
    let answer = doctor(&host(), &["-c", r#"nimbus.seeds=["127.0.0.1","n1.example.invalid"]"#]);
    answer.says("names/loopback", &["storm.local.hostname: 127.0.0.1", "n1.example.invalid"]);
}

#[test]
fn p042_p043_ports_of_slots() {
    let host = host();
    let stranger = TcpListener::bind((Ipv4Addr::UNSPECIFIED, free_port())).expect("a free port");
    let port = stranger.local_addr().expect("bound").port();
    let slots = format!("supervisor.slots.ports=[{port},40000]");
    let answer = doctor(&host, &["-c", &slots]);
    answer.says("ports/slot-taken", &[&format!("process {}", std::process::id()), &port.to_string(), "[40000]"]);
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("the kernel's range");
    let range: Vec<u32> = range.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    if (range[0]..=range[1]).contains(&40000) {
        answer.says("ports/ephemeral", &["40000", "ip_local_reserved_ports"]);
    }
    drop(stranger);
    assert!(!doctor(&host, &["-c", &slots]).has("ports/slot-taken"));
}

#[test]
fn p050_p057_p059_p062_the_configuration_against_the_machine() {
    let host = host();
    let swept = std::env::temp_dir().starts_with("/tmp");
    assert_eq!(doctor(&host, &[]).has("disk/temporary"), swept);

    let equal = doctor(&host, &["-c", "nimbus.task.timeout.secs=30", "-c", "supervisor.worker.timeout.secs=30"]);
    equal.says("config/order", &["-c nimbus.task.timeout.secs=30", "is luck"]);

    let file = host.nest().dir().join("a-file");
    fs::write(&file, "").expect("written");
    let dir = format!("storm.local.dir={}/local", file.display());
    doctor(&host, &["-c", &dir]).says("disk/unwritable", &["is no folder", "offers no slots"]);

    doctor(&host, &["-c", "worker.heap.memory.mb=9000000"]).says("host/memory", &["2 slots of 9000000 MB"]);
}

#[test]
fn a_file_that_no_daemon_starts_on_is_a_finding_among_others() {
    let host = host();
    let file = host.supervisors[0].config();
    let text = fs::read_to_string(&file).expect("storm.yaml");
    fs::write(&file, format!("{text}storm.zookeeper.session.timeout: soon\nui.port: [1]\n")).expect("written");
    let answer = doctor(&host, &[]);
    answer.says("config/invalid", &["ui.port", "storm.yaml:"]).says("nimbus/no-leader", &["refused"]);
}

/// A server that answers every connection with these words.
fn answering(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut question = [0; 4];
            // Whoever goes before he has asked gets no answer.
            if stream.read_exact(&mut question).is_ok() {
                let _gone = stream.write_all(words);
            }
        }
    });
    port
}

#[test]
fn p085_p091_every_way_not_to_serve() {
    let host = host();
    let ask = |port: u16| doctor(&host, &["-c", &format!("storm.zookeeper.port={port}"), "--timeout", "3s"]);
    ask(free_port()).says("zookeeper/no-process", &["no process on this host", "Connection refused"]);
    ask(answering(b"SSH-2.0-OpenSSH_9\r\n")).says("zookeeper/not-zookeeper", &["SSH-2.0", "held by process"]);
    let lonely = answering(b"This ZooKeeper instance is not currently serving requests\n");
    ask(lonely).says("zookeeper/no-quorum", &["no quorum", "more than half"]);

    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let began = Instant::now();
    ask(mute.local_addr().expect("bound").port()).says("zookeeper/silent", &["says nothing", "did not answer"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn p082_p089_the_zoo_cfg_beside_storm_yaml() {
    let host = host();
    let cfg = host.supervisors[0].home.join("zoo.cfg");
    fs::write(&cfg, "dataDir=data\nclientPort=1\nserver.1=127.0.0.1:2888:3888\nserver.2=zk2.invalid:2888:3888\n")
        .expect("written");
    let answer = doctor(&host, &[]);
    answer
        .says("zookeeper/autopurge", &["zoo.cfg", "is not set"])
        .says("zookeeper/peer-name", &["zoo.cfg:4", "zk2.invalid"]);
    fs::write(&cfg, "dataDir=data\nclientPort=1\nautopurge.purgeInterval=24\n").expect("written");
    let answer = doctor(&host, &[]);
    assert!(!answer.has("zookeeper/autopurge") && !answer.has("zookeeper/peer-name"), "{:?}", answer.codes());
}

#[test]
fn p034_p049_p051_p052_the_folders_of_a_host() {
    let host = host();
    let local = host.supervisors[0].local_dir();
    let inbox = local.join("nimbus/inbox");
    fs::create_dir_all(&inbox).expect("the inbox");
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("stormjar-1.jar")).expect("a link");

    let dir = local.join("supervisor/localstate");
    let mut state = LocalState::open(&dir, KEEP).expect("a store");
    let assignment = LocalAssignment { topology_id: "wc-1-1".into(), ..LocalAssignment::default() };
    state
        .put(keys::LOCAL_ASSIGNMENTS, &LSSupervisorAssignments { assignments: BTreeMap::from([(6700, assignment)]) })
        .expect("put");
    let workers = LSApprovedWorkers { approved_workers: BTreeMap::from([(String::new(), 6700)]) };
    state.put(keys::APPROVED_WORKERS, &workers).expect("put");
    let answer = doctor(&host, &[]);
    answer.says("nimbus/inbox-escape", &["stormjar-1.jar"]);
    answer.says("supervisor/worker-id", &["port 6700", "folder of all workers"]);
    answer.says("supervisor/topology-files", &["wc-1-1", "stormconf.ser", "stormctl start supervisor"]);
    assert!(!answer.has("supervisor/state-broken"), "{:?}", answer.codes());

    let versions =
        fs::read_dir(&dir).expect("the store").filter_map(|e| e.ok()?.file_name().to_str()?.parse::<u64>().ok());
    let newest = dir.join(versions.max().expect("a version").to_string());
    let length = fs::metadata(&newest).expect("its file").len() as usize;
    fs::write(&newest, vec![0; length]).expect("zeroed");
    let answer = doctor(&host, &[]);
    answer.says("supervisor/state-broken", &[&newest.display().to_string(), "bytes are zero", "the version before it"]);
    assert!(newest.exists(), "looking changes nothing");
}

#[test]
fn three_levels_and_a_question_that_nobody_can_answer() {
    let host = host();
    let run = |arguments: &[&str]| host.stormctl_at(&host.zookeeper, arguments);
    let plan = run(&["doctor", "--propose"]);
    assert_eq!(plan.status.code(), Some(10));
    assert!(plan.stdout.contains("\nstormctl start zookeeper\n"), "{}", plan.stdout);
    let asked = run(&["doctor", "--apply"]);
    assert_eq!(asked.status.code(), Some(7), "{}{}", asked.stdout, asked.stderr);
    assert!(asked.stderr.contains("--yes") && asked.stdout.is_empty(), "{}{}", asked.stdout, asked.stderr);
    let rules = run(&["doctor", "--list", "-o", "name"]).ok();
    assert!(rules.lines().count() > 50 && rules.contains("ports/slot-taken\n"), "{rules}");

    // What can be applied is, and the answer is that of a second look.
    let applied = Answer::of(run(&["doctor", "--apply", "--yes", "-o", "json"]));
    let commands: Vec<&str> =
        applied.json["applied"].as_array().expect("applied").iter().filter_map(|a| a["command"].as_str()).collect();
    assert!(
        commands.contains(&"stormctl start zookeeper") && commands.contains(&"stormctl start nimbus"),
        "{commands:?}"
    );
    assert!(!applied.has("zookeeper/no-process") && !applied.has("nimbus/no-leader"), "{:#}", applied.json);
    run(&["stop", "nimbus", "zookeeper"]).ok();
}
