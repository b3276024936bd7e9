//! Keys written as a tree, as other programs have them: Storm's keys are flat.

use storm_conf::schema;
use storm_conf::yaml::{Entry, Kind, Style};

use super::document::Document;
use crate::finding::{Finding, Level};
use crate::text::Edit;

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let nested = document.entries().filter(|e| matches!(e.value.kind, Kind::Map(_)) && schema::key(&e.key).is_none());
    nested.filter_map(|entry| one(document, entry)).collect()
}

fn one(document: &Document<'_>, entry: &Entry) -> Option<Finding> {
    let mut edits = Vec::new();
    let mut keys = Vec::new();
    let simple = flatten(document, entry, &entry.key, &mut keys, &mut edits);
    let known = keys.iter().find(|k| schema::key(k).is_some())?;
    let message = format!("keys below {} are not read: Storm's keys are flat, such as {known}", entry.key);
    let finding = document.finding(Level::Error, "config/nested-key", entry.key_mark, message);
    let what = format!("write {known}: ... at the beginning of a line");
    Some(finding.fix(what, if simple { edits } else { Vec::new() }))
}

/// Every leaf by its whole name, and the changes that put it there. False when it is not only lines below lines.
fn flatten(document: &Document<'_>, entry: &Entry, name: &str, keys: &mut Vec<String>, edits: &mut Vec<Edit>) -> bool {
    let text = &document.subject.text;
    let Kind::Map(children) = &entry.value.kind else { return false };
    let mut simple = entry.value.style == Style::Block && !children.is_empty();
    edits.push(Edit::remove(text.line_start(entry.key_span.start)..text.next_line(entry.key_span.end)));
    for child in children {
        let whole = format!("{name}.{}", child.key);
        let parent = matches!(child.value.kind, Kind::Map(_)) && schema::key(&whole).is_none();
        if parent {
            simple = flatten(document, child, &whole, keys, edits) && simple;
        } else {
            let start = text.line_start(child.key_span.start);
            simple = simple && !child.merged && start > entry.key_span.start;
            edits.push(Edit::new(start..child.key_span.end, whole.as_str()));
            keys.push(whole);
        }
    }
    simple
}
