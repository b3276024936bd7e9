//! The child's side: one of our own components, spoken to over standard input and output.
//!
//! So a topology jar of ours also runs on Apache Storm, whose worker knows only how to start a child.

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::Value as Json;

use super::context::context_of;
use super::json::{parse, write_value};
use super::message::{Received, excerpt, frame, read_message};
use crate::component::{AckMode, Bolt, ComponentError, ComponentInstance, MessageId, Spout};
use crate::context::{TaskContext, Waker};
use crate::output::{BoltOutput, Collector, Emission, Link, SpoutOutput};
use crate::rows::Rows;
use crate::tuple::{Fields, Lineage, Tuple, TupleSource};
use crate::value::{Value, ValueRef};

/// Why a component could not run as a child.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The other side broke the protocol.
    #[error("multilang: {0}")]
    Protocol(String),
    /// A pipe or the pid file failed.
    #[error("multilang: {what}: {cause}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        cause: std::io::Error,
    },
    /// The component failed; the host has been told.
    #[error("{0}")]
    Component(String),
}

impl ChildError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            ChildError::Protocol(_) => "multilang/protocol",
            ChildError::Io { .. } => "multilang/io",
            ChildError::Component(_) => "component-died",
        }
    }
}

enum Event {
    Heard(Value),
    Wake,
    End(Option<std::io::Error>),
}

/// Serves a component over this process' standard input and output, until the input ends.
///
/// The standard output belongs to the protocol: what the component itself writes there goes to the standard error.
pub fn serve_stdio(component: ComponentInstance) -> Result<(), ChildError> {
    let failed = |cause: rustix::io::Errno| ChildError::Io {
        what: "cannot set the standard output aside".to_owned(),
        cause: cause.into(),
    };
    let protocol = rustix::io::dup(std::io::stdout()).map_err(failed)?;
    rustix::stdio::dup2_stdout(std::io::stderr()).map_err(failed)?;
    run_child(component, std::io::BufReader::new(std::io::stdin()), std::fs::File::from(protocol))
}

/// Serves a component until the input ends, which is a good end.
pub fn run_child(
    component: ComponentInstance,
    from: impl BufRead + Send + 'static,
    to: impl Write,
) -> Result<(), ChildError> {
    let (sender, events) = channel();
    let for_waker = sender.clone();
    let waker = Waker::new(move || {
        // A failed send means that the component is ending; there is nobody to wake.
        let _ended = for_waker.send(Event::Wake);
    });
    // Unbounded, but the sender of tuples waits for acks: what is in here is bounded by what the host has pending.
    thread::Builder::new()
        .name("from-host".to_owned())
        .spawn(move || listen(from, &sender))
        .map_err(|cause| ChildError::Io { what: "cannot start a thread".to_owned(), cause })?;
    let mut host =
        Host { events, to, waiting: VecDeque::new(), failed: None, task_ids: VecDeque::new(), default_anchor: None };
    let hello = match host.next()? {
        Some(Event::Heard(hello)) => hello.to_json(),
        _ => return Err(ChildError::Protocol("the host said nothing".to_owned())),
    };
    let ctx = host.shake_hands(&hello, waker)?;
    match component {
        ComponentInstance::Bolt(bolt) => host.serve_bolt(bolt, &ctx),
        ComponentInstance::Spout(spout) => host.serve_spout(spout, &ctx),
    }
}

fn listen(mut from: impl BufRead, to: &Sender<Event>) {
    loop {
        let event = match read_message(&mut from) {
            Ok(Received::Message { text }) => match parse(&text) {
                Ok(value) => Event::Heard(value),
                Err(e) => Event::End(Some(std::io::Error::other(format!("{e} in {:?}", excerpt(&text))))),
            },
            Ok(Received::End) => Event::End(None),
            Err(e) => Event::End(Some(e)),
        };
        let last = matches!(event, Event::End(_));
        if to.send(event).is_err() || last {
            return;
        }
    }
}

struct Host<W> {
    events: Receiver<Event>,
    to: W,
    /// Heard while something else was waited for.
    waiting: VecDeque<Event>,
    task_ids: VecDeque<Vec<i32>>,
    /// The first thing that went wrong in an emit, which cannot say so itself.
    failed: Option<ChildError>,
    /// The tuple in hand, under [`AckMode::Auto`].
    default_anchor: Option<String>,
}

impl<W: Write> Host<W> {
    /// `None` when the input has ended.
    fn next(&mut self) -> Result<Option<Event>, ChildError> {
        let event = match self.waiting.pop_front() {
            Some(event) => event,
            None => match self.events.recv() {
                Ok(event) => event,
                Err(_) => return Ok(None),
            },
        };
        match event {
            Event::End(None) => Ok(None),
            Event::End(Some(cause)) => Err(ChildError::Io { what: "cannot read the host's message".to_owned(), cause }),
            other => Ok(Some(other)),
        }
    }

    fn say(&mut self, message: Vec<u8>) {
        let said = self.to.write_all(&frame(message)).and_then(|()| self.to.flush());
        if let Err(cause) = said {
            self.failed.get_or_insert(ChildError::Io { what: "cannot write to the host".to_owned(), cause });
        }
    }

    fn command(&mut self, command: &str, key: &str, value: ValueRef<'_>) {
        let mut message = format!("{{\"command\":\"{command}\",\"{key}\":").into_bytes();
        write_value(&mut message, value);
        message.push(b'}');
        self.say(message);
    }

    fn sync(&mut self) {
        self.say(b"{\"command\":\"sync\"}".to_vec());
    }

    fn check(&mut self) -> Result<(), ChildError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// A fatal error of the component: the host is told, and the child ends.
    fn died(&mut self, error: &ComponentError) -> ChildError {
        self.report_error(error.message());
        ChildError::Component(error.message().to_owned())
    }

    fn shake_hands(&mut self, hello: &Json, waker: Waker) -> Result<TaskContext, ChildError> {
        let pid_dir = PathBuf::from(hello["pidDir"].as_str().unwrap_or("."));
        let conf = hello["conf"].as_object().cloned().unwrap_or_default();
        let ctx = context_of(conf, pid_dir.clone(), &hello["context"], waker)
            .ok_or_else(|| ChildError::Protocol(format!("no handshake: {}", excerpt(hello.to_string().as_bytes()))))?;
        let pid = std::process::id();
        let file = pid_dir.join(pid.to_string());
        std::fs::write(&file, b"")
            .map_err(|cause| ChildError::Io { what: format!("cannot create {}", file.display()), cause })?;
        self.say(format!("{{\"pid\":{pid}}}").into_bytes());
        self.check()?;
        Ok(ctx)
    }

    fn serve_bolt(&mut self, mut bolt: Box<dyn Bolt>, ctx: &TaskContext) -> Result<(), ChildError> {
        bolt.prepare(ctx).map_err(|e| self.died(&e))?;
        let auto = bolt.ack_mode() == AckMode::Auto;
        let mut inputs: VecDeque<Value> = VecDeque::new();
        loop {
            while bolt.ready() {
                let Some(input) = inputs.pop_front() else { break };
                self.execute(bolt.as_mut(), &input, ctx, auto)?;
            }
            match self.next()? {
                None => break,
                Some(Event::Wake) => {
                    let woken = bolt.wake(&mut BoltOutput::new(self));
                    woken.map_err(|e| self.died(&e))?;
                    self.check()?;
                }
                Some(Event::Heard(Value::List(ids))) => self.task_ids.push_back(task_ids(&ids)),
                // A heartbeat is answered at once, whatever waits: the child is alive.
                Some(Event::Heard(input)) if text(&input, "stream") == Some("__heartbeat") => {
                    self.sync();
                    self.check()?;
                }
                Some(Event::Heard(input)) => inputs.push_back(input),
                Some(Event::End(_)) => break,
            }
        }
        bolt.cleanup();
        Ok(())
    }

    fn execute(&mut self, bolt: &mut dyn Bolt, input: &Value, ctx: &TaskContext, auto: bool) -> Result<(), ChildError> {
        let (Some(id), Some(Value::List(values))) = (text(input, "id"), field(input, "tuple")) else {
            return Err(ChildError::Protocol(format!("not a tuple: {input}")));
        };
        let values: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
        let rows = Rows::one(&values);
        let component = text(input, "comp").unwrap_or_default();
        let stream = text(input, "stream").unwrap_or("default");
        let task = field(input, "task").and_then(|v| v.as_ref().as_int()).and_then(|n| i32::try_from(n).ok());
        let source = Arc::new(TupleSource {
            component: component.into(),
            stream: stream.into(),
            task: task.unwrap_or(0),
            fields: fields_of(ctx, component, stream, values.len()),
            key: 0,
        });
        let number: i64 = id.parse().map_err(|_| ChildError::Protocol(format!("the tuple id {id:?} is no number")))?;
        // The host keeps the trees; here a tuple's only root is the number that the host knows it by.
        let lineage = Lineage::new(Some((number as u64, 0)), 0);
        let tuple = Tuple::new(&rows, 0, &source, &lineage);
        self.default_anchor = auto.then(|| id.to_owned());
        let done = bolt.execute(&tuple, &mut BoltOutput::new(self));
        self.default_anchor = None;
        match done {
            Ok(()) if auto => self.command("ack", "id", ValueRef::Str(id)),
            Ok(()) => {}
            Err(e) if e.is_fatal() => return Err(self.died(&e)),
            Err(e) => {
                self.report_error(e.message());
                self.command("fail", "id", ValueRef::Str(id));
            }
        }
        self.check()
    }

    fn serve_spout(&mut self, mut spout: Box<dyn Spout>, ctx: &TaskContext) -> Result<(), ChildError> {
        spout.open(ctx).map_err(|e| self.died(&e))?;
        let mut woken = false;
        while let Some(event) = self.next()? {
            let question = match event {
                // Between questions a spout must be quiet; it is woken within the next one.
                Event::Wake => {
                    woken = true;
                    continue;
                }
                Event::Heard(Value::List(ids)) => {
                    self.task_ids.push_back(task_ids(&ids));
                    continue;
                }
                Event::Heard(question) => question,
                Event::End(_) => break,
            };
            let mut out = SpoutOutput::new(self);
            let mut done = if std::mem::take(&mut woken) { spout.wake(&mut out) } else { Ok(()) };
            if done.is_ok() {
                let id = || message_id(field(&question, "id").cloned().unwrap_or_default());
                done = match text(&question, "command") {
                    Some("next") => spout.next_tuple(&mut out).map(drop),
                    Some("ack") => spout.ack(id(), &mut out),
                    Some("fail") => spout.fail(id(), &mut out),
                    Some("activate") => spout.activate(&mut out),
                    Some("deactivate") => spout.deactivate(&mut out),
                    _ => return Err(ChildError::Protocol(format!("not a question: {question}"))),
                };
            }
            done.map_err(|e| self.died(&e))?;
            self.sync();
            self.check()?;
        }
        spout.close();
        Ok(())
    }

    /// The answer to an emit; tuples that come before it wait.
    fn await_task_ids(&mut self) -> Result<Vec<i32>, ChildError> {
        if let Some(ids) = self.task_ids.pop_front() {
            return Ok(ids);
        }
        let mut aside = VecDeque::new();
        let ids = loop {
            match self.next()? {
                Some(Event::Heard(Value::List(ids))) => break task_ids(&ids),
                Some(other) => aside.push_back(other),
                None => return Err(ChildError::Protocol("the host went away before it answered an emit".to_owned())),
            }
        };
        aside.append(&mut self.waiting);
        self.waiting = aside;
        Ok(ids)
    }
}

impl<W: Write> Collector for Host<W> {
    fn emit(&mut self, emission: Emission<'_>) {
        let mut message = b"{\"command\":\"emit\"".to_vec();
        if let Some(stream) = emission.stream {
            message.extend_from_slice(b",\"stream\":");
            write_value(&mut message, ValueRef::Str(stream));
        }
        match emission.link {
            Link::Default => {
                if let Some(id) = &self.default_anchor {
                    message.extend_from_slice(format!(",\"anchors\":[\"{id}\"]").as_bytes());
                }
            }
            Link::Unanchored => {}
            Link::Anchors(anchors) => {
                let ids: Vec<String> =
                    anchors.iter().filter_map(|a| host_id(a.lineage())).map(|n| n.to_string()).collect();
                message.extend_from_slice(format!(",\"anchors\":{ids:?}").as_bytes());
            }
            Link::Message(id) => {
                message.extend_from_slice(b",\"id\":");
                match id {
                    MessageId::Number(n) => message.extend_from_slice(n.to_string().as_bytes()),
                    MessageId::Value(v) => write_value(&mut message, v.as_ref().as_ref()),
                }
            }
        }
        if let Some(task) = emission.task {
            message.extend_from_slice(format!(",\"task\":{task}").as_bytes());
        }
        let wants_ids = emission.targets.is_some() && emission.task.is_none();
        message.extend_from_slice(format!(",\"need_task_ids\":{wants_ids},\"tuple\":[").as_bytes());
        for (i, value) in emission.values.iter().enumerate() {
            if i > 0 {
                message.push(b',');
            }
            write_value(&mut message, *value);
        }
        message.extend_from_slice(b"]}");
        self.say(message);
        match (emission.targets, emission.task) {
            (None, _) => {}
            (Some(targets), Some(task)) => targets.push(task),
            (Some(targets), None) => match self.await_task_ids() {
                Ok(ids) => targets.extend(ids),
                Err(e) => drop(self.failed.get_or_insert(e)),
            },
        }
    }

    fn ack(&mut self, lineage: &Lineage, _: &TupleSource) {
        if lineage.settle()
            && let Some(id) = host_id(lineage)
        {
            self.command("ack", "id", ValueRef::Str(&id.to_string()));
        }
    }

    fn fail(&mut self, lineage: &Lineage, _: &TupleSource) {
        if lineage.settle()
            && let Some(id) = host_id(lineage)
        {
            self.command("fail", "id", ValueRef::Str(&id.to_string()));
        }
    }

    fn reset_timeout(&mut self, _: &Lineage) {
        // The protocol has no word for it.
    }

    fn report_error(&mut self, message: &str) {
        self.command("error", "msg", ValueRef::Str(message));
    }

    fn pending(&self) -> usize {
        0
    }
}

/// The number by which the host knows the tuple; see `execute`.
fn host_id(lineage: &Lineage) -> Option<i64> {
    lineage.roots().next().map(|(root, _)| root as i64)
}

fn field<'a>(map: &'a Value, key: &str) -> Option<&'a Value> {
    match map {
        Value::Map(map) => map.get(key),
        _ => None,
    }
}

fn text<'a>(map: &'a Value, key: &str) -> Option<&'a str> {
    field(map, key)?.as_ref().as_str()
}

fn task_ids(ids: &[Value]) -> Vec<i32> {
    ids.iter().filter_map(|v| i32::try_from(v.as_ref().as_int()?).ok()).collect()
}

fn message_id(id: Value) -> MessageId {
    match id {
        Value::Int(n) if n >= 0 => MessageId::Number(n as u64),
        other => MessageId::Value(Box::new(other)),
    }
}

/// The stream's fields as the handshake told them; without names when it did not.
fn fields_of(ctx: &TaskContext, component: &str, stream: &str, width: usize) -> Fields {
    let known = ctx.inputs.iter().find(|(i, _)| i.component_id == component && i.stream_id == stream);
    match known {
        Some((_, input)) if input.fields.len() == width => input.fields.clone(),
        _ => Fields::new((0..width).map(|i| i.to_string())),
    }
}
