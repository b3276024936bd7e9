//! `stormctl context ...`: clusters by name.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::config::values::{cell, guarded};
use crate::change::Change;
use crate::cli::{Global, own};
use crate::contexts::{Cluster, Contexts, Named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

pub fn run(printer: &Printer, global: &Global, verb: &own::Context) -> Result<(), Failure> {
    let contexts = Contexts::load()?;
    match verb {
        own::Context::List => printer.show(&list(contexts, global)),
        own::Context::Show { name } => show(printer, &contexts, global, name.as_deref()),
        own::Context::Set { name, dry } => set(printer, contexts, global, name, dry.dry_run),
        own::Context::Use { name, dry, .. } => use_it(printer, contexts, name.as_deref(), dry.dry_run),
        own::Context::Rm { name, dry } => rm(printer, contexts, name, dry.dry_run),
    }
}

/// One cluster with its name.
struct Item {
    name: String,
    current: bool,
    cluster: Cluster,
}

impl Item {
    fn json(&self) -> Value {
        let set: Map<String, Value> =
            self.cluster.set.iter().map(|(key, value)| (key.clone(), guarded(key, value, false))).collect();
        json!({"name": self.name, "current": self.current, "config": self.cluster.config, "set": set})
    }

    fn settings(&self) -> String {
        let one = |(key, value): (&String, &Value)| format!("{key}={}", cell(&guarded(key, value, false)));
        self.cluster.set.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

/// The one that a client command would be about is marked.
fn list(contexts: Contexts, global: &Global) -> List {
    let mine = global.named.as_ref().map(|n| n.name.as_str());
    let item = |(name, cluster): (String, Cluster)| Item { current: mine == Some(&name), name, cluster };
    List(contexts.clusters.into_iter().map(item).collect())
}

fn show(printer: &Printer, contexts: &Contexts, global: &Global, name: Option<&str>) -> Result<(), Failure> {
    let named = match (name, &global.named) {
        (Some(name), _) => Named { name: name.to_owned(), by: "", cluster: contexts.get(name)?.clone() },
        (None, Some(named)) => named.clone(),
        (None, None) => {
            return Err(Failure::new(Exit::NotFound, "context/none", "commands are about no cluster by name")
                .hint("stormctl context use CLUSTER, or --cluster CLUSTER"));
        }
    };
    let current = global.named.as_ref().is_some_and(|n| n.name == named.name);
    printer.show(&One(Item { name: named.name, current, cluster: named.cluster }))
}

fn set(printer: &Printer, mut contexts: Contexts, global: &Global, name: &str, dry_run: bool) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        return Err(Failure::new(Exit::Usage, "usage/context", format!("\"{name}\" is no name for a cluster"))
            .hint("use letters, digits, `-`, `_` and `.`"));
    }
    if global.config.is_none() && global.set.is_empty() {
        return Err(Failure::new(Exit::Usage, "usage/context", "a name stands for a file, for keys, or for both")
            .hint(format!("stormctl context set {name} --config STORM_YAML -c KEY=VALUE")));
    }
    let cluster = Cluster { config: config(global)?, set: settings(global)? };
    let old = contexts.clusters.insert(name.to_owned(), cluster.clone());
    let changed = old.as_ref() != Some(&cluster);
    let next = (contexts.current.as_deref() != Some(name)).then(|| format!("stormctl context use {name}"));
    let message = match (old.is_some(), changed, dry_run) {
        (_, false, _) => format!("{name} stands for that already"),
        (true, true, false) => format!("{name} stands for another cluster now"),
        (false, true, false) => format!("{name} is the name of a cluster"),
        (_, true, true) => format!("{name} would be the name of a cluster"),
    };
    done(printer, &contexts, Told { action: "set", name, message, next, changed, dry_run })
}

/// As it will be found from any folder.
fn config(global: &Global) -> Result<Option<PathBuf>, Failure> {
    let Some(named) = &global.config else { return Ok(None) };
    let path = std::path::absolute(named).map_err(|e| Failure::io(format!("cannot name {}", named.display()), &e))?;
    let path = if path.is_dir() { path.join("storm.yaml") } else { path };
    if path.is_file() {
        return Ok(Some(path));
    }
    Err(Failure::new(Exit::NotFound, "context/no-config", format!("there is no file {}", path.display()))
        .hint("name the cluster's storm.yaml, or the folder that holds it, with --config"))
}

/// Checked as a command that uses them would: a name that cannot be used is not kept.
fn settings(global: &Global) -> Result<Map<String, Value>, Failure> {
    let options = storm_conf::LoadOptions {
        file: global.config.clone(),
        overrides: global.set.clone(),
        ..storm_conf::LoadOptions::default()
    };
    storm_conf::load_from(&options)?;
    let pairs = global.set.iter().filter_map(|text| storm_conf::option(text));
    Ok(pairs.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn use_it(printer: &Printer, mut contexts: Contexts, name: Option<&str>, dry_run: bool) -> Result<(), Failure> {
    if let Some(name) = name {
        contexts.get(name)?;
    }
    let changed = contexts.current.as_deref() != name;
    contexts.current = name.map(str::to_owned);
    let would = if dry_run { "would be" } else { "are" };
    let message = match name {
        Some(name) => format!("commands {would} about {name}, when they do not say else"),
        None => format!("commands {would} about no cluster by name"),
    };
    let next = Some("stormctl config sources".to_owned());
    done(printer, &contexts, Told { action: "use", name: name.unwrap_or_default(), message, next, changed, dry_run })
}

fn rm(printer: &Printer, mut contexts: Contexts, name: &str, dry_run: bool) -> Result<(), Failure> {
    contexts.get(name)?;
    contexts.clusters.remove(name);
    let mut message = format!("{name} {} forgotten", if dry_run { "would be" } else { "is" });
    if contexts.current.as_deref() == Some(name) {
        contexts.current = None;
        message.push_str("; it was the current one, and now there is none");
    }
    done(printer, &contexts, Told { action: "rm", name, message, next: None, changed: true, dry_run })
}

struct Told<'t> {
    action: &'static str,
    name: &'t str,
    message: String,
    next: Option<String>,
    changed: bool,
    dry_run: bool,
}

fn done(printer: &Printer, contexts: &Contexts, told: Told<'_>) -> Result<(), Failure> {
    let mut details =
        Map::from_iter([("changed".to_owned(), json!(told.changed)), ("dry_run".to_owned(), json!(told.dry_run))]);
    if told.changed && !told.dry_run {
        details.insert("file".into(), json!(contexts.store()?));
    }
    let names = if told.name.is_empty() { Vec::new() } else { vec![told.name.to_owned()] };
    printer.show(&Change { action: told.action, names, message: told.message, next: told.next, details })
}

struct List(Vec<Item>);

impl Report for List {
    const KIND: &'static str = "ContextList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(Item::json).collect()
    }

    fn text(&self, _wide: bool) -> String {
        if self.0.is_empty() {
            return "No cluster has a name.\n".to_owned();
        }
        let columns = [("CURRENT", Side::Left), ("NAME", Side::Left), ("CONFIG", Side::Left), ("SET", Side::Left)];
        let mut table = Table::new(&columns);
        for item in &self.0 {
            let config = item.cluster.config.as_ref().map_or_else(|| "-".to_owned(), |c| c.display().to_string());
            let mark = if item.current { "*" } else { "" };
            table.row([mark.to_owned(), item.name.clone(), config, item.settings()]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|item| item.name.clone()).collect()
    }
}

struct One(Item);

impl Report for One {
    const KIND: &'static str = "Context";

    fn fields(&self) -> Map<String, Value> {
        self.0.json().as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        let Item { name, current, cluster } = &self.0;
        let config = cluster.config.as_ref().map_or_else(|| "-".to_owned(), |c| c.display().to_string());
        let mut text =
            format!("name     {name}\ncurrent  {}\nconfig   {config}\n", if *current { "yes" } else { "no" });
        for (key, value) in &cluster.set {
            text.push_str(&format!("set      {key}={}\n", cell(&guarded(key, value, false))));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.name.clone()]
    }
}
