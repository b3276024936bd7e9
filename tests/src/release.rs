//! Apache Storm's release as an archive, of the real jars: Maven's registry has those, but not the archive, nor the jar of its
//! UI and log viewer. For these there are programs of the same class names, which read the same configuration.

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

/// In place of the UI and of the log viewer: tells what the daemons' own reader of storm.yaml has found.
const PAGES: &str = r#"package org.apache.storm.daemon.PACKAGE;

import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.Map;
import org.apache.storm.utils.ConfigUtils;

public final class CLASS {
    public static void main(String[] args) throws Exception {
        Map<String, Object> conf = ConfigUtils.readStormConfig();
        HttpServer server = HttpServer.create(new InetSocketAddress((Integer) conf.get("PACKAGE.port")), 0);
        server.createContext("/", exchange -> {
            byte[] page = ("CLASS of " + conf.get("storm.local.hostname") + "\n").getBytes();
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
            exchange.close();
        });
        server.start();
    }
}
"#;

/// `apache-storm-VERSION.tar.gz`.
pub fn storm_archive() -> PathBuf {
    let folders = [("lib", peers::storm_server_jars()), ("lib-worker", peers::storm_client_jars())];
    let mut hash = DefaultHasher::new();
    (SCRIPT, DAEMON_LOG, WORKER_LOG, PAGES, &folders).hash(&mut hash);
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
                symlink(&jar, home.join(folder).join(file)).expect("linked");
            }
        }
        pages(scratch, &home.join("lib-webapp/pages.jar"));
        let archive = scratch.join(format!("{name}.tar.gz"));
        let mut tar = Command::new("tar");
        // Jars are compressed already.
        tar.args(["-ch", "-I", "gzip -1", "-f"]).arg(&archive).arg("-C").arg(scratch).arg(&name);
        run(tar);
        fs::remove_dir_all(&home).expect("what is in the archive is needed no more");
    });
    made.join(format!("{name}.tar.gz"))
}

/// Compiles the stand-ins into a jar.
fn pages(scratch: &Path, jar: &Path) {
    let (sources, classes) = (scratch.join("sources"), scratch.join("classes"));
    let mut javac = Command::new("javac");
    javac.args(["-nowarn", "-cp", &peers::storm_client_classpath(), "-d"]).arg(&classes);
    for (package, class) in [("ui", "UIServer"), ("logviewer", "LogviewerServer")] {
        fs::create_dir_all(&sources).expect("a folder of sources");
        let source = sources.join(format!("{class}.java"));
        fs::write(&source, PAGES.replace("PACKAGE", package).replace("CLASS", class)).expect("a source");
        javac.arg(source);
    }
    run(javac);
    let mut pack = Command::new("jar");
    pack.arg("--create").arg("--file").arg(jar).arg("-C").arg(&classes).arg(".");
    run(pack);
    for folder in [sources, classes] {
        fs::remove_dir_all(folder).expect("what is in the jar is needed no more");
    }
}

fn run(mut command: Command) {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn jars_of(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot list {}: {e}", folder.display()));
    files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "jar")).collect()
}
