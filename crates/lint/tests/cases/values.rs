//! Values: P006 to P021, and what else of their kind there is.

use storm_lint::{Host, Subject, lint, mend};

use super::{case, found, host, short};

#[test]
fn p006_and_p007_a_text_where_a_list_is_wanted() {
    case(
        "storm.zookeeper.servers: \"10.1.1.5\"\nnimbus.seeds: nimbus1 # the master\n",
        &["1:26 config/list-expected", "2:15 config/list-expected"],
        "storm.zookeeper.servers: [\"10.1.1.5\"]\nnimbus.seeds: [\"nimbus1\"] # the master\n",
    );
    case(
        "drpc.servers: \"d1, d2\"\nnimbus.seeds: [n1]\nstorm.zookeeper.servers: [z1]\n",
        &["1:15 config/list-expected"],
        "drpc.servers: [\"d1\", \"d2\"]\nnimbus.seeds: [n1]\nstorm.zookeeper.servers: [z1]\n",
    );
}

#[test]
fn values_of_another_kind() {
    case("ui.port: \"8081\"\n", &["1:10 config/number-expected"], "ui.port: 8081\n");
    case("topology.debug: 'yes'\n", &["1:17 config/bool-expected"], "topology.debug: true\n");
    case("topology.version: 010\n", &["1:19 config/string-expected"], "topology.version: \"010\"\n");
    case("ui.title: no\n", &["1:11 config/string-expected"], "ui.title: \"no\"\n");
    case("logs.users: [1001, ann]\n", &["1:13 config/list-expected"], "logs.users: [\"1001\", ann]\n");
    case("logs.users:\n  - 1001\n  - 'ann'\n", &["2:3 config/list-expected"], "logs.users:\n  - \"1001\"\n  - 'ann'\n");
    case("storm.local.dir: [/s]\n", &["1:18 config/string-expected"], "storm.local.dir: \"/s\"\n");
    case("pacemaker.auth.method: none\n", &["1:24 config/word-expected"], "pacemaker.auth.method: \"NONE\"\n");
    case("supervisor.slots.ports: 6700\n", &["1:25 config/ports-expected"], "supervisor.slots.ports: [6700]\n");
    case(
        "supervisor.slots.ports: ['6700', 6701]\n",
        &["1:25 config/ports-expected"],
        "supervisor.slots.ports: [6700, 6701]\n",
    );
    case("topology.environment: PATH=/bin\n", &["1:23 config/map-expected"], "topology.environment: PATH=/bin\n");
    case("supervisor.worker.timeout.secs: ~\n", &["1:33 config/null"], "");
    case("ui.port:\nui.title: x\n", &["1:1 warning config/empty-value"], "ui.title: x\n");
}

#[test]
fn p009_a_deprecated_key_beside_its_successor() {
    case(
        "nimbus.host: \"old\"\nnimbus.seeds: [\"new\"]\nstorm.zookeeper.servers: [\"z\"]\n",
        &["1:1 warning config/deprecated-key"],
        "nimbus.seeds: [\"new\"]\nstorm.zookeeper.servers: [\"z\"]\n",
    );
    let both = lint(
        &[Subject::new("storm.yaml", "nimbus.host: old\nnimbus.seeds: [new]\nstorm.zookeeper.servers: [z]\n")],
        &host(),
    );
    assert!(both[0].message.contains("which is set too and is the one in force"), "{}", both[0].message);
    assert_eq!(both[0].related.as_ref().map(|(_, mark, _)| mark.line), Some(2));
    case(
        "nimbus.host: \"n\" # master\nstorm.zookeeper.servers: [\"z\"]\n",
        &["1:1 warning config/deprecated-key"],
        "nimbus.seeds: [\"n\"] # master\nstorm.zookeeper.servers: [\"z\"]\n",
    );
    case(
        "storm.messaging.netty.max_retries: 30\nui.port: 8081\n",
        &["1:1 warning config/deprecated-key"],
        "ui.port: 8081\n",
    );
}

#[test]
fn p010_classes_of_before_1_0() {
    case(
        "storm.messaging.transport: \"backtype.storm.messaging.netty.Context\"\n",
        &["1:28 config/old-class"],
        "storm.messaging.transport: \"org.apache.storm.messaging.netty.Context\"\n",
    );
    case(
        "topology.metrics.consumer.register:\n  - class: backtype.storm.metric.LoggingMetricsConsumer\n",
        &["2:12 config/old-class"],
        "topology.metrics.consumer.register:\n  - class: org.apache.storm.metric.LoggingMetricsConsumer\n",
    );
    let message = &lint(&[Subject::new("s.yaml", "x: storm.kafka.KafkaSpout\n")], &host())[0].message;
    assert!(message.contains("since Storm 1.0"), "{message}");
}

#[test]
fn p012_a_port_listed_twice_or_taken_by_another_daemon() {
    case(
        "supervisor.slots.ports: [6700, 6701, 6700]\n",
        &["1:38 config/duplicate-port"],
        "supervisor.slots.ports: [6700, 6701]\n",
    );
    let twice = lint(&[Subject::new("storm.yaml", "supervisor.slots.ports:\n  - 6700\n  - 6701\n  - 6700\n")], &host());
    assert_eq!((twice[0].mark.line, twice[0].related.as_ref().map(|(_, m, _)| m.line)), (4, Some(2)));
    case("supervisor.slots.ports: [6628]\n", &["1:26 config/port-collision"], "supervisor.slots.ports: [6628]\n");
    case(
        "ui.port: 8000\nlogviewer.port: 8000\n",
        &["2:17 warning config/port-collision"],
        "ui.port: 8000\nlogviewer.port: 8000\n",
    );
    case("supervisor.slots.ports: [70000]\n", &["1:26 config/port-range"], "supervisor.slots.ports: [70000]\n");
    case("ui.port: 80\n", &["1:10 warning config/port-privileged"], "ui.port: 80\n");
}

#[test]
fn p014_what_does_not_survive_being_sent_as_json() {
    case(
        "a.b: .nan\nc.d: !!binary aGk=\n1: x\ne.f: {2: y}\n",
        &["1:6 warning config/number", "2:6 warning config/tag", "3:1 warning config/key", "4:7 warning config/key"],
        "a.b: .nan\nc.d: !!binary aGk=\n\"1\": x\ne.f: {\"2\": y}\n",
    );
    case("topology.version: 2024-05-01\n", &["1:19 warning config/date"], "topology.version: \"2024-05-01\"\n");
}

#[test]
fn p020_a_relative_folder() {
    case(
        "storm.log4j2.conf.dir: \"log4j2\"\n",
        &["1:24 warning config/relative-path"],
        "storm.log4j2.conf.dir: \"/opt/storm/log4j2\"\n",
    );
    let nowhere = lint(&[Subject::new("storm.yaml", "storm.log4j2.conf.dir: \"log4j2\"\n")], &Host::default());
    assert_eq!(nowhere.iter().map(short).collect::<Vec<_>>(), ["1:24 note config/relative-path"]);
}

#[test]
fn p021_a_variable_that_nobody_replaces() {
    case("storm.log.dir: \"${sys:nope}/logs\"\n", &["1:16 config/unexpanded"], "storm.log.dir: \"${sys:nope}/logs\"\n");
    let finding = &lint(&[Subject::new("s.yaml", "storm.log.dir: ${sys:nope}/logs\n")], &host())[0];
    assert!(finding.hint.as_ref().unwrap().contains("sys:nope is not defined"), "{finding:?}");
    case("storm.local.dir: $HOME/s\n", &["1:18 config/unexpanded"], "storm.local.dir: \"/home/ann/s\"\n");
    case("storm.local.dir: ~/s\n", &["1:18 config/unexpanded"], "storm.local.dir: ~/s\n");
    case(
        "storm.log.dir: /l\nstorm.local.dir: ${sys:storm.log.dir}/x\n",
        &["2:18 config/unexpanded"],
        "storm.log.dir: /l\nstorm.local.dir: \"/l/x\"\n",
    );
}

#[test]
fn p043_and_p050_ports_and_folders_of_the_system() {
    case(
        "supervisor.slots.ports: [40000, 6700, 40001]\n",
        &["1:26 warning config/ephemeral-port"],
        "supervisor.slots.ports: [40000, 6700, 40001]\n",
    );
    let reserved = Host { reserved_ports: vec![40000..=40001], ..host() };
    assert_eq!(lint(&[Subject::new("s.yaml", "supervisor.slots.ports: [40000]\n")], &reserved), []);
    case("storm.local.dir: \"/tmp/storm\"\n", &["1:18 warning config/tmp-path"], "storm.local.dir: \"/tmp/storm\"\n");
    let tmpfs = Host { memory_folders: vec!["/mnt/ram".into()], ..host() };
    let findings = lint(&[Subject::new("s.yaml", "storm.local.dir: /mnt/ram/s\n")], &tmpfs);
    assert_eq!(findings.iter().map(short).collect::<Vec<_>>(), ["1:18 warning config/tmp-path"]);
}

#[test]
fn p057_timeouts_in_a_wrong_order() {
    case(
        "nimbus.task.timeout.secs: 30\nsupervisor.worker.timeout.secs: 30\n",
        &["2:33 warning config/order"],
        "nimbus.task.timeout.secs: 30\nsupervisor.worker.timeout.secs: 30\n",
    );
    assert_eq!(found("s.yaml", "nimbus.task.timeout.secs: 60\n"), [""; 0]);
    assert_eq!(found("s.yaml", "storm.zookeeper.session.timeout: 10000\n"), ["1:34 warning config/order"]);
    assert_eq!(found("s.yaml", "storm.messaging.netty.max_wait_ms: 50\n"), ["1:36 warning config/order"]);
}

#[test]
fn p062_more_memory_than_there_is() {
    assert_eq!(found("s.yaml", "worker.heap.memory.mb: 65536\n"), ["1:24 warning config/memory"]);
    assert_eq!(found("s.yaml", "worker.childopts: -Xmx64g\n"), ["1:19 warning config/memory"]);
    assert_eq!(found("s.yaml", "supervisor.memory.capacity.mb: 4096.0\n"), ["1:32 warning config/memory"]);
    assert_eq!(found("s.yaml", "worker.childopts: -Xmx256m\n"), [""; 0]);
}

#[test]
fn p140_keys_that_need_others() {
    assert_eq!(found("s.yaml", "scheduler.display.resource: true\n"), ["1:1 warning config/needs"]);
    let with = "scheduler.display.resource: true\nstorm.scheduler: org.apache.storm.scheduler.resource.ResourceAwareScheduler\n";
    assert_eq!(found("s.yaml", with), [""; 0]);
    assert_eq!(found("s.yaml", "ui.https.port: 8443\n"), ["1:1 warning config/needs"]);
    assert_eq!(found("s.yaml", "isolation.scheduler.machines: {}\n"), [""; 0]);
}

#[test]
fn keys_that_nobody_knows() {
    case("ui_port: 8081\n", &["1:1 warning config/unknown-key"], "ui.port: 8081\n");
    case("supervisor.slot.ports: [6700]\n", &["1:1 warning config/unknown-key"], "supervisor.slots.ports: [6700]\n");
    // A key of somebody's own is none of ours.
    case("my.company.topology.key: 1\n", &[], "my.company.topology.key: 1\n");
    case("ui.prot: 8081\nui.port: 8082\n", &["1:1 warning config/unknown-key"], "ui.prot: 8081\nui.port: 8082\n");
    case(
        "ui.port: 8081 # old\nui.title: x\nui.port: 8082\n",
        &["3:1 warning config/duplicate-key"],
        "ui.title: x\nui.port: 8082\n",
    );
    case(
        "nimbus:\n  seeds:\n    - localhost\n  thrift.port: 6627 # p\nui:\n  port: 8081\n",
        &["1:1 config/nested-key", "5:1 config/nested-key"],
        "nimbus.seeds:\n    - localhost\nnimbus.thrift.port: 6627 # p\nui.port: 8081\n",
    );
}

#[test]
fn numbers_in_other_bases() {
    case("drpc.queue.size: 0100\n", &["1:18 warning config/number-form"], "drpc.queue.size: 0100\n");
    case("drpc.queue.size: 12:30\n", &["1:18 warning config/number-form"], "drpc.queue.size: 12:30\n");
}

#[test]
fn hosts() {
    case(
        "nimbus.seeds: [\"n1:6627\", \"n2\"]\nstorm.zookeeper.servers: [\"z1:2182\"]\n",
        &["1:16 config/host-port", "2:27 config/host-port"],
        "nimbus.seeds: [\"n1\", \"n2\"]\nstorm.zookeeper.servers: [\"z1:2182\"]\n",
    );
    case(
        "nimbus.seeds: [\"n1,n2\", \" n3\", n1]\nstorm.zookeeper.servers: [\"http://z1:2181/\", \"\"]\n",
        &["1:16 config/host-name", "1:25 config/host-name", "2:27 config/host-name", "2:46 config/host-name"],
        "nimbus.seeds: [\"n1\", \"n2\", \"n3\"]\nstorm.zookeeper.servers: [\"z1\", \"\"]\n",
    );
    case(
        "nimbus.seeds:\n  - n1, n2\n  - n3\n  - N3 # again\nstorm.zookeeper.servers: [z]\n",
        &["2:5 config/host-name", "4:5 warning config/duplicate-host"],
        "nimbus.seeds:\n  - \"n1\"\n  - \"n2\"\n  - n3\nstorm.zookeeper.servers: [z]\n",
    );
    case(
        "storm.zookeeper.servers: [\"localhost\", \"zk2\"]\nnimbus.seeds: [\"zk2\"]\n",
        &["1:27 config/loopback-mixed"],
        "storm.zookeeper.servers: [\"localhost\", \"zk2\"]\nnimbus.seeds: [\"zk2\"]\n",
    );
    case(
        "storm.zookeeper.servers: [zk1, zk2]\nnimbus.seeds: [localhost]\nstorm.local.hostname: 127.0.1.1\n",
        &["2:16 warning config/loopback", "3:23 config/loopback"],
        "storm.zookeeper.servers: [zk1, zk2]\nnimbus.seeds: [localhost]\nstorm.local.hostname: 127.0.1.1\n",
    );
    assert_eq!(found("s.yaml", "nimbus.seeds: [n1]\n"), ["1:16 warning config/hosts-missing"]);
    assert_eq!(found("s.yaml", "nimbus.seeds: [0.0.0.0]\n"), ["1:16 config/any-address"]);
    assert_eq!(
        found("s.yaml", "nimbus.seeds: [127.0.0.1]\nstorm.zookeeper.servers: ['::1']\nui.host: 0.0.0.0\n"),
        [""; 0]
    );
}

#[test]
fn options_of_jvms() {
    case(
        "worker.childopts: \"-Xmx512 –Dx=y\"\n",
        &["1:19 config/heap-unit", "1:19 config/lookalike"],
        "worker.childopts: \"-Xmx512m -Dx=y\"\n",
    );
    case(
        "nimbus.childopts: -Xmx1g -XX:+UseParNewGC -Xmx2g\n",
        &["1:19 config/jvm-option", "1:19 warning config/heap-twice"],
        "nimbus.childopts: -Xmx1g -Xmx2g\n",
    );
}

#[test]
fn secrets_that_everybody_may_read() {
    let mut subject =
        Subject::new("s.yaml", "storm.zookeeper.auth.payload: u:p\nstorm.zookeeper.auth.scheme: digest\n");
    subject.mode = Some(0o644);
    let findings = lint(&[subject.clone()], &host());
    assert_eq!(findings.iter().map(short).collect::<Vec<_>>(), ["1:31 warning config/secret-readable"]);
    assert!(!findings[0].message.contains("u:p"));
    subject.mode = Some(0o640);
    assert_eq!(lint(&[subject], &host()), []);
}

#[test]
fn bytes_of_another_encoding_are_told() {
    let mut subject = Subject::new("s.yaml", "ui.title: x\n");
    subject.garbled = Some(storm_lint::Mark { line: 1, column: 11 });
    assert_eq!(short(&lint(&[subject], &host())[0]), "1:11 warning config/encoding");
}

#[test]
fn what_is_allowed_stays() {
    let subject = Subject::new("s.yaml", "ui_port: 8081\nui.title: no\n");
    let mended = mend(&[subject], 0, &host(), &["config/unknown-key".to_owned()]);
    assert_eq!(mended.text, "ui_port: 8081\nui.title: \"no\"\n");
    assert_eq!((mended.mended.len(), mended.left.len(), mended.is_broken()), (1, 0, false));
}
