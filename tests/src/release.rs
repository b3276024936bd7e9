//! Apache Storm's release as an archive, of the real jars: Maven's registry has those, but not the archive.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apache::WORKER_LOG;
use crate::peers;

/// Starts a daemon of the folder that it is in, as the release's own program does, with the same environment and fewer questions.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
home=$(cd -P "$(dirname "$0")/.." && pwd)
conf=${STORM_CONF_DIR:-$home/conf}
role=$1
shift
options=
while [ "${1:-}" = -c ]; do
  options=${options:+$options,}$2
  shift 2
done
lib=$home/lib/*:$home/extlib/*:$home/extlib-daemon/*
heap=-Xmx512m
case $role in
  nimbus) class=nimbus.Nimbus ;;
  supervisor) class=supervisor.Supervisor heap=-Xmx256m ;;
  ui) class=ui.UIServer lib=$lib:$home/lib-webapp/* heap=-Xmx256m ;;
  logviewer) class=logviewer.LogviewerServer lib=$lib:$home/lib-webapp/* heap=-Xmx128m ;;
  *) echo "there is no $role" >&2; exit 2 ;;
esac
java=java
[ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
logs=$("${PYTHON:-python3}" -c 'import json, sys
for line in open(sys.argv[1]):
    if line.startswith("storm.log.dir: "):
        print(json.loads(line[15:]))' "$conf/storm.yaml")
echo "Running: $role of $home"
exec "$java" -server "-Ddaemon.name=$role" "-Dstorm.options=$options" "-Dstorm.home=$home" "-Dstorm.log.dir=$logs" \
  -Dstorm.conf.file= -cp "$lib:$conf" $heap -Djava.deserialization.disabled=true "-Dlogfile.name=$role.log" \
  "-Dlog4j.configurationFile=$home/log4j2/cluster.xml" "org.apache.storm.daemon.$class"
"#;

/// What its daemons log, and where.
const DAEMON_LOG: &str = r#"<configuration>
<appenders><File name="A1" fileName="${sys:storm.log.dir}/${sys:logfile.name}">
<PatternLayout pattern="%d %c{1.} %t [%p] %msg%n"/></File></appenders>
<loggers><root level="info"><appender-ref ref="A1"/></root></loggers>
</configuration>
"#;

/// `apache-storm-VERSION.tar.gz`.
pub fn storm_archive() -> PathBuf {
    let folders = [
        ("lib", peers::storm_server_jars()),
        ("lib-worker", peers::storm_client_jars()),
        ("lib-webapp", peers::storm_webapp_jars()),
    ];
    let mut hash = DefaultHasher::new();
    (SCRIPT, DAEMON_LOG, WORKER_LOG, &folders).hash(&mut hash);
    let name = format!("apache-storm-{}", peers::STORM);
    let made = peers::fetched(&format!("storm-release-{:016x}", hash.finish()), |scratch| {
        let home = scratch.join(&name);
        for folder in ["bin", "conf", "extlib", "extlib-daemon", "lib", "lib-worker", "lib-webapp", "log4j2", "public"]
        {
            fs::create_dir_all(home.join(folder)).expect("a folder of the release");
        }
        for (file, text) in [
            ("bin/storm", SCRIPT),
            ("conf/storm.yaml", "# storm.zookeeper.servers:\n#     - \"server1\"\n"),
            ("public/index.html", "<title>Storm UI</title>\n"),
            ("log4j2/cluster.xml", DAEMON_LOG),
            ("log4j2/worker.xml", WORKER_LOG),
            ("RELEASE", peers::STORM),
        ] {
            fs::write(home.join(file), text).expect("a file of the release");
        }
        fs::set_permissions(home.join("bin/storm"), fs::Permissions::from_mode(0o755)).expect("its program");
        for (folder, jars) in &folders {
            for jar in jars_of(jars) {
                let file = jar.file_name().expect("the name of a jar");
                // As in a release, the pages share the jars of the daemons.
                if *folder != "lib-webapp" || !home.join("lib").join(file).exists() {
                    symlink(&jar, home.join(folder).join(file)).expect("linked");
                }
            }
        }
        let archive = scratch.join(format!("{name}.tar.gz"));
        let mut tar = Command::new("tar");
        // Jars are compressed already.
        tar.args(["-ch", "-I", "gzip -1", "-f"]).arg(&archive).arg("-C").arg(scratch).arg(&name);
        let output = tar.output().expect("tar runs");
        assert!(output.status.success(), "{tar:?}: {}", String::from_utf8_lossy(&output.stderr));
        fs::remove_dir_all(&home).expect("what is in the archive is needed no more");
    });
    made.join(format!("{name}.tar.gz"))
}

fn jars_of(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot list {}: {e}", folder.display()));
    files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "jar")).collect()
}
