//! What changed from one answer to the next.

use std::collections::BTreeMap;

use crate::data::{Cluster, Ensemble, Sample, Severity, Worker};
use crate::source::{Answer, Standing};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// In the order in which they were learnt, which is not that of their times.
    pub number: u64,
    pub at_ms: u64,
    pub severity: Severity,
    /// What it happened to.
    pub subject: String,
    pub what: String,
}

fn event(at_ms: u64, severity: Severity, subject: &str, what: String) -> Event {
    Event { number: 0, at_ms, severity, subject: subject.to_owned(), what }
}

/// A source that is lost, or is there again.
pub fn of_standing(answer: &Answer, before: &Standing) -> Option<Event> {
    let source = answer.source.to_string();
    match &answer.result {
        Err(t) if !before.stale() => {
            Some(event(answer.at_ms, Severity::Error, &source, format!("{source} is lost: {}", t.cause)))
        }
        Ok(_) if before.stale() => {
            Some(event(answer.at_ms, Severity::Info, &source, format!("{source} answers again")))
        }
        _ => None,
    }
}

/// What the first answer tells of what was before it: when everything that is there began.
pub fn of_past(cluster: &Cluster, at_ms: u64) -> Vec<Event> {
    let since = |uptime_secs: i64| at_ms.saturating_sub(u64::try_from(uptime_secs).unwrap_or(0) * 1000);
    let begun =
        |uptime_secs, subject: &str, what: &str| event(since(uptime_secs), Severity::Info, subject, what.to_owned());
    let topologies =
        cluster.topologies.iter().map(|t| begun(t.uptime_secs, &t.name, &format!("submitted as {}", t.id)));
    let supervisors = cluster.supervisors.iter().map(|s| begun(s.uptime_secs, &s.host, "supervisor was started"));
    let nimbuses =
        cluster.nimbuses.iter().map(|n| begun(n.uptime_secs, &format!("{}:{}", n.host, n.port), "nimbus was started"));
    topologies.chain(supervisors).chain(nimbuses).collect()
}

/// The same of the workers.
pub fn of_past_workers(workers: &[Worker], at_ms: u64) -> Vec<Event> {
    let since = |w: &Worker| at_ms.saturating_sub(u64::try_from(w.uptime_secs).unwrap_or(0) * 1000);
    let begun = |w: &Worker| {
        event(
            since(w),
            Severity::Info,
            &format!("{}:{}", w.host, w.port),
            format!("worker of {} was started", w.topology),
        )
    };
    workers.iter().map(begun).collect()
}

/// Servers that have gone or come, and who leads them.
pub fn of_ensemble(before: &Ensemble, now: &Ensemble, at_ms: u64) -> Vec<Event> {
    let mut events = Vec::new();
    for s in &now.servers {
        let Some(old) = before.servers.iter().find(|o| o.address == s.address) else { continue };
        match (&old.trouble, &s.trouble) {
            (None, Some(why)) => {
                events.push(event(at_ms, Severity::Error, &s.address, format!("ZooKeeper server is down: {why}")));
            }
            (Some(_), None) => {
                events.push(event(
                    at_ms,
                    Severity::Info,
                    &s.address,
                    format!("ZooKeeper server is back as {}", s.mode),
                ));
            }
            (None, None) if old.mode != s.mode => {
                events.push(event(at_ms, Severity::Warning, &s.address, format!("{} -> {}", old.mode, s.mode)));
            }
            _ => {}
        }
    }
    events
}

pub fn of_cluster(before: &Cluster, now: &Cluster, at_ms: u64) -> Vec<Event> {
    let mut events = Vec::new();
    let old: BTreeMap<&str, _> = before.topologies.iter().map(|t| (t.id.as_str(), t)).collect();
    let new: BTreeMap<&str, _> = now.topologies.iter().map(|t| (t.id.as_str(), t)).collect();
    for (id, t) in &new {
        match old.get(id) {
            None => events.push(event(at_ms, Severity::Info, &t.name, format!("submitted as {id}"))),
            Some(o) => {
                if o.status != t.status {
                    events.push(event(at_ms, Severity::Warning, &t.name, format!("{} -> {}", o.status, t.status)));
                }
                if o.workers != t.workers {
                    let severity = if t.workers < o.workers { Severity::Warning } else { Severity::Info };
                    events.push(event(at_ms, severity, &t.name, format!("{} -> {} workers", o.workers, t.workers)));
                }
                if o.placed != t.placed && !t.placed.is_empty() {
                    events.push(event(at_ms, Severity::Info, &t.name, t.placed.clone()));
                }
            }
        }
    }
    for (_, t) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
        events.push(event(at_ms, Severity::Warning, &t.name, "is gone".to_owned()));
    }
    for s in &now.supervisors {
        match before.supervisors.iter().find(|o| o.id == s.id) {
            None => events.push(event(at_ms, Severity::Info, &s.host, "supervisor has come".to_owned())),
            Some(o) if s.uptime_secs + 5 < o.uptime_secs => {
                events.push(event(at_ms, Severity::Warning, &s.host, "supervisor was started again".to_owned()));
            }
            Some(_) => {}
        }
    }
    for s in before.supervisors.iter().filter(|s| !now.supervisors.iter().any(|n| n.id == s.id)) {
        events.push(event(at_ms, Severity::Error, &s.host, "supervisor has gone".to_owned()));
    }
    let leader = |c: &Cluster| c.nimbuses.iter().find(|n| n.leader).map(|n| format!("{}:{}", n.host, n.port));
    if let (old, Some(new)) = (leader(before), leader(now))
        && old.as_ref() != Some(&new)
    {
        events.push(event(at_ms, Severity::Warning, &new, "leads now".to_owned()));
    }
    events
}

/// Workers that have come, gone, or begun anew.
pub fn of_workers(before: &[Worker], now: &[Worker], at_ms: u64) -> Vec<Event> {
    let place = |w: &Worker| (w.host.clone(), w.port);
    let old: BTreeMap<_, _> = before.iter().map(|w| (place(w), w)).collect();
    let mut events = Vec::new();
    for w in now {
        let subject = format!("{}:{}", w.host, w.port);
        match old.get(&place(w)) {
            Some(o) if o.topology_id == w.topology_id => {
                if w.uptime_secs + 5 < o.uptime_secs {
                    let what = format!("worker of {} was started again", w.topology);
                    events.push(event(at_ms, Severity::Warning, &subject, what));
                }
            }
            _ => events.push(event(at_ms, Severity::Info, &subject, format!("worker of {} has come", w.topology))),
        }
    }
    for w in before.iter().filter(|w| !now.iter().any(|n| place(n) == place(w))) {
        let subject = format!("{}:{}", w.host, w.port);
        events.push(event(at_ms, Severity::Warning, &subject, format!("worker of {} has gone", w.topology)));
    }
    events
}

/// Errors that were not there before.
pub fn of_errors(before: &Sample, now: &Sample) -> Vec<Event> {
    let known = |c: &str, t: i64| before.errors.iter().any(|e| e.component == c && e.time_secs >= t);
    let new = now.errors.iter().filter(|e| !known(&e.component, e.time_secs));
    new.map(|e| {
        let first = e.error.lines().next().unwrap_or_default();
        let at_ms = u64::try_from(e.time_secs).unwrap_or(0) * 1000;
        event(at_ms, Severity::Error, &now.name, format!("{}: {first}", e.component))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Supervisor, TopologySummary};

    #[test]
    fn changes_are_told_once_each() {
        let t = |id: &str, status: &str, workers| TopologySummary {
            id: id.into(),
            name: id.into(),
            status: status.into(),
            workers,
            ..Default::default()
        };
        let s = |id: &str, up| Supervisor { id: id.into(), host: id.into(), uptime_secs: up, ..Default::default() };
        let before = Cluster {
            topologies: vec![t("a", "ACTIVE", 2), t("b", "ACTIVE", 1)],
            supervisors: vec![s("x", 100), s("y", 9)],
            ..Default::default()
        };
        let now = Cluster {
            topologies: vec![t("a", "INACTIVE", 1), t("c", "ACTIVE", 1)],
            supervisors: vec![s("x", 3)],
            ..Default::default()
        };
        let told: Vec<String> =
            of_cluster(&before, &now, 7).into_iter().map(|e| format!("{} {}", e.subject, e.what)).collect();
        assert_eq!(
            told,
            [
                "a ACTIVE -> INACTIVE",
                "a 2 -> 1 workers",
                "c submitted as c",
                "b is gone",
                "x supervisor was started again",
                "y supervisor has gone"
            ]
        );
        assert!(of_cluster(&now, &now, 8).is_empty());
    }
}
