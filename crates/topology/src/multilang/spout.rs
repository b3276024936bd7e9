//! The host's side of a spout in another language: question and answer.

use std::time::Duration;

use super::command::ShellCommand;
use super::json::write_value;
use super::link::{Link, log, task_ids};
use super::message::{Emit, Said, frame};
use crate::component::{ComponentError, MessageId, Progress, Spout};
use crate::context::TaskContext;
use crate::output::{Emission, SpoutOutput};
use crate::value::{Value, ValueRef};

/// A spout that runs in a child process. The child's silence counts only while it owes an answer.
pub struct ShellSpout {
    command: ShellCommand,
    component: String,
    link: Option<Link>,
    targets: Vec<i32>,
}

impl ShellSpout {
    /// A spout that runs this command.
    pub fn new(command: ShellCommand) -> ShellSpout {
        ShellSpout { command, component: String::new(), link: None, targets: Vec::new() }
    }

    /// Asks, and handles what the child says up to its `sync`. True if it emitted.
    fn ask(&mut self, command: &str, id: &Value, out: &mut SpoutOutput<'_>) -> Result<bool, ComponentError> {
        let Some(link) = &mut self.link else { return Ok(false) };
        let mut message = format!("{{\"command\":\"{command}\",\"id\":").into_bytes();
        write_value(&mut message, id.as_ref());
        message.push(b'}');
        link.outbox.urgent(frame(message));
        let mut emitted = false;
        loop {
            let Some(link) = &mut self.link else { return Ok(emitted) };
            match link.receive()? {
                Said::Sync => {
                    link.pair.emitted(true);
                    return Ok(emitted);
                }
                Said::Emit(emit) => {
                    emitted = true;
                    self.emit(emit, out);
                }
                Said::Log { level, message } => log(link.pid(), &self.component, level, &message),
                Said::Error(message) => out.report_error(&message),
                Said::Metrics { name, params } => {
                    tracing::info!(component = %self.component, metric = %name, value = %params, "metric of a child");
                }
                other => return Err(link.died(&format!("a spout may not say {other:?}"))),
            }
        }
    }

    fn emit(&mut self, emit: Emit, out: &mut SpoutOutput<'_>) {
        let values: Vec<ValueRef<'_>> = emit.values.iter().map(Value::as_ref).collect();
        self.targets.clear();
        let mut emission = Emission::new(&values);
        emission.stream = emit.stream.as_deref();
        if let Some(id) = emit.id {
            emission = emission.reliable(id);
        }
        match emit.task {
            Some(task) => out.send(emission.direct(task)),
            None if !emit.need_task_ids => out.send(emission),
            None => {
                out.send(emission.targets(&mut self.targets));
                if let Some(link) = &mut self.link {
                    link.outbox.urgent(task_ids(&self.targets));
                }
            }
        }
    }
}

fn id_value(id: MessageId) -> Value {
    match id {
        MessageId::Number(n) => i64::try_from(n).map_or(Value::Float(n as f64), Value::Int),
        MessageId::Value(v) => *v,
    }
}

impl Spout for ShellSpout {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.component.clone_from(&ctx.component_id);
        self.link = Some(Link::start("ShellSpout", &self.command, ctx)?);
        Ok(())
    }

    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let emitted = self.ask("next", &"".into(), out)?;
        Ok(if emitted { Progress::Emitted } else { Progress::Idle })
    }

    fn ack(&mut self, id: MessageId, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.ask("ack", &id_value(id), out).map(drop)
    }

    fn fail(&mut self, id: MessageId, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.ask("fail", &id_value(id), out).map(drop)
    }

    fn activate(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.ask("activate", &"".into(), out).map(drop)
    }

    fn deactivate(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.ask("deactivate", &"".into(), out).map(drop)
    }

    fn close(&mut self) {
        if let Some(mut link) = self.link.take() {
            link.stop(Duration::from_secs(1));
        }
    }

    fn blocking(&self) -> bool {
        true
    }
}
