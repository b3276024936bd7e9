//! Values in force, each with where it comes from.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use storm_conf::schema::{self, is_secret};
use storm_conf::{Conf, Place, load_from};
use storm_lint::Properties;

use super::place;
use crate::cli::Global;
use crate::cli::config::Which;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Where a value was said.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Default,
    File {
        path: String,
        line: usize,
        column: usize,
    },
    /// What the name of a cluster stands for.
    Cluster(String),
    Option(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub key: String,
    pub value: Value,
    pub source: Source,
}

impl Source {
    pub fn of(place: Option<&Place>, global: &Global) -> Source {
        match place {
            None => Source::Default,
            Some(Place::File { path, line, column }) => {
                Source::File { path: place::shown(path), line: *line, column: *column }
            }
            Some(Place::Option(text)) => match &global.named {
                Some(named) if !global.set.contains(text) => Source::Cluster(named.name.clone()),
                _ => Source::Option(text.clone()),
            },
        }
    }

    pub fn text(&self) -> String {
        match self {
            Source::Default => "default".to_owned(),
            Source::File { path, line, column } => format!("{path}:{line}:{column}"),
            Source::Cluster(name) => format!("cluster {name}"),
            Source::Option(_) => "-c".to_owned(),
        }
    }

    pub fn json(&self) -> Value {
        match self {
            Source::Default => json!({"layer": "default"}),
            Source::File { path, line, column } => {
                json!({"layer": "file", "path": path, "line": line, "column": column})
            }
            Source::Cluster(name) => json!({"layer": "cluster", "cluster": name}),
            Source::Option(text) => json!({"layer": "option", "option": text}),
        }
    }
}

/// Instead of a password.
const HIDDEN: &str = "********";

/// A value as it may be shown.
pub fn guarded(key: &str, value: &Value, secrets: bool) -> Value {
    let hide = !secrets && is_secret(key) && value.as_str().is_some_and(|s| !s.is_empty());
    if hide { HIDDEN.into() } else { value.clone() }
}

/// A value in a table.
pub fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() && !text.chars().any(char::is_control) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

/// The configuration in force with the source of every value.
pub struct Settings {
    pub all: BTreeMap<String, Setting>,
}

impl Settings {
    pub fn load(printer: &Printer, global: &Global, which: &Which) -> Result<Settings, Failure> {
        let named_zoo = global.config.as_deref().is_some_and(place::is_zoo);
        if which.zk || named_zoo {
            return Settings::of_zoo(&place::zoo_cfg(global));
        }
        Settings::of_storm(printer, global, which.daemon)
    }

    pub fn of_storm(printer: &Printer, global: &Global, daemon: bool) -> Result<Settings, Failure> {
        let loaded = load_from(&place::load_options(global, daemon))?;
        loaded.warnings.iter().for_each(|w| printer.warning(w));
        let source = |key: &str| Source::of(loaded.origins.get(key), global);
        let setting = |(key, value): (&String, &Value)| {
            (key.clone(), Setting { key: key.clone(), value: value.clone(), source: source(key) })
        };
        let all =
            loaded.conf.map().iter().filter(|(k, _)| *k != "storm.home" || loaded.origins.contains_key("storm.home"));
        Ok(Settings { all: all.map(setting).collect() })
    }

    pub fn of_zoo(path: &Path) -> Result<Settings, Failure> {
        let subject = place::look(path)?;
        let properties = Properties::parse(subject.text.as_str());
        let mut all = BTreeMap::new();
        for key in schema::zoo_keys().iter().filter(|k| k.default != "-" && !k.name.ends_with('*')) {
            let setting = Setting { key: key.name.to_owned(), value: typed(key.default), source: Source::Default };
            all.insert(key.name.to_owned(), setting);
        }
        for entry in &properties.entries {
            let mark = subject.text.mark(entry.key_span.start);
            let source = Source::File { path: place::shown(path), line: mark.line, column: mark.column };
            let setting = Setting { key: entry.key.clone(), value: typed(&entry.value), source };
            all.insert(entry.key.clone(), setting);
        }
        Ok(Settings { all })
    }

    pub fn map(&self) -> Map<String, Value> {
        self.all.values().map(|s| (s.key.clone(), s.value.clone())).collect()
    }
}

/// What a properties file says, as JSON: numbers and booleans are such.
fn typed(text: &str) -> Value {
    match text {
        "true" | "false" => json!(text == "true"),
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}

/// The failure of asking for a key that nobody knows.
pub fn unknown(key: &str, zoo: bool) -> Failure {
    let failure = Failure::new(Exit::NotFound, "config/unknown-key", format!("nobody knows the key {key}"));
    match nearest(key, zoo) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("stormctl config list --all      shows every key"),
    }
}

pub fn nearest(key: &str, zoo: bool) -> Option<&'static str> {
    if zoo {
        let names = schema::zoo_keys().iter().map(|k| k.name).filter(|n| !n.ends_with('*'));
        return schema::alike_zoo(key).map(|k| k.name).or_else(|| storm_conf::nearest(key, names));
    }
    schema::alike(key).map(|k| k.name).or_else(|| storm_conf::nearest(key, schema::keys().iter().map(|k| k.name)))
}

/// The default of a key, as JSON.
pub fn default(key: &str, zoo: bool) -> Value {
    if zoo {
        return schema::zoo_key(key).filter(|k| k.default != "-").map_or(Value::Null, |k| typed(k.default));
    }
    Conf::shared_defaults().get(key).cloned().unwrap_or(Value::Null)
}
