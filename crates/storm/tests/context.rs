//! What a multilang component is told about its topology: by us and by Apache Storm.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use storm::builder::Natives;
use storm::package::{Package, PackageOptions};
use storm::{LocalOptions, run_local};
use storm_conf::Conf;
use storm_tests::peers;
use storm_tests::process::Nest;
use storm_tests::wait::wait_for;

const TOPOLOGY: &str = "
name: context
config: {topology.workers: 1, dump: DUMP}
spouts:
  - id: Source
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [[python3, source.py], [word, n]]
    configMethods:
      - {name: setNamedStream, args: [errors, [text]]}
    parallelism: 2
bolts:
  - id: dump
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, dump.py]]
    configMethods:
      - {name: setDefaultStream, args: [[out]]}
      - {name: setNamedStream, args: [more, []]}
  - id: last
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, quiet.py]]
    numTasks: 3
streams:
  - {from: Source, to: dump, grouping: {type: FIELDS, args: [n, word]}}
  - {from: Source, to: dump, grouping: {type: GLOBAL, streamId: errors}}
  - {from: Source, to: last, grouping: {type: ALL}}
  - {from: dump, to: last, grouping: {type: LOCAL_OR_SHUFFLE}}
  - {from: dump, to: last, grouping: {type: DIRECT, streamId: more}}
  - {from: last, to: last, grouping: {type: NONE}}
";

const SCRIPTS: [(&str, &str); 3] = [
    ("source.py", "import storm\nclass S(storm.Spout):\n    pass\nS().run()\n"),
    ("quiet.py", "import storm\nclass Q(storm.BasicBolt):\n    pass\nQ().run()\n"),
    (
        "dump.py",
        "import json, os, storm\nclass D(storm.BasicBolt):\n    def initialize(self, conf, context):\n        \
         path = conf['dump']\n        with open(path + '.part', 'w') as f:\n            json.dump(context, f)\n        \
         os.rename(path + '.part', path)\nD().run()\n",
    ),
];

fn package(dir: &Path, dump: &Path) -> Package {
    for (name, text) in SCRIPTS {
        fs::write(dir.join(name), text).expect("written");
    }
    // The last bolt takes its own stream, so it needs one.
    let text = TOPOLOGY
        .replace("DUMP", &dump.display().to_string())
        .replace("[[python3, quiet.py]]", "[[python3, quiet.py], [x]]");
    fs::write(dir.join("t.yaml"), text).expect("written");
    Package::open(&dir.join("t.yaml"), &PackageOptions::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn read(dump: &Path) -> Option<Value> {
    let mut context: Value = serde_json::from_slice(&fs::read(dump).ok()?).expect("JSON");
    let streams = context["streams"].as_array_mut().expect("a list");
    streams.sort_by_key(Value::to_string);
    Some(context)
}

#[test]
fn the_context_is_what_apache_storm_tells() {
    let nest = Nest::new();
    let (ours, theirs) = (nest.dir().join("ours.json"), nest.dir().join("theirs.json"));
    for folder in ["a", "b"] {
        fs::create_dir(nest.dir().join(folder)).expect("a folder");
    }

    let mine = package(&nest.dir().join("a"), &ours);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let dumped = async {
        let start = Instant::now();
        while !ours.exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "no context after a minute");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let options = LocalOptions { conf: Conf::defaults(), ..LocalOptions::default() };
    runtime.block_on(run_local(&mine, Natives::default(), &options, dumped)).unwrap_or_else(|e| panic!("{e}"));

    let site = nest.dir().join("b");
    let package = package(&site, &theirs);
    package.extract_resources(&site.join("resources")).unwrap_or_else(|e| panic!("{e}"));
    let description = package.description();
    fs::write(site.join("topology.bin"), storm_thrift::to_bytes(&description.topology)).expect("written");
    fs::write(site.join("conf.json"), Value::Object(description.conf.clone()).to_string()).expect("written");
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&site.display().to_string(), &classes, &peers::storm_server_classpath()]);
    // Its folders must go with the nest.
    java.arg(format!("-Djava.io.tmpdir={}", site.display()));
    let mut shell = Command::new("sh");
    shell.args(["-c", "tail -f /dev/null | exec \"$0\" \"$@\""]).arg(java.get_program()).args(java.get_args());
    shell.arg("topology.RunLocal").arg(site.join("topology.bin")).arg(site.join("conf.json")).current_dir(&site);
    let _storm = nest.spawn("apache-storm", shell);
    let theirs = wait_for(Duration::from_secs(120), "Apache Storm's context", || read(&theirs));
    assert_eq!(read(&ours).expect("our context"), theirs);
}
