//! The servers of an ensemble, and which of them this machine is.

use std::collections::BTreeMap;
use std::path::Path;

use storm_conf::Mark;

use super::properties::Property;
use super::rules::Zoo;
use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::storm::{host_fault, is_loopback};
use crate::text::Edit;

/// `server.N=host:port:electionPort[:role][;[address:]clientPort]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub host: String,
    pub quorum_port: u16,
    pub election_port: u16,
}

impl Server {
    /// The first address of a line; an ensemble may have several of each, with `|` between them.
    pub fn parse(value: &str) -> Result<Server, String> {
        let address = value.split([';', '|']).next().unwrap_or_default().trim();
        // An IPv6 address is in brackets.
        let (host, rest) = match address.strip_prefix('[').and_then(|a| a.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
            None => address.split_once(':').unwrap_or((address, "")),
        };
        let mut ports = rest.split(':');
        let mut port = |what: &str| match ports.next().filter(|p| !p.is_empty()) {
            None => Err(format!("the {what} port is missing")),
            Some(text) => text.parse::<u16>().ok().filter(|p| *p > 0).ok_or(format!("{text} is no {what} port")),
        };
        let (quorum_port, election_port) = (port("quorum")?, port("election")?);
        if let Some(role) = ports.next().filter(|r| !matches!(*r, "participant" | "observer")) {
            return Err(format!("{role} is no role; there are participant and observer"));
        }
        if let Some(fault) = host_fault(host) {
            return Err(format!("\"{host}\" {fault}"));
        }
        Ok(Server { host: host.to_owned(), quorum_port, election_port })
    }
}

pub(super) fn check(zoo: &Zoo<'_>, host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut servers: Vec<(&Property, u64, Server)> = Vec::new();
    for entry in zoo.servers() {
        let id = entry.key.trim_start_matches("server.");
        let number = match id.parse::<u64>() {
            Ok(number) => number,
            Err(_) => {
                let message = format!("{}: \"{id}\" is no number, and the file myid holds a number", entry.key);
                findings.push(zoo.at_key(Level::Error, "zoo/server-line", entry, message));
                continue;
            }
        };
        if !(1..=255).contains(&number) {
            let message = format!("{}: ids go from 1 to 255", entry.key);
            findings.push(zoo.at_key(Level::Warning, "zoo/server-line", entry, message));
        }
        match Server::parse(&entry.value) {
            Ok(server) => servers.push((entry, number, server)),
            Err(fault) => findings.push(malformed(zoo, entry, &fault)),
        }
    }
    findings.extend(collisions(zoo, &servers));
    findings.extend(names(zoo, &servers));
    findings.extend(count(zoo));
    if servers.len() > 1 {
        findings.extend(myid(zoo, &servers, &host.myid));
    }
    findings
}

fn malformed(zoo: &Zoo<'_>, entry: &Property, fault: &str) -> Finding {
    let finding =
        zoo.at(Level::Error, "zoo/server-line", entry, format!("{}: {fault}", entry.key)).found(entry.value.as_str());
    let bare = entry.value.trim();
    if host_fault(bare).is_none() {
        let with = format!("{bare}:2888:3888");
        return finding.fix(format!("write {with}"), vec![Edit::new(entry.value_span.clone(), with)]);
    }
    finding.hint("write host:2888:3888")
}

fn collisions(zoo: &Zoo<'_>, servers: &[(&Property, u64, Server)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let client = zoo.number("clientPort");
    for (i, (entry, _, server)) in servers.iter().enumerate() {
        if server.quorum_port == server.election_port {
            let message = format!("{}: one port cannot be for the quorum and for elections", entry.key);
            findings.push(zoo.at(Level::Error, "zoo/server-port", entry, message).hint("write host:2888:3888"));
        }
        if client == Some(f64::from(server.quorum_port)) || client == Some(f64::from(server.election_port)) {
            let message = format!("{}: the port of clients is used between servers too", entry.key);
            findings.push(zoo.at(Level::Error, "zoo/server-port", entry, message));
        }
        for (other, _, before) in &servers[..i] {
            let ports = [server.quorum_port, server.election_port];
            let shared = before.host.eq_ignore_ascii_case(&server.host)
                && (ports.contains(&before.quorum_port) || ports.contains(&before.election_port));
            if shared {
                let message = format!("{} and {} are one address: {}", other.key, entry.key, server.host);
                let finding = zoo.at(Level::Error, "zoo/server-port", entry, message);
                findings.push(finding.with(
                    zoo.subject,
                    zoo.subject.text.mark(other.value_span.start),
                    other.key.as_str(),
                ));
            }
        }
    }
    findings
}

/// A name that each machine has for itself, among names of others.
fn names(zoo: &Zoo<'_>, servers: &[(&Property, u64, Server)]) -> Vec<Finding> {
    let Some((_, _, other)) = servers.iter().find(|(_, _, s)| !is_loopback(&s.host)) else { return Vec::new() };
    let own = servers.iter().filter(|(_, _, s)| is_loopback(&s.host));
    own.map(|(entry, _, server)| {
        let message = format!(
            "{}: {} means another machine on each machine, and {} is named beside it",
            entry.key, server.host, other.host
        );
        zoo.at(Level::Error, "zoo/loopback", entry, message).hint("write the name by which others reach that machine")
    })
    .collect()
}

fn count(zoo: &Zoo<'_>) -> Option<Finding> {
    let servers = zoo.servers();
    let voters = servers.iter().filter(|e| !e.value.contains(":observer")).count();
    let last = servers.last()?;
    match voters {
        1 if servers.len() == 1 => {
            let message = "one server line alone is no ensemble: the server runs standalone";
            Some(zoo.at_key(Level::Note, "zoo/ensemble-size", last, message))
        }
        2 => {
            let message = "two servers stop when either does, so they are worse than one";
            Some(zoo.at_key(Level::Warning, "zoo/ensemble-size", last, message).hint("have three, or one"))
        }
        n if n > 0 && n % 2 == 0 => {
            let message = format!("{n} servers bear no more losses than {}", n - 1);
            Some(zoo.at_key(Level::Note, "zoo/ensemble-size", last, message))
        }
        _ => None,
    }
}

/// What `myid` says against the server lines.
fn myid(
    zoo: &Zoo<'_>,
    servers: &[(&Property, u64, Server)],
    known: &BTreeMap<std::path::PathBuf, Option<String>>,
) -> Option<Finding> {
    let entry = zoo.get("dataDir")?;
    let folder = Path::new(&entry.value);
    // Nothing is known of the folder: this is not the machine, perhaps.
    let content = known.get(folder)?;
    let file = folder.join("myid");
    let file = file.display();
    let ids: Vec<String> = servers.iter().map(|(_, id, _)| id.to_string()).collect();
    let lines = format!("the server lines have {}", ids.join(", "));
    let Some(content) = content else {
        let message = format!("{file} is missing, so this server does not know which of the {} it is", ids.len());
        let finding = zoo.at(Level::Error, "zoo/myid", entry, message).found(lines);
        return Some(finding.hint(format!("echo {} > {file}      (the N of this machine's server.N line)", ids[0])));
    };
    let id = content.trim();
    if id.parse::<u64>().is_err() {
        let message = format!("{file} holds \"{id}\", which is no number");
        return Some(zoo.at(Level::Error, "zoo/myid", entry, message).found(lines));
    }
    if !ids.iter().any(|known| known == id) {
        let message = format!("{file} says {id}, and there is no server.{id}");
        let mark: Mark = zoo.subject.text.mark(servers[0].0.key_span.start);
        return Some(zoo.at(Level::Error, "zoo/myid", entry, message).found(lines.clone()).with(
            zoo.subject,
            mark,
            lines,
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_lines() {
        let server = |value: &str| Server::parse(value);
        assert_eq!(server("zk1:2888:3888").unwrap().host, "zk1");
        assert_eq!(server("[::1]:2888:3888:observer;2181").unwrap().host, "::1");
        assert_eq!(server("10.0.0.1:2888:3888;0.0.0.0:2181").unwrap().election_port, 3888);
        for wrong in ["zk1", "zk1:2888", "zk1:x:3888", "zk1:2888:3888:leader", "zk 1:2888:3888", ":2888:3888", "a:0:1"]
        {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }
}
