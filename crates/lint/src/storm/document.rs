//! A `storm.yaml` as the rules see it: what it sets, where, and what is in force for the rest.

use serde_json::Value;
use storm_conf::yaml::{Entry, Fault, Kind, Level as YamlLevel, Node};
use storm_conf::{Conf, Mark, read_yaml, schema};

use crate::edit::{remove_entry, remove_item};
use crate::finding::{Finding, Fix, Level};
use crate::subject::Subject;
use crate::text::Edit;

pub(crate) struct Document<'s> {
    pub subject: &'s Subject,
    pub root: Option<Node>,
    pub faults: Vec<Fault>,
}

impl<'s> Document<'s> {
    pub fn read(subject: &'s Subject) -> Document<'s> {
        let (root, faults) = read_yaml(subject.text.as_str());
        Document { subject, root, faults }
    }

    /// What stopped the reading.
    pub fn syntax(&self) -> Option<Finding> {
        let fault = self.faults.iter().find(|f| f.code == "config/syntax")?;
        Some(self.finding(Level::Error, fault.code, fault.mark, format!("this is no YAML: {}", fault.message)))
    }

    /// Whether no daemon gets a configuration out of it.
    pub fn is_unreadable(&self) -> bool {
        let no_map = |n: &Node| !matches!(n.kind, Kind::Map(_) | Kind::Scalar(Value::Null));
        self.faults.iter().any(|f| f.level == YamlLevel::Error) || self.root.as_ref().is_some_and(no_map)
    }

    /// The entries that count.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.root.as_ref().map_or(&[][..], Node::entries).iter().filter(|e| !e.shadowed)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.root.as_ref()?.entry(key)
    }

    /// The value in force: this file's, else the default; none when it is null.
    pub fn value(&self, key: &str) -> Option<Value> {
        match self.entry(key) {
            Some(entry) => Some(entry.value.to_value()).filter(|v| !v.is_null()),
            None => Conf::shared_defaults().get(key).cloned(),
        }
    }

    /// The value in force when it is of the kind that Storm demands.
    fn fitting(&self, key: &str) -> Option<Value> {
        let value = self.value(key)?;
        schema::key(key).is_none_or(|k| k.kind.check(&value).is_none()).then_some(value)
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.fitting(key)?.as_f64()
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.fitting(key)?.as_str().map(str::to_owned)
    }

    /// The texts of a list, where they are written in this file; none for a default.
    pub fn items(&self, key: &str) -> Vec<(&Node, String)> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let text = |n: &'_ Node| n.to_value().as_str().map(str::to_owned);
        match &entry.value.kind {
            Kind::Seq(items) => items.iter().filter_map(|n| Some((n, text(n)?))).collect(),
            Kind::Scalar(_) | Kind::Map(_) => Vec::new(),
        }
    }

    /// How many items a list of this file has.
    pub fn items_len(&self, key: &str) -> usize {
        match self.entry(key).map(|e| &e.value.kind) {
            Some(Kind::Seq(items)) => items.len(),
            _ => 0,
        }
    }

    pub fn written(&self, node: &Node) -> &str {
        &self.subject.text.as_str()[node.span.clone()]
    }

    pub fn finding(&self, level: Level, code: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        let path = self.subject.path.clone();
        Finding { code, level, path, mark, message: message.into(), found: None, related: None, fix: None, hint: None }
    }

    /// A finding about a value.
    pub fn at(&self, level: Level, code: &'static str, node: &Node, message: impl Into<String>) -> Finding {
        self.finding(level, code, node.mark, message)
    }

    pub fn replace(&self, node: &Node, with: impl Into<String>) -> Vec<Edit> {
        let with = with.into();
        // A key without a value has no room for one yet.
        if node.span.is_empty() { Vec::new() } else { vec![Edit::new(node.span.clone(), with)] }
    }

    pub fn without(&self, entry: &Entry) -> Vec<Edit> {
        match &self.root {
            Some(root) if !entry.merged => vec![remove_entry(&self.subject.text, root, entry)],
            _ => Vec::new(),
        }
    }

    pub fn without_item(&self, list: &Node, item: &Node) -> Vec<Edit> {
        vec![remove_item(&self.subject.text, list, item)]
    }

    /// The byte of a mark.
    pub fn offset(&self, mark: Mark) -> usize {
        let text = self.subject.text.as_str();
        let mut at = 0;
        for _ in 1..mark.line {
            at = self.subject.text.next_line(at);
        }
        let skipped = if at == 0 && text.starts_with('\u{feff}') { 1 } else { 0 };
        at + text[at..].chars().take(mark.column - 1 + skipped).map(char::len_utf8).sum::<usize>()
    }
}

/// What the reader of YAML has to say, as a finding's level.
pub(super) fn level(level: YamlLevel) -> Level {
    match level {
        YamlLevel::Error => Level::Error,
        YamlLevel::Warning => Level::Warning,
    }
}

impl Finding {
    pub(crate) fn fix(mut self, what: impl Into<String>, edits: Vec<Edit>) -> Finding {
        let what = what.into();
        if edits.is_empty() {
            self.hint = Some(what);
        } else {
            self.fix = Some(Fix { what, edits });
        }
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn found(mut self, found: impl Into<String>) -> Finding {
        self.found = Some(found.into());
        self
    }

    pub(crate) fn with(mut self, other: &Subject, mark: Mark, what: impl Into<String>) -> Finding {
        self.related = Some((other.path.clone(), mark, what.into()));
        self
    }
}
