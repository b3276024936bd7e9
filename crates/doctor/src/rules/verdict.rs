//! The answer to `why` in one line.

use crate::facts::Facts;
use crate::finding::{Finding, Severity};

/// How the topology does, given what was found of it.
pub fn verdict(facts: &Facts, name: &str, findings: &[Finding]) -> String {
    let worst = findings.first();
    let Some(topology) = facts.topology(name) else {
        return match worst {
            Some(f) if f.severity == Severity::Error => format!("{name}: nobody can say how it does: {}", f.message),
            _ => format!("{name}: nobody knows it"),
        };
    };
    let reporting = topology.workers.iter().filter(|w| w.uptime_secs > 0).count();
    let status = if topology.status.is_empty() { "status unknown".to_owned() } else { topology.status.clone() };
    let placed = format!(
        "{} of {} executors placed, {reporting} of {} workers report",
        topology.placed,
        topology.executors,
        topology.workers.len()
    );
    let state = format!("{} is {status}: {placed}", topology.name);
    match worst.map(|f| f.severity) {
        Some(Severity::Error) => format!("{state}; it does not run as it should"),
        Some(Severity::Warning) => format!("{state}; it has trouble"),
        _ => format!("{state}; nothing wrong was found"),
    }
}
