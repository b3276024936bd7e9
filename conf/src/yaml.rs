//! A YAML document as a tree whose every node knows its line and column, read by YAML 1.1's rules for scalars.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value};

use crate::scalar::{self, Scalar};

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub mark: Mark,
    pub kind: Kind,
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
    pub value: Node,
    /// It came through `<<`, so a key written here replaces it.
    pub merged: bool,
}

/// Something that the text says wrongly.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub code: &'static str,
    pub mark: Mark,
    pub message: String,
    pub fix: Option<String>,
}

/// SnakeYAML's own limits: nesting, and a bound on what aliases may unfold to.
const MAX_DEPTH: usize = 50;
const MAX_NODES: usize = 200_000;

impl Node {
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(v) => v.clone(),
            Kind::Seq(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Map(entries) => {
                let mut map = Map::new();
                for e in entries {
                    map.insert(e.key.clone(), e.value.to_value());
                }
                Value::Object(map)
            }
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::Seq(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|e| e.value.size()).sum(),
        }
    }
}

/// Reads one document: the tree (or what could be read of it) and everything that is wrong.
pub fn read(text: &str) -> (Option<Node>, Vec<Fault>) {
    let mut builder = Builder::default();
    let mut parser = Parser::new(StrInput::new(text.strip_prefix('\u{feff}').unwrap_or(text)));
    while let Some(next) = parser.next_event() {
        match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                if !builder.take(event, span) {
                    break;
                }
            }
            Err(e) => {
                let mark = Mark { line: e.marker().line(), column: e.marker().col() + 1 };
                builder.fault("config/syntax", mark, e.info().to_owned(), None);
                break;
            }
        }
    }
    builder.finish()
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    faults: Vec<Fault>,
}

struct Frame {
    node: Node,
    anchor: usize,
    /// The key that waits for its value, in a mapping.
    key: Option<(String, Mark)>,
}

fn mark(span: Span) -> Mark {
    Mark { line: span.start.line(), column: span.start.col() + 1 }
}

impl Builder {
    fn fault(&mut self, code: &'static str, mark: Mark, message: impl Into<String>, fix: Option<String>) {
        self.faults.push(Fault { code, mark, message: message.into(), fix });
    }

    /// False when reading on makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = mark(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let fix = Some("keep one document, without a second ---".to_owned());
                    self.fault("config/documents", at, "the file holds more than one YAML document", fix);
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag, at);
                return self.put(Node { mark: at, kind: Kind::Scalar(value) }, anchor);
            }
            Event::SequenceStart(anchor, tag) => {
                return self.start(Kind::Seq(Vec::new()), anchor, tag, "seq", at);
            }
            Event::MappingStart(anchor, tag) => return self.start(Kind::Map(Vec::new()), anchor, tag, "map", at),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(frame) = self.open.pop() {
                    return self.put(frame.node, frame.anchor);
                }
            }
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(node) => {
                    self.nodes += node.size();
                    return self.put(Node { mark: at, ..node }, 0);
                }
                None => self.fault("config/alias", at, "an alias refers to a node that is not complete", None),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        true
    }

    fn start(&mut self, kind: Kind, anchor: usize, tag: Option<Cow<'_, Tag>>, own: &str, at: Mark) -> bool {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == own)
        {
            self.unknown_tag(&tag, at);
        }
        if self.open.len() >= MAX_DEPTH {
            self.fault("config/depth", at, format!("nested more than {MAX_DEPTH} levels deep"), None);
            return false;
        }
        self.open.push(Frame { node: Node { mark: at, kind }, anchor, key: None });
        true
    }

    fn unknown_tag(&mut self, tag: &Tag, at: Mark) {
        let fix = Some("remove the tag".to_owned());
        self.fault("config/tag", at, format!("the tag {tag} has no meaning in a configuration"), fix);
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<Cow<'_, Tag>>, at: Mark) -> Value {
        let resolved = match tag {
            None if style == ScalarStyle::Plain => scalar::plain(&text),
            None => Scalar::Value(Value::String(text.clone().into_owned())),
            Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
                "str" => Scalar::Value(Value::String(text.clone().into_owned())),
                "null" => Scalar::Value(Value::Null),
                "bool" => scalar::tagged_bool(&text),
                "int" | "float" => {
                    let parsed =
                        if tag.suffix == "int" { scalar::tagged_int(&text) } else { scalar::tagged_float(&text) };
                    parsed.unwrap_or_else(|| {
                        self.fault("config/number", at, format!("\"{text}\" is no number, as its tag demands"), None);
                        Scalar::Value(Value::Null)
                    })
                }
                _ => {
                    self.unknown_tag(&tag, at);
                    Scalar::Value(Value::Null)
                }
            },
            // A lone `!` keeps a plain scalar from being resolved by form; SnakeYAML resolves it all the same.
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => scalar::plain(&text),
            Some(tag) => {
                self.unknown_tag(&tag, at);
                Scalar::Value(Value::Null)
            }
        };
        match resolved {
            Scalar::Value(v) => v,
            Scalar::Date => {
                let fix = Some(format!("quote it: \"{text}\""));
                self.fault("config/date", at, format!("{text} is read as a date"), fix);
                Value::String(text.into_owned())
            }
            Scalar::Unrepresentable => {
                self.fault("config/number", at, format!("{text} is not a number that can be used"), None);
                Value::Null
            }
        }
    }

    fn put(&mut self, node: Node, anchor: usize) -> bool {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.fault("config/size", node.mark, format!("more than {MAX_NODES} values"), None);
            return false;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        let (key, key_mark) = match (&mut frame.node.kind, frame.key.take()) {
            (Kind::Seq(items), _) => {
                items.push(node);
                return true;
            }
            (Kind::Map(_), None) => {
                frame.key = Some((key_text(&node), node.mark));
                if !matches!(node.kind, Kind::Scalar(_)) {
                    let fix = Some("write a plain name before the colon".to_owned());
                    self.fault("config/key", node.mark, "a key must be a text", fix);
                }
                return true;
            }
            (Kind::Map(_), Some(key)) => key,
            (Kind::Scalar(_), _) => unreachable!("only collections are opened"),
        };
        if key == "<<" {
            self.merge(node);
        } else {
            self.add(Entry { key, key_mark, value: node, merged: false });
        }
        true
    }

    fn add(&mut self, entry: Entry) {
        let Some(Frame { node: Node { kind: Kind::Map(entries), .. }, .. }) = self.open.last_mut() else { return };
        match entries.iter_mut().find(|e| e.key == entry.key) {
            None => entries.push(entry),
            Some(first) if first.merged => *first = entry,
            Some(first) => {
                let message = format!("{} is set twice, first on line {}", entry.key, first.key_mark.line);
                self.fault("config/duplicate-key", entry.key_mark, message, Some("remove one of the two".to_owned()));
            }
        }
    }

    /// `<<: *other`: keys of the other mapping that are not set here.
    fn merge(&mut self, node: Node) {
        let mark = node.mark;
        let sources = match node.kind {
            Kind::Seq(items) => items,
            kind => vec![Node { mark, kind }],
        };
        for source in sources {
            let Kind::Map(others) = source.kind else {
                self.fault("config/merge", source.mark, "<< must name a mapping or a list of mappings", None);
                continue;
            };
            if let Some(Frame { node: Node { kind: Kind::Map(entries), .. }, .. }) = self.open.last_mut() {
                for other in others {
                    if !entries.iter().any(|e| e.key == other.key) {
                        entries.push(Entry { merged: true, ..other });
                    }
                }
            }
        }
    }

    fn finish(mut self) -> (Option<Node>, Vec<Fault>) {
        // After a syntax error the entries of the top level that were complete are still worth checking.
        if self.root.is_none() && !self.open.is_empty() {
            self.root = Some(self.open.swap_remove(0).node);
        }
        (self.root, self.faults)
    }
}

fn key_text(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar(Value::String(s)) => s.clone(),
        Kind::Scalar(other) => other.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_with_anchors_and_merges_becomes_one_value() {
        let (node, faults) = read("base: &b {a: 1, b: yes}\nupper:\n  <<: *b\n  a: 0x10\nlist: [*b, '010']\n");
        assert_eq!(faults, []);
        assert_eq!(
            node.unwrap().to_value(),
            json!({"base": {"a": 1, "b": true}, "upper": {"b": true, "a": 16}, "list": [{"a": 1, "b": true}, "010"]})
        );
    }

    #[test]
    fn marks_count_from_one() {
        let (node, _) = read("a: 1\nbb:  two\n");
        let Kind::Map(entries) = node.unwrap().kind else { panic!("no map") };
        assert_eq!(entries[1].key_mark, Mark { line: 2, column: 1 });
        assert_eq!(entries[1].value.mark, Mark { line: 2, column: 6 });
    }

    #[test]
    fn every_fault_is_reported_and_the_rest_is_read() {
        let (node, faults) = read("a: 1\na: 2\nb: 2001-12-14\nc: !foo x\nd: [1\ne: 2\n");
        let codes: Vec<_> = faults.iter().map(|f| (f.code, f.mark.line)).collect();
        assert_eq!(codes[..3], [("config/duplicate-key", 2), ("config/date", 3), ("config/tag", 4)]);
        assert_eq!(codes[3].0, "config/syntax");
        assert_eq!(node.unwrap().to_value()["b"], json!("2001-12-14"));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..10 {
            let prior = format!("*a{}, ", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{prior}]\n"));
        }
        let (_, faults) = read(&text);
        assert_eq!(faults[0].code, "config/size");
    }

    #[test]
    fn depth_is_bounded() {
        let (_, faults) = read(&format!("a: {}", "[".repeat(10_000)));
        assert!(!faults.is_empty());
    }
}
