//! systemd's units.

use std::path::{Path, PathBuf};

use crate::facts::Hello;
use crate::spec::{Cluster, Service};
use crate::step::{Crew, Daemon, places};

/// Of a cluster's daemon: several clusters may live on a host.
pub fn unit_name(cluster: &str, role: &str) -> String {
    format!("storm-{cluster}-{role}.service")
}

/// Where systemd looks for units that an administrator has made.
pub(super) fn unit_path(service: Service, unit: &str, hello: &Hello) -> Option<PathBuf> {
    match service {
        Service::Systemd => Some(Path::new("/etc/systemd/system").join(unit)),
        Service::SystemdUser => Some(hello.home.join(".config/systemd/user").join(unit)),
        Service::Auto | Service::Background => None,
    }
}

/// A word of a command line in a unit: `%` and `$` mean something there.
fn word(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    if text.contains([' ', '\t', '\'', '"', ';']) { format!("\"{text}\"") } else { text }
}

/// The text of a unit.
pub fn unit_text(cluster: &Cluster, crew: &Crew, daemon: &Daemon) -> String {
    let dir = &crew.dir;
    let path = |p: PathBuf| word(&p.to_string_lossy());
    let log = places::logs(dir);
    let verb = if daemon.role == "zookeeper" { "dev-zookeeper" } else { &daemon.role };
    let (what, command) = if daemon.apache {
        let java = daemon.java_home.as_ref().map_or_else(|| "/usr/bin/java".into(), |h| h.join("bin/java"));
        let home = places::zookeeper_home(dir);
        let jars = format!("{0}/conf:{0}/lib/*", home.display());
        let words = [
            path(java),
            word(&format!("-Dzookeeper.log.dir={}", log.display())),
            "-Xmx1000m".to_owned(),
            "-cp".to_owned(),
            word(&jars),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain".to_owned(),
            path(home.join("conf/zoo.cfg")),
        ];
        ("Apache ZooKeeper".to_owned(), words.join(" "))
    } else {
        let words = [
            path(places::program(dir)),
            "--config".to_owned(),
            path(places::storm_yaml(dir)),
            verb.to_owned(),
            "--log-file".to_owned(),
            path(log.join(format!("{}.log", daemon.role))),
        ];
        let whose = if cluster.storm.is_some() && daemon.role != "zookeeper" { "Apache Storm's" } else { "Storm's" };
        (format!("{whose} {}", daemon.role), words.join(" "))
    };
    let after =
        if daemon.role == "zookeeper" { String::new() } else { format!(" {}", unit_name(&cluster.name, "zookeeper")) };
    let user = match (&cluster.user, crew.service) {
        (Some(user), Service::Systemd) => format!("User={user}\n"),
        _ => String::new(),
    };
    // What a JVM ends with when it is asked to.
    let jvm = daemon.apache || cluster.storm.is_some() && !["zookeeper", super::AGENT].contains(&daemon.role.as_str());
    let asked = if jvm { "SuccessExitStatus=143\n" } else { "" };
    // Workers outlive their supervisor by design: the next one adopts them. So do daemons that were started through the agent. They are
    // many, with many threads, and one that needs too much memory does not take the others along.
    let parent = ["supervisor", super::AGENT].contains(&daemon.role.as_str());
    let kill = if parent { "KillMode=process\nOOMPolicy=continue\nTasksMax=infinity\n" } else { "" };
    let wanted = if crew.service == Service::SystemdUser { "default.target" } else { "multi-user.target" };
    format!(
        "# Written by stormctl install.\n[Unit]\nDescription={what} of the cluster {name}\n\
         Wants=network-online.target\nAfter=network-online.target{after}\n\n\
         [Service]\nType=exec\n{user}ExecStart={command}\nRestart=on-failure\nRestartSec=2\n{kill}{asked}LimitNOFILE=65536\n\
         UMask=0027\n\n[Install]\nWantedBy={wanted}\n",
        name = cluster.name.replace('%', "%%"),
    )
}
