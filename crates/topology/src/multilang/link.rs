//! A child with its pipes, as the host's component holds it.

use std::io::BufReader;
use std::process::ChildStdout;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::command::{Limits, ShellCommand};
use super::context::context_json;
use super::message::{Received, Said, excerpt, frame, read_message, understand};
use super::monitor::Life;
use super::process::Process;
use super::writer::Outbox;
use super::{json, message};
use crate::component::ComponentError;
use crate::context::{TaskContext, Waker};
use crate::value::ValueRef;

/// Messages that have been read and wait for the component.
const INBOX: usize = 256;
/// How long the end of a process and of its standard error is waited for, once its output has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) struct Link {
    kind: &'static str,
    command: ShellCommand,
    place: String,
    component: String,
    task: i32,
    pub(crate) outbox: Arc<Outbox>,
    life: Arc<Life>,
    inbox: Receiver<Heard>,
    process: Process,
    limits: Limits,
    waker: Waker,
}

pub(crate) enum Heard {
    Said(Said),
    Nonsense {
        text: String,
        why: String,
    },
    /// The child's output has ended.
    End(Option<String>),
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
        let outbox = Outbox::new(limits.max_pending, ctx.waker());
        let life = Life::new(component, limits.silence, ctx.waker());
        let (sender, inbox) = sync_channel(INBOX);
        let pid = process.pid();
        let threads = || -> std::io::Result<()> {
            let name = |what: &str| format!("{what}-{pid}");
            let (box_of_writer, box_of_watch) = (outbox.clone(), outbox.clone());
            let (life_of_reader, life_of_watch) = (life.clone(), life.clone());
            let waker = ctx.waker();
            let stdin = pipes.stdin;
            thread::Builder::new().name(name("to")).spawn(move || box_of_writer.write_to(stdin))?;
            thread::Builder::new()
                .name(name("from"))
                .spawn(move || read(pipes.stdout, &sender, &life_of_reader, &waker))?;
            thread::Builder::new().name(name("err")).spawn(move || life_of_watch.watch(pipes.stderr, &box_of_watch))?;
            Ok(())
        };
        threads().map_err(|e| ComponentError::fatal(format!("component [{component}]: cannot start a thread: {e}")))?;
        let (command, component, task, waker) = (command.clone(), component.clone(), ctx.task_id, ctx.waker());
        let mut link = Link { kind, command, place, component, task, outbox, life, inbox, process, limits, waker };
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

    /// What has come, without waiting; `None` for nothing.
    pub(crate) fn try_receive(&mut self) -> Result<Option<Said>, ComponentError> {
        match self.inbox.try_recv() {
            Ok(heard) => self.said(heard).map(Some),
            Err(TryRecvError::Empty) if self.life.is_silent() => Err(self.silent()),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.died("its output has ended")),
        }
    }

    /// Waits for a message as long as a child may be silent.
    pub(crate) fn receive(&mut self) -> Result<Said, ComponentError> {
        match self.inbox.recv_timeout(self.limits.silence) {
            Ok(heard) => self.said(heard),
            Err(RecvTimeoutError::Timeout) => Err(self.silent()),
            Err(RecvTimeoutError::Disconnected) => Err(self.died("its output has ended")),
        }
    }

    fn said(&mut self, heard: Heard) -> Result<Said, ComponentError> {
        match heard {
            Heard::Said(said) => Ok(said),
            Heard::Nonsense { text, why } => {
                Err(self.died(&format!("it wrote {text:?} to its standard output, which is {why}")))
            }
            Heard::End(None) => Err(self.died("Pipe to subprocess seems to be broken! Its output has ended")),
            Heard::End(Some(cause)) => Err(self.died(&format!("its output cannot be read: {cause}"))),
        }
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
        let received = self.life.last_received();
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
        self.outbox.close();
        self.life.stop();
    }
}

/// The reading thread's work. It ends when the child's output does, or when nobody listens any more.
fn read(stdout: ChildStdout, to: &SyncSender<Heard>, life: &Life, waker: &Waker) {
    let mut from = BufReader::with_capacity(64 << 10, stdout);
    loop {
        let heard = match read_message(&mut from) {
            Ok(Received::Message { text }) => {
                let short = excerpt(&text);
                life.heard(short.clone());
                understand(&text).map_or_else(|why| Heard::Nonsense { text: short, why }, Heard::Said)
            }
            Ok(Received::End) => Heard::End(None),
            Err(e) => Heard::End(Some(e.to_string())),
        };
        let last = matches!(heard, Heard::End(_));
        let given = match to.try_send(heard) {
            Err(TrySendError::Full(heard)) => {
                life.set_not_heard(true);
                let given = to.send(heard).is_ok();
                life.set_not_heard(false);
                given
            }
            given => given.is_ok(),
        };
        waker.wake();
        if last || !given {
            return;
        }
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
