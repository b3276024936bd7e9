//! Keys of a YAML mapping, set and removed in place.

use serde_json::{Map, Value};
use storm_conf::yaml::{Entry, Kind, Level, Node, Style};
use storm_conf::{Mark, read_yaml};

use super::EditError;
use super::value::{Context, plain_is_safe, quoted, render, scalar};
use crate::text::{Edit, Text, apply};

pub(super) fn set(text: &Text, key: &str, value: &Value) -> Result<String, EditError> {
    let document = Document::read(text)?;
    let mut wanted = document.map();
    if wanted.get(key) == Some(value) {
        return Ok(text.as_str().to_owned());
    }
    wanted.insert(key.to_owned(), value.clone());
    let own = document.root.as_ref().and_then(|r| r.entry(key)).filter(|e| !e.merged);
    let mark = own.map_or(Mark { line: 1, column: 1 }, |e| e.key_mark);
    let tries = match own {
        Some(entry) => vec![replace(text, entry, value)],
        None => document.insertions(key, value),
    };
    checked(text, tries, &wanted).ok_or_else(|| EditError::Entangled { key: key.to_owned(), mark })
}

pub(super) fn unset(text: &Text, key: &str) -> Result<String, EditError> {
    let document = Document::read(text)?;
    let mut wanted = document.map();
    if wanted.shift_remove(key).is_none() {
        return Err(EditError::Absent { key: key.to_owned() });
    }
    let root = document.root.as_ref();
    let entries: Vec<&Entry> = root.map_or(&[][..], Node::entries).iter().filter(|e| e.key == key).collect();
    let mark = entries.first().map_or(Mark { line: 1, column: 1 }, |e| e.key_mark);
    let edits = match root {
        Some(root) if entries.iter().all(|e| !e.merged) => {
            entries.iter().map(|e| remove_entry(text, root, e)).collect()
        }
        _ => Vec::new(),
    };
    checked(text, vec![edits], &wanted).ok_or_else(|| EditError::Entangled { key: key.to_owned(), mark })
}

/// The first of the changes that leads to the wanted content.
fn checked(text: &Text, tries: Vec<Vec<Edit>>, wanted: &Map<String, Value>) -> Option<String> {
    tries.into_iter().find_map(|edits| {
        let new = apply(text.as_str(), &edits)?;
        let new_text = Text::new(new.as_str());
        let document = Document::read(&new_text).ok()?;
        (document.map() == *wanted).then_some(new)
    })
}

struct Document<'t> {
    text: &'t Text,
    /// `None` when the file says nothing yet.
    root: Option<Node>,
}

impl Document<'_> {
    fn read(text: &Text) -> Result<Document<'_>, EditError> {
        let (root, faults) = read_yaml(text.as_str());
        if let Some(fault) = faults.into_iter().find(|f| f.level == Level::Error) {
            return Err(EditError::Broken { mark: fault.mark, message: fault.message });
        }
        match &root {
            None => Ok(Document { text, root: None }),
            Some(Node { kind: Kind::Scalar(Value::Null), .. }) => Ok(Document { text, root: None }),
            Some(Node { kind: Kind::Map(_), .. }) => Ok(Document { text, root }),
            Some(node) => Err(EditError::NoMap { mark: node.mark }),
        }
    }

    fn map(&self) -> Map<String, Value> {
        match self.root.as_ref().map(Node::to_value) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// Ways to add a key, the best first: below a line that has it as a comment, at the end, behind the last key.
    fn insertions(&self, key: &str, value: &Value) -> Vec<Vec<Edit>> {
        let text = self.text;
        let written = if plain_is_safe(key, Context::Block) { key.to_owned() } else { quoted(key) };
        if let Some(root) = self.root.as_ref().filter(|r| r.style == Style::Flow) {
            let comma = if root.entries().is_empty() { "" } else { ", " };
            let line = format!("{comma}{}: {}", scalar(key, Style::Plain, Context::Flow), flow(value));
            return vec![vec![Edit::insert(root.span.end - 1, line)]];
        }
        let first = self.root.as_ref().and_then(|r| r.entries().first());
        let indent = first.map_or("", |e| &text.as_str()[text.line_start(e.key_span.start)..e.key_span.start]);
        let end = text.line_break();
        let indent = indent.trim_start_matches('\u{feff}');
        let line = format!("{indent}{written}: {}", render(value, Style::Double, Context::Block));
        let last = self.root.as_ref().map(|r| r.span.end);
        let places = [commented(text, key), Some(text.as_str().len()), last.map(|at| text.next_line(at))];
        let whole = |at: usize| at == 0 || text.as_str()[..at].ends_with('\n');
        places
            .into_iter()
            .flatten()
            .map(|at| if whole(at) { (at, format!("{line}{end}")) } else { (at, format!("{end}{line}{end}")) })
            .map(|(at, with)| vec![Edit::insert(at, with)])
            .collect()
    }
}

fn flow(value: &Value) -> String {
    render(value, Style::Double, Context::Flow)
}

/// Where the line ends that has this key as a comment, as templates do, with the comment lines that go on with it.
fn commented(text: &Text, key: &str) -> Option<usize> {
    let mut at = 0;
    let body = |at: usize| text.line_of(at).trim_start().strip_prefix('#').map(|l| l.trim_start_matches('#'));
    while at < text.as_str().len() {
        let is_key = body(at)
            .is_some_and(|l| l.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')));
        at = text.next_line(at);
        if is_key {
            // One blank behind the sign is part of how a line is made a comment.
            while at < text.as_str().len()
                && body(at).is_some_and(|l| l.starts_with("  ") || l.starts_with(" - ") || l.starts_with("- "))
            {
                at = text.next_line(at);
            }
            return Some(at);
        }
    }
    None
}

fn replace(text: &Text, entry: &Entry, value: &Value) -> Vec<Edit> {
    let old = &entry.value;
    let style = style_of(old);
    if let (Kind::Seq(items), Value::Array(new)) = (&old.kind, value)
        && old.style == Style::Block
        && !new.is_empty()
        && items.iter().all(|i| is_one_line(text, i))
        && new.iter().all(|i| !i.is_array() && !i.is_object())
    {
        return replace_items(text, items, new, style);
    }
    let rendered = render(value, style, Context::Block);
    let colon = entry.key_span.end + text.as_str()[entry.key_span.end..].find(':').map_or(0, |n| n + 1);
    if old.span.is_empty() {
        return vec![Edit::insert(colon, format!(" {rendered}"))];
    }
    // A tag is about the value that goes.
    let between = &text.as_str()[colon..old.span.start];
    let start =
        between.find(['!', '&']).filter(|at| between[..*at].trim().is_empty()).map_or(old.span.start, |at| colon + at);
    if is_one_line(text, old) {
        return vec![Edit::new(start..old.span.end, rendered)];
    }
    // A block below the key: a comment on the key's own line stays behind the new value.
    let line_end = text.line_end(colon);
    if old.span.start > line_end {
        return vec![Edit::insert(colon, format!(" {rendered}")), Edit::remove(line_end..old.span.end)];
    }
    vec![Edit::new(start..old.span.end, rendered)]
}

/// The style of the texts in a value.
fn style_of(node: &Node) -> Style {
    match (&node.kind, node.style) {
        (Kind::Scalar(Value::String(_)), style @ (Style::Plain | Style::Single | Style::Double)) => style,
        (Kind::Seq(items), _) => items.first().map_or(Style::Double, style_of),
        _ => Style::Double,
    }
}

fn is_one_line(text: &Text, node: &Node) -> bool {
    matches!(node.style, Style::Plain | Style::Single | Style::Double | Style::Flow | Style::Alias)
        && !text.as_str()[node.span.clone()].contains('\n')
}

/// Lines of a block list: those that stay are not touched.
fn replace_items(text: &Text, items: &[Node], new: &[Value], style: Style) -> Vec<Edit> {
    let old: Vec<Value> = items.iter().map(Node::to_value).collect();
    let kept = common(&old, new);
    let first = text.line_start(items[0].span.start);
    let dash = &text.as_str()[first..items[0].span.start];
    let dash: String = dash.chars().map(|c| if c == '-' { '-' } else { ' ' }).collect();
    let end = text.line_break();
    let line = |value: &Value| format!("{dash}{}{end}", render(value, style, Context::Block));
    let mut edits: Vec<Edit> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        if !kept.iter().any(|(o, _)| *o == i) {
            edits.push(Edit::remove(text.line_start(item.span.start)..text.next_line(item.span.end)));
        }
    }
    let mut at = first;
    for (j, value) in new.iter().enumerate() {
        match kept.iter().find(|(_, n)| *n == j) {
            Some((o, _)) => at = text.next_line(items[*o].span.end),
            None => {
                let mut added = line(value);
                if at == text.as_str().len() && !text.as_str().ends_with('\n') {
                    added = format!("{end}{}", added.trim_end());
                }
                // New lines go before what is removed there, in their own order.
                match edits.iter_mut().find(|e| e.range == (at..at)) {
                    Some(edit) => edit.with.push_str(&added),
                    None => edits.push(Edit::insert(at, added)),
                }
            }
        }
    }
    edits
}

/// The longest common subsequence, as pairs of indices.
fn common(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let mut lengths = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] =
                if old[i] == new[j] { lengths[i + 1][j + 1] + 1 } else { lengths[i + 1][j].max(lengths[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Takes an entry out of a mapping: its lines, or its part of a `{...}`.
pub(crate) fn remove_entry(text: &Text, map: &Node, entry: &Entry) -> Edit {
    let end = entry.value.span.end.max(entry.key_span.end);
    if map.style == Style::Flow {
        return remove_from_flow(text, entry.key_span.start..end);
    }
    Edit::remove(text.line_start(entry.key_span.start)..text.next_line(end))
}

/// Takes an item out of a list: its lines, or its part of a `[...]`.
pub(crate) fn remove_item(text: &Text, list: &Node, item: &Node) -> Edit {
    if list.style == Style::Flow {
        return remove_from_flow(text, item.span.clone());
    }
    Edit::remove(text.line_start(item.span.start)..text.next_line(item.span.end))
}

/// With the comma and the blanks that belong to it.
fn remove_from_flow(text: &Text, span: std::ops::Range<usize>) -> Edit {
    let all = text.as_str();
    let before = all[..span.start].trim_end();
    if before.ends_with(',') {
        return Edit::remove(before.len() - 1..span.end);
    }
    let after = &all[span.end..];
    match after.trim_start().strip_prefix(',') {
        Some(rest) => Edit::remove(span.start..all.len() - rest.trim_start_matches(' ').len()),
        None => Edit::remove(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(text: &str, key: &str, value: Value) -> String {
        set(&Text::new(text), key, &value).unwrap()
    }

    #[test]
    fn a_value_changes_and_nothing_else_does() {
        let text = "# head\n\nui.port:   8080   # the port\nstorm.local.dir: '/a'\t\n\n# tail\n";
        assert_eq!(after(text, "ui.port", json!(9000)), text.replace("8080", "9000"));
        assert_eq!(after(text, "storm.local.dir", json!("/b")), text.replace("/a", "/b"));
        assert_eq!(after(text, "ui.port", json!(8080)), text);
        let crlf = "a: 1\r\nb:\r\n- x\r\n";
        assert_eq!(after(crlf, "a", json!(2)), "a: 2\r\nb:\r\n- x\r\n");
        assert_eq!(after(crlf, "c", json!("y")), format!("{crlf}c: \"y\"\r\n"));
        assert_eq!(after(crlf, "b", json!(["x", "z"])), "a: 1\r\nb:\r\n- x\r\n- z\r\n");
    }

    #[test]
    fn a_new_key_goes_below_its_template_or_to_the_end() {
        let text = "#nimbus.seeds: [\"a\"]\n\n# storm.zookeeper.servers:\n#     - \"zk1\"\n#     - \"zk2\"\n## more\nui.port: 1";
        assert_eq!(
            after(text, "nimbus.seeds", json!(["n1"])),
            text.replace("[\"a\"]\n", "[\"a\"]\nnimbus.seeds: [\"n1\"]\n")
        );
        assert_eq!(
            after(text, "storm.zookeeper.servers", json!(["z"])),
            text.replace("\"zk2\"\n", "\"zk2\"\nstorm.zookeeper.servers: [\"z\"]\n")
        );
        assert_eq!(after(text, "x.y", json!(true)), format!("{text}\nx.y: true\n"));
        assert_eq!(after("", "a", json!("b")), "a: \"b\"\n");
        assert_eq!(after("# only this", "a", json!(1)), "# only this\na: 1\n");
        assert_eq!(after(" a: 1\n b: 2\n", "c", json!(3)), " a: 1\n b: 2\n c: 3\n");
        assert_eq!(after("---\na: 1\n...\n", "c", json!(3)), "---\na: 1\nc: 3\n...\n");
        assert_eq!(after("{a: 1}\n", "c", json!(["x"])), "{a: 1, c: [\"x\"]}\n");
        assert_eq!(after("{}", "c", json!(3)), "{c: 3}");
    }

    #[test]
    fn lists_below_their_key_keep_the_lines_that_stay() {
        let text = "supervisor.slots.ports:  # slots\n  - 6700 # first\n  # between\n  - 6701\n  - 6702\n\nx: 1\n";
        assert_eq!(
            after(text, "supervisor.slots.ports", json!([6699, 6700, 6702, 6703])),
            "supervisor.slots.ports:  # slots\n  - 6699\n  - 6700 # first\n  # between\n  - 6702\n  - 6703\n\nx: 1\n"
        );
        assert_eq!(after(text, "supervisor.slots.ports", json!([])), "supervisor.slots.ports: []  # slots\n\nx: 1\n");
        assert_eq!(
            after("nimbus.seeds:\n- 'a'\n- 'b'", "nimbus.seeds", json!(["b", "c"])),
            "nimbus.seeds:\n- 'b'\n- 'c'"
        );
        assert_eq!(after("a: [x, 'y']\n", "a", json!(["z", "1"])), "a: [z, \"1\"]\n");
    }

    #[test]
    fn nothing_and_blocks_are_replaced() {
        assert_eq!(after("a:\nb: 1\n", "a", json!("x")), "a: \"x\"\nb: 1\n");
        assert_eq!(after("a: # c\nb: 1\n", "a", json!(2)), "a: 2 # c\nb: 1\n");
        assert_eq!(after("a: |\n  x\n  y\n\nb: 1\n", "a", json!("z")), "a: \"z\"\n\nb: 1\n");
        assert_eq!(after("a: # m\n  k: v\n  l: w\nb: 1\n", "a", json!({"k": 1})), "a: {\"k\": 1} # m\nb: 1\n");
        assert_eq!(after("a: \"x\n  y\"\nb: 1\n", "a", json!("z")), "a: \"z\"\nb: 1\n");
        assert_eq!(after("a: 1\na: 2\n", "a", json!(3)), "a: 1\na: 3\n");
        assert_eq!(after("b: &b {p: 1}\n<<: *b\n", "p", json!(2)), "b: &b {p: 1}\n<<: *b\np: 2\n");
    }

    #[test]
    fn a_key_goes_with_its_lines() {
        let text = "# head\na: 1 # one\nb:\n  - x\n  - y # last\n# about c\nc: 'z'";
        let without = |key: &str| unset(&Text::new(text), key).unwrap();
        assert_eq!(without("a"), text.replace("a: 1 # one\n", ""));
        assert_eq!(without("b"), text.replace("b:\n  - x\n  - y # last\n", ""));
        assert_eq!(without("c"), text.replace("c: 'z'", ""));
        assert_eq!(unset(&Text::new("a: 1\nb: 2\na: 3\n"), "a").unwrap(), "b: 2\n");
        assert_eq!(unset(&Text::new("{a: 1, b: 2}"), "a").unwrap(), "{b: 2}");
        assert_eq!(unset(&Text::new("{a: 1, b: 2}"), "b").unwrap(), "{a: 1}");
        assert_eq!(unset(&Text::new(text), "d").unwrap_err().code(), "config/absent");
    }

    #[test]
    fn what_cannot_be_changed_by_itself_is_left_alone() {
        let code = |text: &str| set(&Text::new(text), "a", &json!(1)).unwrap_err().code();
        assert_eq!(code("a: &x [1]\nb: *x\n"), "config/entangled");
        assert_eq!(code("a: [1\nb: 2\n"), "config/syntax");
        assert_eq!(code("- a\n"), "config/map-expected");
        assert_eq!(unset(&Text::new("b: &b {p: 1}\n<<: *b\n"), "p").unwrap_err().code(), "config/entangled");
    }
}
