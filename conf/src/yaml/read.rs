//! From text to tree, by the events of a YAML parser.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::Value;

use super::node::{Entry, Fault, Kind, Level, Node, Style};
use super::relax::relax;
use super::scalar::{self, Scalar};
use super::spans::{At, Spans};

/// SnakeYAML's own limits: nesting, and a bound on what aliases may unfold to.
const MAX_DEPTH: usize = 50;
const MAX_NODES: usize = 200_000;

const BOM: char = '\u{feff}';
const SYNTAX: &str = "config/syntax";

/// Reads one document: the tree (or what could be read of it) and everything that is wrong.
pub fn read(text: &str) -> (Option<Node>, Vec<Fault>) {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let skipped = text.len() - body.len();
    let offsets = (!body.is_ascii()).then(|| body.char_indices().map(|(i, _)| i).collect());
    let strict = read_body(body, Builder::new(body, skipped, offsets, false));
    if !strict.1.iter().any(|f| f.code == SYNTAX) {
        return strict;
    }
    // SnakeYAML may know better, and then its reading counts.
    let (relaxed, offsets) = relax(body);
    let lenient = read_body(&relaxed, Builder::new(body, skipped, Some(offsets), true));
    if lenient.1.iter().any(|f| f.code == SYNTAX) { strict } else { lenient }
}

/// Reads what is the builder's text, but for blanks.
fn read_body(body: &str, mut builder: Builder<'_>) -> (Option<Node>, Vec<Fault>) {
    let mut parser = Parser::new(StrInput::new(body));
    while let Some(next) = parser.next_event() {
        match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                if !builder.take(event, span) {
                    break;
                }
            }
            Err(e) => {
                let at = builder.spans.place(Span::empty(*e.marker()));
                builder.error(SYNTAX, &at, e.info().to_owned(), None);
                break;
            }
        }
    }
    builder.finish()
}

struct Builder<'t> {
    spans: Spans<'t>,
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
    key: Option<(String, At)>,
    /// `!!omap`: a list of pairs that is a mapping.
    ordered: bool,
}

impl<'t> Builder<'t> {
    fn new(body: &'t str, skipped: usize, offsets: Option<Vec<usize>>, elsewhere: bool) -> Builder<'t> {
        Builder {
            spans: Spans { body, skipped, offsets, elsewhere },
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            documents: 0,
            nodes: 0,
            faults: Vec::new(),
        }
    }

    fn error(&mut self, code: &'static str, at: &At, message: impl Into<String>, fix: Option<String>) {
        self.fault(Level::Error, code, at, message.into(), fix);
    }

    fn warning(&mut self, code: &'static str, at: &At, message: impl Into<String>, fix: Option<String>) {
        self.fault(Level::Warning, code, at, message.into(), fix);
    }

    fn fault(&mut self, level: Level, code: &'static str, at: &At, message: String, fix: Option<String>) {
        self.faults.push(Fault { code, level, mark: at.mark, span: at.span.clone(), message, fix });
    }

    /// False when reading on makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = self.spans.place(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let fix = Some("keep one document, without a second ---".to_owned());
                    self.error("config/documents", &at, "the file holds more than one YAML document", fix);
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                // What is not written has no bytes, though the parser points at the sign that follows.
                let absent = text.is_empty() && style == ScalarStyle::Plain;
                let value = self.scalar(text, style, tag, &at);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::BlockScalar,
                };
                let mut span = self.spans.exactly(self.spans.without_properties(at.span), style);
                if absent {
                    span.end = span.start;
                }
                let node = Node { mark: at.mark, span, style, kind: Kind::Scalar(value) };
                return self.put(node, anchor);
            }
            Event::SequenceStart(anchor, tag) => return self.start(Kind::Seq(Vec::new()), anchor, tag, at),
            Event::MappingStart(anchor, tag) => return self.start(Kind::Map(Vec::new()), anchor, tag, at),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut frame) = self.open.pop() {
                    if frame.node.style == Style::Flow {
                        // What the parser calls the end is behind the comment that follows.
                        frame.node.span.end = at.span.start + 1;
                    }
                    if frame.ordered {
                        frame.node.kind = in_order(frame.node.kind);
                    }
                    return self.put(frame.node, frame.anchor);
                }
            }
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(node) => {
                    self.nodes += node.size();
                    return self.put(Node { mark: at.mark, span: at.span, style: Style::Alias, ..node }, 0);
                }
                None => self.error("config/alias", &at, "an alias refers to a node that is not complete", None),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        true
    }

    fn start(&mut self, kind: Kind, anchor: usize, tag: Option<Cow<'_, Tag>>, at: At) -> bool {
        let own: &[&str] = if matches!(kind, Kind::Seq(_)) { &["seq", "omap", "pairs"] } else { &["map", "set"] };
        if let Some(tag) = &tag {
            let known = own.iter().find(|own| tag.is_yaml_core_schema() && tag.suffix == **own);
            match known {
                Some(&("seq" | "map")) => {}
                // SnakeYAML makes Java collections of these, which no key of Storm takes.
                Some(_) => self.warning("config/tag", &at, format!("the tag {tag} is not kept"), remove_tag()),
                None => self.unknown_tag(tag, &at),
            }
        }
        let ordered = tag.as_ref().is_some_and(|t| t.is_yaml_core_schema() && t.suffix == "omap");
        if self.open.len() >= MAX_DEPTH {
            self.error("config/depth", &at, format!("nested more than {MAX_DEPTH} levels deep"), None);
            return false;
        }
        let mut span = self.spans.without_properties(at.span);
        let flow = self.spans.rest(span.start).starts_with(['[', '{']);
        let style = if flow { Style::Flow } else { Style::Block };
        if style == Style::Block && matches!(kind, Kind::Seq(_)) {
            // The parser starts a list that is not indented at its first value.
            let before = self.spans.before(span.start);
            if let Some(dash) = before.trim_end_matches(' ').strip_suffix('-') {
                span.start = dash.len() + self.spans.skipped;
            }
        }
        self.open.push(Frame { node: Node { mark: at.mark, span, style, kind }, anchor, key: None, ordered });
        true
    }

    fn unknown_tag(&mut self, tag: &Tag, at: &At) {
        self.error("config/tag", at, format!("the tag {tag} has no meaning in a configuration"), remove_tag());
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<Cow<'_, Tag>>, at: &At) -> Value {
        let resolved = match tag {
            None if style == ScalarStyle::Plain => scalar::plain(&text),
            None => Scalar::Value(Value::String(text.clone().into_owned())),
            Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
                "str" => Scalar::Value(Value::String(text.clone().into_owned())),
                "null" => Scalar::Value(Value::Null),
                "bool" => scalar::tagged_bool(&text),
                "timestamp" => Scalar::Date,
                "binary" => {
                    let message = "bytes (!!binary) cannot be part of a configuration that is sent; its text is taken";
                    self.warning("config/tag", at, message, remove_tag());
                    Scalar::Value(Value::String(text.clone().into_owned()))
                }
                "int" | "float" => {
                    let parsed =
                        if tag.suffix == "int" { scalar::tagged_int(&text) } else { scalar::tagged_float(&text) };
                    parsed.unwrap_or_else(|| {
                        self.error("config/number", at, format!("\"{text}\" is no number, as its tag demands"), None);
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
                self.warning("config/date", at, format!("{text} is a date to YAML; its text is taken"), fix);
                Value::String(text.into_owned())
            }
            Scalar::Infinite(largest) => {
                let message = format!("{text} is more than a number can be; the {} is taken", describe(largest));
                self.warning("config/number", at, message, None);
                Value::from(largest)
            }
            Scalar::NotANumber => {
                let fix = Some("write a number, or remove the key".to_owned());
                self.warning("config/number", at, format!("{text} is not a number; null is taken"), fix);
                Value::Null
            }
            Scalar::Broken => {
                self.error("config/number", at, format!("{text} is not a number that can be used"), None);
                Value::Null
            }
        }
    }

    fn put(&mut self, node: Node, anchor: usize) -> bool {
        self.nodes += 1;
        let at = At { mark: node.mark, span: node.span.clone() };
        if self.nodes > MAX_NODES {
            self.error("config/size", &at, format!("more than {MAX_NODES} values"), None);
            return false;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        if frame.node.style == Style::Block {
            frame.node.span.end = frame.node.span.end.max(node.span.end);
        }
        let (key, key_at) = match (&mut frame.node.kind, frame.key.take()) {
            (Kind::Seq(items), _) => {
                items.push(node);
                return true;
            }
            (Kind::Map(_), None) => {
                frame.key = Some((key_text(&node), at.clone()));
                self.check_key(&node, &at);
                return true;
            }
            (Kind::Map(_), Some(key)) => key,
            (Kind::Scalar(_), _) => unreachable!("only collections are opened"),
        };
        if key == "<<" && self.spans.rest(key_at.span.start).starts_with("<<") {
            self.merge(node);
        } else {
            let (key_mark, key_span) = (key_at.mark, key_at.span);
            self.add(Entry { key, key_mark, key_span, value: node, merged: false, shadowed: false });
        }
        true
    }

    /// Every key of Storm is a text.
    fn check_key(&mut self, node: &Node, at: &At) {
        let what = match &node.kind {
            Kind::Scalar(Value::String(_)) => return,
            Kind::Scalar(Value::Null) if at.span.is_empty() && self.spans.rest(at.span.start).starts_with(':') => {
                let asked = self.spans.before(at.span.start).trim_end().ends_with('?');
                if !asked {
                    self.error("config/key", at, "there is no key before this colon", None);
                }
                return;
            }
            Kind::Scalar(Value::Null) => "nothing",
            Kind::Scalar(Value::Bool(_)) => "true or false",
            Kind::Scalar(_) => "a number",
            _ => {
                let fix = Some("write a plain name before the colon".to_owned());
                self.warning("config/key", at, "a key must be a text, and this is a collection", fix);
                return;
            }
        };
        let written = &self.spans.rest(at.span.start)[..at.span.len()];
        let fix = Some(format!("quote it: \"{written}\""));
        self.warning("config/key", at, format!("a key must be a text, and {written} is {what}"), fix);
    }

    fn add(&mut self, entry: Entry) {
        let Some(Frame { node: Node { kind: Kind::Map(entries), .. }, .. }) = self.open.last_mut() else { return };
        match entries.iter_mut().find(|e| e.key == entry.key && !e.shadowed) {
            None => entries.push(entry),
            Some(first) if first.merged => *first = entry,
            Some(first) => {
                first.shadowed = true;
                let (key, line) = (&entry.key, first.key_mark.line);
                let message = format!("{key} is set twice, first on line {line}; this one counts");
                let at = At { mark: entry.key_mark, span: entry.key_span.clone() };
                entries.push(entry);
                self.warning("config/duplicate-key", &at, message, Some("remove one of the two".to_owned()));
            }
        }
    }

    /// `<<: *other`: keys of the other mapping that are not set here.
    fn merge(&mut self, node: Node) {
        let sources = match node.kind {
            Kind::Seq(items) => items,
            _ => vec![node],
        };
        for source in sources {
            let at = At { mark: source.mark, span: source.span };
            let Kind::Map(others) = source.kind else {
                self.error("config/merge", &at, "<< must name a mapping or a list of mappings", None);
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

fn in_order(kind: Kind) -> Kind {
    let Kind::Seq(items) = kind else { return kind };
    let entries = items.into_iter().flat_map(|item| match item.kind {
        Kind::Map(entries) => entries,
        _ => Vec::new(),
    });
    Kind::Map(entries.collect())
}

fn remove_tag() -> Option<String> {
    Some("remove the tag".to_owned())
}

fn describe(number: f64) -> &'static str {
    if number > 0.0 { "largest" } else { "smallest" }
}

fn key_text(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar(Value::String(s)) => s.clone(),
        _ => node.to_value().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mark;
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
        let node = node.unwrap();
        let entry = node.entry("bb").unwrap();
        assert_eq!(entry.key_mark, Mark { line: 2, column: 1 });
        assert_eq!(entry.value.mark, Mark { line: 2, column: 6 });
    }

    #[test]
    fn spans_are_the_bytes_that_say_it() {
        let text = "\u{feff}# über\nä: [1, 'zwei'] # c\nb:\n- x # y\n- \"ü\"\n\n# end\nc: |\n  text\n\nd:\ne: a\n  b\nf: *g\ng: !!str \"q\\\"#\" # c\nh: 'it''s' # c\n";
        let text = text.replace("ä: [", "ä: &g [");
        let (node, faults) = read(&text);
        assert_eq!(faults, []);
        let node = node.unwrap();
        let said = |key: &str| &text[node.entry(key).unwrap().value.span.clone()];
        assert_eq!(said("ä"), "[1, 'zwei']");
        assert_eq!(said("b"), "- x # y\n- \"ü\"");
        assert_eq!(said("c"), "|\n  text");
        assert_eq!(said("d"), "");
        assert_eq!(said("e"), "a\n  b");
        assert_eq!(said("f"), "*g");
        assert_eq!((said("g"), said("h")), ("\"q\\\"#\"", "'it''s'"));
        assert_eq!(&text[node.entry("ä").unwrap().key_span.clone()], "ä");
        let Kind::Seq(items) = &node.entry("b").unwrap().value.kind else { panic!() };
        assert_eq!(&text[items[1].span.clone()], "\"ü\"");
    }

    #[test]
    fn every_fault_is_reported_and_the_rest_is_read() {
        let (node, faults) = read("a: 1\na: 2\nb: 2001-12-14\nc: !foo x\nd: [1\ne: 2\n");
        let codes: Vec<_> = faults.iter().map(|f| (f.code, f.mark.line, f.level)).collect();
        assert_eq!(
            codes[..3],
            [
                ("config/duplicate-key", 2, Level::Warning),
                ("config/date", 3, Level::Warning),
                ("config/tag", 4, Level::Error)
            ]
        );
        assert_eq!((codes[3].0, codes[3].2), ("config/syntax", Level::Error));
        let value = node.unwrap().to_value();
        assert_eq!((&value["a"], &value["b"]), (&json!(2), &json!("2001-12-14")));
    }

    #[test]
    fn what_java_takes_and_json_cannot_hold_is_taken_with_a_word() {
        let (node, faults) =
            read("a: .inf\nb: .nan\nc: !!binary aGk=\n1: x\n? [p, q]\n: z\nd: !!set {u, v}\n~: n\n'<<': m\n");
        assert!(faults.iter().all(|f| f.level == Level::Warning), "{faults:?}");
        let codes: Vec<_> = faults.iter().map(|f| f.code).collect();
        assert_eq!(
            codes,
            ["config/number", "config/number", "config/tag", "config/key", "config/key", "config/tag", "config/key"]
        );
        let value = node.unwrap().to_value();
        assert_eq!((&value["a"], &value["b"], &value["c"]), (&json!(f64::MAX), &json!(null), &json!("aGk=")));
        assert_eq!((&value["1"], &value["[\"p\",\"q\"]"], &value["<<"]), (&json!("x"), &json!("z"), &json!("m")));
    }

    #[test]
    fn what_snakeyaml_takes_keeps_its_places() {
        let text = "a: [\nb, # ]\nü]\nd: {e:[f]}\n1: x\n";
        let (node, faults) = read(text);
        assert_eq!((faults.len(), faults[0].mark), (1, Mark { line: 5, column: 1 }));
        let node = node.unwrap();
        assert_eq!(node.to_value(), json!({"a": ["b", "ü"], "d": {"e": ["f"]}, "1": "x"}));
        let Kind::Seq(items) = &node.entry("a").unwrap().value.kind else { panic!() };
        assert_eq!((items[1].mark, &text[items[1].span.clone()]), (Mark { line: 3, column: 1 }, "ü"));
        assert_eq!(read("a: [b\nc: d\n").1[0].code, "config/syntax");
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
