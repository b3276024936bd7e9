//! The child as a process: started in a group of its own, ended with that group, never left behind.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, getppid, kill_process_group, waitid};

use super::command::ShellCommand;

/// A child and its process group. Dropping it kills both.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
}

pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl Process {
    /// Starts the command in a folder. The thread that calls this must live as long as the child: the kernel kills the child
    /// when that thread ends, however it ends.
    #[allow(unsafe_code)]
    pub(crate) fn start(argv: &ShellCommand, dir: &Path) -> io::Result<(Process, Pipes)> {
        let [program, arguments @ ..] = argv.argv.as_slice() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
        };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(dir).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let parent = getpid();
        // SAFETY: between fork and exec only two system calls are made, on values that were copied before; nothing is
        // allocated and no lock is taken.
        unsafe {
            command.pre_exec(move || {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                // The parent may have gone before the line above.
                if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
            });
        }
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let process = Process { child, group };
        let ((stdin, stdout), stderr) = pipes.ok_or_else(|| io::Error::other("the child has no pipes"))?;
        Ok((process, Pipes { stdin, stdout, stderr }))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, in words, if it ends in this time. It stays a zombie, so its group's number stays its own.
    pub(crate) fn ended(&self, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            match waitid(WaitId::Pid(self.group?), options) {
                Ok(Some(status)) => {
                    return Some(match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => format!("exit code {code}"),
                        (_, Some(signal)) => format!("killed by signal {signal}"),
                        _ => "ended".to_owned(),
                    });
                }
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Ends the group: SIGTERM, and SIGKILL for what is left after a while.
    pub(crate) fn stop(&mut self, patience: Duration) {
        self.signal(Signal::TERM);
        self.ended(patience);
        self.kill();
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        if self.group.take().is_some()
            && let Err(cause) = self.child.wait()
        {
            tracing::warn!(pid = self.child.id(), %cause, "cannot wait for a child");
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group
            && let Err(cause) = kill_process_group(group, signal)
            && cause != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = self.child.id(), %cause, "cannot signal a child");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
