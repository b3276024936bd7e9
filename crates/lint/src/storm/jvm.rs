//! Options of JVMs.

use storm_conf::schema::{self, Role};
use storm_conf::yaml::{Kind, Node};

use super::document::Document;
use crate::edit::{Context, scalar};
use crate::finding::{Finding, Level};

/// Options that a JVM of 11 and later does not start with.
const REMOVED: &[&str] = &[
    "UseParNewGC",
    "PrintGCDateStamps",
    "PrintGCTimeStamps",
    "PrintHeapAtGC",
    "PrintTenuringDistribution",
    "PrintGCApplicationStoppedTime",
    "UseGCLogFileRotation",
    "NumberOfGCLogFiles",
    "GCLogFileSize",
    "CMSIncrementalMode",
    "UseCMSCompactAtFullCollection",
];

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in document.entries() {
        if !schema::key(&entry.key).is_some_and(|k| k.role == Role::Jvm) {
            continue;
        }
        let nodes: Vec<&Node> = match &entry.value.kind {
            Kind::Seq(items) => items.iter().collect(),
            Kind::Scalar(_) => vec![&entry.value],
            Kind::Map(_) => Vec::new(),
        };
        let nodes_in_list = matches!(entry.value.kind, Kind::Seq(_));
        for node in nodes {
            if let Some(text) = node.to_value().as_str() {
                let context = if nodes_in_list { Context::Flow } else { Context::Block };
                options(document, &entry.key, (node, context), text, &mut findings);
            }
        }
    }
    findings
}

fn options(
    document: &Document<'_>,
    key: &str,
    (node, context): (&Node, Context),
    text: &str,
    findings: &mut Vec<Finding>,
) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let without = |word: &str, with: Option<String>| {
        let new: Vec<String> =
            words.iter().filter_map(|w| if *w == word { with.clone() } else { Some((*w).to_owned()) }).collect();
        document.replace(node, scalar(&new.join(" "), node.style, context))
    };
    let lenient = words.contains(&"-XX:+IgnoreUnrecognizedVMOptions");
    for word in &words {
        if let Some(first) = word.chars().next().filter(|c| "‐‑‒–—−".contains(*c)) {
            let with = format!("-{}", &word[first.len_utf8()..]);
            let message = format!("{key}: {word} begins with a sign that only looks like a dash");
            let finding = document.at(Level::Error, "config/lookalike", node, message);
            findings.push(finding.fix(format!("write {with}"), without(word, Some(with))));
        } else if let Some(size) = heap(word)
            && size.ends_with(|c: char| c.is_ascii_digit())
            && size.parse::<u64>().is_ok_and(|n| n < 1 << 20)
        {
            let with = format!("{word}m");
            let message = format!("{key}: {word} has no unit, so it means {size} bytes, with which no JVM starts");
            let finding = document.at(Level::Error, "config/heap-unit", node, message);
            findings.push(finding.fix(format!("write {with}"), without(word, Some(with))));
        } else if let Some(option) = REMOVED.iter().find(|r| is_option(word, r)).filter(|_| !lenient) {
            let message = format!("{key}: no JVM of version 11 or later starts with {option}");
            let finding = document.at(Level::Error, "config/jvm-option", node, message).found(*word);
            findings.push(finding.fix(format!("remove {word}"), without(word, None)));
        } else if *word == "-Xmx" || *word == "-Xms" {
            let message = format!("{key}: {word} is without its size");
            findings
                .push(document.at(Level::Error, "config/heap-unit", node, message).hint(format!("write {word}768m")));
        }
    }
    let heaps: Vec<&&str> = words.iter().filter(|w| w.starts_with("-Xmx")).collect();
    if let [.., before, last] = heaps.as_slice() {
        let message = format!("{key} has {before} and {last}; the last counts");
        findings.push(document.at(Level::Warning, "config/heap-twice", node, message).hint(format!("remove {before}")));
    }
}

fn heap(word: &str) -> Option<&str> {
    word.strip_prefix("-Xmx").or_else(|| word.strip_prefix("-Xms")).filter(|s| !s.is_empty())
}

fn is_option(word: &str, name: &str) -> bool {
    let Some(rest) = word.strip_prefix("-XX:") else { return false };
    rest.trim_start_matches(['+', '-']).split('=').next() == Some(name)
}

/// The heap that options ask for, in MiB.
pub(super) fn heap_mb(text: &str) -> Option<f64> {
    let size = text.split_whitespace().filter_map(|w| w.strip_prefix("-Xmx")).next_back()?;
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let unit = match size[digits.len()..].to_ascii_lowercase().as_str() {
        "k" => 1.0 / 1024.0,
        "m" => 1.0,
        "g" => 1024.0,
        "t" => 1024.0 * 1024.0,
        "" => 1.0 / (1024.0 * 1024.0),
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heaps_have_units() {
        assert_eq!(heap_mb("-Xms1g -Xmx2g -Xmx512m"), Some(512.0));
        assert_eq!(heap_mb("-Xmx%HEAP-MEM%m"), None);
        assert_eq!(heap_mb(""), None);
        assert!(is_option("-XX:+UseParNewGC", "UseParNewGC") && is_option("-XX:GCLogFileSize=1M", "GCLogFileSize"));
    }
}
