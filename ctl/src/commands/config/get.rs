//! `stormctl config get`.

use serde_json::{Map, Value, json};
use storm_conf::schema;
use storm_lint::edit::shown;

use super::values::{Setting, Settings, Source, unknown};
use crate::cli::Global;
use crate::cli::config::Keys;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

pub fn run(printer: Printer, global: &Global, args: &Keys) -> Result<(), Failure> {
    let zoo = args.which.zk || global.config.as_deref().is_some_and(super::place::is_zoo);
    let settings = Settings::load(&printer, global, &args.which)?;
    let mut items = Vec::new();
    for key in &args.keys {
        let known = if zoo { schema::zoo_key(key).is_some() } else { schema::key(key).is_some() };
        match settings.all.get(key) {
            Some(setting) => items.push(setting.clone()),
            None if known => items.push(Setting { key: key.clone(), value: Value::Null, source: Source::Default }),
            None => return Err(unknown(key, zoo)),
        }
    }
    printer.show(&Got(items))
}

/// One value alone, or several with their keys.
struct Got(Vec<Setting>);

impl Report for Got {
    const KIND: &'static str = "ConfigValue";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(|s| json!({"key": s.key, "value": s.value, "source": s.source.json()})).collect()
    }

    fn text(&self, wide: bool) -> String {
        let line = |s: &Setting| {
            let from = if wide { format!("  # {}", s.source.text()) } else { String::new() };
            let key = if self.0.len() > 1 { format!("{}: ", s.key) } else { String::new() };
            format!("{key}{}{from}\n", shown(&s.value))
        };
        self.0.iter().map(line).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|s| s.key.clone()).collect()
    }

    /// As `storm localconfvalue` prints it.
    fn storm(&self) -> Option<String> {
        Some(self.0.iter().map(|s| format!("{}: {}\n", s.key, shown(&s.value))).collect())
    }
}
