//! `stormctl config list`.

use serde_json::{Map, Value, json};
use storm_conf::schema;

use super::values::{Setting, Settings, Source, cell, default, guarded};
use crate::cli::Global;
use crate::cli::config::List;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

pub fn run(printer: Printer, global: &Global, args: &List) -> Result<(), Failure> {
    let settings = Settings::load(&printer, global, &args.which)?;
    let zoo = args.which.zk || global.config.as_deref().is_some_and(super::place::is_zoo);
    let mut items: Vec<Setting> = settings.all.into_values().collect();
    if args.all {
        // Keys that have no default either.
        for key in schema::keys().iter().filter(|_| !zoo) {
            if !items.iter().any(|i| i.key == key.name) {
                items.push(Setting { key: key.name.to_owned(), value: Value::Null, source: Source::Default });
            }
        }
        items.sort_by(|a, b| a.key.cmp(&b.key));
    } else {
        items.retain(|i| i.source != Source::Default);
    }
    items.retain(|i| args.patterns.is_empty() || args.patterns.iter().any(|p| i.key.contains(p.as_str())));
    for item in &mut items {
        item.value = guarded(&item.key, &item.value, args.secrets);
    }
    if items.is_empty() && args.patterns.is_empty() {
        printer.note("no key is set, so Storm's defaults count: stormctl config list --all");
    }
    printer.show(&Listed { items, zoo })
}

struct Listed {
    items: Vec<Setting>,
    zoo: bool,
}

impl Report for Listed {
    const KIND: &'static str = "ConfigList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let one = |s: &Setting| json!({"key": s.key, "value": s.value, "default": default(&s.key, self.zoo), "source": s.source.json()});
        self.items.iter().map(one).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut columns = vec![("KEY", Side::Left), ("VALUE", Side::Left), ("FROM", Side::Left)];
        if wide {
            columns.extend([("DEFAULT", Side::Left), ("TYPE", Side::Left), ("READ BY", Side::Left)]);
        }
        let mut table = Table::new(&columns);
        for s in &self.items {
            let mut cells = vec![s.key.clone(), cell(&s.value), s.source.text()];
            if wide {
                let known = schema::key(&s.key).filter(|_| !self.zoo);
                cells.push(cell(&default(&s.key, self.zoo)));
                cells.push(known.map_or_else(|| "-".to_owned(), |k| k.kind.to_string()));
                cells.push(known.map_or_else(|| "-".to_owned(), |k| k.readers.join(",")));
            }
            table.row(cells);
        }
        if self.items.is_empty() { String::new() } else { table.text() }
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(|s| s.key.clone()).collect()
    }
}
