//! What spouts and bolts emit into.
//!
//! [`Collector`] is what the engine (or a test) implements; [`SpoutOutput`] and [`BoltOutput`] are what components use.
//!
//! An emit on an undeclared stream, or with a wrong number of values, is a mistake in the program. It doesn't trouble the caller:
//! the collector notes it, and the component fails as soon as the current call returns.

use crate::component::MessageId;
use crate::tuple::{Anchor, Lineage, TupleSource};
use crate::value::ValueRef;

/// What an emit is tied to.
#[derive(Default)]
pub enum Link<'a> {
    /// As the component's [`AckMode`](crate::AckMode) says: the input under `Auto`, nothing otherwise.
    #[default]
    Default,
    /// Nothing.
    Unanchored,
    /// These tuples.
    Anchors(&'a [&'a dyn Anchor]),
    /// Root of a new tree, known to the spout by this id.
    Message(MessageId),
}

/// One emit, for the cases that [`SpoutOutput::emit`] and [`BoltOutput::emit`] leave out.
///
/// ```
/// # use storm_topology::{BoltOutput, Emission, values};
/// # fn f(out: &mut BoltOutput<'_>) {
/// let mut targets = Vec::new();
/// out.send(Emission::new(values!["x"]).on("errors").targets(&mut targets));
/// # }
/// ```
pub struct Emission<'a> {
    /// The stream; `None` is `default`.
    pub stream: Option<&'a str>,
    /// The values, as many as the stream has fields.
    pub values: &'a [ValueRef<'a>],
    /// What it is tied to.
    pub link: Link<'a>,
    /// The one task it goes to, for streams with direct grouping.
    pub task: Option<i32>,
    /// Filled with the ids of the tasks it went to.
    pub targets: Option<&'a mut Vec<i32>>,
}

impl<'a> Emission<'a> {
    /// An emit of these values on the default stream.
    #[inline]
    pub fn new(values: &'a [ValueRef<'a>]) -> Emission<'a> {
        Emission { stream: None, values, link: Link::Default, task: None, targets: None }
    }

    /// On this stream.
    pub fn on(mut self, stream: &'a str) -> Emission<'a> {
        self.stream = Some(stream);
        self
    }

    /// Anchored to these tuples, and only these.
    pub fn anchored(mut self, anchors: &'a [&'a dyn Anchor]) -> Emission<'a> {
        self.link = Link::Anchors(anchors);
        self
    }

    /// Anchored to nothing.
    pub fn unanchored(mut self) -> Emission<'a> {
        self.link = Link::Unanchored;
        self
    }

    /// Root of a new tree (spouts only).
    pub fn reliable(mut self, id: impl Into<MessageId>) -> Emission<'a> {
        self.link = Link::Message(id.into());
        self
    }

    /// To this task only; the target must take the stream with direct grouping.
    pub fn direct(mut self, task: i32) -> Emission<'a> {
        self.task = Some(task);
        self
    }

    /// Appends to `out` the ids of the tasks the tuple goes to.
    pub fn targets(mut self, out: &'a mut Vec<i32>) -> Emission<'a> {
        self.targets = Some(out);
        self
    }
}

/// The other side of the outputs.
pub trait Collector {
    /// Sends a tuple.
    fn emit(&mut self, emission: Emission<'_>);
    /// Sends a tuple on the default stream, tied to what [`Link::Default`] says: what most emits are.
    fn emit_default(&mut self, values: &[ValueRef<'_>]) {
        self.emit(Emission::new(values));
    }
    /// Sends the root of a new tree on the default stream.
    fn emit_root(&mut self, values: &[ValueRef<'_>], id: MessageId) {
        self.emit(Emission { link: Link::Message(id), ..Emission::new(values) });
    }
    /// A tuple has been processed.
    fn ack(&mut self, lineage: &Lineage, source: &TupleSource);
    /// A tuple could not be processed.
    fn fail(&mut self, lineage: &Lineage, source: &TupleSource);
    /// A tuple needs more time.
    fn reset_timeout(&mut self, lineage: &Lineage);
    /// Something went wrong that users should see; the component goes on.
    fn report_error(&mut self, message: &str);
    /// How many of the task's tuples are neither acked nor failed (spouts).
    fn pending(&self) -> usize;
}

/// What a spout emits into.
pub struct SpoutOutput<'a> {
    collector: &'a mut dyn Collector,
}

impl<'a> SpoutOutput<'a> {
    /// Wraps a collector.
    #[inline]
    pub fn new(collector: &'a mut dyn Collector) -> SpoutOutput<'a> {
        SpoutOutput { collector }
    }

    /// Emits on the default stream, untracked.
    #[inline]
    pub fn emit(&mut self, values: &[ValueRef<'_>]) {
        self.collector.emit_default(values);
    }

    /// Emits on the default stream; [`Spout::ack`](crate::Spout::ack) or [`Spout::fail`](crate::Spout::fail) will tell what
    /// became of it.
    #[inline]
    pub fn emit_reliable(&mut self, values: &[ValueRef<'_>], id: impl Into<MessageId>) {
        self.collector.emit_root(values, id.into());
    }

    /// Emits on a stream, untracked.
    pub fn emit_on(&mut self, stream: &str, values: &[ValueRef<'_>]) {
        self.collector.emit(Emission { stream: Some(stream), ..Emission::new(values) });
    }

    /// Emits on a stream; tracked.
    pub fn emit_reliable_on(&mut self, stream: &str, values: &[ValueRef<'_>], id: impl Into<MessageId>) {
        let link = Link::Message(id.into());
        self.collector.emit(Emission { stream: Some(stream), link, ..Emission::new(values) });
    }

    /// Any emit.
    pub fn send(&mut self, emission: Emission<'_>) {
        self.collector.emit(emission);
    }

    /// Makes an error visible to users; the spout goes on.
    pub fn report_error(&mut self, message: &str) {
        self.collector.report_error(message);
    }

    /// How many of this task's tuples are neither acked nor failed.
    pub fn pending(&self) -> usize {
        self.collector.pending()
    }
}

/// What a bolt emits into.
pub struct BoltOutput<'a> {
    collector: &'a mut dyn Collector,
}

impl<'a> BoltOutput<'a> {
    /// Wraps a collector.
    #[inline]
    pub fn new(collector: &'a mut dyn Collector) -> BoltOutput<'a> {
        BoltOutput { collector }
    }

    /// Emits on the default stream; anchored to the input under [`AckMode::Auto`](crate::AckMode::Auto).
    #[inline]
    pub fn emit(&mut self, values: &[ValueRef<'_>]) {
        self.collector.emit_default(values);
    }

    /// Emits on a stream; anchored to the input under [`AckMode::Auto`](crate::AckMode::Auto).
    pub fn emit_on(&mut self, stream: &str, values: &[ValueRef<'_>]) {
        self.collector.emit(Emission { stream: Some(stream), ..Emission::new(values) });
    }

    /// Emits on the default stream, anchored to these tuples.
    pub fn emit_anchored(&mut self, anchors: &[&dyn Anchor], values: &[ValueRef<'_>]) {
        self.collector.emit(Emission { link: Link::Anchors(anchors), ..Emission::new(values) });
    }

    /// Emits on a stream, anchored to these tuples.
    pub fn emit_anchored_on(&mut self, stream: &str, anchors: &[&dyn Anchor], values: &[ValueRef<'_>]) {
        let link = Link::Anchors(anchors);
        self.collector.emit(Emission { stream: Some(stream), link, ..Emission::new(values) });
    }

    /// Any emit.
    pub fn send(&mut self, emission: Emission<'_>) {
        self.collector.emit(emission);
    }

    /// The tuple has been processed ([`AckMode::Manual`](crate::AckMode::Manual)). Settling it a second time does nothing.
    pub fn ack<A: Anchor + ?Sized>(&mut self, tuple: &A) {
        self.collector.ack(tuple.lineage(), tuple.source());
    }

    /// The tuple could not be processed ([`AckMode::Manual`](crate::AckMode::Manual)). Settling it a second time does nothing.
    pub fn fail<A: Anchor + ?Sized>(&mut self, tuple: &A) {
        self.collector.fail(tuple.lineage(), tuple.source());
    }

    /// Gives the tuple's trees the full `topology.message.timeout.secs` again.
    pub fn reset_timeout<A: Anchor + ?Sized>(&mut self, tuple: &A) {
        self.collector.reset_timeout(tuple.lineage());
    }

    /// Makes an error visible to users; the bolt goes on.
    pub fn report_error(&mut self, message: &str) {
        self.collector.report_error(message);
    }
}
