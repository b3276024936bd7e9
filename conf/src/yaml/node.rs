//! The tree of a document. Every node knows where it was written.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};

/// Line and column, both from 1; a column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub mark: Mark,
    /// The bytes of the text that say it; from the first to the last child of a block collection. Empty for what is
    /// not written at all (`key:` alone).
    pub span: Range<usize>,
    pub style: Style,
    pub kind: Kind,
}

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Single,
    Double,
    /// `|` or `>`
    BlockScalar,
    /// A collection by its indentation.
    Block,
    /// A collection in brackets or braces.
    Flow,
    /// `*name`: what it holds is written elsewhere.
    Alias,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Scalar(Value),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_mark: Mark,
    pub key_span: Range<usize>,
    pub value: Node,
    /// It came through `<<`, so a key written here replaces it.
    pub merged: bool,
    /// The same key comes again further down, and that one counts.
    pub shadowed: bool,
}

/// Whether a document can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Apache Storm would not start with it either.
    Error,
    /// Apache Storm takes it without a word, and so do we, with one.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Error => "error",
            Level::Warning => "warning",
        })
    }
}

/// Something that the text says wrongly.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub code: &'static str,
    pub level: Level,
    pub mark: Mark,
    /// The bytes at fault.
    pub span: Range<usize>,
    pub message: String,
    pub fix: Option<String>,
}

impl Node {
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(v) => v.clone(),
            Kind::Seq(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            // Of a key that is set twice the last counts.
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_value())).collect::<Map<_, _>>())
            }
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of a mapping that counts for this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key && !e.shadowed)
    }

    /// How many nodes it holds, itself among them.
    pub fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::Seq(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|e| e.value.size()).sum(),
        }
    }
}
