//! Keys that nobody knows, keys of older Storms, and classes of before 1.0.

use std::ops::Range;

use serde_json::Value;
use storm_conf::schema;
use storm_conf::yaml::{Entry, Kind, Node};

use super::document::Document;
use crate::edit::Context;
use crate::edit::{quoted, scalar};
use crate::finding::{Finding, Level};
use crate::text::Edit;

/// Keys that older Storms had, until which version, and what became of them.
const OLD: &[(&str, &str, Became)] = &[
    ("backpressure.disruptor.high.watermark", "1.2", Became::Gone),
    ("backpressure.disruptor.low.watermark", "1.2", Became::Gone),
    ("backpressure.znode.timeout.secs", "1.2", Became::Gone),
    ("backpressure.znode.update.freq.secs", "1.2", Became::Gone),
    ("blobstore.superuser", "1.2", Became::Gone),
    ("nimbus.host", "1.2", Became::List("nimbus.seeds")),
    ("nimbus.reassign", "0.10", Became::Gone),
    ("pacemaker.host", "1.2", Became::List("pacemaker.servers")),
    ("resource.aware.scheduler.eviction.strategy", "1.2", Became::Gone),
    ("storm.auth.simple-acl.admins", "1.2", Became::Key("nimbus.admins")),
    ("storm.auth.simple-acl.users", "1.2", Became::Key("nimbus.users")),
    ("storm.auth.simple-acl.users.commands", "1.2", Became::Gone),
    ("storm.exhibitor.poll.millis", "2.4", Became::Gone),
    ("storm.exhibitor.poll.uripath", "2.4", Became::Gone),
    ("storm.exhibitor.port", "2.4", Became::Gone),
    ("storm.exhibitor.retry.interval", "2.4", Became::Gone),
    ("storm.exhibitor.retry.intervalceiling.millis", "2.4", Became::Gone),
    ("storm.exhibitor.retry.times", "2.4", Became::Gone),
    ("storm.exhibitor.servers", "2.4", Became::Gone),
    ("storm.messaging.netty.max_retries", "1.2", Became::Gone),
    ("storm.worker.disruptor.flusher.max.pool.size", "1.2", Became::Gone),
    ("task.backpressure.poll.secs", "1.2", Became::Gone),
    ("topology.ackers", "0.7", Became::Key("topology.acker.executors")),
    ("topology.bolts.outgoing.overflow.buffer.enable", "1.2", Became::Gone),
    ("topology.disruptor.batch.size", "1.2", Became::Key("topology.producer.batch.size")),
    ("topology.disruptor.batch.timeout.millis", "1.2", Became::Key("topology.batch.flush.interval.millis")),
    ("topology.disruptor.wait.strategy", "1.2", Became::Gone),
    ("topology.disruptor.wait.timeout.millis", "1.2", Became::Gone),
    ("topology.executor.send.buffer.size", "1.2", Became::Gone),
    ("topology.receiver.buffer.size", "0.9", Became::Gone),
    ("ui.http.x-frame-options", "1.2", Became::Gone),
    ("zmq.hwm", "1.2", Became::Gone),
    ("zmq.linger.millis", "1.2", Became::Gone),
    ("zmq.threads", "1.2", Became::Gone),
];

enum Became {
    Gone,
    Key(&'static str),
    /// One host became a list of them.
    List(&'static str),
}

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in document.entries() {
        match schema::key(&entry.key) {
            Some(_) => {}
            None => findings.extend(deprecated(document, entry).or_else(|| unknown(document, entry))),
        }
        classes(document, &entry.value, &entry.key, &mut findings);
    }
    findings
}

fn deprecated(document: &Document<'_>, entry: &Entry) -> Option<Finding> {
    let (old, until, became) = OLD.iter().find(|(old, ..)| *old == entry.key)?;
    let report = |message: String| document.finding(Level::Warning, "config/deprecated-key", entry.key_mark, message);
    let Some(new) = (match became {
        Became::Gone => None,
        Became::Key(new) | Became::List(new) => Some(*new),
    }) else {
        let message = format!("{old} is read by nobody since Storm {}", next(until));
        return Some(report(message).fix("remove it", document.without(entry)));
    };
    if let Some(other) = document.entry(new) {
        let message = format!("{old} was replaced by {new}, which is set too and is the one in force");
        let finding = report(message).with(document.subject, other.key_mark, format!("{new} in force"));
        return Some(finding.fix(format!("remove {old}"), document.without(entry)));
    }
    let message = format!("{old} was replaced by {new}, and is read by nobody since Storm {}", next(until));
    let mut edits = vec![Edit::new(entry.key_span.clone(), new)];
    let value = entry.value.to_value();
    let what = match (became, &value) {
        (Became::List(_), Value::String(text)) => {
            let list = format!("[{}]", quoted(text));
            edits.extend(document.replace(&entry.value, list.as_str()));
            format!("write {new}: {list}")
        }
        _ => format!("write {new}"),
    };
    Some(report(message).fix(what, edits))
}

/// The version after the last that had a key.
fn next(until: &str) -> &'static str {
    match until {
        "0.7" => "0.8",
        "0.9" => "0.10",
        "0.10" => "1.0",
        "1.2" => "2.0",
        _ => "2.5",
    }
}

fn unknown(document: &Document<'_>, entry: &Entry) -> Option<Finding> {
    // A map under a name without dots has a finding of its own.
    if matches!(entry.value.kind, Kind::Map(_)) && !entry.key.contains('.') {
        return None;
    }
    // `{key:value}` without a blank makes one key of the two.
    if let Some((name, value)) = entry.key.split_once(':').filter(|(name, _)| schema::key(name).is_some()) {
        let message = format!("a blank is missing behind the colon, so {name} is no key");
        let at = entry.key_span.start + document.subject.text.as_str()[entry.key_span.clone()].find(':').unwrap_or(0);
        let finding = document.finding(Level::Error, "config/blank-missing", entry.key_mark, message).found(value);
        return Some(finding.fix("put a blank behind the colon", vec![Edit::insert(at + 1, " ")]));
    }
    let meant = schema::alike(&entry.key)?;
    if let Some(other) = document.entry(meant.name) {
        let message = format!("nobody knows {}, and {} is set too", entry.key, meant.name);
        let finding = document.finding(Level::Warning, "config/unknown-key", entry.key_mark, message);
        return Some(finding.with(document.subject, other.key_mark, meant.name).hint("remove one of the two"));
    }
    let message = format!("nobody knows {}; {} is probably meant", entry.key, meant.name);
    let finding = document.finding(Level::Warning, "config/unknown-key", entry.key_mark, message);
    Some(finding.fix(format!("write {}", meant.name), vec![Edit::new(entry.key_span.clone(), meant.name)]))
}

/// Packages of before 1.0, and what they are called since.
const PACKAGES: &[(&str, &str)] = &[
    ("backtype.storm.", "org.apache.storm."),
    ("storm.trident.", "org.apache.storm.trident."),
    ("storm.kafka.", "org.apache.storm.kafka."),
    ("storm.starter.", "org.apache.storm.starter."),
];

fn classes(document: &Document<'_>, node: &Node, key: &str, findings: &mut Vec<Finding>) {
    match &node.kind {
        Kind::Scalar(Value::String(text)) => {
            let Some((range, old, new)) = old_package(text) else { return };
            let class: String = text[range.start..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '$' | '_'))
                .collect();
            let with = PACKAGES.iter().fold(text.clone(), |text, (old, new)| rename(&text, old, new));
            let message = format!("{class} has been called {} since Storm 1.0", rename(&class, old, new));
            let finding = document.at(Level::Error, "config/old-class", node, message).found(format!("in {key}"));
            let written = scalar(&with, node.style, Context::Flow);
            findings.push(finding.fix(format!("write {with}"), document.replace(node, written)));
        }
        Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter().for_each(|item| classes(document, item, key, findings)),
        Kind::Map(entries) => entries.iter().for_each(|e| classes(document, &e.value, key, findings)),
    }
}

fn old_package(text: &str) -> Option<(Range<usize>, &'static str, &'static str)> {
    PACKAGES.iter().find_map(|(old, new)| {
        let at = text.match_indices(old).map(|(at, _)| at).find(|at| begins_a_class(text, *at, old))?;
        Some((at..at + old.len(), *old, *new))
    })
}

/// Not within another name, and with a package or a class behind it, not the rest of a key or a path.
fn begins_a_class(text: &str, at: usize, old: &str) -> bool {
    let before = text[..at].chars().next_back();
    let alone = before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '-' | '$')));
    let rest: String =
        text[at + old.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '.' || *c == '$').collect();
    let last = rest.trim_end_matches('.').rsplit(['.', '$']).next().unwrap_or_default();
    alone && (last.starts_with(|c: char| c.is_uppercase()) || old.starts_with("backtype"))
}

fn rename(text: &str, old: &str, new: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (found, _) in text.match_indices(old) {
        if begins_a_class(text, found, old) {
            out.push_str(&text[at..found]);
            out.push_str(new);
            at = found + old.len();
        }
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_old_keys_is_in_order() {
        assert!(OLD.windows(2).all(|w| w[0].0 < w[1].0));
        for (old, _, became) in OLD {
            assert!(schema::key(old).is_none(), "{old} is a key");
            if let Became::Key(new) | Became::List(new) = became {
                assert!(schema::key(new).is_some(), "{new} is no key");
            }
        }
    }

    #[test]
    fn only_classes_are_renamed() {
        let text = "-Da=backtype.storm.X -Db=storm.kafka.KafkaSpout storm.kafka.topic org.apache.storm.trident.Y";
        let new = PACKAGES.iter().fold(text.to_owned(), |t, (o, n)| rename(&t, o, n));
        assert_eq!(
            new,
            "-Da=org.apache.storm.X -Db=org.apache.storm.kafka.KafkaSpout storm.kafka.topic org.apache.storm.trident.Y"
        );
    }
}
