//! `stormctl config diff`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_agent::client::AskError;
use storm_conf::{Conf, LoadOptions, load_from, schema};
use storm_lint::diff::{self, Difference};

use super::place;
use super::values::{Settings, cell, guarded};
use crate::agents;
use crate::cli::Global;
use crate::cli::config::Diff;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

/// Each machine and each process has its own.
const OWN: &[&str] = &["storm.home", "storm.local.hostname"];

/// A configuration with its name.
struct Named {
    name: String,
    map: Map<String, Value>,
}

pub async fn run(printer: Printer, global: &Global, args: &Diff) -> Result<(), Failure> {
    let left = match &args.left {
        Some(name) if is_host(name) => host(printer, global, name).await?,
        Some(path) => file(&printer, global, path)?,
        None => in_force(&printer, global, args.daemon)?,
    };
    let right = match (&args.right, &args.left) {
        (Some(name), _) if is_host(name) => host(printer, global, name).await?,
        (Some(path), _) => file(&printer, global, path)?,
        (None, Some(path)) if place::is_zoo(path) => {
            return Err(Failure::new(Exit::Usage, "usage/diff", "a zoo.cfg is compared with another file")
                .hint(format!("stormctl config diff {} OTHER", path.display())));
        }
        (None, _) => nimbus(printer, global, args).await?,
    };
    let mut differences = diff::values(&left.map, &right.map);
    differences.retain(|d| !OWN.contains(&d.key.as_str()));
    let guard = |key: &str, value: &Option<Value>| value.as_ref().map(|v| guarded(key, v, args.secrets));
    for d in &mut differences {
        // Passwords that differ must be seen to.
        let (l, r) = (guard(&d.key, &d.left), guard(&d.key, &d.right));
        d.right = if l == r && l.is_some() { r.map(|_| Value::from("******** (another)")) } else { r };
        d.left = l;
    }
    let found = !differences.is_empty();
    printer.show(&Shown { left: left.name, right: right.name, differences })?;
    if found { Err(Failure::shown(Exit::Findings)) } else { Ok(()) }
}

/// A name without a folder and without the ending of a configuration file, which no file here has.
fn is_host(name: &Path) -> bool {
    let ending = name.extension().and_then(|e| e.to_str());
    name.components().count() == 1 && !matches!(ending, Some("yaml" | "yml" | "cfg" | "properties")) && !name.exists()
}

/// What the daemons of a host use, told by its agent.
async fn host(printer: Printer, global: &Global, name: &Path) -> Result<Named, Failure> {
    let ctx = Context::load(printer, global.clone(), storm_conf::Reader::Operator)?;
    let address = agents::address(&ctx.conf, &name.to_string_lossy())?;
    let ask = async |mut agent: storm_agent::client::Agent| agent.config().await;
    let all = agents::Agents::open(&ctx)?;
    let asked = async { ask(all.connect(&address, agents::limit(&ctx)).await?).await };
    let config =
        ctx.within(agents::limit(&ctx), async { asked.await.map_err(|e: AskError| agents::failure(&e)) }).await?;
    match config.effective.map(|text| serde_json::from_str(&text)) {
        Some(Ok(Value::Object(map))) => Ok(Named { name: address.to_string(), map }),
        _ => {
            let text = format!("the configuration of {address} cannot be loaded");
            let failure = Failure::new(Exit::ConfigInvalid, "config/remote", text);
            Err(config.mistakes.into_iter().fold(failure, Failure::evidence))
        }
    }
}

/// A file with the defaults below it.
fn file(printer: &Printer, global: &Global, path: &Path) -> Result<Named, Failure> {
    if place::is_zoo(path) {
        return Ok(Named { name: place::shown(path), map: Settings::of_zoo(path)?.map() });
    }
    let options = LoadOptions { file: Some(path.to_owned()), overrides: global.set.clone(), ..LoadOptions::default() };
    let loaded = load_from(&options)?;
    loaded.warnings.iter().for_each(|w| printer.warning(w));
    let name = loaded.file.as_deref().map_or_else(String::new, place::shown);
    Ok(Named { name, map: loaded.conf.into_map() })
}

fn in_force(printer: &Printer, global: &Global, daemon: bool) -> Result<Named, Failure> {
    let loaded = load_from(&place::load_options(global, daemon))?;
    loaded.warnings.iter().for_each(|w| printer.warning(w));
    let name = loaded.file.as_deref().map_or_else(|| "Storm's defaults".to_owned(), place::shown);
    Ok(Named { name, map: loaded.conf.into_map() })
}

/// What the leading Nimbus uses; who it is says the configuration of this command.
async fn nimbus(printer: Printer, global: &Global, args: &Diff) -> Result<Named, Failure> {
    // The file that is compared also says where its Nimbus is, unless another is named.
    let config: Option<PathBuf> = global.config.clone().or_else(|| args.left.clone());
    let options = LoadOptions { file: config, ..place::load_options(global, args.daemon) };
    let loaded = load_from(&options)?;
    let ctx = Context { printer, global: global.clone(), conf: loaded.conf, file: loaded.file, warnings: Vec::new() };
    let text = ctx.within(Duration::from_secs(30), async { Ok(ctx.nimbus().await?.get_nimbus_conf().await?) }).await?;
    let Ok(Value::Object(map)) = serde_json::from_str(&text) else {
        return Err(Failure::new(
            Exit::Failed,
            "nimbus/conf",
            "Nimbus answered with something else than a configuration",
        ));
    };
    Ok(Named { name: "the running Nimbus".to_owned(), map })
}

struct Shown {
    left: String,
    right: String,
    differences: Vec<Difference>,
}

impl Report for Shown {
    const KIND: &'static str = "ConfigDiff";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"left": self.left, "right": self.right, "items": self.items()});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn items(&self) -> Vec<Value> {
        let one = |d: &Difference| {
            let restart = schema::key(&d.key).map(schema::Key::restart);
            json!({"key": d.key, "left": d.left, "right": d.right, "default": Conf::shared_defaults().get(&d.key), "restart": restart})
        };
        self.differences.iter().map(one).collect()
    }

    fn text(&self, wide: bool) -> String {
        if self.differences.is_empty() {
            return String::new();
        }
        let mut columns = vec![("KEY", Side::Left), ("LEFT", Side::Left), ("RIGHT", Side::Left)];
        if wide {
            columns.extend([("DEFAULT", Side::Left), ("READ BY", Side::Left)]);
        }
        let mut table = Table::new(&columns);
        let or_dash = |v: Option<&Value>| v.map_or_else(|| "-".to_owned(), cell);
        for d in &self.differences {
            let mut cells = vec![d.key.clone(), or_dash(d.left.as_ref()), or_dash(d.right.as_ref())];
            if wide {
                cells.push(or_dash(Conf::shared_defaults().get(&d.key)));
                cells.push(schema::key(&d.key).map_or_else(|| "-".to_owned(), |k| k.readers.join(",")));
            }
            table.row(cells);
        }
        format!("left:  {}\nright: {}\n{}", self.left, self.right, table.text())
    }

    fn names(&self) -> Vec<String> {
        self.differences.iter().map(|d| d.key.clone()).collect()
    }
}
