//! The host's side of a bolt in another language.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::command::ShellCommand;
use super::json::write_value;
use super::link::{Link, log, task_ids};
use super::message::{Emit, Said, frame};
use crate::component::{AckMode, Bolt, ComponentError, Watch};
use crate::context::TaskContext;
use crate::output::{BoltOutput, Emission};
use crate::tuple::{Anchor, OwnedTuple, Tuple};
use crate::value::{Value, ValueRef};

/// Messages taken in one go, so that other work of the task gets its turn.
const TURN: usize = 512;

/// A child that has said something so short a time ago is busy.
const BUSY: Duration = Duration::from_micros(500);
/// How long a busy child that waits for nobody is let talk, so that what it says is taken by the dozen.
const GATHER: Duration = Duration::from_micros(200);

/// A bolt that runs in a child process.
///
/// `execute` only queues the tuple; pipes are written and read when there is room or something to read, and never waited for. So neither
/// side can wait for the other with both pipes full, and an answer goes out on the thread that has read the question.
pub struct ShellBolt {
    command: ShellCommand,
    component: String,
    link: Option<Link>,
    /// Tuples the child has not acked or failed, by the number it knows them by.
    tuples: HashMap<u64, OwnedTuple>,
    next_id: u64,
    /// The child waited for an answer in the last turn that it spoke in, or has said more than was taken.
    waited_for: bool,
    /// When its output was last taken, and until when it is let talk before it is taken again.
    taken: Instant,
    rests_until: Option<Instant>,
    targets: Vec<i32>,
}

impl ShellBolt {
    /// A bolt that runs this command.
    pub fn new(command: ShellCommand) -> ShellBolt {
        ShellBolt {
            command,
            component: String::new(),
            link: None,
            tuples: HashMap::new(),
            next_id: 1,
            waited_for: false,
            taken: Instant::now(),
            rests_until: None,
            targets: Vec::new(),
        }
    }

    fn emit(&mut self, emit: &Emit, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let mut anchors: Vec<&dyn Anchor> = Vec::with_capacity(emit.anchors.len());
        for id in &emit.anchors {
            match id.parse().ok().and_then(|id: u64| self.tuples.get(&id)) {
                Some(tuple) => anchors.push(tuple),
                None => {
                    let why = format!("it anchored onto the tuple {id}, which it was not given or has acked or failed");
                    return Err(self.died(&why));
                }
            }
        }
        let values: Vec<ValueRef<'_>> = emit.values.iter().map(Value::as_ref).collect();
        self.targets.clear();
        let mut emission = Emission::new(&values);
        emission.stream = emit.stream.as_deref();
        emission = if anchors.is_empty() { emission.unanchored() } else { emission.anchored(&anchors) };
        if let Some(link) = &mut self.link {
            link.pair.emitted(emit.need_task_ids && emit.task.is_none());
        }
        match emit.task {
            Some(task) => out.send(emission.direct(task)),
            None if !emit.need_task_ids => out.send(emission),
            None => {
                out.send(emission.targets(&mut self.targets));
                if let Some(link) = &mut self.link {
                    link.outbox.urgent(task_ids(&self.targets));
                    self.waited_for = true;
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, id: &str, what: &str) -> Result<OwnedTuple, ComponentError> {
        match id.parse().ok().and_then(|id: u64| self.tuples.remove(&id)) {
            Some(tuple) => Ok(tuple),
            None => Err(self.died(&format!("it {what} the tuple {id}, which it was not given or has acked or failed"))),
        }
    }

    fn died(&mut self, why: &str) -> ComponentError {
        match &mut self.link {
            Some(link) => link.died(why),
            None => ComponentError::fatal(format!("component [{}]: {why}", self.component)),
        }
    }

    fn handle(&mut self, said: Said, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        match said {
            Said::Emit(emit) => self.emit(&emit, out)?,
            Said::Ack(id) => out.ack(&self.settle(&id, "acked")?),
            Said::Fail(id) => out.fail(&self.settle(&id, "failed")?),
            Said::Log { level, message } => {
                log(self.link.as_ref().map_or(0, Link::pid), &self.component, level, &message);
            }
            Said::Error(message) => out.report_error(&message),
            Said::Metrics { name, params } => {
                tracing::info!(component = %self.component, metric = %name, value = %params, "metric of a child");
            }
            Said::Sync | Said::Pid(_) => {}
            Said::Unknown(command) => {
                tracing::warn!(component = %self.component, %command, "a child gave a command that is not Storm's");
            }
        }
        Ok(())
    }
}

impl Bolt for ShellBolt {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.component.clone_from(&ctx.component_id);
        let link = Link::start("ShellBolt", &self.command, ctx)?;
        link.start_beating();
        self.link = Some(link);
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut message = Vec::with_capacity(128);
        message.extend_from_slice(format!("{{\"id\":\"{id}\",\"comp\":").as_bytes());
        write_value(&mut message, ValueRef::Str(tuple.source_component()));
        message.extend_from_slice(b",\"stream\":");
        write_value(&mut message, ValueRef::Str(tuple.source_stream()));
        message.extend_from_slice(format!(",\"task\":{},\"tuple\":[", tuple.source_task()).as_bytes());
        for (i, value) in tuple.values().enumerate() {
            if i > 0 {
                message.push(b',');
            }
            write_value(&mut message, value);
        }
        message.extend_from_slice(b"]}");
        self.tuples.insert(id, tuple.to_owned());
        if let Some(link) = &mut self.link
            && link.outbox.tuple(frame(message))
        {
            // What gathers until the engine has handed out its batch is written together.
            link.wake_again();
        }
        Ok(())
    }

    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if let Some(link) = &mut self.link {
            link.begin();
        }
        let (mut more, mut said_something) = (true, false);
        for _ in 0..TURN {
            let Some(link) = &mut self.link else { return Ok(()) };
            more = link.listens();
            let said = if more { link.try_receive()? } else { None };
            more &= said.is_some();
            match said {
                Some(said) => {
                    if !std::mem::replace(&mut said_something, true) {
                        self.waited_for = false;
                    }
                    self.handle(said, out)?;
                }
                None => break,
            }
        }
        if let Some(link) = &mut self.link {
            link.outbox.pump();
            if more {
                // The next turn comes after what else waits.
                link.wake_again();
                self.waited_for = true;
            }
        }
        if said_something {
            let now = Instant::now();
            let busy = now - self.taken < BUSY && !self.waited_for && !self.tuples.is_empty();
            self.rests_until = busy.then(|| now + GATHER);
            self.taken = now;
        }
        Ok(())
    }

    fn ready(&self) -> bool {
        self.link.as_ref().is_none_or(|link| link.outbox.has_room())
    }

    fn cleanup(&mut self) {
        if let Some(mut link) = self.link.take() {
            link.stop(Duration::from_secs(1));
        }
    }

    fn ack_mode(&self) -> AckMode {
        AckMode::Manual
    }

    fn blocking(&self) -> bool {
        true
    }

    fn watch(&self) -> Watch<'_> {
        let watch = self.link.as_ref().map(Link::watch).unwrap_or_default();
        Watch { rests_until: self.rests_until, ..watch }
    }
}
