//! Ports of slots.

use super::{Draft, Rule, When};
use crate::facts::{Facts, SlotUse};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "ports/slot-taken",
        severity: Severity::Error,
        when: When::Now,
        about: "another program holds the port of a slot",
        check: taken,
    },
    Rule {
        code: "ports/ephemeral",
        severity: Severity::Warning,
        when: When::Later,
        about: "the kernel gives the ports of slots to outgoing connections",
        check: ephemeral,
    },
];

const SLOTS: &str = "supervisor.slots.ports";

fn taken(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let all: Vec<u16> = facts.host.slots.iter().map(|s| s.port).collect();
    for slot in &facts.host.slots {
        let SlotUse::Foreign { pid, holder } = &slot.used else { continue };
        let rest: Vec<String> = all.iter().filter(|p| **p != slot.port).map(u16::to_string).collect();
        let without = format!("stormctl config set {SLOTS} '[{}]'", rest.join(", "));
        drafts.push(
            Draft::new(
                Subject::Slot { host: facts.host.name.clone(), port: slot.port },
                format!("port {} is held by {holder}, so it is no slot", slot.port),
            )
            .at(format!("{}:{}", facts.host.name, slot.port), format!("held by {holder}"))
            .at(facts.config.place(SLOTS), format!("{SLOTS} names it"))
            .because("a worker could not listen there: the supervisor offers one slot less")
            .fix(pid.map_or_else(|| without.clone(), |pid| format!("kill {pid}      (or {without})"))),
        );
    }
    drafts
}

fn ephemeral(facts: &Facts) -> Vec<Draft> {
    let Some((first, last)) = facts.host.ephemeral else { return Vec::new() };
    let inside: Vec<String> = facts
        .config
        .conf
        .ints(SLOTS)
        .iter()
        .filter(|p| (i64::from(first)..=i64::from(last)).contains(p))
        .map(i64::to_string)
        .collect();
    if inside.is_empty() {
        return Vec::new();
    }
    let ports = inside.join(",");
    vec![
        Draft::new(
            Subject::Host { name: facts.host.name.clone() },
            format!("slots {ports} lie among the ports that the kernel gives away"),
        )
        .at("/proc/sys/net/ipv4/ip_local_port_range", format!("{first} {last}"))
        .at(facts.config.place(SLOTS), format!("{SLOTS}: {ports}"))
        .because("now and then an outgoing connection has the port when a worker wants it")
        .fix(format!("sudo sysctl -w net.ipv4.ip_local_reserved_ports={ports}")),
    ]
}
