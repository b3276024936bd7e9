//! A program in the place of the dashboard: it has the terminal until it ends, and is stopped and goes on with us.

use std::io::{self, Write};
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// Runs it to its end, and leaves the terminal's modes as they were; says how it ended if not well.
pub fn run(mut command: Command) -> io::Result<Option<String>> {
    let modes = tcgetattr(io::stdin())?;
    let child = command.spawn()?;
    let ended = wait(Pid::from_child(&child))?;
    // Whoever was killed could not put them back.
    tcsetattr(io::stdin(), OptionalActions::Drain, &modes)?;
    Ok(ended)
}

fn wait(child: Pid) -> io::Result<Option<String>> {
    loop {
        let status = match waitpid(Some(child), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        };
        if status.stopped() {
            // Ctrl-Z in an editor is meant for all of us: the shell that started us takes over, and wakes us both.
            kill_process(getpid(), Signal::STOP)?;
            continue;
        }
        return Ok(match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => None,
            (Some(code), _) => Some(format!("exit status {code}")),
            (None, Some(signal)) => Some(format!("signal {signal}")),
            (None, None) => Some("an unknown end".to_owned()),
        });
    }
}

/// What it has said stays on the screen until it is read.
pub fn until_read(ended: Option<&str>) -> io::Result<()> {
    let mut out = io::stdout();
    let ended = ended.map(|how| format!("it ended with {how}; ")).unwrap_or_default();
    write!(out, "\n{ended}Enter goes back to the dashboard ")?;
    out.flush()?;
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}
