//! Apache's own daemons in the roles of a cluster: to see that a test asks of ours what the real ones give, and that
//! ours get on with them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::built::stormctl;
use crate::cluster::{HOST, Role};
use crate::peers;

/// What a worker of Apache Storm logs, where its supervisor expects it.
pub(crate) const WORKER_LOG: &str = r#"<configuration>
<appenders><File name="A" fileName="${sys:workers.artifacts}/${sys:storm.id}/${sys:worker.port}/${sys:logfile.name}">
<PatternLayout pattern="%d %c{1.} [%p] %msg%n"/></File></appenders>
<loggers><root level="info"><appender-ref ref="A"/></root></loggers>
</configuration>
"#;

pub(crate) fn zookeeper(role: &Role) -> Command {
    let file = role.home.join("zoo.cfg");
    let data = role.home.join("data");
    let text = format!(
        "tickTime=2000\ndataDir={}\nclientPort={}\nclientPortAddress={HOST}\nadmin.enableServer=false\n",
        data.display(),
        role.port
    );
    write(&file, &text);
    let mut java = peers::java(&[&peers::zookeeper_classpath()]);
    java.args(["-Xmx256m", "org.apache.zookeeper.server.quorum.QuorumPeerMain"]).arg(file);
    java
}

pub(crate) fn nimbus(role: &Role) -> Command {
    daemon(role, "nimbus", "org.apache.storm.daemon.nimbus.Nimbus")
}

/// Its workers find their classes under the home, as in Apache's release.
pub(crate) fn supervisor(role: &Role) -> Command {
    let workers = role.home.join("lib-worker");
    if !workers.exists() {
        symlink(peers::storm_client_jars(), &workers)
            .unwrap_or_else(|e| panic!("cannot link {}: {e}", workers.display()));
        let logs = role.home.join("log4j2");
        fs::create_dir(&logs).unwrap_or_else(|e| panic!("cannot create {}: {e}", logs.display()));
        write(&logs.join("worker.xml"), WORKER_LOG);
    }
    let mut java = daemon(role, "supervisor", "org.apache.storm.daemon.supervisor.Supervisor");
    java.env("STORM_CONF_DIR", &role.home);
    java
}

fn daemon(role: &Role, name: &str, class: &str) -> Command {
    let home = role.home.display().to_string();
    let mut java = peers::java(&[&peers::storm_server_classpath(), &home]);
    java.args(["-Xmx512m", "-Dstorm.options=", "-Dstorm.conf.file=", "-Djava.deserialization.disabled=true"]);
    java.arg(format!("-Ddaemon.name={name}")).arg(format!("-Dstorm.home={home}"));
    java.arg(format!("-Dstorm.log.dir={home}/logs")).arg(class).current_dir(&role.home);
    // The scripts of built-in components look for it there, in the workers that inherit this.
    let ours = stormctl().parent().expect("the folder of a program").to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(ours).chain(std::env::split_paths(&others)));
    java.env("PATH", path.expect("paths that were one before"));
    java
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
}
