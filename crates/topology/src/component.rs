//! Spouts and bolts: the traits that topologies implement.

use std::cell::Cell;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::context::TaskContext;
use crate::output::{BoltOutput, Collector, SpoutOutput};
use crate::run::{Asked, RowRun, RunEnd};
use crate::tuple::Tuple;
use crate::value::Value;

/// What a spout knows one of its tuples by; it comes back in [`Spout::ack`] or [`Spout::fail`].
#[derive(Debug, Clone, PartialEq)]
pub enum MessageId {
    /// A number: costs nothing.
    Number(u64),
    /// Anything else, e.g. the JSON of a multilang spout.
    Value(Box<Value>),
}

impl MessageId {
    /// The number, if it is one.
    pub fn number(&self) -> Option<u64> {
        match self {
            MessageId::Number(n) => Some(*n),
            MessageId::Value(_) => None,
        }
    }
}

impl From<u64> for MessageId {
    fn from(n: u64) -> MessageId {
        MessageId::Number(n)
    }
}

impl From<&str> for MessageId {
    fn from(s: &str) -> MessageId {
        MessageId::Value(Box::new(s.into()))
    }
}

impl From<Value> for MessageId {
    fn from(v: Value) -> MessageId {
        MessageId::Value(Box::new(v))
    }
}

/// What a call of [`Spout::next_tuple`] came to; it decides when the next call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something was emitted: ask again at once.
    Emitted,
    /// Nothing to emit: ask again after a short wait, which grows while the spout stays idle.
    Idle,
    /// Nothing to emit before this moment.
    IdleUntil(Instant),
    /// Nothing to emit until something happens: an ack, a fail, an activation, or a wake through
    /// [`TaskContext::waker`].
    Exhausted,
}

/// Who acks a bolt's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AckMode {
    /// The engine: every emit in `execute` is anchored to the input, which is acked when `execute` returns `Ok` and failed when it
    /// returns [`ComponentError::failed`] (Storm's `BasicBolt`).
    #[default]
    Auto,
    /// The bolt: emits are unanchored unless said so, and each input is acked or failed by the bolt, now or later.
    Manual,
}

/// Why a component could not do its work.
///
/// Any error turns into a fatal one with `?`. A fatal error is reported and ends the worker process, which the supervisor starts
/// again, as an exception does in Storm. [`ComponentError::failed`] only fails the tuple at hand.
pub struct ComponentError {
    fatal: bool,
    message: String,
}

impl ComponentError {
    /// An error the component cannot go on after.
    pub fn fatal(message: impl Into<String>) -> ComponentError {
        ComponentError { fatal: true, message: message.into() }
    }

    /// The input tuple could not be processed; it is failed, so that its spout may replay it.
    pub fn failed(message: impl Into<String>) -> ComponentError {
        ComponentError { fatal: false, message: message.into() }
    }

    /// Whether the component cannot go on.
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The stable code word.
    pub fn code(&self) -> &'static str {
        if self.fatal { "component-died" } else { "tuple-failed" }
    }
}

impl fmt::Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message)
    }
}

impl<E: std::error::Error> From<E> for ComponentError {
    /// A fatal error that tells the whole chain of causes.
    fn from(error: E) -> ComponentError {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        ComponentError::fatal(message)
    }
}

/// A source of tuples.
///
/// A task's spout is entered by one thread at a time. Which one may change, since a thread with little to do works for others
/// too. Methods must return quickly, since many tasks share a thread; a spout that has to block says so with
/// [`Spout::blocking`], and is then always entered by the same thread, its own.
///
/// ```
/// use storm_topology::{ComponentError, Progress, Spout, SpoutOutput, values};
///
/// struct Numbers(u64);
///
/// impl Spout for Numbers {
///     fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
///         self.0 += 1;
///         out.emit_reliable(values![self.0 as i64], self.0);
///         Ok(Progress::Emitted)
///     }
/// }
/// ```
pub trait Spout: Send {
    /// Called once, before anything else.
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let _ = ctx;
        Ok(())
    }

    /// Emits the next tuple or tuples, or says that there is nothing now.
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError>;

    /// The tuple emitted with this id, and all that came of it, has been processed.
    fn ack(&mut self, id: MessageId, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let _ = (id, out);
        Ok(())
    }

    /// The tuple emitted with this id was failed by a bolt, or not fully processed in `topology.message.timeout.secs`.
    fn fail(&mut self, id: MessageId, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let _ = (id, out);
        Ok(())
    }

    /// The topology has become active; called before the first `next_tuple` too.
    fn activate(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let _ = out;
        Ok(())
    }

    /// The topology has become inactive: no `next_tuple` until it is active again.
    fn deactivate(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let _ = out;
        Ok(())
    }

    /// Called after someone called [`wake`](crate::Waker::wake) on the context's waker, also while inactive.
    fn wake(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        let _ = out;
        Ok(())
    }

    /// The worker shuts down in good order. Not called when it is killed.
    fn close(&mut self) {}

    /// Whether methods may block; such a spout's executor gets a thread of its own. Asked once, before `open`.
    fn blocking(&self) -> bool {
        false
    }

    /// Calls [`Spout::next_tuple`] so many times, or until there is nothing or `halt` is set. The engine's way in, not to be implemented.
    #[doc(hidden)]
    fn next_tuples(
        &mut self,
        calls: usize,
        halt: &Cell<bool>,
        out: &mut dyn Collector,
    ) -> Result<Asked, ComponentError> {
        Asked::ask(self, calls, halt, out)
    }
}

/// A step of processing: takes tuples, emits others.
///
/// A task's bolt is entered by one thread at a time. Which one may change, since a thread with little to do works for others
/// too. Methods must return quickly, since many tasks share a thread; a bolt that has to block says so with
/// [`Bolt::blocking`], and is then always entered by the same thread, its own.
///
/// ```
/// use storm_topology::{Bolt, BoltOutput, ComponentError, Tuple, values};
///
/// struct Split;
///
/// impl Bolt for Split {
///     fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
///         for word in tuple.str(0)?.split_whitespace() {
///             out.emit(values![word]);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Bolt: Send {
    /// Called once, before anything else.
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let _ = ctx;
        Ok(())
    }

    /// Processes one tuple. Tick tuples come here too; see [`Tuple::is_tick`].
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError>;

    /// Called after someone called [`wake`](crate::Waker::wake) on the context's waker. The place to emit
    /// and ack outside `execute`.
    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        let _ = out;
        Ok(())
    }

    /// Whether the bolt takes a tuple now. Asked before each call of `execute`; after a `false` it is asked again only after a wake
    /// through the context's waker, and meanwhile tuples wait and their senders are held back.
    fn ready(&self) -> bool {
        true
    }

    /// The worker shuts down in good order. Not called when it is killed.
    fn cleanup(&mut self) {}

    /// Who acks. Asked once, after `prepare`.
    fn ack_mode(&self) -> AckMode {
        AckMode::Auto
    }

    /// Whether methods may block; such a bolt's executor gets a thread of its own. Asked once, before `prepare`.
    fn blocking(&self) -> bool {
        false
    }

    /// Calls [`Bolt::execute`] for many rows. The engine's way in, not to be implemented.
    #[doc(hidden)]
    fn execute_rows(&mut self, run: &mut RowRun<'_>, out: &mut dyn Collector) -> RunEnd {
        run.drive(self, out)
    }

    /// What else wakes the bolt while its thread has nothing to do. Asked of blocking bolts only, and only by the engine.
    #[doc(hidden)]
    fn watch(&self) -> Watch<'_> {
        Watch::default()
    }
}

/// Pipes or sockets for which a bolt is woken.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Wakes when there is something to read, or no more will be.
    pub readable: Option<BorrowedFd<'a>>,
    /// Wakes when there is room to write, or nobody reads any more.
    pub writable: Option<BorrowedFd<'a>>,
    /// Wakes at this moment, and for what is readable not before.
    pub rests_until: Option<Instant>,
}

/// A component's program for one task.
pub enum ComponentInstance {
    /// A source of tuples.
    Spout(Box<dyn Spout>),
    /// A step of processing.
    Bolt(Box<dyn Bolt>),
}

impl ComponentInstance {
    /// Boxes a spout.
    pub fn spout(spout: impl Spout + 'static) -> ComponentInstance {
        ComponentInstance::Spout(Box::new(Apart(spout)))
    }

    /// Boxes a bolt.
    pub fn bolt(bolt: impl Bolt + 'static) -> ComponentInstance {
        ComponentInstance::Bolt(Box::new(Apart(bolt)))
    }

    /// Whether the component's methods may block.
    pub fn blocking(&self) -> bool {
        match self {
            ComponentInstance::Spout(s) => s.blocking(),
            ComponentInstance::Bolt(b) => b.blocking(),
        }
    }
}

/// A component on cache lines of its own. Components are made one after another by one thread and run by several; what one of them
/// counts must not slow the next.
#[repr(align(128))]
struct Apart<T>(T);

impl<S: Spout> Spout for Apart<S> {
    fn open(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.0.open(ctx)
    }
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        self.0.next_tuple(out)
    }
    fn ack(&mut self, id: MessageId, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.ack(id, out)
    }
    fn fail(&mut self, id: MessageId, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.fail(id, out)
    }
    fn activate(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.activate(out)
    }
    fn deactivate(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.deactivate(out)
    }
    fn wake(&mut self, out: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.0.wake(out)
    }
    fn close(&mut self) {
        self.0.close();
    }
    fn blocking(&self) -> bool {
        self.0.blocking()
    }
}

impl<B: Bolt> Bolt for Apart<B> {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.0.prepare(ctx)
    }
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.execute(tuple, out)
    }
    fn wake(&mut self, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.wake(out)
    }
    fn ready(&self) -> bool {
        self.0.ready()
    }
    fn cleanup(&mut self) {
        self.0.cleanup();
    }
    fn ack_mode(&self) -> AckMode {
        self.0.ack_mode()
    }
    fn blocking(&self) -> bool {
        self.0.blocking()
    }
    fn watch(&self) -> Watch<'_> {
        self.0.watch()
    }
}
/// How the engine's report of a component begins that is not declared blocking and yet holds a thread that others need.
pub const HOLDS_THREAD: &str = "holds a thread of the worker";

/// Makes the programs of a topology's components, one per task.
///
/// Implemented by every closure `Fn(&str, i32) -> Result<ComponentInstance, ComponentError>`.
pub trait ComponentFactory: Send + Sync {
    /// A fresh instance for a task of a component.
    fn create(&self, component: &str, task: i32) -> Result<ComponentInstance, ComponentError>;
}

impl<F> ComponentFactory for F
where
    F: Fn(&str, i32) -> Result<ComponentInstance, ComponentError> + Send + Sync,
{
    fn create(&self, component: &str, task: i32) -> Result<ComponentInstance, ComponentError> {
        self(component, task)
    }
}
