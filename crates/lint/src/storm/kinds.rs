//! What YAML and Storm's own checks say: keys twice, dates, numbers that are none, values of the wrong kind.

use serde_json::Value;
use storm_conf::yaml::{Entry, Fault, Kind, Node, Style};
use storm_conf::{Conf, schema};

use super::document::{Document, level};
use crate::edit::{Context, quoted, render};
use crate::finding::{Finding, Level};
use crate::text::Edit;

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        document.faults.iter().filter(|f| f.code != "config/syntax").map(|f| fault(document, f)).collect();
    if let Some(root) = &document.root
        && !matches!(root.kind, Kind::Map(_) | Kind::Scalar(Value::Null))
        && document.syntax().is_none()
    {
        let message = "the file must be a list of KEY: VALUE lines";
        findings.push(document.at(Level::Error, "config/map-expected", root, message));
    }
    for entry in document.entries() {
        findings.extend(kind(document, entry).or_else(|| empty(document, entry)));
    }
    findings
}

/// What the reader of YAML says, with its cure.
fn fault(document: &Document<'_>, fault: &Fault) -> Finding {
    let finding = document.finding(level(fault.level), fault.code, fault.mark, fault.message.as_str());
    let written = &document.subject.text.as_str()[fault.span.clone()];
    let what = fault.fix.clone().unwrap_or_else(|| "write it otherwise".to_owned());
    let edits = match fault.code {
        "config/date" => vec![Edit::new(fault.span.clone(), quoted(written))],
        "config/key" if !written.starts_with(['[', '{', '?']) && !written.is_empty() => {
            vec![Edit::new(fault.span.clone(), quoted(written))]
        }
        "config/duplicate-key" => return twice(document, fault, finding),
        _ => Vec::new(),
    };
    match fault.fix {
        None if edits.is_empty() => finding,
        _ => finding.fix(what, edits),
    }
}

/// The line that does not count goes.
fn twice(document: &Document<'_>, fault: &Fault, finding: Finding) -> Finding {
    let root = document.root.as_ref().map_or(&[][..], Node::entries);
    let Some(last) = root.iter().find(|e| e.key_span == fault.span) else {
        return finding.hint("remove one of the two");
    };
    let before = root.iter().take_while(|e| e.key_span != last.key_span);
    let Some(first) = before.filter(|e| e.key == last.key && !e.merged).last() else { return finding };
    let what = format!("remove line {}, which does not count", first.key_mark.line);
    finding.with(document.subject, first.key_mark, "the first one").fix(what, document.without(first))
}

fn kind(document: &Document<'_>, entry: &Entry) -> Option<Finding> {
    let key = schema::key(&entry.key)?;
    let value = entry.value.to_value();
    let misfit = key.kind.check(&value)?;
    // Ports have a finer finding of their own.
    if key.kind.word() == "ports" && value.as_array().is_some_and(|a| a.iter().all(Value::is_number)) {
        return None;
    }
    let message = format!("{} must be {}", entry.key, misfit.expected);
    let finding = document.at(Level::Error, misfit.code, &entry.value, message);
    let finding = if value.is_null() { finding } else { finding.found(describe(&value)) };
    if let Some(edits) = better_items(document, entry, key.kind) {
        let what = if key.kind.word() == "ports" { "write its entries without quotes" } else { "quote its entries" };
        return Some(finding.fix(what, edits));
    }
    Some(match better(document, entry, key.kind) {
        Some(with) => finding.fix(format!("write {with}"), document.replace(&entry.value, with)),
        None if value.is_null() => finding.fix("remove the key, and the default counts", document.without(entry)),
        None => finding.hint(format!("stormctl config explain {}", entry.key)),
    })
}

/// The entries of a list in the kind that is wanted.
fn better_items(document: &Document<'_>, entry: &Entry, kind: storm_conf::Kind) -> Option<Vec<Edit>> {
    let Kind::Seq(nodes) = &entry.value.kind else { return None };
    let mut edits = Vec::new();
    for node in nodes {
        let written = document.written(node);
        let with = match (kind.word(), node.to_value()) {
            ("ports", Value::String(text)) => text.trim().parse::<u16>().ok()?.to_string(),
            ("strings" | "string|strings", Value::Number(_) | Value::Bool(_)) => quoted(written),
            ("ports", Value::Number(_)) | ("strings" | "string|strings", Value::String(_)) => continue,
            _ => return None,
        };
        edits.push(Edit::new(node.span.clone(), with));
    }
    (!edits.is_empty()).then_some(edits)
}

/// The same value in the kind that is wanted.
fn better(document: &Document<'_>, entry: &Entry, kind: storm_conf::Kind) -> Option<String> {
    let value = entry.value.to_value();
    let written = document.written(&entry.value);
    let with = match &value {
        Value::String(text) if kind.is_list() => {
            let words = text.split(|c: char| c == ',' || c.is_whitespace()).map(str::trim).filter(|w| !w.is_empty());
            let words: Vec<String> = match kind.word() {
                "ports" => words.map(str::to_owned).collect(),
                _ => words.map(quoted).collect(),
            };
            format!("[{}]", words.join(", "))
        }
        Value::Number(_) if kind.word() == "ports" => format!("[{written}]"),
        Value::Number(_) | Value::Bool(_) if kind.is_list() => format!("[{}]", quoted(written)),
        Value::Array(items) if kind.is_text() && items.len() == 1 => {
            quoted(items[0].as_str().map_or_else(|| items[0].to_string(), str::to_owned).as_str())
        }
        Value::Array(items) if items.len() == 1 => render(&items[0], Style::Plain, Context::Block),
        // What is written, not what YAML made of it: 010 stays 010.
        Value::Number(_) | Value::Bool(_) if kind.is_text() || kind.word() == "string|strings" => quoted(written),
        Value::String(text) if kind.is_number() => number(text.trim())?,
        Value::String(text) if kind.is_bool() => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "1" => "true".to_owned(),
            "false" | "no" | "off" | "n" | "0" => "false".to_owned(),
            _ => return None,
        },
        Value::String(text) => one_of(kind.word(), text)?,
        _ => return None,
    };
    // Only what Storm takes then.
    let (node, faults) = storm_conf::read_yaml(&format!("k: {with}"));
    let new = node?.to_value().get("k")?.clone();
    (faults.is_empty() && kind.check(&new).is_none()).then_some(with)
}

/// `1,000`, `30s`, `8080 ` without what is too much.
fn number(text: &str) -> Option<String> {
    let plain = text.replace(',', "");
    plain.parse::<f64>().ok().map(|_| plain)
}

fn one_of(word: &str, text: &str) -> Option<String> {
    let words = word.strip_prefix("one-of(")?.strip_suffix(')')?;
    words.split(',').find(|w| w.eq_ignore_ascii_case(text.trim())).map(quoted)
}

/// A key whose value was forgotten takes the default away.
fn empty(document: &Document<'_>, entry: &Entry) -> Option<Finding> {
    let known = schema::key(&entry.key)?;
    if !entry.value.to_value().is_null() || !entry.value.span.is_empty() {
        return None;
    }
    let default = Conf::shared_defaults().get(known.name)?;
    let message = format!("{} is set to nothing, which takes its default {default} away", entry.key);
    let finding = document.finding(Level::Warning, "config/empty-value", entry.key_mark, message);
    Some(finding.fix("remove the key, and the default counts", document.without(entry)))
}

fn describe(value: &Value) -> String {
    let what = match value {
        Value::Number(_) => "the number ",
        Value::String(_) => "the text ",
        Value::Array(_) => "the list ",
        Value::Object(_) => "the map ",
        _ => "",
    };
    let text = value.to_string();
    let shown: String = text.chars().take(80).collect();
    format!("{what}{shown}{}", if shown.len() < text.len() { "..." } else { "" })
}
