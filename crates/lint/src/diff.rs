//! What two configurations, or two texts, have differently.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use similar::TextDiff;

/// A key with two values; `None` where it is not set.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub key: String,
    pub left: Option<Value>,
    pub right: Option<Value>,
}

/// The keys whose values differ, sorted. Null is the same as nothing, and 1 the same as 1.0.
pub fn values(left: &Map<String, Value>, right: &Map<String, Value>) -> Vec<Difference> {
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let of = |map: &Map<String, Value>, key: &str| map.get(key).filter(|v| !v.is_null()).cloned();
    keys.into_iter()
        .map(|key| Difference { key: key.clone(), left: of(left, key), right: of(right, key) })
        .filter(|d| match (&d.left, &d.right) {
            (None, None) => false,
            (Some(a), Some(b)) => !same(a, b),
            _ => true,
        })
        .collect()
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same(a, b)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, a)| y.get(k).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// The lines that differ, as `diff -u` shows them; empty when none does.
pub fn lines(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(2).header(old_name, new_name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_by_what_they_mean() {
        let map = |v: Value| v.as_object().cloned().unwrap();
        let left = map(json!({"a": 1, "b": [1, {"x": 2}], "c": null, "d": "x", "e": 1}));
        let right = map(json!({"a": 1.0, "b": [1.0, {"x": 2}], "d": "y", "f": true}));
        let found: Vec<String> = values(&left, &right).into_iter().map(|d| d.key).collect();
        assert_eq!(found, ["d", "e", "f"]);
    }

    #[test]
    fn lines_are_shown_as_people_know_them() {
        assert_eq!(lines("a\nb\n", "a\nc\n", "old", "new"), "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
        assert_eq!(lines("a\n", "a\n", "old", "new"), "");
    }
}
