//! `stormctl config edit`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, json};
use storm_lint::store::{File, Written};
use storm_lint::{Finding, lint};
use storm_machine::facts;
use tempfile::TempDir;

use super::change::load_errors;
use super::lint::text as told;
use super::{ask, place};
use crate::change::Change;
use crate::cli::Global;
use crate::cli::config::Edit;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub fn run(printer: Printer, global: &Global, args: &Edit) -> Result<(), Failure> {
    let path = place::target(global, &args.which)?;
    let file = File::read_or_new(&path).map_err(|e| place::store_failure(&e))?;
    let editing = Editing { printer, global, args, path: &path, file: &file };
    let old = file.text().map_err(|e| place::store_failure(&e))?;
    let copy = Copy::of(&path, old)?;
    loop {
        copy.open()?;
        let new = copy.read()?;
        if new == old {
            return printer.show(&done(&path, "unchanged", "nothing was changed".to_owned(), Map::new()));
        }
        let findings = editing.findings(&new);
        findings.iter().filter(|f| f.counts()).for_each(|f| printer.note(told(f).trim_end()));
        let Some(errors) = load_errors(&path, old, &new) else {
            return editing.write(old, &new, copy, &findings);
        };
        if ask::possible(global) && ask::yes_or_no(&printer, "It would not load. Edit it again?", true)? {
            continue;
        }
        let mut failure = Failure::from(errors);
        failure.faults.iter_mut().for_each(|f| f.evidence.push("nothing was written".to_owned()));
        return Err(copy.kept(failure));
    }
}

/// One run of the command.
struct Editing<'e> {
    printer: Printer,
    global: &'e Global,
    args: &'e Edit,
    path: &'e Path,
    file: &'e File,
}

impl Editing<'_> {
    fn findings(&self, text: &str) -> Vec<Finding> {
        let mut subject = place::subject(self.path, text, self.file.mode);
        subject.path = place::shown(self.path).into();
        let subjects = [subject];
        lint(&subjects, &facts::of_this_machine(&subjects))
    }

    fn write(&self, old: &str, new: &str, copy: Copy, findings: &[Finding]) -> Result<(), Failure> {
        let name = place::shown(self.path);
        let lines = place::difference(old, new, &name);
        let mut details = Map::new();
        details.insert("file".into(), json!(name));
        details.insert("diff".into(), json!(lines));
        details.insert("findings".into(), findings.iter().map(super::lint::json).collect());
        details.insert("dry_run".into(), json!(self.args.dry_run));
        if self.args.dry_run {
            return self.printer.show(&done(self.path, "edit", format!("{lines}would write {name}"), details));
        }
        self.printer.note(lines.trim_end());
        if let Err(failure) = self.confirm(&name) {
            return Err(copy.kept(failure));
        }
        let mut message = format!("wrote {name}");
        match place::write(self.file, new, "edit") {
            Ok(Written::Replaced { backup }) => {
                message.push_str(&format!("\nbackup: {}", place::shown(&backup)));
                details.insert("backup".into(), json!(place::shown(&backup)));
            }
            Ok(_) => {}
            Err(failure) => return Err(copy.kept(failure)),
        }
        self.printer.show(&done(self.path, "edited", message, details))
    }

    fn confirm(&self, name: &str) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        let refused = |code: &str, why: &str| Failure::new(Exit::Refused, code, format!("nothing was written{why}"));
        if !ask::possible(self.global) {
            return Err(refused("confirm/missing", ": this must be confirmed").hint("say --yes"));
        }
        if ask::yes_or_no(&self.printer, &format!("Write {name}?"), false)? {
            return Ok(());
        }
        Err(refused("confirm/refused", ""))
    }
}

fn done(path: &Path, action: &'static str, message: String, details: Map<String, serde_json::Value>) -> Change {
    Change { action, names: vec![place::shown(path)], message, next: None, details }
}

/// The copy that the editor gets, in a folder that only we may enter.
struct Copy {
    dir: TempDir,
    path: PathBuf,
}

impl Copy {
    fn of(path: &Path, text: &str) -> Result<Copy, Failure> {
        let failed = |e: &std::io::Error| Failure::io("cannot make a copy to edit", e);
        let dir = tempfile::Builder::new().prefix("stormctl-edit-").tempdir().map_err(|e| failed(&e))?;
        // Editors know the kind of a file by its name.
        let copy = dir.path().join(path.file_name().unwrap_or("storm.yaml".as_ref()));
        std::fs::write(&copy, text).map_err(|e| failed(&e))?;
        Ok(Copy { dir, path: copy })
    }

    /// The editor may have arguments of its own, so the shell takes it apart, as git does.
    fn open(&self) -> Result<(), Failure> {
        let named = ["VISUAL", "EDITOR"].iter().find_map(|v| std::env::var(v).ok().filter(|e| !e.trim().is_empty()));
        let editor = named.unwrap_or_else(|| "vi".to_owned());
        let failed = |what: String| {
            Failure::new(Exit::Failed, "config/editor", format!("the editor {editor} {what}; nothing was changed"))
                .hint("set VISUAL or EDITOR")
        };
        let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&self.path).status();
        let status = status.map_err(|e| failed(format!("cannot be started: {e}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
    }

    fn read(&self) -> Result<String, Failure> {
        std::fs::read_to_string(&self.path).map_err(|e| Failure::io("cannot read what the editor wrote", &e))
    }

    /// Leaves the copy where it is, so that no work is lost, and says where.
    fn kept(self, failure: Failure) -> Failure {
        let _dir = self.dir.keep();
        failure.evidence(format!("what you wrote is in {}", self.path.display()))
    }
}
