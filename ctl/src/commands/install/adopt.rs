//! `stormctl install adopt`: an Apache Storm that is there already.

use std::fs;

use serde_json::{Map, Value};
use storm_conf::Environment;
use storm_install::adopt::{Adopted, read};

use crate::cli::install::Adopt;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

pub(super) fn run(printer: &Printer, args: &Adopt) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let adopted = read(&args.home, environment.user_home.as_deref())?;
    if !args.dry_run {
        let pointer = environment.current_cluster().ok_or_else(|| {
            Failure::new(Exit::Failed, "install/no-home", "there is no place to remember it").hint("set HOME")
        })?;
        let text = format!("{}\n", adopted.storm_yaml.display());
        let other = fs::read_to_string(&pointer).ok().filter(|t| !t.trim().is_empty() && *t != text);
        if let Some(other) = other {
            return Err(Failure::new(Exit::Conflict, "adopt/other", "another cluster is the one that stormctl means")
                .evidence(format!("{}: {}", pointer.display(), other.trim()))
                .hint(format!("stormctl --config {} list      or uninstall that one", adopted.storm_yaml.display())));
        }
        let write = || {
            if let Some(folder) = pointer.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&pointer, &text)
        };
        write().map_err(|e| Failure::io(format!("cannot write {}", pointer.display()), &e))?;
    }
    printer.show(&Shown(adopted))
}

struct Shown(Adopted);

impl Report for Shown {
    const KIND: &'static str = "AdoptedStorm";

    fn fields(&self) -> Map<String, Value> {
        serde_json::to_value(&self.0).ok().and_then(|v| v.as_object().cloned()).unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        let a = &self.0;
        let slots: Vec<String> = a.slots.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "Apache Storm  {} ({})\nhome          {}\nconfiguration {}\nnimbus        {} port {}\nzookeeper     {}\n\
             state         {}\nlogs          {}\nslots         {}\n",
            a.version,
            a.era.words(),
            a.home.display(),
            a.storm_yaml.display(),
            a.nimbus.join(", "),
            a.nimbus_port,
            a.zookeeper.join(", "),
            a.local_dir.display(),
            a.log_dir.display(),
            slots.join(", "),
        );
        for note in &a.notes {
            text.push_str(&format!("NOTE  [{}] {}\n      {}\n", note.code, note.message, note.place));
            if let Some(hint) = &note.hint {
                text.push_str(&format!("      fix: {hint}\n"));
            }
        }
        if a.era.is_ours() {
            text.push_str("next: stormctl list, stormctl doctor, stormctl tui      (they mean this cluster now)\n");
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.home.display().to_string()]
    }
}
