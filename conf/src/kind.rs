//! What Storm demands of a value.

use serde_json::Value;

/// A kind of value, as `keys.txt` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    word: &'static str,
    required: bool,
}

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    pub code: &'static str,
    /// Completes "KEY must be ...".
    pub expected: String,
    pub fix: Option<String>,
}

impl Kind {
    /// `word` as `keys.txt` has it; a trailing `!` means that null is not allowed, brackets that Storm does not check.
    pub(crate) fn of(word: &'static str) -> Kind {
        let word = word.strip_prefix('(').and_then(|w| w.strip_suffix(')')).unwrap_or(word);
        let bare = word.strip_suffix('!');
        Kind { word: bare.unwrap_or(word), required: bare.is_some() }
    }

    pub fn word(self) -> &'static str {
        self.word
    }

    /// Whether null is refused.
    pub fn is_required(self) -> bool {
        self.required
    }

    /// Whether a list is wanted, and nothing else.
    pub fn is_list(self) -> bool {
        matches!(self.word, "strings" | "list" | "ports")
    }

    pub fn is_map(self) -> bool {
        matches!(self.word, "map" | "map<string>" | "map<number>")
    }

    /// Whether a single text is what is wanted.
    pub fn is_text(self) -> bool {
        self.word == "string" || one_of(self.word).is_some()
    }

    pub fn is_number(self) -> bool {
        is_numeric(self.word)
    }

    pub fn is_bool(self) -> bool {
        self.word == "bool"
    }

    /// `None` when the value fits.
    pub fn check(self, value: &Value) -> Option<Misfit> {
        if value.is_null() {
            let expected = format!("{}, not null", self.phrase());
            return self.required.then_some(Misfit { code: "config/null", expected, fix: None });
        }
        if self.fits(value) {
            return None;
        }
        Some(Misfit { code: self.code(), expected: self.phrase(), fix: self.fix(value) })
    }

    fn fits(self, v: &Value) -> bool {
        let whole = |v: &Value| v.as_f64().filter(|f| f.fract() == 0.0);
        let int = |v: &Value| whole(v).filter(|f| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(f));
        let all = |v: &Value, test: fn(&Value) -> bool| v.as_array().is_some_and(|a| a.iter().all(test));
        match self.word {
            "bool" => v.is_boolean(),
            "string" => v.is_string(),
            "int" => int(v).is_some(),
            "int>0" => int(v).is_some_and(|n| n > 0.0),
            "int>=0" => int(v).is_some_and(|n| n >= 0.0),
            "long>0" => whole(v).is_some_and(|n| n > 0.0),
            "number" => v.is_number(),
            "number>0" => v.as_f64().is_some_and(|n| n > 0.0),
            "number>=0" => v.as_f64().is_some_and(|n| n >= 0.0),
            "strings" => all(v, Value::is_string),
            "string|strings" => v.is_string() || all(v, Value::is_string),
            "list" => v.is_array(),
            "map" => v.is_object(),
            "map<string>" => v.as_object().is_some_and(|m| m.values().all(|v| v.is_string() || v.is_null())),
            "map<number>" => v.as_object().is_some_and(|m| m.values().all(|v| v.is_number() || v.is_null())),
            "ports" => {
                let Some(ports) = v.as_array() else { return false };
                ports.iter().all(|p| int(p).is_some_and(|n| n > 0.0))
                    && ports.iter().enumerate().all(|(i, p)| !ports[..i].contains(p))
            }
            "any" => true,
            word => match (one_of(word), v.as_str()) {
                (Some(mut words), Some(v)) => words.any(|w| w == v),
                _ => false,
            },
        }
    }

    fn code(self) -> &'static str {
        match self.word {
            "bool" => "config/bool-expected",
            "string" => "config/string-expected",
            "strings" | "list" | "string|strings" => "config/list-expected",
            "ports" => "config/ports-expected",
            "map" | "map<string>" | "map<number>" => "config/map-expected",
            w if is_numeric(w) => "config/number-expected",
            _ => "config/word-expected",
        }
    }

    /// Completes "KEY must be ...".
    pub fn phrase(self) -> String {
        match self.word {
            "bool" => "true or false".into(),
            "string" => "a text".into(),
            "int" => "a whole number".into(),
            "int>0" | "long>0" => "a whole number above 0".into(),
            "int>=0" => "a whole number, 0 or above".into(),
            "number" => "a number".into(),
            "number>0" => "a number above 0".into(),
            "number>=0" => "a number, 0 or above".into(),
            "strings" => "a list of texts".into(),
            "string|strings" => "a text or a list of texts".into(),
            "list" => "a list".into(),
            "map" => "a map".into(),
            "map<string>" => "a map of texts".into(),
            "map<number>" => "a map of numbers".into(),
            "ports" => "a list of different ports".into(),
            word => {
                let words: Vec<&str> = one_of(word).into_iter().flatten().collect();
                format!("one of {}", words.join(", "))
            }
        }
    }

    fn fix(self, found: &Value) -> Option<String> {
        match (self.word, found) {
            ("strings" | "ports" | "list", Value::String(_) | Value::Number(_)) => Some(format!("write [{found}]")),
            ("strings" | "string|strings", Value::Array(items)) => {
                let quoted: Vec<String> = items.iter().map(quoted).collect();
                Some(format!("quote its entries: [{}]", quoted.join(", ")))
            }
            ("string" | "string|strings", Value::Bool(_) | Value::Number(_)) => {
                Some(format!("quote it: {}", quoted(found)))
            }
            (w, Value::String(s)) if is_numeric(w) => {
                let number = s.trim().parse::<f64>().is_ok();
                number.then(|| format!("write it without quotes: {}", s.trim()))
            }
            ("bool", Value::String(s)) => {
                let word = s.trim().to_ascii_lowercase();
                matches!(word.as_str(), "true" | "false").then(|| format!("write it without quotes: {word}"))
            }
            _ => None,
        }
    }
}

fn is_numeric(word: &str) -> bool {
    ["int", "long", "number"].iter().any(|n| word.starts_with(n))
}

fn one_of(word: &str) -> Option<impl Iterator<Item = &str>> {
    Some(word.strip_prefix("one-of(")?.strip_suffix(')')?.split(','))
}

fn quoted(v: &Value) -> String {
    match v {
        Value::String(s) => Value::String(s.clone()).to_string(),
        other => format!("\"{other}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conf, schema};
    use serde_json::json;

    fn misfit(key: &str, value: Value) -> Option<(String, Option<String>)> {
        schema::key(key).unwrap().kind.check(&value).map(|m| (m.expected, m.fix))
    }

    #[test]
    fn every_default_fits_its_own_kind() {
        for (key, value) in Conf::shared_defaults().map() {
            let known = schema::key(key).unwrap_or_else(|| panic!("{key} has no line in keys.txt"));
            if !value.is_null() {
                assert_eq!(known.kind.check(value), None, "{key}");
            }
        }
    }

    #[test]
    fn misfits_say_what_to_write() {
        let m = misfit("storm.zookeeper.servers", json!("zk1"));
        assert_eq!(m, Some(("a list of texts".into(), Some("write [\"zk1\"]".into()))));
        let m = misfit("nimbus.thrift.port", json!("6627"));
        assert_eq!(m, Some(("a whole number above 0".into(), Some("write it without quotes: 6627".into()))));
        assert_eq!(misfit("nimbus.thrift.port", json!(6627.0)), None);
        assert!(misfit("nimbus.thrift.port", json!(1u64 << 40)).is_some());
        assert!(misfit("supervisor.slots.ports", json!([6700, 6700])).is_some());
        assert!(misfit("supervisor.slots.ports", json!(null)).is_some());
        assert!(misfit("pacemaker.auth.method", json!("none")).is_some());
        assert_eq!(misfit("pacemaker.auth.method", json!("NONE")), None);
    }
}
