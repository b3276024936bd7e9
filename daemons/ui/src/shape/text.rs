//! How Storm writes times, numbers and names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub const ALL_TIME: &str = ":all-time";

/// `1d 2h 0m 3s`; nothing for no time at all.
pub fn uptime(secs: i64) -> String {
    let mut parts = Vec::new();
    let mut left = secs.max(0);
    for (unit, size) in [("s", 60), ("m", 60), ("h", 24), ("d", i64::MAX)] {
        if left > 0 {
            parts.push(format!("{}{unit}", left % size));
            left /= size;
        }
    }
    parts.reverse();
    parts.join(" ")
}

/// A number with three decimals; `0` for one that is not there.
pub fn decimals(value: Option<f64>) -> String {
    value.map_or_else(|| "0".to_owned(), |v| format!("{v:.3}"))
}

/// Whether a request may ask for this window.
pub fn is_window(window: &str) -> bool {
    window == ALL_TIME || window.parse::<u32>().is_ok()
}

pub fn window_hint(window: &str) -> String {
    match window.parse() {
        Ok(secs) => uptime(secs),
        Err(_) => "All time".to_owned(),
    }
}

/// What a component or a host has beside memory and processors: `gpu.count=1.0 net=2.0`.
pub fn generic(resources: Option<&BTreeMap<String, f64>>) -> String {
    const USUAL: [&str; 6] = [
        "cpu.pcore.percent",
        "memory.mb",
        "onheap.memory.mb",
        "offheap.memory.mb",
        "supervisor.memory.capacity.mb",
        "supervisor.cpu.capacity",
    ];
    let others = resources.into_iter().flatten().filter(|(name, _)| !USUAL.contains(&name.as_str()));
    others.map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" ")
}

/// As much of an error as a table shows.
pub fn first_line_of(error: &str) -> String {
    error.chars().take(200).collect()
}

/// The name of a stream as Storm's page uses it for its own ends.
pub fn plain_stream(stream: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphabetic() || "_-.".contains(c) { c } else { '_' };
    let front = if stream.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "_s" };
    format!("{front}{}", stream.chars().map(plain).collect::<String>())
}

pub fn is_system(name: &str) -> bool {
    name.starts_with("__")
}

/// Java's value of a number that is not set.
pub fn zero(value: Option<f64>) -> Value {
    json!(value.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_written_as_storm_writes_them() {
        for (secs, text) in [(0, ""), (5, "5s"), (600, "10m 0s"), (3661, "1h 1m 1s"), (86_400, "1d 0h 0m 0s")] {
            assert_eq!(uptime(secs), text);
        }
        assert_eq!(uptime(1000 * 86_400), "1000d 0h 0m 0s");
        assert_eq!((decimals(Some(0.25)), decimals(None)), ("0.250".into(), "0".into()));
        assert_eq!((window_hint(":all-time"), window_hint("10800")), ("All time".into(), "3h 0m 0s".into()));
        assert!(is_window("601") && !is_window("x") && !is_window("-1"));
    }

    #[test]
    fn names_and_resources() {
        assert_eq!(plain_stream("a b/1"), "a_b__");
        assert_eq!((plain_stream("__ack"), plain_stream("1")), ("_s__ack".into(), "_s_".into()));
        let map = BTreeMap::from([("net".into(), 2.0), ("gpu.count".into(), 1.0), ("memory.mb".into(), 5.0)]);
        assert_eq!(generic(Some(&map)), "gpu.count=1.0 net=2.0");
        assert_eq!(generic(None), "");
        assert_eq!(first_line_of(&"é".repeat(300)).chars().count(), 200);
    }
}
