//! `stormctl config explain`.

use serde_json::{Map, Value, json};
use storm_conf::schema::{self, Key, ZooKey};
use storm_lint::{Code, code};

use super::place;
use super::values::{Source, guarded, unknown};
use crate::cli::Global;
use crate::cli::config::Explain;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

pub fn run(printer: Printer, global: &Global, args: &Explain) -> Result<(), Failure> {
    let name = args.name.as_str();
    if let Some(code) = code(name) {
        return printer.show(&CodeTold(code));
    }
    if name.contains('/') {
        let failure = Failure::new(Exit::NotFound, "config/unknown-code", format!("there is no code {name}"));
        let near = storm_conf::nearest(name, storm_lint::CODES.iter().map(|c| c.code));
        return Err(match near {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure,
        });
    }
    if let Some(key) = schema::key(name) {
        let (value, source) = in_force(global, args, name);
        return printer.show(&KeyTold { key, value, source });
    }
    if let Some(key) = schema::zoo_key(name) {
        return printer.show(&ZooTold(key));
    }
    // Capitals in it: a key of ZooKeeper was meant.
    Err(unknown(name, !name.contains('.')))
}

/// The value that counts here, where the configuration can be read at all.
fn in_force(global: &Global, args: &Explain, name: &str) -> (Value, Source) {
    let loaded = storm_conf::load_from(&place::load_options(global, args.daemon));
    let none = (Value::Null, Source::Default);
    let Ok(loaded) = loaded else { return none };
    let value = loaded.conf.get(name).cloned().unwrap_or(Value::Null);
    let source = Source::of(loaded.origins.get(name), global);
    (guarded(name, &value, false), source)
}

struct KeyTold {
    key: &'static Key,
    value: Value,
    source: Source,
}

impl Report for KeyTold {
    const KIND: &'static str = "ConfigKey";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "key": self.key.name,
            "file": "storm.yaml",
            "meaning": self.key.meaning,
            "type": self.key.kind.phrase(),
            "value_kind": self.key.kind.word(),
            "required": self.key.kind.is_required(),
            "default": self.key.default(),
            "value": self.value,
            "source": self.source.json(),
            "readers": self.key.readers,
            "restart": self.key.restart(),
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        let key = self.key;
        let mut text = format!("{}\n  {}\n\n", key.name, key.meaning);
        let mut line = |name: &str, what: String| text.push_str(&format!("  {name:<10}{what}\n"));
        line("type", key.kind.phrase() + if key.kind.is_required() { ", never null" } else { "" });
        line("default", key.default().map_or_else(|| "none".to_owned(), Value::to_string));
        if self.source != Source::Default {
            line("here", format!("{}      {}", self.value, self.source.text()));
        }
        line("read by", key.readers.join(", "));
        line("a change", key.restart());
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.key.name.to_owned()]
    }
}

struct ZooTold(&'static ZooKey);

impl Report for ZooTold {
    const KIND: &'static str = "ConfigKey";

    fn fields(&self) -> Map<String, Value> {
        let default = if self.0.default == "-" { Value::Null } else { self.0.default.into() };
        let fields = json!({
            "key": self.0.name,
            "file": "zoo.cfg",
            "meaning": self.0.meaning,
            "type": self.0.kind,
            "default": default,
            "readers": ["zookeeper"],
            "restart": "restart zookeeper",
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        let default = if self.0.default == "-" { "none" } else { self.0.default };
        format!(
            "{}      (zoo.cfg)\n  {}\n\n  type      {}\n  default   {default}\n  read by   zookeeper\n  a change  restart zookeeper\n",
            self.0.name, self.0.meaning, self.0.kind
        )
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.name.to_owned()]
    }
}

struct CodeTold(&'static Code);

impl Report for CodeTold {
    const KIND: &'static str = "ConfigCode";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"code": self.0.code, "about": self.0.about, "why": self.0.why});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!("{}\n  {}\n  {}\n", self.0.code, self.0.about, self.0.why)
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.code.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_in_full() {
        let key = schema::key("ui.port").unwrap();
        let told =
            KeyTold { key, value: json!(8081), source: Source::File { path: "c/s.yaml".into(), line: 3, column: 1 } };
        assert_eq!(
            told.text(false),
            "ui.port\n  HTTP port\n\n  type      a whole number above 0\n  default   8080\n  here      8081      c/s.yaml:3:1\n  \
             read by   ui\n  a change  restart ui\n"
        );
        assert_eq!(told.fields()["readers"], json!(["ui"]));
    }
}
