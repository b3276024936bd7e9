//! Rules for log4j2's files: elements at the wrong level, appenders and levels that do not exist.

use roxmltree::{Document, Node, ParsingOptions};
use storm_conf::{Mark, nearest};

use crate::finding::{Finding, Fix, Level};
use crate::subject::Subject;
use crate::text::Edit;

/// An element and the only ones that it may be directly in, in lower case.
const PARENTS: &[(&str, &[&str])] = &[
    ("policies", &["rollingfile", "rollingrandomaccessfile"]),
    ("defaultrolloverstrategy", &["rollingfile", "rollingrandomaccessfile"]),
    ("directwriterolloverstrategy", &["rollingfile", "rollingrandomaccessfile"]),
    ("timebasedtriggeringpolicy", &["policies", "rollingfile", "rollingrandomaccessfile"]),
    ("sizebasedtriggeringpolicy", &["policies", "rollingfile", "rollingrandomaccessfile"]),
    ("onstartuptriggeringpolicy", &["policies", "rollingfile", "rollingrandomaccessfile"]),
    ("crontriggeringpolicy", &["policies", "rollingfile", "rollingrandomaccessfile"]),
    ("delete", &["defaultrolloverstrategy"]),
    ("root", &["loggers"]),
    ("asyncroot", &["loggers"]),
    ("logger", &["loggers"]),
    ("asynclogger", &["loggers"]),
    ("appenders", &["configuration"]),
    ("loggers", &["configuration"]),
    ("property", &["properties", "logger", "root", "asynclogger", "asyncroot", "async", "kafka", "http"]),
];

const LEVELS: &[&str] = &["off", "fatal", "error", "warn", "info", "debug", "trace", "all"];

pub(crate) fn check(subject: &Subject) -> Vec<Finding> {
    let text = subject.text.as_str();
    let document = match parse(text) {
        Ok(document) => document,
        Err(e) => {
            let at = e.pos();
            let mark = Mark { line: at.row as usize, column: at.col as usize };
            return vec![finding(subject, Level::Error, "log4j/syntax", mark, format!("this is no XML: {e}"))];
        }
    };
    let root = document.root_element();
    let mut findings = Vec::new();
    if name(root) != "configuration" {
        let message = format!("the outermost element is {}, not configuration", root.tag_name().name());
        findings.push(finding(subject, Level::Error, "log4j/misplaced", mark(&document, root), message));
        return findings;
    }
    for element in root.descendants().filter(Node::is_element) {
        findings.extend(misplaced(subject, &document, element));
        findings.extend(level(subject, &document, element));
    }
    findings.extend(references(subject, &document));
    findings.extend(rolling(subject, &document));
    findings
}

/// The names of its appenders.
pub(crate) fn appenders(subject: &Subject) -> Option<Vec<String>> {
    let document = parse(subject.text.as_str()).ok()?;
    Some(named(&document).into_iter().map(str::to_owned).collect())
}

fn parse(text: &str) -> Result<Document<'_>, roxmltree::Error> {
    Document::parse_with_options(text, ParsingOptions { nodes_limit: 100_000, ..ParsingOptions::default() })
}

/// log4j2 does not care for case.
fn name(node: Node<'_, '_>) -> String {
    node.tag_name().name().to_ascii_lowercase()
}

fn attribute<'n>(node: Node<'n, '_>, name: &str) -> Option<&'n str> {
    node.attributes().find(|a| a.name().eq_ignore_ascii_case(name)).map(|a| a.value())
}

fn mark(document: &Document<'_>, node: Node<'_, '_>) -> Mark {
    let at = document.text_pos_at(node.range().start);
    Mark { line: at.row as usize, column: at.col as usize }
}

fn finding(subject: &Subject, level: Level, code: &'static str, mark: Mark, message: String) -> Finding {
    let path = subject.path.clone();
    Finding { code, level, path, mark, message, found: None, related: None, fix: None, hint: None }
}

fn misplaced(subject: &Subject, document: &Document<'_>, element: Node<'_, '_>) -> Option<Finding> {
    let parent = element.parent_element()?;
    let (_, allowed) = PARENTS.iter().find(|(element_name, _)| *element_name == name(element))?;
    if allowed.contains(&name(parent).as_str()) {
        return None;
    }
    let (tag, parent_tag) = (element.tag_name().name(), parent.tag_name().name());
    let message = format!("{tag} is in {parent_tag}, where log4j2 does not look for it");
    let mut found = finding(subject, Level::Error, "log4j/misplaced", mark(document, element), message);
    let home = parent.parent_element().filter(|p| allowed.contains(&name(*p).as_str()));
    match home {
        Some(home) => {
            let what = format!("move it out of {parent_tag} into {}", home.tag_name().name());
            found.fix = Some(Fix { what, edits: move_behind(subject, element, parent) });
        }
        None => found.hint = Some(format!("it belongs into {}", allowed[0])),
    }
    Some(found)
}

/// The element with its own line, put behind the element that it was in.
fn move_behind(subject: &Subject, element: Node<'_, '_>, parent: Node<'_, '_>) -> Vec<Edit> {
    let text = &subject.text;
    let all = text.as_str();
    let own = element.range();
    let line_start = text.line_start(own.start);
    let alone = all[line_start..own.start].trim().is_empty() && all[own.end..text.line_end(own.end)].trim().is_empty();
    let cut = if alone { line_start..text.next_line(own.end) } else { own.clone() };
    let end = parent.range().end;
    let parent_line = text.line_start(parent.range().start);
    let indent = &all[parent_line..parent.range().start];
    let indent = if indent.trim().is_empty() { indent } else { "" };
    let body = &all[own.clone()];
    let with = if alone { format!("{}{indent}{body}", text.line_break()) } else { body.to_owned() };
    vec![Edit::remove(cut), Edit::insert(end, with)]
}

fn level(subject: &Subject, document: &Document<'_>, element: Node<'_, '_>) -> Option<Finding> {
    if !matches!(
        name(element).as_str(),
        "root" | "logger" | "asyncroot" | "asynclogger" | "appenderref" | "appender-ref"
    ) {
        return None;
    }
    let value = attribute(element, "level")?;
    if LEVELS.iter().any(|l| l.eq_ignore_ascii_case(value)) || value.contains("${") {
        return None;
    }
    let message = format!("{value} is no level: there are {}", LEVELS.join(", "));
    let mut found = finding(subject, Level::Warning, "log4j/level", mark(document, element), message);
    let lower = value.to_ascii_lowercase();
    if let Some(meant) = nearest(&lower, LEVELS.iter().copied())
        && let Some(at) = element.attributes().find(|a| a.name().eq_ignore_ascii_case("level"))
    {
        let what = format!("write {meant}");
        found.fix = Some(Fix { what, edits: vec![Edit::new(at.range_value(), meant)] });
    }
    Some(found)
}

/// The names under which appenders can be referred to.
fn named<'n>(document: &'n Document<'_>) -> Vec<&'n str> {
    let appenders = document.root_element().children().filter(|n| n.is_element() && name(*n) == "appenders");
    appenders.flat_map(|a| a.children()).filter(Node::is_element).filter_map(|a| attribute(a, "name")).collect()
}

fn references(subject: &Subject, document: &Document<'_>) -> Vec<Finding> {
    let names = named(document);
    let mut findings = Vec::new();
    for element in document.descendants().filter(|n| matches!(name(*n).as_str(), "appenderref" | "appender-ref")) {
        let Some(reference) = attribute(element, "ref").filter(|r| !names.contains(r) && !r.contains("${")) else {
            continue;
        };
        let message = format!("there is no appender {reference}");
        let mut found = finding(subject, Level::Error, "log4j/appender", mark(document, element), message);
        found.hint = Some(format!("its appenders are {}", names.join(", ")));
        if let Some(meant) = nearest(reference, names.iter().copied()).filter(|_| reference.len() > 1)
            && let Some(at) = element.attributes().find(|a| a.name().eq_ignore_ascii_case("ref"))
        {
            found.fix = Some(Fix { what: format!("write {meant}"), edits: vec![Edit::new(at.range_value(), meant)] });
        }
        findings.push(found);
    }
    findings
}

/// A rolling file without a policy never rolls: log4j2 refuses it.
fn rolling(subject: &Subject, document: &Document<'_>) -> Vec<Finding> {
    let files =
        document.descendants().filter(|n| matches!(name(*n).as_str(), "rollingfile" | "rollingrandomaccessfile"));
    files
        .filter(|file| !file.descendants().any(|n| n.is_element() && name(n).ends_with("triggeringpolicy")))
        .map(|file| {
            let message =
                format!("{} has no policy that says when to roll", attribute(file, "name").unwrap_or("this file"));
            let mut found = finding(subject, Level::Error, "log4j/policy", mark(document, file), message);
            found.hint = Some("add <Policies><SizeBasedTriggeringPolicy size=\"100 MB\"/></Policies>".to_owned());
            found
        })
        .collect()
}
