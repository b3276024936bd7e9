//! Rules for `zoo.cfg`: keys, then what they mean.

use storm_conf::schema::{self, ZooKey};

use super::properties::{Properties, Property};
use super::{limits, servers, values};
use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::subject::Subject;
use crate::text::Edit;

/// A `zoo.cfg` as the rules see it.
pub(crate) struct Zoo<'s> {
    pub subject: &'s Subject,
    pub properties: Properties,
}

impl<'s> Zoo<'s> {
    pub fn read(subject: &'s Subject) -> Zoo<'s> {
        Zoo { subject, properties: Properties::parse(subject.text.as_str()) }
    }

    /// The entries that count.
    pub fn entries(&self) -> impl Iterator<Item = &Property> {
        self.properties.entries.iter().filter(|e| !e.shadowed)
    }

    pub fn get(&self, key: &str) -> Option<&Property> {
        self.properties.get(key)
    }

    /// A number in force: this file's, else the default.
    pub fn number(&self, key: &str) -> Option<f64> {
        let default = schema::zoo_key(key).map(|k| k.default);
        self.properties.value(key).or(default)?.parse().ok()
    }

    pub fn servers(&self) -> Vec<&Property> {
        self.entries().filter(|e| e.key.starts_with("server.")).collect()
    }

    pub fn at_key(&self, level: Level, code: &'static str, entry: &Property, message: impl Into<String>) -> Finding {
        self.finding(level, code, entry.key_span.start, message)
    }

    pub fn at(&self, level: Level, code: &'static str, entry: &Property, message: impl Into<String>) -> Finding {
        self.finding(level, code, entry.value_span.start, message)
    }

    fn finding(&self, level: Level, code: &'static str, at: usize, message: impl Into<String>) -> Finding {
        let mark = self.subject.text.mark(at);
        let path = self.subject.path.clone();
        Finding { code, level, path, mark, message: message.into(), found: None, related: None, fix: None, hint: None }
    }

    /// Of what is not there.
    pub fn whole(&self, level: Level, code: &'static str, message: impl Into<String>) -> Finding {
        let mut finding = self.finding(level, code, 0, message);
        finding.mark.line = 0;
        finding
    }

    /// A line at the end.
    pub fn append(&self, line: &str) -> Vec<Edit> {
        let text = self.subject.text.as_str();
        let end = self.subject.text.line_break();
        let start = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        vec![Edit::insert(text.len(), format!("{start}{line}{end}"))]
    }
}

pub(crate) fn check(subject: &Subject, host: &Host) -> Vec<Finding> {
    let zoo = Zoo::read(subject);
    let mut findings = keys(&zoo);
    findings.extend(values::check(&zoo, host));
    findings.extend(servers::check(&zoo, host));
    findings.extend(limits::check(&zoo));
    findings
}

fn keys(zoo: &Zoo<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &zoo.properties.entries {
        if entry.shadowed {
            findings.extend(twice(zoo, entry));
        } else if schema::zoo_key(&entry.key).is_none() {
            findings.extend(unknown(zoo, entry));
        }
    }
    findings
}

fn twice(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    let last = zoo.get(&entry.key)?;
    let line = zoo.subject.text.mark(entry.key_span.start).line;
    let message = format!("{} is set twice, first on line {line}; this one counts", entry.key);
    let finding = zoo.at_key(Level::Warning, "zoo/duplicate-key", last, message);
    let finding = finding.with(zoo.subject, zoo.subject.text.mark(entry.key_span.start), "the first one");
    Some(finding.fix(format!("remove line {line}, which does not count"), vec![Edit::remove(entry.lines.clone())]))
}

fn unknown(zoo: &Zoo<'_>, entry: &Property) -> Option<Finding> {
    // ZooKeeper makes a system property of what it does not know, so it may be somebody's own.
    let meant: &ZooKey = schema::alike_zoo(&entry.key)?;
    let message = format!("ZooKeeper does not know {}; {} is probably meant", entry.key, meant.name);
    let finding = zoo.at_key(Level::Warning, "zoo/unknown-key", entry, message);
    if let Some(other) = zoo.get(meant.name) {
        let mark = zoo.subject.text.mark(other.key_span.start);
        return Some(finding.with(zoo.subject, mark, meant.name).hint("remove one of the two"));
    }
    Some(finding.fix(format!("write {}", meant.name), vec![Edit::new(entry.key_span.clone(), meant.name)]))
}
