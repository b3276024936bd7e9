//! Running what the user asked for: `stormctl` itself, so that what is shown is what happens.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use storm_machine::process::Entry;
use storm_tui::{Done, Job, Run};
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(180);
/// Of what a command prints; nobody reads more in a window.
const MOST: usize = 1 << 20;

/// How this very program is called so that it means the same cluster.
#[derive(Debug, Clone)]
pub struct Stormctl {
    pub program: PathBuf,
    pub globals: Vec<String>,
}

impl Stormctl {
    pub fn command(&self, arguments: &[String]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.globals).args(arguments);
        command
    }
}

pub async fn run(stormctl: Stormctl, job: Job) -> Done {
    let (ok, output) = match &job.what {
        Run::Stormctl(arguments) => stormctl_run(&stormctl, arguments).await,
        Run::Kill { pid, start_ticks, hard } => kill(*pid, *start_ticks, *hard),
    };
    Done { id: job.id, ok, output }
}

async fn stormctl_run(stormctl: &Stormctl, arguments: &[String]) -> (bool, String) {
    let mut command = Command::from(stormctl.command(arguments));
    command.arg("--no-input");
    // The question was asked in the dashboard; a preview answers none, so that what it would refuse is seen.
    if !arguments.iter().any(|a| a == "--dry-run") {
        command.arg("--yes");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    match tokio::time::timeout(LIMIT, command.output()).await {
        Err(_) => (false, format!("not done within {} s", LIMIT.as_secs())),
        Ok(Err(e)) => (false, format!("cannot run {}: {e}", stormctl.program.display())),
        Ok(Ok(done)) => {
            let text = [done.stdout, done.stderr].concat();
            let text = String::from_utf8_lossy(&text[..text.len().min(MOST)]).trim_end().to_owned();
            let ok = done.status.success();
            (ok, if text.is_empty() && !ok { done.status.to_string() } else { text })
        }
    }
}

/// Only the very process that was listed: an id may have been given away since.
fn kill(pid: i32, start_ticks: u64, hard: bool) -> (bool, String) {
    let same = Entry::of(pid).is_some_and(|e| e.start_ticks == start_ticks && e.alive());
    let Some(target) = Pid::from_raw(pid).filter(|_| same) else {
        return (false, format!("process {pid} is gone already"));
    };
    match rustix::process::kill_process(target, if hard { Signal::KILL } else { Signal::TERM }) {
        Ok(()) => (true, format!("told process {pid} to end")),
        Err(e) => (false, format!("cannot signal process {pid}: {e}")),
    }
}
