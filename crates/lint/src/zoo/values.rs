//! Values of `zoo.cfg` by their kind.

use storm_conf::schema;

use super::properties::Property;
use super::rules::Zoo;
use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::text::Edit;

pub(super) fn check(zoo: &Zoo<'_>, host: &Host) -> Vec<Finding> {
    zoo.entries().filter_map(|entry| one(zoo, entry, host)).collect()
}

fn one(zoo: &Zoo<'_>, entry: &Property, host: &Host) -> Option<Finding> {
    let kind = schema::zoo_key(&entry.key)?.kind;
    quotes(zoo, entry).or_else(|| comment(zoo, entry, kind)).or_else(|| odd_signs(zoo, entry)).or_else(|| match kind {
        "number" => number(zoo, entry),
        "port" => port(zoo, entry),
        "bool" => boolean(zoo, entry),
        "dir" => folder(zoo, entry, host),
        _ => None,
    })
}

/// In a properties file quotes mean themselves.
fn quotes(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    let value = &entry.value;
    let bare = value.trim_matches(|c: char| "\"'“”‘’„".contains(c));
    if bare == value || bare.is_empty() {
        return None;
    }
    let finding =
        zoo.at(Level::Error, "zoo/quoted-value", entry, format!("{}: the quotes are part of the value", entry.key));
    Some(finding.found(value.as_str()).fix(format!("write {bare}"), vec![Edit::new(entry.value_span.clone(), bare)]))
}

/// A comment has a line of its own.
fn comment(zoo: &Zoo<'_>, entry: &Property, kind: &str) -> Option<Finding> {
    let at = entry.value.find(" #").or_else(|| entry.value.find("\t#"))?;
    if kind == "text" {
        return None;
    }
    let (bare, comment) = (entry.value[..at].trim_end(), entry.value[at..].trim_start());
    let message = format!("{}: a comment behind a value is part of the value", entry.key);
    let finding = zoo.at(Level::Error, "zoo/inline-comment", entry, message).found(entry.value.as_str());
    let end = zoo.subject.text.line_break();
    let edits =
        vec![Edit::insert(entry.lines.start, format!("{comment}{end}")), Edit::new(entry.value_span.clone(), bare)];
    Some(finding.fix("put the comment on the line before", edits))
}

fn odd_signs(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    let odd = |c: char| matches!(c, '\u{a0}' | '\u{200b}' | '\u{feff}' | '\u{2011}' | '\u{2013}' | '\u{2014}');
    let sign = entry.value.chars().find(|c| odd(*c))?;
    let plain: String = entry
        .value
        .chars()
        .filter_map(|c| match c {
            '\u{a0}' | '\u{200b}' | '\u{feff}' => None,
            '\u{2011}' | '\u{2013}' | '\u{2014}' => Some('-'),
            c => Some(c),
        })
        .collect();
    let message = format!("{}: U+{:04X} looks like another sign, or like nothing", entry.key, sign as u32);
    let finding = zoo.at(Level::Error, "zoo/odd-sign", entry, message);
    Some(finding.fix(format!("write {plain}"), vec![Edit::new(entry.value_span.clone(), plain)]))
}

fn number(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    if entry.value.parse::<i64>().is_ok() {
        return None;
    }
    let message = format!("{} must be a whole number", entry.key);
    let finding = zoo.at(Level::Error, "zoo/number", entry, message).found(entry.value.as_str());
    // `2_000`, `2,000`, `2000ms`, `2s`
    let digits: String = entry.value.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let unit = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let plain = match (digits[..unit].parse::<u64>(), digits[unit..].trim()) {
        (Ok(n), "" | "ms") => Some(n),
        (Ok(n), "s" | "sec" | "secs") if entry.key.contains("Timeout") || entry.key == "tickTime" => {
            n.checked_mul(1000)
        }
        _ => None,
    };
    Some(match plain {
        Some(plain) => {
            finding.fix(format!("write {plain}"), vec![Edit::new(entry.value_span.clone(), plain.to_string())])
        }
        None => finding,
    })
}

fn port(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    if let Some(finding) = number(zoo, entry) {
        return Some(finding);
    }
    let port: i64 = entry.value.parse().ok()?;
    match port {
        1..1024 => {
            let message = format!("{}: only the superuser may listen on port {port}", entry.key);
            Some(zoo.at(Level::Warning, "zoo/port", entry, message))
        }
        // 0 turns a port off.
        0..=65535 => None,
        _ => {
            let message = format!("{}: {port} is no port; they go from 1 to 65535", entry.key);
            Some(zoo.at(Level::Error, "zoo/port", entry, message))
        }
    }
}

fn boolean(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    let word = entry.value.to_ascii_lowercase();
    if matches!(word.as_str(), "true" | "false") {
        return None;
    }
    let with = match word.as_str() {
        "yes" | "on" | "1" | "y" => "true",
        "no" | "off" | "0" | "n" => "false",
        _ => "",
    };
    let message = format!("{} must be true or false; everything else is false", entry.key);
    let finding = zoo.at(Level::Warning, "zoo/bool", entry, message).found(entry.value.as_str());
    let edits = if with.is_empty() { Vec::new() } else { vec![Edit::new(entry.value_span.clone(), with)] };
    Some(finding.fix(if with.is_empty() { "write true or false".to_owned() } else { format!("write {with}") }, edits))
}

fn folder(zoo: &Zoo<'_>, entry: &Property, host: &Host) -> Option<Finding> {
    let path = entry.value.as_str();
    if path.contains("${") || path.contains('$') || path.starts_with('~') {
        let message = format!("{}: nobody replaces variables here, so a folder of that name would be made", entry.key);
        return Some(zoo.at(Level::Error, "zoo/unexpanded", entry, message).found(path).hint("write the whole path"));
    }
    if path.is_empty() {
        return Some(zoo.at_key(Level::Error, "zoo/data-dir", entry, format!("{} is empty", entry.key)));
    }
    if !path.starts_with('/') {
        let message = format!("{}: {path} is relative to wherever ZooKeeper is started", entry.key);
        return Some(zoo.at(Level::Warning, "zoo/relative-path", entry, message).hint("write the whole path"));
    }
    if host.is_temporary(path.as_ref()) {
        let message =
            format!("{}: what is in {path} does not outlive a restart of this machine or a clean-up", entry.key);
        let finding = zoo.at(Level::Warning, "zoo/tmp-path", entry, message);
        return Some(finding.hint("choose a folder such as /var/lib/zookeeper"));
    }
    None
}
