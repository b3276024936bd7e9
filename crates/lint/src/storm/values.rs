//! Values that are read as something else than they look like.

use serde_json::Value;
use storm_conf::schema::{self, Role};
use storm_conf::yaml::{Kind, Node, Style};

use super::document::Document;
use crate::finding::{Finding, Level};
use crate::text::Edit;

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(root) = &document.root {
        split_keys(document, root, &mut findings);
    }
    for entry in document.entries() {
        walk(document, &entry.key, &entry.value, &mut findings);
        secret(document, &entry.key, &entry.value, &mut findings);
    }
    findings
}

fn walk(document: &Document<'_>, key: &str, node: &Node, findings: &mut Vec<Finding>) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|i| walk(document, key, i, findings)),
        Kind::Map(entries) => entries.iter().for_each(|e| {
            glued(document, e, findings);
            walk(document, key, &e.value, findings);
        }),
        Kind::Scalar(value) if node.style == Style::Plain => {
            let written = document.written(node);
            number(document, key, node, value, written, findings);
            stray_quote(document, key, node, value, written, findings);
        }
        Kind::Scalar(_) => {}
    }
}

/// Apache Storm's reader wants a key and its colon on one line.
fn split_keys(document: &Document<'_>, node: &Node, findings: &mut Vec<Finding>) {
    let text = document.subject.text.as_str();
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|i| split_keys(document, i, findings)),
        Kind::Map(entries) => entries.iter().filter(|e| !e.merged).for_each(|e| {
            let colon = text[e.key_span.end..].find(':').map_or(e.key_span.end, |n| e.key_span.end + n);
            let asked = text[..e.key_span.start].trim_end().ends_with('?');
            if text[e.key_span.start..colon].contains('\n') && !asked {
                let message = "a key and its colon must be on one line";
                findings.push(document.finding(Level::Error, "config/key", e.key_mark, message));
            }
            split_keys(document, &e.value, findings);
        }),
        Kind::Scalar(_) => {}
    }
}

/// `{a:b}` is the one key `a:b`.
fn glued(document: &Document<'_>, entry: &storm_conf::yaml::Entry, findings: &mut Vec<Finding>) {
    let written = &document.subject.text.as_str()[entry.key_span.clone()];
    let Some(colon) = written.find(':').filter(|_| entry.value.to_value().is_null() && entry.value.span.is_empty())
    else {
        return;
    };
    if written.starts_with(['"', '\'']) || written[colon + 1..].starts_with('/') {
        return;
    }
    let message = format!("a blank is missing behind the colon, so {written} is one name without a value");
    let finding = document.finding(Level::Warning, "config/blank-missing", entry.key_mark, message);
    let edits = vec![Edit::insert(entry.key_span.start + colon + 1, " ")];
    findings.push(finding.fix("put a blank behind the colon", edits));
}

/// Octal and sexagesimal numbers.
fn number(document: &Document<'_>, key: &str, node: &Node, value: &Value, written: &str, findings: &mut Vec<Finding>) {
    let digits = written.trim_start_matches(['+', '-']);
    let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let clock = digits.contains(':');
    // Texts that need quotes have a finding of their own.
    let wanted = schema::key(key).is_none_or(|k| k.kind.is_number() || k.kind.word() == "ports");
    if !value.is_number() || !(octal || clock) || !wanted {
        return;
    }
    let how = if octal { "an octal number" } else { "a number of base 60" };
    let message = format!("{written} is {how} to YAML: {value}");
    let finding = document.at(Level::Warning, "config/number-form", node, message).found(format!("in {key}"));
    findings.push(if octal {
        let plain = digits.trim_start_matches('0');
        finding.hint(format!("write {value} if that is meant, {plain} if the number is, or put it in quotes"))
    } else {
        finding.hint(format!("write {value} if that is meant, or put it in quotes"))
    });
}

/// A quote at one end only.
fn stray_quote(
    document: &Document<'_>,
    key: &str,
    node: &Node,
    value: &Value,
    written: &str,
    findings: &mut Vec<Finding>,
) {
    let Some(text) = value.as_str() else { return };
    // Options of a JVM end with quotes of their own.
    let own = schema::key(key).is_some_and(|k| k.role == Role::Jvm) || text.contains(char::is_whitespace);
    if own || !text.ends_with(['"', '\'', '`']) {
        return;
    }
    let message = format!("{written} ends with a quote and does not begin with one, so the quote is part of the value");
    let finding = document.at(Level::Warning, "config/stray-quote", node, message);
    let quote = &written[written.len() - 1..];
    let edits = if quote == "`" { Vec::new() } else { vec![Edit::insert(node.span.start, quote)] };
    findings.push(finding.fix("put one before it", edits));
}

fn secret(document: &Document<'_>, key: &str, node: &Node, findings: &mut Vec<Finding>) {
    let is_secret = schema::key(key).is_some_and(|k| k.role == Role::Secret)
        && node.to_value().as_str().is_some_and(|s| !s.is_empty());
    let readable = document.subject.mode.is_some_and(|mode| mode & 0o004 != 0);
    if is_secret && readable && !findings.iter().any(|f| f.code == "config/secret-readable") {
        let message = format!("{key} is a secret, and everybody on this machine may read this file");
        let finding = document.at(Level::Warning, "config/secret-readable", node, message);
        findings.push(finding.hint(format!("chmod o-r {}", document.subject.path.display())));
    }
}
