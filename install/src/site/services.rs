//! Starting and stopping daemons: through systemd, or as background processes with `stormctl start` itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time::timeout;

use crate::spec::Service;
use crate::step::{Crew, Daemon, places};
use crate::{Kind, Trouble};

/// A daemon that takes longer does not come up.
const LIMIT: Duration = Duration::from_secs(180);

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
                output.must("install/start", format!("{} does not start", daemon.unit))?;
            }
        }
    }
    Ok(())
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

/// Which of the daemons run from this folder.
pub async fn running(crew: &Crew) -> Vec<String> {
    let mut running = Vec::new();
    for daemon in &crew.daemons {
        let runs = match crew.service {
            Service::Systemd | Service::SystemdUser => {
                run(systemctl(crew.service, &["is-active", "--quiet", &daemon.unit])).await.is_ok_and(|o| o.ok())
            }
            _ if daemon.apache => apache_runs(&places::zookeeper_data(&crew.dir)),
            _ if !places::program(&crew.dir).exists() => false,
            _ => {
                let output = run(stormctl(crew, &["status", &daemon.role, "-o", "jsonl"])).await;
                output.is_ok_and(|o| o.stdout.contains("\"state\":\"running\""))
            }
        };
        if runs {
            running.push(daemon.role.clone());
        }
    }
    running
}

/// By the pid file of zkServer.sh, if that process is a ZooKeeper.
fn apache_runs(data: &Path) -> bool {
    let pid = std::fs::read_to_string(data.join("zookeeper_server.pid")).unwrap_or_default();
    let command = PathBuf::from("/proc").join(pid.trim()).join("cmdline");
    let text = std::fs::read(command).unwrap_or_default();
    !pid.trim().is_empty() && String::from_utf8_lossy(&text).contains("org.apache.zookeeper.server")
}
