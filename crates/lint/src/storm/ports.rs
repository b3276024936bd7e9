//! Ports: out of range, listed twice, shared by two daemons of one machine, in the kernel's own range.

use serde_json::Value;
use storm_conf::schema::{self, Role};
use storm_conf::yaml::{Kind, Node};

use super::document::Document;
use crate::finding::{Finding, Level};
use crate::host::Host;

/// Ports on which something listens. Those of one place are on the same machine for certain.
const LISTENING: &[(&str, Place)] = &[
    ("supervisor.thrift.port", Place::Supervisor),
    ("supervisor.slots.ports", Place::Supervisor),
    ("logviewer.port", Place::Supervisor),
    ("logviewer.https.port", Place::Supervisor),
    ("nimbus.thrift.port", Place::Nimbus),
    ("nimbus.thrift.tls.port", Place::Nimbus),
    ("ui.port", Place::Ui),
    ("ui.https.port", Place::Ui),
    ("drpc.port", Place::Drpc),
    ("drpc.invocations.port", Place::Drpc),
    ("drpc.http.port", Place::Drpc),
    ("drpc.https.port", Place::Drpc),
    ("pacemaker.port", Place::Pacemaker),
    ("storm.zookeeper.port", Place::ZooKeeper),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Supervisor,
    Nimbus,
    Ui,
    Drpc,
    Pacemaker,
    ZooKeeper,
}

/// A port with the key and, in this file, the node that say it.
struct Port<'d> {
    key: &'static str,
    place: Place,
    number: i64,
    node: Option<&'d Node>,
}

pub(super) fn check(document: &Document<'_>, host: &Host) -> Vec<Finding> {
    let ports: Vec<Port<'_>> = LISTENING.iter().flat_map(|(key, place)| of(document, key, *place)).collect();
    let mut findings = numbers(document);
    findings.extend(twice(document));
    findings.extend(shared(document, &ports));
    findings.extend(ephemeral(document, host, &ports));
    findings
}

fn of<'d>(document: &'d Document<'_>, key: &'static str, place: Place) -> Vec<Port<'d>> {
    let port = |number: Option<i64>, node| number.filter(|n| *n > 0).map(|number| Port { key, place, number, node });
    if let Some(entry) = document.entry(key) {
        return match &entry.value.kind {
            Kind::Seq(items) => items.iter().filter_map(|n| port(n.to_value().as_i64(), Some(n))).collect(),
            Kind::Scalar(value) => port(value.as_i64(), Some(&entry.value)).into_iter().collect(),
            Kind::Map(_) => Vec::new(),
        };
    }
    match document.value(key) {
        Some(Value::Array(all)) => all.iter().filter_map(|v| port(v.as_i64(), None)).collect(),
        Some(value) => port(value.as_i64(), None).into_iter().collect(),
        None => Vec::new(),
    }
}

/// What can be no port; what only the superuser may have.
fn numbers(document: &Document<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in document.entries() {
        let Some(key) = schema::key(&entry.key).filter(|k| k.role == Role::Port) else { continue };
        let nodes: Vec<&Node> = match &entry.value.kind {
            Kind::Seq(items) => items.iter().collect(),
            _ => vec![&entry.value],
        };
        for node in nodes {
            let Some(number) = node.to_value().as_i64() else { continue };
            let off = number <= 0 && key.kind.word() != "ports";
            if number > 65535 || number <= 0 && !off {
                let message = format!("{}: {number} is no port; they go from 1 to 65535", entry.key);
                findings.push(document.at(Level::Error, "config/port-range", node, message));
            } else if (1..1024).contains(&number) {
                let message = format!("{}: only the superuser may listen on port {number}", entry.key);
                findings.push(
                    document.at(Level::Warning, "config/port-privileged", node, message).hint("choose one above 1023"),
                );
            }
        }
    }
    findings
}

/// Two workers cannot have one port.
fn twice(document: &Document<'_>) -> Vec<Finding> {
    let Some(entry) = document.entry("supervisor.slots.ports") else { return Vec::new() };
    let Kind::Seq(items) = &entry.value.kind else { return Vec::new() };
    let mut findings = Vec::new();
    for (i, node) in items.iter().enumerate() {
        let number = node.to_value();
        if let Some(first) = items[..i].iter().find(|n| number.is_number() && n.to_value() == number) {
            let message = format!("supervisor.slots.ports lists {number} twice: the second worker could never listen");
            let finding = document.at(Level::Error, "config/duplicate-port", node, message);
            let finding = finding.with(document.subject, first.mark, "the first one");
            findings.push(finding.fix("remove the second", document.without_item(&entry.value, node)));
        }
    }
    findings
}

fn shared(document: &Document<'_>, ports: &[Port<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, a) in ports.iter().enumerate() {
        for b in &ports[..i] {
            if a.number != b.number || a.key == b.key {
                continue;
            }
            // The one that is written here is the one to tell; of two, the later.
            let (told, other) = match (a.node, b.node) {
                (None, None) => continue,
                (Some(_), None) => (a, b),
                (None, Some(_)) => (b, a),
                (Some(x), Some(y)) => {
                    if x.mark >= y.mark {
                        (a, b)
                    } else {
                        (b, a)
                    }
                }
            };
            let Some(node) = told.node else { continue };
            let level = if a.place == b.place { Level::Error } else { Level::Warning };
            let default = if other.node.is_none() { " by default" } else { "" };
            let where_ = if a.place == b.place { "" } else { ", if they run on one machine" };
            let message = format!("{}: port {} is {}'s{default} too{where_}", told.key, told.number, other.key);
            let mut finding = document.at(level, "config/port-collision", node, message);
            if let Some(other_node) = other.node {
                finding = finding.with(document.subject, other_node.mark, other.key);
            }
            findings.push(finding.hint("choose another port for one of them"));
        }
    }
    findings
}

/// The kernel gives ports of its range to outgoing connections: who wants to listen there fails now and then.
fn ephemeral(document: &Document<'_>, host: &Host, ports: &[Port<'_>]) -> Vec<Finding> {
    let Some(range) = &host.ephemeral_ports else { return Vec::new() };
    let in_range = |p: &&Port<'_>| {
        u16::try_from(p.number).is_ok_and(|n| range.contains(&n) && !host.reserved_ports.iter().any(|r| r.contains(&n)))
    };
    let mut by_key: Vec<(&str, &Node, Vec<String>)> = Vec::new();
    for port in ports.iter().filter(in_range) {
        let Some(node) = port.node else { continue };
        match by_key.iter_mut().find(|(key, ..)| *key == port.key) {
            Some((_, _, numbers)) => numbers.push(port.number.to_string()),
            None => by_key.push((port.key, node, vec![port.number.to_string()])),
        }
    }
    by_key
        .into_iter()
        .map(|(key, node, numbers)| {
            let numbers = numbers.join(",");
            let (low, high) = (range.start(), range.end());
            let message = format!(
                "{key}: {numbers} is in {low}-{high}, from which the kernel takes ports of outgoing connections"
            );
            let finding = document.at(Level::Warning, "config/ephemeral-port", node, message);
            finding.hint(format!("sysctl -w net.ipv4.ip_local_reserved_ports={numbers}, or choose ports outside"))
        })
        .collect()
}
