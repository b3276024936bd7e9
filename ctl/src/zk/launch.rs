//! Starting Apache ZooKeeper as zkServer.sh does, and ending it for sure.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use storm_machine::process::{Identity, sweep};

use super::install::Installation;
use crate::exit::Exit;
use crate::failure::Failure;

const LAST_LINES: usize = 5;

/// zkEnv.sh and zkServer.sh in what matters to a server: the release's own environment files, heap, flags, class path.
/// The shell becomes the JVM, so its process is the server's.
const START: &str = r#"
trap '' HUP
home=$1 zoo_cfg=$2 log_dir=$3 log_file=$4
cfg_dir=${zoo_cfg%/*}
[ -f "$cfg_dir/zookeeper-env.sh" ] && . "$cfg_dir/zookeeper-env.sh"
[ -f "$cfg_dir/java.env" ] && . "$cfg_dir/java.env"
java=java
[ -n "$JAVA_HOME" ] && java=$JAVA_HOME/bin/java
command -v "$java" >/dev/null 2>&1 || {
  echo "there is no $java: JAVA_HOME is ${JAVA_HOME:-not set}, and java on PATH is $(command -v java || echo none in "$PATH")" >&2
  exit 127
}
set -f
exec "$java" "-Dzookeeper.log.dir=$log_dir" "-Dzookeeper.log.file=$log_file" \
  -XX:+HeapDumpOnOutOfMemoryError '-XX:OnOutOfMemoryError=kill -9 %p' \
  -cp "$cfg_dir:$home/lib/*:$home/*" "-Xmx${ZK_SERVER_HEAP:-1000}m" $SERVER_JVMFLAGS $JVMFLAGS \
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$zoo_cfg"
"#;

/// Where the shell that starts a server has its zoo.cfg, among its arguments.
pub const ZOO_CFG_AT: usize = 5;

/// Whether these are the arguments of such a shell.
pub fn is_starting(args: &[String]) -> bool {
    args.get(1).is_some_and(|a| a == "-c") && args.get(2).is_some_and(|a| a == START)
}

pub struct Launched {
    pub child: Child,
    pub out: PathBuf,
}

/// Starts the server and records it as zkServer.sh does; it is not waited for.
pub fn launch(install: &Installation, hostname: &str) -> Result<Launched, Failure> {
    let cannot = |code: &str, what: &str, e: &std::io::Error| {
        Failure::new(Exit::Failed, code, format!("cannot start Apache ZooKeeper: {what}")).evidence(e.to_string())
    };
    let logs = std::env::var_os("ZOO_LOG_DIR").map_or_else(|| install.home.join("logs"), PathBuf::from);
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let name = format!("zookeeper-{user}-server-{hostname}");
    let out = logs.join(format!("{name}.out"));
    for dir in [&logs, &install.data_dir] {
        fs::create_dir_all(dir).map_err(|e| cannot("zookeeper/folder", &dir.display().to_string(), &e))?;
    }
    let file = File::create(&out).map_err(|e| cannot("zookeeper/log", &out.display().to_string(), &e))?;
    let errors = file.try_clone().map_err(|e| cannot("zookeeper/log", &out.display().to_string(), &e))?;
    let mut command = Command::new("sh");
    command.args(["-c", START, "zookeeper"]).arg(&install.home).arg(&install.zoo_cfg).arg(&logs);
    command.arg(format!("{name}.log")).current_dir(&install.home).process_group(0);
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let mut child = command.spawn().map_err(|e| cannot("zookeeper/sh", "sh", &e))?;
    let pid_file = install.pid_file();
    if let Err(e) = fs::write(&pid_file, child.id().to_string()) {
        // One that nobody could stop again is not left behind.
        let ended = child.kill().and_then(|()| child.wait());
        let failure = Failure::new(Exit::Failed, "zookeeper/pid-file", "FAILED TO WRITE PID")
            .evidence(format!("{}: {e}", pid_file.display()));
        return Err(match ended {
            Ok(_) => failure,
            Err(e) => failure.evidence(format!("process {} is left: {e}", child.id())),
        });
    }
    Ok(Launched { child, out })
}

impl Launched {
    pub fn with_lines(&self, mut failure: Failure) -> Failure {
        let text = fs::read(&self.out).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
            failure = failure.evidence(*line);
        }
        failure.hint(format!("read {}", self.out.display()))
    }
}

/// Asks the server to end, waits, kills it after the grace; false when it had to be killed.
pub fn end(identity: &Identity, grace: Duration) -> Result<bool, Failure> {
    let failed = |e: std::io::Error| {
        Failure::new(Exit::Refused, "stop/refused", format!("cannot end ZooKeeper (pid {})", identity.pid))
            .evidence(e.to_string())
    };
    identity.signal(Signal::TERM).map_err(failed)?;
    if sweep::wait_gone(std::slice::from_ref(identity), grace) {
        return Ok(true);
    }
    identity.signal(Signal::KILL).map_err(failed)?;
    if sweep::wait_gone(std::slice::from_ref(identity), Duration::from_secs(10)) {
        return Ok(false);
    }
    Err(Failure::new(Exit::Failed, "stop/alive", format!("ZooKeeper (pid {}) does not end", identity.pid)))
}
