//! The host's side of a bolt in another language.

use std::collections::HashMap;
use std::time::Duration;

use super::command::ShellCommand;
use super::json::write_value;
use super::link::{Link, log, task_ids};
use super::message::{Emit, Said, frame};
use crate::component::{AckMode, Bolt, ComponentError};
use crate::context::TaskContext;
use crate::output::{BoltOutput, Emission};
use crate::tuple::{Anchor, OwnedTuple, Tuple};
use crate::value::{Value, ValueRef};

/// Messages taken in one go, so that other work of the task gets its turn.
const TURN: usize = 512;

/// A bolt that runs in a child process.
///
/// `execute` only queues the tuple; what the child says is handled when its reading thread wakes the task. So neither side
/// can wait for the other with both pipes full.
pub struct ShellBolt {
    command: ShellCommand,
    component: String,
    link: Option<Link>,
    /// Tuples the child has not acked or failed, by the number it knows them by.
    tuples: HashMap<u64, OwnedTuple>,
    next_id: u64,
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
        match emit.task {
            Some(task) => out.send(emission.direct(task)),
            None if !emit.need_task_ids => out.send(emission),
            None => {
                out.send(emission.targets(&mut self.targets));
                if let Some(link) = &self.link {
                    link.outbox.urgent(task_ids(&self.targets));
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
        if let Some(link) = &self.link {
            link.outbox.tuple(frame(message));
        }
        Ok(())
    }

    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        for _ in 0..TURN {
            let Some(link) = &mut self.link else { return Ok(()) };
            if !link.outbox.answers_are_read() {
                return Ok(());
            }
            match link.try_receive()? {
                Some(said) => self.handle(said, out)?,
                None => return Ok(()),
            }
        }
        // There may be more; the next turn comes after what else waits.
        if let Some(link) = &self.link {
            link.wake_again();
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
}
