//! `stormctl config sources`: every file that is looked for, and where each value comes from.

use std::path::Path;

use serde_json::{Map, Value, json};
use storm_conf::{Candidate, candidates, read_yaml};

use super::place;
use super::values::{Setting, Settings, Source, cell, guarded, unknown};
use crate::cli::Global;
use crate::cli::config::Sources;
use crate::contexts::Named;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

pub fn run(printer: Printer, global: &Global, args: &Sources) -> Result<(), Failure> {
    let settings = Settings::of_storm(&printer, global, args.daemon)?;
    let options = place::load_options(global, args.daemon);
    let read = options.locate();
    let looked = |c: Candidate, why: String| Looked {
        used: read.as_deref() == Some(&c.path),
        exists: c.exists && c.path.is_file(),
        path: c.path,
        why,
    };
    let found = candidates(options.reader, &options.environment());
    let mut places: Vec<Looked> = found
        .into_iter()
        .map(|c| {
            let why = c.why.to_owned();
            looked(c, why)
        })
        .collect();
    if let Some(named) = &global.config {
        let path = if named.is_dir() { named.join("storm.yaml") } else { named.clone() };
        let why = global.named.as_ref().map_or_else(|| "--config".to_owned(), Named::told);
        places.insert(0, looked(Candidate { path, why: "", exists: true }, why));
    }
    let mut values: Vec<Told> = Vec::new();
    for setting in settings.all.values() {
        let wanted =
            if args.keys.is_empty() { setting.source != Source::Default } else { args.keys.contains(&setting.key) };
        if wanted {
            values.push(Told { setting: setting.clone(), read: true });
        }
    }
    for key in &args.keys {
        if !settings.all.contains_key(key) && storm_conf::schema::key(key).is_none() {
            return Err(unknown(key, false));
        }
    }
    for looked in places.iter().filter(|l| l.exists && !l.used) {
        for setting in unread(&looked.path) {
            if args.keys.is_empty() || args.keys.contains(&setting.key) {
                values.push(Told { setting, read: false });
            }
        }
    }
    values.sort_by(|a, b| (&a.setting.key, !a.read).cmp(&(&b.setting.key, !b.read)));
    for told in &mut values {
        told.setting.value = guarded(&told.setting.key, &told.setting.value, args.secrets);
    }
    printer.show(&Shown { cluster: global.named.as_ref().map(Named::told), places, values })
}

/// What a file says that nobody reads here.
fn unread(path: &Path) -> Vec<Setting> {
    let Ok((text, _)) = storm_conf::read_file(path) else { return Vec::new() };
    let Some(root) = read_yaml(&text).0 else { return Vec::new() };
    let of = |e: &storm_conf::YamlEntry| Setting {
        key: e.key.clone(),
        value: e.value.to_value(),
        source: Source::File { path: place::shown(path), line: e.key_mark.line, column: e.key_mark.column },
    };
    root.entries().iter().filter(|e| !e.shadowed).map(of).collect()
}

struct Looked {
    path: std::path::PathBuf,
    why: String,
    exists: bool,
    used: bool,
}

struct Told {
    setting: Setting,
    /// Whether it is the value in force.
    read: bool,
}

struct Shown {
    cluster: Option<String>,
    places: Vec<Looked>,
    values: Vec<Told>,
}

impl Looked {
    fn state(&self) -> &'static str {
        match (self.used, self.exists) {
            (true, _) => "read",
            (false, true) => "not read: an earlier one is",
            (false, false) => "not there",
        }
    }
}

impl Report for Shown {
    const KIND: &'static str = "ConfigSources";

    fn fields(&self) -> Map<String, Value> {
        let files: Vec<Value> = self
            .places
            .iter()
            .map(|l| json!({"path": l.path, "why": l.why, "exists": l.exists, "read": l.used}))
            .collect();
        let cluster = self.cluster.iter().map(|c| ("cluster".to_owned(), c.as_str().into()));
        let rest = [("files".to_owned(), files.into()), ("items".to_owned(), Value::Array(self.items()))];
        cluster.chain(rest).collect()
    }

    fn items(&self) -> Vec<Value> {
        let one = |t: &Told| json!({"key": t.setting.key, "value": t.setting.value, "source": t.setting.source.json(), "in_force": t.read});
        self.values.iter().map(one).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut files = Table::new(&[("FILE", Side::Left), ("WHY", Side::Left), ("STATE", Side::Left)]);
        for looked in &self.places {
            files.row([looked.path.display().to_string(), looked.why.clone(), looked.state().to_owned()]);
        }
        let mut text = self.cluster.as_ref().map(|c| format!("{c}\n\n")).unwrap_or_default();
        text.push_str(&files.text());
        if !self.places.iter().any(|l| l.used) {
            text.push_str("none is read: Storm's defaults count\n");
        }
        if self.values.is_empty() {
            return text;
        }
        let mut values = Table::new(&[("KEY", Side::Left), ("VALUE", Side::Left), ("FROM", Side::Left)]);
        for told in &self.values {
            let from = told.setting.source.text() + if told.read { "" } else { "  (not read)" };
            values.row([told.setting.key.clone(), cell(&told.setting.value), from]);
        }
        text + "\n" + &values.text()
    }

    fn names(&self) -> Vec<String> {
        self.places.iter().filter(|l| l.used).map(|l| l.path.display().to_string()).collect()
    }
}
