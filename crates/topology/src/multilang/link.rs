//! A child with its pipes, as the host's component holds it.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use serde_json::Value;

use super::command::{Limits, ShellCommand};
use super::context::context_json;
use super::inbox::{Inbox, Read};
use super::message::{Said, excerpt, frame, understand};
use super::monitor::Life;
use super::outbox::Outbox;
use super::pair::Pair;
use super::process::Process;
use super::{json, message};
use crate::component::{ComponentError, Watch};
use crate::context::{TaskContext, Waker};
use crate::value::ValueRef;

/// How long the end of a process and of its standard error is waited for, once its output has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) struct Link {
    kind: &'static str,
    command: ShellCommand,
    place: String,
    component: String,
    task: i32,
    pub(crate) outbox: Outbox,
    inbox: Inbox,
    life: Arc<Life>,
    pub(crate) pair: Pair,
    process: Process,
    limits: Limits,
    waker: Waker,
}

impl Link {
    /// Starts the child and shakes hands. `kind` is `ShellBolt` or `ShellSpout`.
    pub(crate) fn start(kind: &'static str, command: &ShellCommand, ctx: &TaskContext) -> Result<Link, ComponentError> {
        let limits = Limits::of(ctx);
        let place = format!("{} on {}", ctx.resources_dir.display(), host_name(ctx));
        let component = &ctx.component_id;
        if !ctx.resources_dir.is_dir() {
            return Err(ComponentError::fatal(format!(
                "component [{component}]: cannot run [{command}]: there is no folder {place}; the topology jar has no resources"
            )));
        }
        std::fs::create_dir_all(&ctx.pid_dir).map_err(|e| {
            ComponentError::fatal(format!("component [{component}]: cannot make {}: {e}", ctx.pid_dir.display()))
        })?;
        let (process, pipes) = Process::start(command, &ctx.resources_dir).map_err(|e| {
            let program = command.argv.first().map_or("", String::as_str);
            let path = std::env::var("PATH").unwrap_or_default();
            ComponentError::fatal(format!(
                "component [{component}]: cannot start [{command}] in {place}: {e}; is {program} installed there? (PATH={path})"
            ))
        })?;
        // The child does this too, if it is well behaved; by this file the supervisor finds what a dead worker left.
        let pid_file = ctx.pid_dir.join(process.pid().to_string());
        std::fs::write(&pid_file, b"").map_err(|e| {
            ComponentError::fatal(format!("component [{component}]: cannot create {}: {e}", pid_file.display()))
        })?;
        let life = Life::new(component, limits.silence, ctx.waker());
        let pid = process.pid();
        let started = || -> std::io::Result<()> {
            ioctl_fionbio(&pipes.stdin, true)?;
            ioctl_fionbio(&pipes.stdout, true)?;
            let life = life.clone();
            thread::Builder::new().name(format!("err-{pid}")).spawn(move || life.watch(pipes.stderr))?;
            Ok(())
        };
        started()
            .map_err(|e| ComponentError::fatal(format!("component [{component}]: cannot watch its child: {e}")))?;
        let pair = Pair::new(pid, usize::try_from(ctx.task_id).unwrap_or_default());
        let (outbox, inbox) = (Outbox::new(pipes.stdin, limits.max_pending), Inbox::new(pipes.stdout));
        let (command, component, task, waker) = (command.clone(), component.clone(), ctx.task_id, ctx.waker());
        let mut link =
            Link { kind, command, place, component, task, outbox, inbox, life, pair, process, limits, waker };
        link.shake_hands(ctx)?;
        Ok(link)
    }

    fn shake_hands(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let mut hello = Vec::from(b"{\"conf\":".as_slice());
        json::write_json(&mut hello, &Value::Object(ctx.conf.as_ref().clone()));
        hello.extend_from_slice(b",\"pidDir\":");
        json::write_value(&mut hello, ValueRef::Str(&ctx.pid_dir.to_string_lossy()));
        hello.extend_from_slice(b",\"context\":");
        json::write_json(&mut hello, &context_json(ctx));
        hello.push(b'}');
        self.outbox.urgent(frame(hello));
        match self.receive()? {
            Said::Pid(pid) => {
                tracing::info!(component = %self.component, pid, command = %self.command, "child started");
                Ok(())
            }
            other => Err(self.died(&format!("its first message must be its pid, it was {other:?}"))),
        }
    }

    /// From now on the child is asked for a sign of life when it is silent (bolts).
    pub(crate) fn start_beating(&self) {
        self.life.start_beating();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Has the task woken once more.
    pub(crate) fn wake_again(&self) {
        self.waker.wake();
    }

    /// Begins a turn: what is due is asked for, and the child's output is looked at again.
    pub(crate) fn begin(&mut self) {
        self.inbox.look_again();
        if self.life.takes_beat() {
            self.outbox.heartbeat();
        }
    }

    /// What has come, without waiting; `None` for nothing.
    pub(crate) fn try_receive(&mut self) -> Result<Option<Said>, ComponentError> {
        loop {
            if let Some(text) = self.inbox.next() {
                let said = understand(text).map_err(|why| (excerpt(text), why));
                return match said {
                    Ok(said) => Ok(Some(said)),
                    Err((text, why)) => {
                        Err(self.died(&format!("it wrote {text:?} to its standard output, which is {why}")))
                    }
                };
            }
            match self.inbox.read() {
                Ok(Read::Something) => self.life.excuse(),
                Ok(Read::Nothing) if self.life.is_silent() => return Err(self.silent()),
                Ok(Read::Nothing) => return Ok(None),
                Ok(Read::End) => return Err(self.died("Pipe to subprocess seems to be broken! Its output has ended")),
                Err(cause) => return Err(self.died(&format!("its output cannot be read: {cause}"))),
            }
        }
    }

    /// Waits for a message as long as a child may be silent.
    pub(crate) fn receive(&mut self) -> Result<Said, ComponentError> {
        let deadline = Instant::now() + self.limits.silence;
        loop {
            self.begin();
            self.outbox.pump();
            if let Some(said) = self.try_receive()? {
                return Ok(said);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.silent());
            }
            let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            let mut fds = vec![PollFd::new(&self.inbox, PollFlags::IN)];
            fds.extend(self.outbox.wants_room().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::OUT)));
            match poll(&mut fds, Some(&left)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(cause) => return Err(self.died(&format!("its output cannot be waited for: {cause}"))),
            }
        }
    }

    /// Whether the child is listened to. Not while it does not read its answers, and its silence does not count then.
    pub(crate) fn listens(&self) -> bool {
        let listens = self.outbox.answers_are_read();
        if !listens {
            self.life.excuse();
        }
        listens
    }

    /// What this link is to be woken for.
    pub(crate) fn watch(&self) -> Watch<'_> {
        let readable = self.outbox.answers_are_read().then(|| self.inbox.as_fd());
        Watch { readable, writable: self.outbox.wants_room(), rests_until: None }
    }

    fn silent(&mut self) -> ComponentError {
        let seconds = self.limits.silence.as_secs();
        let why = format!("it owed an answer and was silent for {seconds} s (topology.subprocess.timeout.secs)");
        // Its end is not waited for: it does not end by itself.
        self.report(&why, Duration::ZERO)
    }

    /// The error that ends the component; it tells everything that is known.
    pub(crate) fn died(&mut self, why: &str) -> ComponentError {
        self.report(why, LAST_WORDS)
    }

    fn report(&mut self, why: &str, patience: Duration) -> ComponentError {
        let ended = self.process.ended(patience);
        let stderr = self.life.stderr_tail(if ended.is_some() { patience } else { Duration::ZERO });
        let (sent, waiting) = self.outbox.state();
        let received = self.inbox.last();
        let pid = self.process.pid();
        self.stop(Duration::ZERO);
        let ended = ended.unwrap_or_else(|| "still running, killed".to_owned());
        let stderr = if stderr.is_empty() { "nothing".to_owned() } else { stderr };
        ComponentError::fatal(format!(
            "Halting process: {} died. Command: [{}] in {}, ProcessInfo pid:{pid}, name:{} task:{} exitCode:{ended}: {why}. \
             {waiting} tuples wait for it; it was sent last: {sent}; it said last: {received}; errorString:{stderr}",
            self.kind, self.command, self.place, self.component, self.task,
        ))
    }

    pub(crate) fn stop(&mut self, patience: Duration) {
        self.outbox.close();
        self.process.stop(patience);
        self.life.stop();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.life.stop();
    }
}

fn host_name(ctx: &TaskContext) -> String {
    let configured = ctx.conf("storm.local.hostname").and_then(Value::as_str).map(str::to_owned);
    configured.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// What a child wants to have logged, as Storm's default handler does it.
pub(crate) fn log(pid: u32, component: &str, level: i64, text: &str) {
    let line = format_args!("ShellLog pid:{pid}, name:{component} {text}");
    match level {
        0 => tracing::trace!("{line}"),
        1 => tracing::debug!("{line}"),
        3 => tracing::warn!("{line}"),
        4 => tracing::error!("{line}"),
        _ => tracing::info!("{line}"),
    }
}

/// The list of task ids that answers an emit.
pub(crate) fn task_ids(ids: &[i32]) -> Vec<u8> {
    message::frame(format!("{ids:?}").into_bytes())
}
