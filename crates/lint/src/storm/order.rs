//! Pairs of values that only make sense in one order.

use super::document::Document;
use crate::finding::{Finding, Level};

struct Pair {
    small: &'static str,
    large: &'static str,
    /// Whether they may be equal.
    equal: bool,
    /// How many of the small one's units are one of the large one's.
    per: f64,
    why: &'static str,
}

const fn pair(small: &'static str, large: &'static str, equal: bool, per: f64, why: &'static str) -> Pair {
    Pair { small, large, equal, per, why }
}

const PAIRS: &[Pair] = &[
    pair(
        "supervisor.worker.timeout.secs",
        "nimbus.task.timeout.secs",
        false,
        1.0,
        "whether a silent worker is restarted in place or moved to another host is luck",
    ),
    pair(
        "task.heartbeat.frequency.secs",
        "nimbus.task.timeout.secs",
        false,
        1.0,
        "every executor would look dead between two heartbeats",
    ),
    pair(
        "worker.heartbeat.frequency.secs",
        "supervisor.worker.timeout.secs",
        false,
        1.0,
        "every worker would look dead between two heartbeats",
    ),
    pair(
        "supervisor.worker.timeout.secs",
        "supervisor.worker.start.timeout.secs",
        true,
        1.0,
        "a worker that starts would get less time than one that runs",
    ),
    pair(
        "nimbus.task.timeout.secs",
        "nimbus.task.launch.secs",
        true,
        1.0,
        "an executor that starts would get less time than one that runs",
    ),
    pair(
        "nimbus.monitor.freq.secs",
        "nimbus.task.timeout.secs",
        false,
        1.0,
        "Nimbus would look less often than executors may be silent",
    ),
    pair(
        "supervisor.worker.timeout.secs",
        "worker.max.timeout.secs",
        true,
        1.0,
        "the limit of what topologies may ask for is below the default",
    ),
    pair("topology.worker.timeout.secs", "worker.max.timeout.secs", true, 1.0, "Nimbus cuts it to the limit"),
    pair(
        "storm.zookeeper.connection.timeout",
        "storm.zookeeper.session.timeout",
        true,
        1.0,
        "a session would expire before a connection attempt ends",
    ),
    pair(
        "storm.zookeeper.session.timeout",
        "nimbus.task.timeout.secs",
        false,
        1000.0,
        "executors would be dead before the session of their worker is",
    ),
    pair(
        "storm.zookeeper.retry.interval",
        "storm.zookeeper.retry.intervalceiling.millis",
        true,
        1.0,
        "the first wait is above the longest",
    ),
    pair(
        "storm.nimbus.retry.interval.millis",
        "storm.nimbus.retry.intervalceiling.millis",
        true,
        1.0,
        "the first wait is above the longest",
    ),
    pair(
        "storm.messaging.netty.min_wait_ms",
        "storm.messaging.netty.max_wait_ms",
        true,
        1.0,
        "the first wait is above the longest",
    ),
    pair(
        "storm.messaging.netty.buffer.low.watermark",
        "storm.messaging.netty.buffer.high.watermark",
        false,
        1.0,
        "writers would be let on before they are held",
    ),
    pair(
        "storm.supervisor.low.memory.threshold.mb",
        "storm.supervisor.medium.memory.threshold.mb",
        true,
        1.0,
        "the grace at medium memory would never begin",
    ),
    pair(
        "topology.localityaware.lower.bound",
        "topology.localityaware.higher.bound",
        false,
        1.0,
        "load would swing between the two",
    ),
    pair(
        "logviewer.max.per.worker.logs.size.mb",
        "logviewer.max.sum.worker.logs.size.mb",
        true,
        1.0,
        "one worker may have more than all together",
    ),
    pair("pacemaker.base.threads", "pacemaker.max.threads", true, 1.0, "there would be more threads than allowed"),
];

/// Two values in the wrong order.
#[derive(Debug, Clone, PartialEq)]
pub struct Misordered {
    /// The key that should have the smaller value.
    pub small: &'static str,
    /// The key that should have the larger one.
    pub large: &'static str,
    /// What is wrong, values and reason included.
    pub message: String,
    /// What happens because of it.
    pub why: &'static str,
    /// The command that would put it right.
    pub fix: String,
}

/// The pairs that are in the wrong order. Storm's own defaults are not judged: somebody must have written one of the two.
pub fn misordered(number: &dyn Fn(&str) -> Option<f64>, is_written: &dyn Fn(&str) -> bool) -> Vec<Misordered> {
    PAIRS.iter().filter_map(|pair| one(pair, number, is_written)).collect()
}

fn one(pair: &Pair, number: &dyn Fn(&str) -> Option<f64>, is_written: &dyn Fn(&str) -> bool) -> Option<Misordered> {
    let (small, large) = (number(pair.small)?, number(pair.large)?);
    let scaled = large * pair.per;
    let fine = small < scaled || pair.equal && small <= scaled;
    if fine || !is_written(pair.small) && !is_written(pair.large) {
        return None;
    }
    let default = |key: &str| if is_written(key) { "" } else { " by default" };
    let must = if pair.equal { "must not be above" } else { "must be below" };
    let message = format!(
        "{} ({small}{}) {must} {} ({large}{}): {}",
        pair.small,
        default(pair.small),
        pair.large,
        default(pair.large),
        pair.why
    );
    let enough = if pair.equal { small / pair.per } else { small / pair.per * 1.5 };
    let fix = format!("stormctl config set {} {}", pair.large, rounded(enough));
    Some(Misordered { small: pair.small, large: pair.large, message, why: pair.why, fix })
}

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    let found = misordered(&|key| document.number(key), &|key| document.entry(key).is_some());
    found.into_iter().filter_map(|m| at(document, m)).collect()
}

/// Where the later of the two stands.
fn at(document: &Document<'_>, m: Misordered) -> Option<Finding> {
    let (a, b) = (document.entry(m.small), document.entry(m.large));
    let (told, other) = match (a, b) {
        (Some(a), Some(b)) if a.key_mark < b.key_mark => (b, Some(a)),
        (Some(a), b) => (a, b),
        (None, Some(b)) => (b, None),
        (None, None) => return None,
    };
    let mut finding = document.at(Level::Warning, "config/order", &told.value, m.message);
    if let Some(other) = other {
        finding = finding.with(document.subject, other.value.mark, other.key.as_str());
    }
    Some(finding.hint(m.fix))
}

/// Counts stay whole, fractions below one stay fractions.
fn rounded(number: f64) -> f64 {
    if number < 1.0 { number } else { number.ceil() }
}
