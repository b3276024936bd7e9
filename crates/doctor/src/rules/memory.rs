//! Memory and clocks of hosts.

use super::{Draft, Rule, When};
use crate::facts::Facts;
use crate::finding::{Severity, Subject};

/// Clocks that differ more than this make heartbeats look old.
const SKEW_SECS: i64 = 5;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "host/clock",
        severity: Severity::Warning,
        when: When::Now,
        about: "the clock of a host is off",
        check: clock,
    },
    Rule {
        code: "host/memory",
        severity: Severity::Warning,
        when: When::Now,
        about: "the workers of all slots together need more memory than the host has",
        check: memory,
    },
];

/// Every supervisor writes its own time into a node to which ZooKeeper gives its time: the difference is that of the clocks.
fn clock(facts: &Facts) -> Vec<Draft> {
    let Some(tree) = &facts.zookeeper.tree else { return Vec::new() };
    let mut drafts = Vec::new();
    for (id, seen) in &tree.supervisors {
        let ahead = seen.info.time_secs - seen.written_at;
        if seen.written_at == 0 || ahead.abs() <= SKEW_SECS {
            continue;
        }
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        let host = seen.info.hostname.clone();
        drafts.push(
            Draft::new(
                Subject::Host { name: host.clone() },
                format!("the clock of {host} is {} s {way} ZooKeeper's", ahead.abs()),
            )
            .at(
                format!("{}/supervisors/{id}", tree.root),
                format!("written at {}, says it is {}", seen.written_at, seen.info.time_secs),
            )
            .because("times of heartbeats and errors from that host cannot be compared with others")
            .fix(format!("ssh {host} sudo chronyc makestep")),
        );
    }
    drafts
}

/// What a worker may take, from its heap or its share of the supervisor's capacity.
fn worker_mb(facts: &Facts) -> (&'static str, f64) {
    let conf = &facts.config.conf;
    if let Some(mb) =
        ["worker.childopts", "topology.worker.childopts"].iter().find_map(|key| heap_mb(&conf.strings(key)))
    {
        return ("worker.childopts", mb);
    }
    ("worker.heap.memory.mb", conf.float("worker.heap.memory.mb").unwrap_or(768.0))
}

/// The value of `-Xmx` in MB; `%HEAP-MEM%` stands for what another key says.
pub(super) fn heap_mb(options: &[String]) -> Option<f64> {
    let text = options.iter().flat_map(|o| o.split_whitespace()).rev().find_map(|o| o.strip_prefix("-Xmx"))?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    match text[digits..].to_ascii_lowercase().as_str() {
        "g" => Some(number * 1024.0),
        "m" => Some(number),
        "k" => Some(number / 1024.0),
        "" => Some(number / (1024.0 * 1024.0)),
        _ => None,
    }
}

fn memory(facts: &Facts) -> Vec<Draft> {
    let host = &facts.host;
    let limit = match (host.memory_limit, host.memory_bytes) {
        (Some(limit), Some(bytes)) => limit.min(bytes),
        (limit, bytes) => match limit.or(bytes) {
            Some(bytes) => bytes,
            None => return Vec::new(),
        },
    };
    let conf = &facts.config.conf;
    let (key, each) = worker_mb(facts);
    let slots = conf.ints("supervisor.slots.ports").len();
    let need = each * slots as f64;
    let have = (limit >> 20) as f64;
    let written = ["supervisor.slots.ports", key].iter().any(|k| facts.config.is_written(k));
    // One default worker that does not fit is told even if nobody chose anything.
    if slots == 0 || need <= have || !written && each <= have {
        return Vec::new();
    }
    let fit = (have / each).floor() as usize;
    let draft = Draft::new(
        Subject::Host { name: host.name.clone() },
        format!("{slots} slots of {each:.0} MB are {need:.0} MB, and {} has {have:.0} MB", host.name),
    )
    .at(facts.config.place("supervisor.slots.ports"), format!("{slots} slots"))
    .at(facts.config.place(key), format!("{key}: {each:.0} MB a worker"))
    .at(
        if host.memory_limit.is_some_and(|l| l <= limit) { "the control group" } else { "/proc/meminfo" },
        format!("{have:.0} MB"),
    )
    .because("a JVM that cannot reserve its heap ends at once; others are killed when memory runs out");
    vec![match fit {
        0 => draft.fix(format!("stormctl config set worker.heap.memory.mb {:.0}", (have / slots as f64 * 0.7).floor())),
        _ => draft.fix(format!(
            "stormctl config set supervisor.slots.ports '[{}]'",
            conf.ints("supervisor.slots.ports").iter().take(fit).map(i64::to_string).collect::<Vec<_>>().join(", ")
        )),
    }]
}

#[cfg(test)]
mod tests {
    use super::heap_mb;

    #[test]
    fn heaps_have_units() {
        let mb = |text: &str| heap_mb(&[text.to_owned()]);
        assert_eq!(mb("-Xms1g -Xmx2g -XX:+UseG1GC"), Some(2048.0));
        assert_eq!(mb("-Xmx768m"), Some(768.0));
        assert_eq!(mb("-Xmx1048576"), Some(1.0));
        assert_eq!(mb("-Xmx%HEAP-MEM%m"), None);
        assert_eq!(mb(""), None);
    }
}
