//! What a `zoo.cfg` lacks, and limits in a wrong order.

use super::rules::Zoo;
use crate::finding::{Finding, Level};

pub(super) fn check(zoo: &Zoo<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if zoo.get("dataDir").is_none() {
        let finding =
            zoo.whole(Level::Error, "zoo/data-dir", "dataDir is not set, and ZooKeeper does not start without it");
        findings.push(finding.hint("stormctl config set --zk dataDir /var/lib/zookeeper"));
    }
    let serves = zoo.get("clientPort").is_some() || zoo.get("secureClientPort").is_some();
    let in_servers = zoo.servers().iter().any(|s| s.value.contains(';'));
    if !serves && !in_servers && zoo.get("dynamicConfigFile").is_none() {
        let finding = zoo.whole(Level::Error, "zoo/client-port", "clientPort is not set, so no client can connect");
        findings.push(finding.fix("add clientPort=2181", zoo.append("clientPort=2181")));
    }
    if zoo.servers().len() > 1 {
        for (key, value) in [("initLimit", 10), ("syncLimit", 5)] {
            if zoo.get(key).is_none() {
                let message = format!("{key} is not set, and an ensemble does not start without it");
                let finding = zoo.whole(Level::Error, "zoo/limits", message);
                findings.push(finding.fix(format!("add {key}={value}"), zoo.append(&format!("{key}={value}"))));
            }
        }
    }
    findings.extend(purge(zoo));
    findings.extend(sessions(zoo));
    findings
}

/// Without it the disk fills up.
fn purge(zoo: &Zoo<'_>) -> Option<Finding> {
    const KEY: &str = "autopurge.purgeInterval";
    if zoo.number(KEY).is_none_or(|hours| hours > 0.0) {
        return None;
    }
    let message = "old snapshots and logs are never removed, so the disk fills up";
    let finding = match zoo.get(KEY) {
        Some(entry) => {
            let edit = crate::text::Edit::new(entry.value_span.clone(), "24");
            zoo.at(Level::Warning, "zoo/autopurge", entry, message).fix("write 24", vec![edit])
        }
        None => zoo
            .whole(Level::Warning, "zoo/autopurge", message)
            .fix(format!("add {KEY}=24"), zoo.append(&format!("{KEY}=24"))),
    };
    Some(finding)
}

fn sessions(zoo: &Zoo<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tick = zoo.number("tickTime").unwrap_or(3000.0);
    if let Some(entry) = zoo.get("tickTime").filter(|_| tick <= 0.0) {
        findings.push(zoo.at(Level::Error, "zoo/number", entry, "tickTime must be above 0"));
    }
    let given = |key: &str| zoo.get(key).and_then(|e| e.value.parse::<f64>().ok()).filter(|n| *n >= 0.0);
    let least = given("minSessionTimeout").unwrap_or(2.0 * tick);
    let most = given("maxSessionTimeout").unwrap_or(20.0 * tick);
    let told = zoo.get("minSessionTimeout").or(zoo.get("maxSessionTimeout"));
    if let Some(entry) = told.filter(|_| least > most) {
        let message = format!("sessions must last {least} ms at least and {most} ms at most, which none can");
        findings.push(zoo.at(Level::Error, "zoo/session-timeout", entry, message));
    }
    if let Some(entry) = zoo.get("autopurge.snapRetainCount").filter(|e| e.value.parse::<i64>().is_ok_and(|n| n < 3)) {
        let message = "fewer than 3 snapshots are never kept; ZooKeeper takes 3";
        let finding = zoo.at(Level::Note, "zoo/autopurge", entry, message);
        findings.push(finding.fix("write 3", vec![crate::text::Edit::new(entry.value_span.clone(), "3")]));
    }
    findings
}
