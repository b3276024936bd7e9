//! The configuration: Storm's flat map of dotted keys to JSON-like values.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::yaml;

/// One configuration, after all its layers have been merged.
///
/// A key that is absent and a key whose value is `null` mean the same, as in Storm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conf {
    map: Map<String, Value>,
}

static DEFAULTS: LazyLock<Conf> = LazyLock::new(|| {
    // The file is part of this program, and a test reads it: faults here cannot come from outside.
    match yaml::read(crate::DEFAULTS).0.map(|n| n.to_value()) {
        Some(Value::Object(map)) => Conf { map },
        _ => Conf::default(),
    }
});

impl Conf {
    /// Storm's defaults.
    pub fn defaults() -> Conf {
        DEFAULTS.clone()
    }

    /// [`Conf::defaults`], read once and shared.
    pub fn shared_defaults() -> &'static Conf {
        &DEFAULTS
    }

    pub fn new(map: Map<String, Value>) -> Conf {
        Conf { map }
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// A whole number; a float such as `30.0` counts as 30, as Storm's `ObjectReader.getInt` has it.
    pub fn int(&self, key: &str) -> Option<i64> {
        let v = self.get(key)?;
        v.as_i64().or_else(|| v.as_f64().map(|f| f as i64))
    }

    pub fn float(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_f64()
    }

    pub fn bool(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// A list of strings; a single string counts as a list of one, as Storm's `ObjectReader.getStrings` has it.
    pub fn strings(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(a)) => a
                .iter()
                .map(|v| match v {
                    Value::String(s) => s.clone(),
                    other => other.to_string(),
                })
                .collect(),
            Some(Value::String(s)) => vec![s.clone()],
            _ => Vec::new(),
        }
    }

    pub fn ints(&self, key: &str) -> Vec<i64> {
        match self.get(key) {
            Some(Value::Array(a)) => a.iter().filter_map(Value::as_i64).collect(),
            Some(v) => v.as_i64().into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.map.insert(key.to_owned(), value.into());
    }

    pub fn remove(&mut self, key: &str) {
        self.map.remove(key);
    }

    /// Lays `upper` over this configuration, key by key (Storm's merge is shallow).
    pub fn overlay(&mut self, upper: &Map<String, Value>) {
        for (k, v) in upper {
            self.map.insert(k.clone(), v.clone());
        }
    }

    pub fn map(&self) -> &Map<String, Value> {
        &self.map
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.map
    }

    /// `storm.home`: the folder that relative directories are under. Set by the loader; the current directory without it.
    pub fn home(&self) -> PathBuf {
        self.str("storm.home").map_or_else(|| PathBuf::from("."), PathBuf::from)
    }

    /// `storm.local.dir`, made absolute under [`Conf::home`].
    pub fn local_dir(&self) -> PathBuf {
        self.home().join(self.str("storm.local.dir").unwrap_or("storm-local"))
    }

    /// `storm.log.dir`, made absolute under [`Conf::home`].
    pub fn log_dir(&self) -> PathBuf {
        self.home().join(self.str("storm.log.dir").unwrap_or("logs"))
    }

    /// `storm.workers.artifacts.dir`, relative to the log directory.
    pub fn artifacts_dir(&self) -> PathBuf {
        self.log_dir().join(self.str("storm.workers.artifacts.dir").unwrap_or("workers-artifacts"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_faultless() {
        let (_, faults) = yaml::read(crate::DEFAULTS);
        assert_eq!(faults, []);
        assert_eq!(Conf::defaults().map().len(), 286);
        assert_eq!(Conf::defaults().int("nimbus.thrift.port"), Some(6627));
    }
}
