//! Host names and addresses.

use std::net::IpAddr;

use super::{Draft, Rule, When};
use crate::facts::{Facts, Outcome, Probe, Purpose};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "names/loopback",
        severity: Severity::Error,
        when: When::Now,
        about: "a host of a cluster of several is known by a loopback address",
        check: loopback,
    },
    Rule {
        code: "names/unresolved",
        severity: Severity::Error,
        when: When::Now,
        about: "a host does not know the name of another",
        check: unresolved,
    },
    Rule {
        code: "names/unreachable",
        severity: Severity::Error,
        when: When::Now,
        about: "a host cannot reach a daemon of another",
        check: unreachable,
    },
    Rule {
        code: "names/one-family",
        severity: Severity::Warning,
        when: When::Later,
        about: "the first address of a name is refused, a later one answers",
        check: one_family,
    },
    Rule {
        code: "logs/unreachable",
        severity: Severity::Info,
        when: When::Later,
        about: "links to logs lead to hosts that cannot be reached from here",
        check: log_links,
    },
];

fn is_loopback_name(name: &str) -> bool {
    let bare = name.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Other hosts that the cluster has, by configuration and by what is registered.
fn others(facts: &Facts) -> Vec<String> {
    let conf = &facts.config.conf;
    let mut hosts = conf.strings("nimbus.seeds");
    hosts.extend(conf.strings("storm.zookeeper.servers"));
    if let Some(tree) = &facts.zookeeper.tree {
        hosts.extend(tree.supervisors.values().map(|s| s.info.hostname.clone()));
        hosts.extend(tree.nimbuses.iter().cloned());
    }
    hosts.retain(|host| !is_loopback_name(host) && *host != facts.host.name);
    hosts.sort();
    hosts.dedup();
    hosts
}

fn loopback(facts: &Facts) -> Vec<Draft> {
    let others = others(facts);
    let me = &facts.host.name;
    if others.is_empty() || me.is_empty() {
        return Vec::new();
    }
    let subject = || Subject::Host { name: me.clone() };
    let cause = "other hosts are told this address and look for it on themselves";
    let seen = || format!("other hosts: {}", others.join(", "));
    if is_loopback_name(me) {
        let key = "storm.local.hostname";
        return vec![
            Draft::new(subject(), format!("this host calls itself {me}, and other hosts cannot reach that"))
                .at(facts.config.place(key), format!("{key}: {me}"))
                .at("configuration", seen())
                .because(cause)
                .fix(format!("stormctl config set {key} NAME-THAT-OTHERS-KNOW")),
        ];
    }
    let maps_to_loopback =
        |l: &&crate::facts::HostsLine| l.address.is_loopback() && l.names.iter().any(|n| n.eq_ignore_ascii_case(me));
    // A hosts file that also gives a real address is in order.
    let has_real = facts.host.hosts.iter().any(|l| !l.address.is_loopback() && l.names.contains(me));
    let Some(line) = facts.host.hosts.iter().find(maps_to_loopback).filter(|_| !has_real) else { return Vec::new() };
    let file = facts.host.hosts_file.display();
    vec![
        Draft::new(subject(), format!("{me} means {} here, and other hosts cannot reach that", line.address))
            .at(format!("{file}:{}", line.line), format!("{} {}", line.address, line.names.join(" ")))
            .at("configuration", seen())
            .because(cause)
            .fix(format!("sudo sed -i '{}s/^[^ \\t]*/ADDRESS-OF-THIS-HOST/' {file}", line.line)),
    ]
}

fn unresolved(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for probe in &facts.probes {
        let Some(why) = &probe.unresolved else { continue };
        drafts.push(
            Draft::new(
                Subject::Host { name: probe.from.clone() },
                format!("{} does not know the name {}", probe.from, probe.host),
            )
            .at(probe.from.clone(), why.clone())
            .because(format!("it is where {} is: tuples and calls do not get there", probe.purpose.word()))
            .fix(format!("echo 'ADDRESS {}' | ssh {} sudo tee -a /etc/hosts", probe.host, probe.from)),
        );
    }
    drafts
}

fn tries(probe: &Probe) -> String {
    let words: Vec<String> = probe.addresses.iter().map(|(ip, o)| format!("{ip}: {}", o.words())).collect();
    words.join(", ")
}

/// ZooKeeper has rules of its own, and a worker or log viewer need not be there.
fn unreachable(facts: &Facts) -> Vec<Draft> {
    let dead = |p: &&Probe| {
        p.purpose == Purpose::Supervisor && p.unresolved.is_none() && !p.addresses.is_empty() && !p.answers()
    };
    let draft = |p: &Probe| {
        let there = format!("{}:{}", p.host, p.port);
        Draft::new(
            Subject::Supervisor { name: p.host.clone() },
            format!("{} cannot reach {} at {there}", p.from, p.purpose.word()),
        )
        .at(there, tries(p))
        .because("it is registered in ZooKeeper, but Nimbus cannot hand it any work")
        .fix(format!("ssh {} stormctl restart supervisor      (or open port {} in its firewall)", p.host, p.port))
    };
    facts.probes.iter().filter(dead).map(draft).collect()
}

fn one_family(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for probe in &facts.probes {
        let Some((first, refused)) = probe.addresses.first().filter(|(_, o)| *o != Outcome::Answers) else { continue };
        let Some((good, _)) = probe.addresses.iter().find(|(_, o)| *o == Outcome::Answers) else { continue };
        drafts.push(
            Draft::new(
                Subject::Host { name: probe.from.clone() },
                format!(
                    "{} means {first} first, where {} does not listen; {good} answers",
                    probe.host,
                    probe.purpose.word()
                ),
            )
            .at(format!("{}:{}", probe.host, probe.port), tries(probe))
            .because(format!("every connection tries {first} before ({})", refused.words()))
            .fix(format!("write {good} for {} in storm.yaml, or let the server listen on both", probe.host)),
        );
    }
    drafts
}

fn log_links(facts: &Facts) -> Vec<Draft> {
    let closed: Vec<&Probe> =
        facts.probes.iter().filter(|p| p.purpose == Purpose::LogViewer && p.from != p.host && !p.answers()).collect();
    if closed.is_empty() {
        return Vec::new();
    }
    let mut draft =
        Draft::new(Subject::Cluster, "links to logs lead to hosts that cannot be reached from here".to_owned());
    for probe in &closed {
        let why = probe.unresolved.clone().unwrap_or_else(|| tries(probe));
        draft = draft.at(format!("{}:{}", probe.host, probe.port), why);
    }
    vec![draft.fix(format!("ssh {} stormctl logs NAME", closed[0].host))]
}
