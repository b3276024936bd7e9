//! Types of the keys a topology may set, as Storm's `ConfigValidation` has them for its `Config` constants.

use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Bool,
    Str,
    /// A whole number above 0.
    Positive,
    /// A whole number, 0 or above.
    NotNegative,
    Integer,
    /// Any number above 0.
    PositiveNumber,
    /// Any number, 0 or above.
    NotNegativeNumber,
    Map,
    List,
    /// A string or a list of strings.
    StrOrList,
}

use Kind::{Bool, Integer, List, NotNegative, NotNegativeNumber, Positive, PositiveNumber, Str, StrOrList};

const KEYS: [(&str, Kind); 66] = [
    ("topology.acker.cpu.pcore.percent", NotNegativeNumber),
    ("topology.acker.executors", NotNegative),
    ("topology.acker.resources.offheap.memory.mb", NotNegativeNumber),
    ("topology.acker.resources.onheap.memory.mb", NotNegativeNumber),
    ("topology.auto-credentials", List),
    ("topology.auto.task.hooks", List),
    ("topology.backpressure.check.millis", Positive),
    ("topology.backpressure.wait.strategy", Str),
    ("topology.batch.flush.interval.millis", NotNegative),
    ("topology.blobstore.map", Kind::Map),
    ("topology.bolt.wait.strategy", Str),
    ("topology.builtin.metrics.bucket.size.secs", Integer),
    ("topology.classpath", StrOrList),
    ("topology.component.cpu.pcore.percent", NotNegativeNumber),
    ("topology.component.resources.map", Kind::Map),
    ("topology.component.resources.offheap.memory.mb", NotNegativeNumber),
    ("topology.component.resources.onheap.memory.mb", NotNegativeNumber),
    ("topology.debug", Bool),
    ("topology.disable.loadaware.messaging", Bool),
    ("topology.enable.message.timeouts", Bool),
    ("topology.environment", Kind::Map),
    ("topology.error.throttle.interval.secs", Integer),
    ("topology.eventlogger.executors", NotNegative),
    ("topology.executor.overflow.limit", NotNegative),
    ("topology.executor.receive.buffer.size", Positive),
    ("topology.fall.back.on.java.serialization", Bool),
    ("topology.groups", List),
    ("topology.kryo.decorators", List),
    ("topology.kryo.factory", Str),
    ("topology.logging.config", Str),
    ("topology.logging.sensitivity", Str),
    ("topology.max.error.report.per.interval", Integer),
    ("topology.max.replication.wait.time.sec", Integer),
    ("topology.max.spout.pending", Positive),
    ("topology.max.task.parallelism", Positive),
    ("topology.message.timeout.secs", Positive),
    ("topology.metrics.consumer.register", List),
    ("topology.metrics.reporters", List),
    ("topology.min.replication.count", Positive),
    ("topology.multilang.serializer", Str),
    ("topology.name", Str),
    ("topology.native.binary", Str),
    ("topology.priority", NotNegative),
    ("topology.producer.batch.size", Positive),
    ("topology.scheduler.strategy", Str),
    ("topology.shellbolt.max.pending", Positive),
    ("topology.skip.missing.kryo.registrations", Bool),
    ("topology.sleep.spout.wait.strategy.time.ms", NotNegative),
    ("topology.spout.wait.strategy", Str),
    ("topology.state.checkpoint.interval.ms", Positive),
    ("topology.state.provider", Str),
    ("topology.stats.sample.rate", PositiveNumber),
    ("topology.submitter.user", Str),
    ("topology.subprocess.timeout.secs", Positive),
    ("topology.tasks", NotNegative),
    ("topology.tick.tuple.freq.secs", NotNegativeNumber),
    ("topology.transfer.batch.size", Positive),
    ("topology.transfer.buffer.size", Positive),
    ("topology.tuple.serializer", Str),
    ("topology.users", List),
    ("topology.version", Str),
    ("topology.worker.childopts", StrOrList),
    ("topology.worker.gc.childopts", StrOrList),
    ("topology.worker.max.heap.size.mb", PositiveNumber),
    ("topology.worker.timeout.secs", Positive),
    ("topology.workers", Positive),
];

impl Kind {
    fn holds(self, v: &Value) -> bool {
        // Storm takes 30.0 for a whole number.
        let whole =
            || v.as_i64().or_else(|| v.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15).map(|f| f as i64));
        let number = || v.as_f64();
        match self {
            Kind::Bool => v.is_boolean(),
            Kind::Str => v.is_string(),
            Kind::Positive => whole().is_some_and(|n| n > 0 && n <= i64::from(i32::MAX)),
            Kind::NotNegative => whole().is_some_and(|n| (0..=i64::from(i32::MAX)).contains(&n)),
            Kind::Integer => whole().is_some(),
            Kind::PositiveNumber => number().is_some_and(|n| n > 0.0),
            Kind::NotNegativeNumber => number().is_some_and(|n| n >= 0.0),
            Kind::Map => v.is_object(),
            Kind::List => v.is_array(),
            Kind::StrOrList => v.is_string() || v.as_array().is_some_and(|a| a.iter().all(Value::is_string)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::Str => "a string",
            Kind::Positive => "a whole number above 0",
            Kind::NotNegative => "a whole number, 0 or above",
            Kind::Integer => "a whole number",
            Kind::PositiveNumber => "a number above 0",
            Kind::NotNegativeNumber => "a number, 0 or above",
            Kind::Map => "a map",
            Kind::List => "a list",
            Kind::StrOrList => "a string or a list of strings",
        }
    }
}

/// All wrong values at once; an absent key and `null` are never wrong.
pub(super) fn check(conf: &Map<String, Value>) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (key, kind) in KEYS {
        if let Some(value) = conf.get(key).filter(|v| !v.is_null() && !kind.holds(v)) {
            mistakes.push(format!("Field {key} with value {value} must be {}", kind.name()));
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_types_are_told_with_key_and_value() {
        let conf = json!({
            "topology.workers": "two", "topology.debug": "yes", "topology.message.timeout.secs": 0,
            "topology.acker.executors": -1, "my.own": {"a": 1}, "topology.max.spout.pending": null,
            "topology.stats.sample.rate": 0.05, "topology.worker.childopts": ["-Xmx1g"], "topology.tasks": 4.0
        });
        let mistakes = check(conf.as_object().unwrap());
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        assert!(
            mistakes.iter().any(|m| m == "Field topology.workers with value \"two\" must be a whole number above 0")
        );
    }

    #[test]
    fn keys_are_sorted() {
        assert!(KEYS.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
