//! A component's own configuration and what becomes of it in the worker.

use serde_json::{Map, Value};
use storm_thrift::types::ComponentCommon;

use super::error::TopologyProblem;
use super::storm_keys::{COMPONENT_MAY_SET, STORM_KEYS};

/// The component's `json_conf` as a map; absent and `null` are empty.
pub fn component_conf(id: &str, common: &ComponentCommon) -> Result<Map<String, Value>, TopologyProblem> {
    let Some(text) = common.json_conf.as_deref().filter(|t| !t.trim().is_empty()) else {
        return Ok(Map::new());
    };
    let bad = |cause: String| TopologyProblem::BadComponentConf { component: id.to_owned(), cause };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(bad(format!("found {other}"))),
        Err(e) => Err(bad(e.to_string())),
    }
}

/// What a task of the component is given: the topology's configuration, with the component's own over it where Storm allows that.
///
/// Storm's own keys in a component's configuration do not count (they would change the worker, not the component), but
/// for a few. `topology.component.*` keys are not constants of Storm's and pass.
pub fn merged_component_conf(topology: &Map<String, Value>, component: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = topology.clone();
    for (key, value) in component {
        let may_set = STORM_KEYS.binary_search(&key.as_str()).is_err() || COMPONENT_MAY_SET.contains(&key.as_str());
        if may_set {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

/// `ObjectReader.getInt`: a whole number, or a string that holds one.
pub(crate) fn get_int(map: &Map<String, Value>, key: &str, place: &str) -> Result<Option<i64>, TopologyProblem> {
    let wrong =
        |v: &Value| TopologyProblem::NotANumber { place: place.to_owned(), key: key.to_owned(), value: v.to_string() };
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => {
            let n = match v {
                Value::String(s) => s.parse::<i64>().ok(),
                Value::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64)),
                _ => None,
            };
            match n {
                Some(n) if i32::try_from(n).is_ok() => Ok(Some(n)),
                _ => Err(wrong(v)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(v: Value) -> Map<String, Value> {
        v.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_component_overrides_its_own_keys_and_the_allowed_ones_only() {
        let merged = merged_component_conf(
            &map(json!({"topology.debug": false, "topology.workers": 2})),
            &map(json!({"topology.debug": true, "topology.workers": 9, "mine": 1, "topology.tasks": 4})),
        );
        assert_eq!(Value::Object(merged), json!({"topology.debug": true, "topology.workers": 2, "mine": 1}));
    }

    #[test]
    fn whole_numbers_come_as_numbers_or_text() {
        let m = map(json!({"a": 3, "b": "4", "c": 5.0, "d": 1.5, "e": "x", "f": 3_000_000_000_i64, "g": null}));
        assert_eq!(get_int(&m, "a", "p"), Ok(Some(3)));
        assert_eq!(get_int(&m, "b", "p"), Ok(Some(4)));
        assert_eq!(get_int(&m, "c", "p"), Ok(Some(5)));
        assert_eq!(get_int(&m, "g", "p"), Ok(None));
        for key in ["d", "e", "f"] {
            assert!(get_int(&m, key, "p").is_err(), "{key}");
        }
    }
}
