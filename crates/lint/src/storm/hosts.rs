//! Names of hosts: what can be none, and names that mean each machine itself.

use std::net::IpAddr;

use storm_conf::schema::{self, Role};
use storm_conf::yaml::Node;

use super::document::Document;
use crate::edit::quoted;
use crate::finding::{Finding, Level};

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in document.entries() {
        match schema::key(&entry.key).map(|k| k.role) {
            Some(Role::Hosts) => {
                let items = document.items(&entry.key);
                for (node, host) in &items {
                    findings.extend(name(document, &entry.key, node, host, true));
                }
                findings.extend(twice(document, &entry.key, &entry.value, &items));
                findings.extend(mixed(document, &entry.key, &items));
            }
            Some(Role::Host) => {
                if let Some(host) = entry.value.to_value().as_str() {
                    let bind = entry.key == "ui.host";
                    findings.extend(name(document, &entry.key, &entry.value, host, !bind));
                }
            }
            _ => {}
        }
    }
    findings.extend(loopback(document));
    findings.extend(defaults(document));
    findings
}

/// What is wrong with a host name, if anything.
pub(crate) fn host_fault(host: &str) -> Option<&'static str> {
    let address = host.trim_matches(['[', ']']);
    if host.is_empty() {
        return Some("is empty");
    }
    if address.parse::<IpAddr>().is_ok() {
        return None;
    }
    if host.contains("://") {
        return Some("is an address of a page, not the name of a host");
    }
    let odd = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if host.contains(char::is_whitespace) {
        return Some("has blanks in it");
    }
    if host.contains(odd) || host.starts_with(['-', '.']) || host.len() > 253 {
        return Some("cannot be the name of a host");
    }
    let digits = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits.then_some("looks like an address and is none")
}

/// Whether a name means the machine that asks.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    matches!(host, "localhost" | "localhost.localdomain" | "ip6-localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_any(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

fn name(document: &Document<'_>, key: &str, node: &Node, host: &str, connects: bool) -> Option<Finding> {
    if connects && is_any(host) {
        let message = format!("{key}: {host} is where a server listens; nobody can connect to it");
        return Some(document.at(Level::Error, "config/any-address", node, message).hint("write the name of the host"));
    }
    let bare = host.trim();
    if bare != host && host_fault(bare).is_none() {
        let finding =
            document.at(Level::Error, "config/host-name", node, format!("{key}: \"{host}\" has blanks around it"));
        return Some(finding.fix(format!("write {}", quoted(bare)), document.replace(node, quoted(bare))));
    }
    let words: Vec<&str> = host.split([',', ' ', ';']).filter(|w| !w.is_empty()).collect();
    if words.len() > 1
        && words.iter().all(|w| host_fault(w).is_none())
        && schema::key(key).is_some_and(|k| k.role == Role::Hosts)
    {
        let all: Vec<String> = words.iter().map(|w| quoted(w)).collect();
        let finding = document.at(
            Level::Error,
            "config/host-name",
            node,
            format!("{key}: \"{host}\" is one text with several hosts"),
        );
        return Some(finding.fix(format!("write {}", all.join(", ")), split(document, node, &all)));
    }
    if let Some((name, port)) = host.rsplit_once(':')
        && port.parse::<u16>().is_ok()
        && host_fault(name).is_none()
        && !name.contains(':')
    {
        return Some(with_port(document, key, node, name, port));
    }
    let fault = host_fault(host)?;
    let finding = document.at(Level::Error, "config/host-name", node, format!("{key}: \"{host}\" {fault}"));
    let bare = host.split("://").nth(1).map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    Some(match bare.filter(|b| host_fault(b).is_none()) {
        Some(bare) => finding.fix(format!("write {}", quoted(bare)), document.replace(node, quoted(bare))),
        None => finding.hint("write the name of a host, such as zk1.example.org, without a port"),
    })
}

/// In a list in brackets they stand side by side, else on lines of their own.
fn split(document: &Document<'_>, node: &Node, all: &[String]) -> Vec<crate::text::Edit> {
    let text = &document.subject.text;
    let line = &text.as_str()[text.line_start(node.span.start)..node.span.start];
    let separator = if line.trim() == "-" { format!("{}{line}", text.line_break()) } else { ", ".to_owned() };
    document.replace(node, all.join(&separator))
}

fn with_port(document: &Document<'_>, key: &str, node: &Node, name: &str, port: &str) -> Finding {
    let port_key = match key {
        "nimbus.seeds" => "nimbus.thrift.port",
        "drpc.servers" => "drpc.port",
        "pacemaker.servers" => "pacemaker.port",
        "transactional.zookeeper.servers" => "transactional.zookeeper.port",
        _ => "storm.zookeeper.port",
    };
    let message = format!("{key} takes hosts without ports: the port of all is {port_key}");
    let finding = document.at(Level::Error, "config/host-port", node, message).found(format!("{name}:{port}"));
    let same = document.number(port_key).is_some_and(|n| n.to_string() == port);
    if same {
        finding.fix(format!("write {}", quoted(name)), document.replace(node, quoted(name)))
    } else {
        finding.hint(format!("write {}, and {port_key}: {port} if all have that port", quoted(name)))
    }
}

fn twice(document: &Document<'_>, key: &str, list: &Node, items: &[(&Node, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, (node, host)) in items.iter().enumerate() {
        if let Some((first, _)) = items[..i].iter().find(|(_, h)| h.eq_ignore_ascii_case(host)) {
            let finding =
                document.at(Level::Warning, "config/duplicate-host", node, format!("{key} names {host} twice"));
            let finding = finding.with(document.subject, first.mark, "the first one");
            findings.push(finding.fix("remove the second", document.without_item(list, node)));
        }
    }
    findings
}

/// A name that every machine has for itself, among names of others.
fn mixed(document: &Document<'_>, key: &str, items: &[(&Node, String)]) -> Vec<Finding> {
    let Some((other, name)) = items.iter().find(|(_, h)| !is_loopback(h) && host_fault(h).is_none()) else {
        return Vec::new();
    };
    let own = items.iter().filter(|(_, h)| is_loopback(h));
    own.map(|(node, host)| {
        let message = format!("{key}: {host} means another machine on each machine, and {name} is named beside it");
        let finding = document.at(Level::Error, "config/loopback-mixed", node, message);
        finding
            .with(document.subject, other.mark, name.as_str())
            .hint("write the name by which others reach that machine")
    })
    .collect()
}

/// The hosts of this file that are not the machine itself.
fn remote<'d>(document: &'d Document<'_>) -> Option<(&'d Node, &'static str, String)> {
    ["storm.zookeeper.servers", "nimbus.seeds", "drpc.servers", "pacemaker.servers"].into_iter().find_map(|key| {
        let (node, host) =
            document.items(key).into_iter().find(|(_, h)| !is_loopback(h) && !is_any(h) && host_fault(h).is_none())?;
        Some((node, key, host))
    })
}

/// A cluster of several hosts, with names in it that mean each one itself.
fn loopback(document: &Document<'_>) -> Vec<Finding> {
    let Some((other, other_key, name)) = remote(document) else { return Vec::new() };
    let mut findings = Vec::new();
    for key in ["nimbus.seeds", "storm.zookeeper.servers"] {
        let items = document.items(key);
        if key != other_key && !items.is_empty() && items.iter().all(|(_, h)| is_loopback(h)) {
            let message = format!(
                "{key} names only this machine, though {other_key} names {name}: other machines will ask themselves"
            );
            let finding = document.at(Level::Warning, "config/loopback", items[0].0, message);
            findings.push(
                finding.with(document.subject, other.mark, other_key).hint("write the name by which others reach it"),
            );
        }
    }
    let own = document.entry("storm.local.hostname");
    if let Some((entry, host)) = own.and_then(|e| Some((e, e.value.to_value().as_str()?.to_owned())))
        && is_loopback(&host)
    {
        let message = format!(
            "storm.local.hostname: {host} is announced to others, who then look for it on themselves; {other_key} names {name}"
        );
        let finding = document.at(Level::Error, "config/loopback", &entry.value, message);
        findings.push(
            finding
                .with(document.subject, other.mark, other_key)
                .hint("write the name by which others reach this machine"),
        );
    }
    findings
}

/// One of the two lists was set, and the other still means this machine.
fn defaults(document: &Document<'_>) -> Vec<Finding> {
    let Some((node, key, name)) = remote(document) else { return Vec::new() };
    // An old name that is set has a finding of its own, which puts the new one there.
    let renamed = |key: &str| key == "nimbus.seeds" && document.entry("nimbus.host").is_some();
    let keys = ["nimbus.seeds", "storm.zookeeper.servers"].into_iter();
    let missing = keys.filter(|k| document.entry(k).is_none() && !renamed(k));
    missing
        .map(|missing| {
            let message = format!("{missing} is not set, so it means this machine, though {key} names {name}");
            let finding = document.at(Level::Warning, "config/hosts-missing", node, message);
            finding.hint(format!("stormctl config set {missing} HOST..."))
        })
        .collect()
}
