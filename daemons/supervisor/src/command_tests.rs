//! Command lines, compared with the text that Storm's own supervisor would execute.

use storm_thrift::types::{Bolt, ComponentCommon, ComponentObject, ShellComponent, StormTopology, WorkerResources};

use super::*;

struct Scene {
    home: tempfile::TempDir,
    conf: Conf,
    files: TopologyFiles,
    environment: BTreeMap<String, String>,
}

impl Scene {
    fn new() -> Scene {
        let home = tempfile::tempdir().unwrap();
        let mut conf = Conf::defaults();
        conf.set("storm.home", home.path().display().to_string());
        let files = TopologyFiles { conf: serde_json::Map::new(), topology: StormTopology::default() };
        Scene { home, conf, files, environment: BTreeMap::new() }
    }

    fn component(mut self, id: &str, object: ComponentObject) -> Scene {
        let bolt = Bolt { bolt_object: object, common: ComponentCommon::default() };
        self.files.topology.bolts.insert(id.to_owned(), bolt);
        self
    }

    fn topology(mut self, key: &str, value: serde_json::Value) -> Scene {
        self.files.conf.insert(key.to_owned(), value);
        self
    }

    fn command(&self, resources: Option<&WorkerResources>) -> Result<LaunchCommand, CommandError> {
        let layout = Layout::of(&self.conf).unwrap();
        command(&LaunchInputs {
            layout: &layout,
            conf: &self.conf,
            files: &self.files,
            resources,
            topology_id: "wc-1-17",
            supervisor_id: "sup-1",
            supervisor_port: 6628,
            port: 6701,
            worker_id: "wid",
            stormctl: Path::new("/opt/stormctl"),
            environment: &self.environment,
        })
    }

    /// The text with the home folder as `H`.
    fn text(&self, command: &LaunchCommand) -> String {
        let words = std::iter::once(command.program.display().to_string()).chain(command.args.iter().cloned());
        let text = words.collect::<Vec<_>>().join(" ");
        text.replace(&self.home.path().display().to_string(), "H")
    }
}

fn shell() -> ComponentObject {
    ComponentObject::Shell(ShellComponent {
        execution_command: Some("python3".to_owned()),
        script: Some("split.py".to_owned()),
    })
}

fn java() -> ComponentObject {
    ComponentObject::SerializedJava(vec![0xac, 0xed].into())
}

#[test]
fn shell_components_run_on_our_own_worker() {
    let scene = Scene::new().component("split", shell());
    let command = scene.command(None).unwrap();
    assert_eq!(scene.text(&command), "/opt/stormctl worker wc-1-17 sup-1 6628 6701 wid");
    assert_eq!(command.arg0.as_deref(), Some("storm-worker"));
    assert_eq!(command.env["STORM_WORKER_ID"], "wid");
    assert!(command.env["STORM_WORKER_CONF"].ends_with("/storm-local/workers/wid/worker-conf.json"));
}

#[test]
fn a_native_topology_is_its_own_worker() {
    let scene = Scene::new().component("split", shell()).topology(NATIVE_BINARY, "wordcount".into());
    let error = scene.command(None).unwrap_err();
    assert!(matches!(error, CommandError::NoBinary { .. }), "{error}");
    let resources = Layout::of(&scene.conf).unwrap().stormdist("wc-1-17").resources();
    std::fs::create_dir_all(&resources).unwrap();
    std::fs::write(resources.join("wordcount"), "").unwrap();
    let text = scene.text(&scene.command(None).unwrap());
    let expected = "H/storm-local/supervisor/stormdist/wc-1-17/resources/wordcount worker wc-1-17 sup-1 6628 6701 wid";
    assert_eq!(text, expected);
}

#[test]
fn a_native_binary_outside_of_the_resources_is_refused() {
    for name in ["../../bin/sh", "/bin/sh", "", "a/../../b"] {
        let scene = Scene::new().topology(NATIVE_BINARY, name.into());
        let error = scene.command(None).unwrap_err();
        assert!(matches!(error, CommandError::NotBelowResources(_)), "{name}: {error}");
    }
}

#[test]
fn java_components_without_a_storm_home_are_an_error_that_says_what_to_do() {
    let error =
        Scene::new().component("sink", java()).component("split", shell()).command(None).unwrap_err().to_string();
    assert!(error.contains("component \"sink\" of wc-1-17") && error.contains("set storm.home"), "{error}");
}

#[test]
fn the_java_command_line_is_that_of_storm() {
    let mut scene = Scene::new()
        .component("sink", java())
        .topology("topology.worker.childopts", serde_json::json!(["-Dmine=%ID%", "-Dtwo=a b"]))
        .topology("topology.worker.gc.childopts", "-XX:+UseG1GC".into())
        .topology("topology.classpath", "/x/*".into());
    std::fs::create_dir(scene.home.path().join("lib-worker")).unwrap();
    scene.conf.set(
        "worker.childopts",
        "-Xmx%HEAP-MEM%m  -Xloggc:artifacts/gc.log -Dt=%TOPOLOGY-ID% -Dw=%WORKER-ID%:%WORKER-PORT%",
    );
    scene.files.topology.dependency_jars = Some(vec!["dep-one.jar".to_owned()]);
    let resources = WorkerResources { mem_on_heap: Some(383.5), ..WorkerResources::default() };
    let text = scene.text(&scene.command(Some(&resources)).unwrap());
    let common = "-Dlogging.sensitivity=S3 -Dlogfile.name=worker.log -Dstorm.home=H -Dworkers.artifacts=H/logs/workers-artifacts \
                  -Dstorm.id=wc-1-17 -Dworker.id=wid -Dworker.port=6701 -Dstorm.log.dir=H/logs \
                  -DLog4jContextSelector=org.apache.logging.log4j.core.selector.BasicContextSelector \
                  -Dstorm.local.dir=storm-local -Dworker.memory_limit_mb=384";
    let dist = "H/storm-local/supervisor/stormdist/wc-1-17";
    let class_path = format!("H/lib-worker/*:H/extlib/*:H/conf:{dist}/stormjar.jar:{dist}/dep-one.jar:/x/*");
    let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { std::env::consts::ARCH };
    let expected = format!(
        "java -cp {class_path} -Xmx64m {common} -Dlog4j.configurationFile=H/log4j2/worker.xml org.apache.storm.LogWriter \
         java -server {common} -Dlog4j.configurationFile=H/log4j2/worker.xml \
         -Xmx384m -Xloggc:artifacts/gc.log -Dt=wc-1-17 -Dw=wid:6701 -Dmine=6701 -Dtwo=a b -XX:+UseG1GC \
         -Djava.library.path={dist}/resources/Linux-{arch}:{dist}/resources:/usr/local/lib:/opt/local/lib:/usr/lib:/usr/lib64 \
         -Dstorm.conf.file=H/storm-local/workers/wid/worker-conf.json -Dstorm.options= -Djava.io.tmpdir=H/storm-local/workers/wid/tmp \
         -cp {class_path} org.apache.storm.daemon.worker.Worker wc-1-17 sup-1 6628 6701 wid"
    );
    assert_eq!(text, expected);
}

#[test]
fn the_java_command_line_follows_the_environment_and_the_version() {
    let mut scene = Scene::new().component("sink", java()).topology("topology.logging.config", "/c/own.xml".into());
    std::fs::create_dir(scene.home.path().join("lib-worker")).unwrap();
    for (name, value) in [("JAVA_HOME", "/jdk"), ("STORM_EXT_CLASSPATH", "/ext/*"), ("STORM_CONF_DIR", "/etc/storm")] {
        scene.environment.insert(name.to_owned(), value.to_owned());
    }
    scene.files.topology.storm_version = Some("1.2.3".to_owned());
    let command = scene.command(None).unwrap();
    let text = scene.text(&command);
    assert!(text.starts_with("/jdk/bin/java -cp H/lib-worker/*:H/extlib/*:/ext/*:/etc/storm:"), "{text}");
    assert!(text.contains(" /jdk/bin/java -server "), "{text}");
    assert!(text.contains("worker.xml,/c/own.xml -Xmx768m "), "the default heap without resources: {text}");
    assert!(text.ends_with(" wc-1-17 sup-1 6701 wid"), "no supervisor port before 2.0: {text}");
    assert!(command.own_error_log);
}

#[test]
fn the_environment_of_the_topology_is_added() {
    let env = serde_json::json!({ "A": "1", "N": 5, "LD_LIBRARY_PATH": "/own", "": "x", "b=c": "x" });
    let scene = Scene::new().component("split", shell()).topology("topology.environment", env);
    let command = scene.command(None).unwrap();
    assert_eq!((command.env["A"].as_str(), command.env["N"].as_str()), ("1", "5"));
    assert!(command.env["LD_LIBRARY_PATH"].ends_with(":/usr/lib64:/own"), "{}", command.env["LD_LIBRARY_PATH"]);
    let names: Vec<&str> = command.env.keys().map(String::as_str).collect();
    assert_eq!(names, ["A", "LD_LIBRARY_PATH", "N", "STORM_WORKER_CONF", "STORM_WORKER_ID"]);
}
