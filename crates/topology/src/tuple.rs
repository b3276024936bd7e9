//! Tuples as bolts see them, and the lineage that ties them to the spout tuples they came from.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::component::ComponentError;
use crate::rows::Rows;
use crate::value::{Value, ValueRef};

/// Names of a stream's fields, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Arc<[String]>);

impl Fields {
    /// Field names from anything that can be turned into text.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Fields {
        Fields(names.into_iter().map(Into::into).collect())
    }

    /// The position of a field.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|n| n == name)
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Fields {
    fn from(names: [S; N]) -> Fields {
        Fields::new(names)
    }
}

/// Where tuples come from: one task's stream. All tuples of a batch share it.
#[derive(Debug, Clone, PartialEq)]
pub struct TupleSource {
    /// The component that emitted.
    pub component: Arc<str>,
    /// The stream it emitted on.
    pub stream: Arc<str>,
    /// The task that emitted; -1 for the system (tick tuples).
    pub task: i32,
    /// The stream's fields.
    pub fields: Fields,
    /// The engine's number for (component, stream); means nothing to others.
    pub key: u32,
}

/// The component and stream that tick tuples come from.
pub const SYSTEM_COMPONENT: &str = "__system";
/// The stream of tick tuples; see [`Tuple::is_tick`].
pub const TICK_STREAM: &str = "__tick";

/// The trees a tuple belongs to, and what its bolt has added to them so far.
///
/// Each root stands for one spout tuple. A tuple is one edge in each of its trees. What a bolt emits with the tuple as an anchor
/// is gathered in one word, and leaves as one contribution when the tuple is acked (Storm's XOR accounting).
#[derive(Debug, Default)]
pub struct Lineage {
    first: Cell<Option<(u64, u64)>>,
    more: Vec<(u64, u64)>,
    children: Cell<u64>,
    settled: Cell<bool>,
    received: u64,
}

impl Lineage {
    /// A lineage in no tree, or in one.
    #[inline]
    pub fn new(first: Option<(u64, u64)>, received: u64) -> Lineage {
        Lineage { first: Cell::new(first), received, ..Lineage::default() }
    }

    /// Makes it that of another tuple, which is in no tree or in one.
    ///
    /// The engine runs over many tuples with one lineage; it does so between calls, when nobody holds the earlier tuple.
    #[inline]
    pub fn renew(&self, first: Option<(u64, u64)>) {
        self.first.set(first);
        self.children.set(0);
        self.settled.set(false);
    }

    /// Adds a tree: its root, and this tuple's edge in it.
    pub fn add_root(&mut self, root: u64, edge: u64) {
        match self.first.get() {
            None => self.first.set(Some((root, edge))),
            Some(_) => self.more.push((root, edge)),
        }
    }

    /// (root, edge) of each tree.
    pub fn roots(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.first.get().into_iter().chain(self.more.iter().copied())
    }

    /// Whether the tuple is in any tree.
    #[inline]
    pub fn is_tracked(&self) -> bool {
        self.first.get().is_some()
    }

    /// The first of its trees: (root, edge).
    #[inline]
    pub fn first_root(&self) -> Option<(u64, u64)> {
        self.first.get()
    }

    /// Whether the tuple is in more than one tree.
    #[inline]
    pub fn is_in_several(&self) -> bool {
        !self.more.is_empty()
    }

    /// The edges of the tuples anchored to this one so far, XORed.
    #[inline]
    pub fn children(&self) -> u64 {
        self.children.get()
    }

    /// Notes the edge of a tuple anchored to this one.
    #[inline]
    pub fn add_child(&self, edge: u64) {
        self.children.set(self.children.get() ^ edge);
    }

    /// Marks the tuple as acked or failed; false when it already was.
    #[inline]
    pub fn settle(&self) -> bool {
        !self.settled.replace(true)
    }

    /// When the engine handed the tuple to its bolt, on the engine's own clock.
    pub fn received(&self) -> u64 {
        self.received
    }

    fn copied(&self) -> Lineage {
        Lineage {
            first: self.first.clone(),
            more: self.more.clone(),
            children: self.children.clone(),
            settled: self.settled.clone(),
            received: self.received,
        }
    }
}

/// What can anchor an emit, and be acked or failed: a [`Tuple`] or an [`OwnedTuple`].
pub trait Anchor {
    /// The trees it belongs to.
    fn lineage(&self) -> &Lineage;
    /// The stream it came from.
    fn source(&self) -> &Arc<TupleSource>;
}

/// A tuple inside a batch. It lives as long as the call it is passed to; [`Tuple::to_owned`] keeps it longer.
pub struct Tuple<'a> {
    rows: &'a Rows,
    row: usize,
    source: &'a Arc<TupleSource>,
    lineage: &'a Lineage,
}

impl<'a> Tuple<'a> {
    /// The view of a row. Made by the engine, and by tests of bolts.
    #[inline]
    pub fn new(rows: &'a Rows, row: usize, source: &'a Arc<TupleSource>, lineage: &'a Lineage) -> Tuple<'a> {
        Tuple { rows, row, source, lineage }
    }

    /// How many values there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows.width()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a position.
    ///
    /// # Panics
    /// When the stream has no such field, as indexing a slice would; [`Tuple::get`] asks.
    #[inline]
    pub fn value(&self, index: usize) -> ValueRef<'a> {
        self.rows.value(self.row, index)
    }

    /// The value at a position, if there is one.
    #[inline]
    pub fn get(&self, index: usize) -> Option<ValueRef<'a>> {
        (index < self.len()).then(|| self.value(index))
    }

    /// All values in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = ValueRef<'a>> + use<'a> {
        let (rows, row) = (self.rows, self.row);
        (0..rows.width()).map(move |i| rows.value(row, i))
    }

    /// The value of a field by its name.
    pub fn field(&self, name: &str) -> Option<ValueRef<'a>> {
        self.source.fields.index_of(name).and_then(|i| self.get(i))
    }

    /// The text at a position; an error that names the field when it is something else.
    #[inline]
    pub fn str(&self, index: usize) -> Result<&'a str, ComponentError> {
        self.get(index).and_then(|v| v.as_str()).ok_or_else(|| self.mismatch(index, "text"))
    }

    /// The whole number at a position; an error that names the field when it is something else.
    #[inline]
    pub fn int(&self, index: usize) -> Result<i64, ComponentError> {
        self.get(index).and_then(|v| v.as_int()).ok_or_else(|| self.mismatch(index, "a whole number"))
    }

    /// The number at a position; an error that names the field when it is something else.
    pub fn float(&self, index: usize) -> Result<f64, ComponentError> {
        self.get(index).and_then(|v| v.as_float()).ok_or_else(|| self.mismatch(index, "a number"))
    }

    /// The truth value at a position; an error that names the field when it is something else.
    pub fn bool(&self, index: usize) -> Result<bool, ComponentError> {
        self.get(index).and_then(|v| v.as_bool()).ok_or_else(|| self.mismatch(index, "a truth value"))
    }

    #[cold]
    fn mismatch(&self, index: usize, wanted: &str) -> ComponentError {
        let name = self.source.fields.names().get(index).map_or("", String::as_str);
        let found = self.get(index).map_or("missing", |v| v.kind());
        ComponentError::fatal(format!(
            "field {index} `{name}` of a tuple from `{}` on stream `{}` is {found}, not {wanted}",
            self.source.component, self.source.stream
        ))
    }

    /// The component that emitted the tuple.
    pub fn source_component(&self) -> &'a str {
        &self.source.component
    }

    /// The stream it was emitted on.
    pub fn source_stream(&self) -> &'a str {
        &self.source.stream
    }

    /// The task that emitted it; -1 for tick tuples.
    pub fn source_task(&self) -> i32 {
        self.source.task
    }

    /// The stream's fields.
    pub fn fields(&self) -> &'a Fields {
        &self.source.fields
    }

    /// Whether this is a tick tuple (`topology.tick.tuple.freq.secs`).
    pub fn is_tick(&self) -> bool {
        self.source.task == -1 && &*self.source.stream == TICK_STREAM && &*self.source.component == SYSTEM_COMPONENT
    }

    /// Copies the tuple out of its batch, with its lineage, so that a bolt may hold it and ack it later.
    ///
    /// From then on anchor to, ack or fail the owned tuple and leave the view alone: a tuple is settled once, and what is
    /// anchored to one of the two is unknown to the other.
    pub fn to_owned(&self) -> OwnedTuple {
        OwnedTuple {
            values: self.values().map(|v| v.to_value()).collect(),
            source: self.source.clone(),
            lineage: self.lineage.copied(),
        }
    }
}

impl Anchor for Tuple<'_> {
    fn lineage(&self) -> &Lineage {
        self.lineage
    }
    fn source(&self) -> &Arc<TupleSource> {
        self.source
    }
}

impl fmt::Debug for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{:?}", self.source.component, self.source.stream, self.values().collect::<Vec<_>>())
    }
}

/// A tuple of its own, with its values and its lineage: what a bolt with [`AckMode::Manual`](crate::AckMode::Manual) keeps.
#[derive(Debug)]
pub struct OwnedTuple {
    values: Vec<Value>,
    source: Arc<TupleSource>,
    lineage: Lineage,
}

impl OwnedTuple {
    /// The values in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of a field by its name.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.source.fields.index_of(name).and_then(|i| self.values.get(i))
    }

    /// The component that emitted the tuple.
    pub fn source_component(&self) -> &str {
        &self.source.component
    }

    /// The stream it was emitted on.
    pub fn source_stream(&self) -> &str {
        &self.source.stream
    }

    /// The task that emitted it; -1 for tick tuples.
    pub fn source_task(&self) -> i32 {
        self.source.task
    }
}

impl Anchor for OwnedTuple {
    fn lineage(&self) -> &Lineage {
        &self.lineage
    }
    fn source(&self) -> &Arc<TupleSource> {
        &self.source
    }
}
