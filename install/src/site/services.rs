//! Starting and stopping daemons: through systemd, or as background processes with `stormctl start` itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storm_machine::process::Identity;
use storm_zookeeper::four_letter;
use tokio::process::Command;
use tokio::time::timeout;

use super::nimbus;
use crate::facts::Process;
use crate::spec::Service;
use crate::step::{Crew, Daemon, places};
use crate::{Kind, Trouble};

/// A daemon that takes longer does not come up.
const LIMIT: Duration = Duration::from_secs(180);
/// For a server of this host to say what it is.
const ASK: Duration = Duration::from_secs(2);

/// What a command printed, and its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub command: String,
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn ok(&self) -> bool {
        self.status == Some(0)
    }

    /// An error that shows what it said last.
    pub fn must(self, code: &str, message: impl Into<String>) -> Result<Output, Trouble> {
        if self.ok() {
            return Ok(self);
        }
        let how = self.status.map_or("was killed".to_owned(), |s| format!("ended with status {s}"));
        let mut trouble = Trouble::new(Kind::Failed, code, message).at(format!("{} {how}", self.command));
        let lines: Vec<&str> = self.stderr.lines().chain(self.stdout.lines()).collect();
        for line in &lines[lines.len().saturating_sub(12)..] {
            trouble = trouble.at(*line);
        }
        Err(trouble)
    }
}

pub fn command(words: &[String]) -> Command {
    let mut command = Command::new(words.first().map_or("true", String::as_str));
    command.args(words.iter().skip(1));
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Result<Output, Trouble> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let shown = {
        let c = command.as_std();
        let words = std::iter::once(c.get_program()).chain(c.get_args());
        words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
    };
    let output = match timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(e)) => {
            return Err(Trouble::new(Kind::Missing, "install/command", format!("cannot run {shown}")).at(e.to_string()));
        }
        Err(_) => {
            let what = format!("{shown} does not end within {} s", LIMIT.as_secs());
            return Err(Trouble::new(Kind::Failed, "install/command", what));
        }
    };
    Ok(Output {
        command: shown,
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// `stormctl` of the cluster on this host, as the account of its daemons.
pub fn stormctl(crew: &Crew, words: &[&str]) -> Command {
    let program = places::program(&crew.dir);
    let mut command = match &crew.user {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.arg("--config").arg(places::storm_yaml(&crew.dir)).args(words);
    command.env("ZOO_LOG_DIR", places::logs(&crew.dir));
    command.env_remove("STORM_CONF_FILE").env_remove("STORM_CONF_DIR");
    command.current_dir("/");
    command
}

fn systemctl(service: Service, words: &[&str]) -> Command {
    let mut command = Command::new("systemctl");
    if service == Service::SystemdUser {
        command.arg("--user");
    }
    command.args(words);
    command
}

fn apache(crew: &Crew, daemon: &Daemon, verb: &str) -> Command {
    let home = places::zookeeper_home(&crew.dir);
    let mut command = stormctl(crew, &["zk", verb, "--home", &home.to_string_lossy()]);
    if let Some(java) = &daemon.java_home {
        command.env("JAVA_HOME", java);
    }
    command
}

/// Starts what does not run, and waits until it serves.
pub async fn start(crew: &Crew) -> Result<(), Trouble> {
    match crew.service {
        Service::Background | Service::Auto => {
            for daemon in crew.daemons.iter().filter(|d| d.apache) {
                let output = run(apache(crew, daemon, "start")).await?;
                output.must("install/start", format!("{} does not start", daemon.role))?;
            }
            // All at once: a JVM takes its time.
            let others: Vec<&str> = crew.daemons.iter().filter(|d| !d.apache).map(|d| d.role.as_str()).collect();
            if !others.is_empty() {
                let output = run(stormctl(crew, &[&["start"], others.as_slice()].concat())).await?;
                output.must("install/start", format!("{} does not start", others.join(", ")))?;
            }
        }
        service => {
            run(systemctl(service, &["daemon-reload"])).await?.must("install/systemd", "systemd does not reload")?;
            for daemon in &crew.daemons {
                let output = run(systemctl(service, &["enable", "--now", &daemon.unit])).await?;
                if let Err(trouble) = output.must("install/start", format!("{} does not start", daemon.unit)) {
                    return Err(with_status(trouble, service, &daemon.unit).await);
                }
            }
        }
    }
    Ok(())
}

/// With what systemd says of the unit.
async fn with_status(trouble: Trouble, service: Service, unit: &str) -> Trouble {
    let words = ["status", "--no-pager", "--full", "--lines=5", unit];
    let said = run(systemctl(service, &words)).await.map(|output| output.stdout).unwrap_or_default();
    said.lines().map(str::trim).filter(|line| !line.is_empty()).fold(trouble, Trouble::at)
}

/// Workers go on meanwhile.
pub async fn restart(crew: &Crew) -> Result<(), Trouble> {
    match crew.service {
        Service::Background | Service::Auto => {
            for daemon in &crew.daemons {
                let command = match daemon.apache {
                    true => apache(crew, daemon, "restart"),
                    false => stormctl(crew, &["restart", &daemon.role]),
                };
                run(command).await?.must("install/restart", format!("{} does not restart", daemon.role))?;
            }
        }
        service => {
            run(systemctl(service, &["daemon-reload"])).await?.must("install/systemd", "systemd does not reload")?;
            for daemon in &crew.daemons {
                let output = run(systemctl(service, &["restart", &daemon.unit])).await?;
                output.must("install/restart", format!("{} does not restart", daemon.unit))?;
            }
        }
    }
    Ok(())
}

/// Stops the daemons, with a supervisor its workers too; the others first, ZooKeeper last.
pub async fn stop(crew: &Crew) -> Result<(), Trouble> {
    if crew.service == Service::Systemd || crew.service == Service::SystemdUser {
        for daemon in crew.daemons.iter().rev() {
            let output = run(systemctl(crew.service, &["disable", "--now", &daemon.unit])).await?;
            // A unit that is gone runs nothing.
            if !output.ok() && !output.stderr.contains("does not exist") && !output.stderr.contains("not loaded") {
                output.must("install/stop", format!("{} does not stop", daemon.unit))?;
            }
        }
    }
    if !places::program(&crew.dir).exists() || !places::storm_yaml(&crew.dir).exists() {
        return Ok(());
    }
    for daemon in crew.daemons.iter().rev() {
        if daemon.apache {
            if places::zookeeper_home(&crew.dir).join("conf/zoo.cfg").exists() {
                run(apache(crew, daemon, "stop")).await?.must("install/stop", "zookeeper does not stop")?;
            }
            continue;
        }
        run(stormctl(crew, &["stop", &daemon.role]))
            .await?
            .must("install/stop", format!("{} does not stop", daemon.role))?;
        if daemon.role == "supervisor" {
            run(stormctl(crew, &["kill-workers", "--yes"])).await?.must("install/stop", "workers do not end")?;
        }
    }
    Ok(())
}

/// The processes of those daemons that run from this folder, by role.
pub async fn processes(crew: &Crew) -> BTreeMap<String, i32> {
    let mut found = BTreeMap::new();
    for daemon in &crew.daemons {
        if let Some(pid) = pid(crew, daemon).await {
            found.insert(daemon.role.clone(), pid);
        }
    }
    found
}

async fn pid(crew: &Crew, daemon: &Daemon) -> Option<i32> {
    match crew.service {
        Service::Systemd | Service::SystemdUser => {
            let words = ["show", "--property", "MainPID", "--value", &daemon.unit];
            let output = run(systemctl(crew.service, &words)).await.ok()?;
            output.stdout.trim().parse().ok().filter(|pid| *pid > 0)
        }
        _ if daemon.apache => apache_pid(&places::zookeeper_data(&crew.dir)),
        _ if !places::program(&crew.dir).exists() => None,
        _ => {
            let output = run(stormctl(crew, &["status", &daemon.role, "-o", "jsonl"])).await.ok()?;
            let lines = output.stdout.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
            let running = |line: &Value| line["state"] == "running";
            lines.filter(running).find_map(|line| line["pid"].as_i64()?.try_into().ok())
        }
    }
}

/// How it is with a daemon.
pub enum Standing {
    /// For so many seconds.
    Serves(i64),
    Starts,
    Ended,
}

pub async fn standing(crew: &Crew, daemon: &Daemon) -> Result<Standing, Trouble> {
    if daemon.apache {
        let mode = zookeeper_mode(crew).await;
        // It has been waited for when it was started: the others of an ensemble have joined since.
        return Ok(mode.map_or(Standing::Starts, |_| Standing::Serves(i64::MAX)));
    }
    let output = run(stormctl(crew, &["status", &daemon.role, "-o", "jsonl"])).await?;
    let line = output.stdout.lines().find_map(|l| serde_json::from_str::<Value>(l).ok()).unwrap_or_default();
    let is_kept = !matches!(crew.service, Service::Background | Service::Auto);
    Ok(match line["state"].as_str() {
        Some("running") if line["address"].is_string() => Standing::Serves(line["uptime_secs"].as_i64().unwrap_or(0)),
        Some("running" | "foreign") => Standing::Starts,
        // systemd may be about to start it once more.
        _ if is_kept && !run(systemctl(crew.service, &["is-failed", "--quiet", &daemon.unit])).await?.ok() => {
            Standing::Starts
        }
        _ => Standing::Ended,
    })
}

/// With the last that it has said.
pub fn ended(crew: &Crew, daemon: &Daemon) -> Trouble {
    const LAST: usize = 5;
    let log = places::logs(&crew.dir).join(format!("{}.log", daemon.role));
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let trouble = Trouble::new(Kind::Failed, "install/ended", format!("{} has ended again", daemon.role));
    let trouble = lines[lines.len().saturating_sub(LAST)..].iter().fold(trouble, |t, line| t.at(*line));
    trouble.hint(format!("read {}", log.display()))
}

/// By the pid file of zkServer.sh, if that process is a ZooKeeper.
fn apache_pid(data: &Path) -> Option<i32> {
    let text = std::fs::read_to_string(data.join("zookeeper_server.pid")).ok()?;
    let pid = text.trim().parse().ok()?;
    let command = PathBuf::from("/proc").join(text.trim()).join("cmdline");
    let command = std::fs::read(command).unwrap_or_default();
    String::from_utf8_lossy(&command).contains("org.apache.zookeeper.server").then_some(pid)
}

/// What tells a process from every other one, also after the machine was restarted.
pub fn identity(pid: i32) -> Option<String> {
    Identity::of(pid).map(|i| format!("{}-{}-{}", i.pid, i.start_ticks, i.boot))
}

/// What is known of the processes of a crew.
pub async fn known(crew: &Crew) -> BTreeMap<String, Process> {
    let mut known = BTreeMap::new();
    for (role, pid) in processes(crew).await {
        let Some(identity) = identity(pid) else { continue };
        let apache = crew.daemons.iter().any(|d| d.role == role && d.apache);
        let outdated = !apache && is_of_another_program(pid, &places::program(&crew.dir));
        let leads = role == "zookeeper" && zookeeper_mode(crew).await.as_deref() == Some("leader");
        known.insert(role, Process { identity, outdated, leads });
    }
    known
}

/// Whether it runs another file than this one. Of a process of somebody else that is not known.
fn is_of_another_program(pid: i32, program: &Path) -> bool {
    let (Ok(runs), Ok(lies)) = (std::fs::metadata(format!("/proc/{pid}/exe")), std::fs::metadata(program)) else {
        return false;
    };
    (runs.dev(), runs.ino()) != (lies.dev(), lies.ino())
}

/// `leader`, `follower` or `standalone`, once the server of this host serves.
pub async fn zookeeper_mode(crew: &Crew) -> Option<String> {
    let conf = nimbus::conf(&crew.dir).ok()?;
    let port = conf.int("storm.zookeeper.port").and_then(|p| u16::try_from(p).ok())?;
    // Known by a loopback address, it listens there only; else on all.
    for ip in conf.listen_addresses() {
        let ip = match ip {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        if let Ok(text) = four_letter(SocketAddr::from((ip, port)), "srvr", ASK).await {
            return text.lines().find_map(|l| l.strip_prefix("Mode:")).map(|mode| mode.trim().to_owned());
        }
    }
    None
}
