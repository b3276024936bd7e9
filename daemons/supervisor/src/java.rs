//! The command line of Apache Storm's own worker, argument by argument as its supervisor builds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use storm_conf::Conf;

use crate::command::{LaunchCommand, LaunchInputs};
use crate::layout::Stormdist;

const WORKER: &str = "org.apache.storm.daemon.worker.Worker";
const LOG_WRITER: &str = "org.apache.storm.LogWriter";
const DEFAULT_HEAP_MB: i64 = 768;

#[derive(Debug)]
pub struct JavaLaunch<'a> {
    pub inputs: &'a LaunchInputs<'a>,
    /// The host's configuration under the topology's.
    pub merged: &'a Conf,
    pub dist: &'a Stormdist,
    pub library_path: &'a str,
}

/// The log writer, which starts the worker and copies its output to `worker.log.err`, with the worker as its arguments.
pub fn java_command(launch: &JavaLaunch<'_>) -> LaunchCommand {
    let (i, merged) = (launch.inputs, launch.merged);
    let environment = i.environment;
    let home = i.conf.home();
    let java = match environment.get("JAVA_HOME") {
        Some(java_home) => Path::new(java_home).join("bin/java"),
        None => PathBuf::from("java"),
    };
    let class_path = class_path(launch, &home);
    let heap = on_heap_mb(launch);
    let common = common(launch, &home, heap);
    let log4j = home.join(merged.str("storm.log4j2.conf.dir").unwrap_or("log4j2")).join("worker.xml");
    let log4j = format!("-Dlog4j.configurationFile={}", log4j.display());
    let options = |key: &str| child_options(i, merged.get(key), heap);

    let mut args = vec!["-cp".to_owned(), class_path.clone()];
    match merged.get("topology.worker.logwriter.childopts") {
        Some(_) => args.extend(options("topology.worker.logwriter.childopts")),
        None => args.push("-Xmx64m".to_owned()),
    }
    args.extend(common.clone());
    args.push(log4j.clone());
    args.push(LOG_WRITER.to_owned());

    args.push(java.display().to_string());
    args.push("-server".to_owned());
    args.extend(common);
    args.push(match merged.str("topology.logging.config").filter(|c| !c.is_empty()) {
        Some(own) => format!("{log4j},{own}"),
        None => log4j,
    });
    args.extend(options("worker.childopts"));
    args.extend(options("topology.worker.childopts"));
    let gc = if merged.get("topology.worker.gc.childopts").is_some() {
        "topology.worker.gc.childopts"
    } else {
        "worker.gc.childopts"
    };
    args.extend(options(gc));
    if merged.bool("worker.profiler.enabled") == Some(true) {
        args.extend(options("worker.profiler.childopts"));
    }
    let worker_dir = i.layout.worker(i.worker_id);
    args.push(format!("-Djava.library.path={}", launch.library_path));
    // The host's whole configuration is in this one file, so nothing is left for storm.options. JSON is YAML.
    args.push(format!("-Dstorm.conf.file={}", worker_dir.conf().display()));
    args.push("-Dstorm.options=".to_owned());
    args.push(format!("-Djava.io.tmpdir={}", worker_dir.tmp().display()));
    args.extend(["-cp".to_owned(), class_path, WORKER.to_owned()]);
    args.extend([i.topology_id.to_owned(), i.supervisor_id.to_owned()]);
    if !is_before_2(i.files.topology.storm_version.as_deref()) {
        args.push(i.supervisor_port.to_string());
    }
    args.extend([i.port.to_string(), i.worker_id.to_owned()]);
    LaunchCommand { program: java, arg0: None, args, env: BTreeMap::new(), own_error_log: true }
}

fn class_path(launch: &JavaLaunch<'_>, home: &Path) -> String {
    let (i, merged) = (launch.inputs, launch.merged);
    let mut parts: Vec<String> = Vec::new();
    if i.conf.bool("storm.topology.classpath.beginning.enabled") == Some(true) {
        parts.extend(merged.strings("topology.classpath.beginning"));
    }
    parts.push(format!("{}/lib-worker/*", home.display()));
    parts.push(format!("{}/extlib/*", home.display()));
    parts.extend(i.environment.get("STORM_EXT_CLASSPATH").cloned());
    let conf_dir = i.environment.get("STORM_CONF_DIR").cloned();
    parts.push(conf_dir.unwrap_or_else(|| home.join("conf").display().to_string()));
    parts.push(launch.dist.jar().display().to_string());
    parts.extend(i.files.dependencies().iter().map(|key| launch.dist.root().join(key).display().to_string()));
    parts.extend(merged.strings("topology.classpath"));
    parts.join(":")
}

/// The system properties that log writer and worker share.
fn common(launch: &JavaLaunch<'_>, home: &Path, limit_mb: i64) -> Vec<String> {
    let (i, merged) = (launch.inputs, launch.merged);
    let local_dir = i.conf.str("storm.local.dir").unwrap_or("storm-local");
    let mut args = vec![
        format!("-Dlogging.sensitivity={}", merged.str("topology.logging.sensitivity").unwrap_or("S3")),
        "-Dlogfile.name=worker.log".to_owned(),
        format!("-Dstorm.home={}", home.display()),
        format!("-Dworkers.artifacts={}", i.layout.artifacts_root().display()),
        format!("-Dstorm.id={}", i.topology_id),
        format!("-Dworker.id={}", i.worker_id),
        format!("-Dworker.port={}", i.port),
        format!("-Dstorm.log.dir={}", i.conf.log_dir().display()),
        "-DLog4jContextSelector=org.apache.logging.log4j.core.selector.BasicContextSelector".to_owned(),
        format!("-Dstorm.local.dir={local_dir}"),
    ];
    if limit_mb > 0 {
        args.push(format!("-Dworker.memory_limit_mb={limit_mb}"));
    }
    args
}

fn on_heap_mb(launch: &JavaLaunch<'_>) -> i64 {
    match launch.inputs.resources.and_then(|r| r.mem_on_heap) {
        Some(mb) if mb > 0.0 => mb.ceil() as i64,
        _ => launch.inputs.conf.int("worker.heap.memory.mb").unwrap_or(DEFAULT_HEAP_MB),
    }
}

/// Options from the configuration, a text or a list, with their placeholders filled in.
fn child_options(i: &LaunchInputs<'_>, value: Option<&Value>, heap_mb: i64) -> Vec<String> {
    let options: Vec<String> = match value {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => {
            list.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    let off_heap = i.resources.and_then(|r| r.mem_off_heap).map_or(0, |mb| mb.ceil() as i64);
    options
        .into_iter()
        .map(|option| {
            let mut option = option
                .replace("%ID%", &i.port.to_string())
                .replace("%WORKER-ID%", i.worker_id)
                .replace("%TOPOLOGY-ID%", i.topology_id)
                .replace("%WORKER-PORT%", &i.port.to_string())
                .replace("%HEAP-MEM%", &heap_mb.to_string());
            if off_heap > 0 {
                option = option.replace("%OFF-HEAP-MEM%", &off_heap.to_string());
            }
            if heap_mb > 0 {
                option = option.replace("%LIMIT-MEM%", &heap_mb.to_string());
            }
            option
        })
        .filter(|option| !option.is_empty())
        .collect()
}

/// Workers before 2.0 take no supervisor port.
fn is_before_2(version: Option<&str>) -> bool {
    let major = version.and_then(|v| v.split('.').next()).and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major < 2)
}
