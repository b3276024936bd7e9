//! `stormctl config set` and `unset`.

use std::path::Path;

use serde_json::{Map, Value, json};
use storm_conf::{ConfErrors, Level, Mistake, schema};
use storm_lint::Format;
use storm_lint::edit::{self, EditError, from_words, shown};
use storm_lint::store::{File, Written};

use super::values::{guarded, nearest};
use super::{ask, place};
use crate::change::Change;
use crate::cli::Global;
use crate::cli::config::{Set, Unset};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub fn set(printer: Printer, global: &Global, args: &Set) -> Result<(), Failure> {
    let path = place::target(global, &args.which)?;
    let zoo = place::is_zoo(&path);
    let pairs = pairs(&args.words, zoo)?;
    for (key, _) in &pairs {
        known_or_meant(&printer, global, key, zoo)?;
    }
    let file = File::read_or_new(&path).map_err(|e| place::store_failure(&e))?;
    let old = text_of(&file)?;
    let mut text = old.to_owned();
    for (key, value) in &pairs {
        text = edit::set(&place::subject(&path, &text, file.mode), key, value).map_err(|e| refused(&path, &e))?;
    }
    let keys: Vec<String> = pairs.iter().map(|(k, _)| k.clone()).collect();
    let told = pairs.iter().map(|(k, v)| format!("{k} to {}", shown(&guarded(k, v, false)))).collect::<Vec<_>>();
    let done = Done { action: "set", keys, told: told.join(", "), zoo, path: &path };
    finish(printer, &file, (old, &text), &done, args.dry_run)
}

pub fn unset(printer: Printer, global: &Global, args: &Unset) -> Result<(), Failure> {
    let path = place::target(global, &args.which)?;
    let file = place::read(&path)?;
    let old = text_of(&file)?;
    let mut text = old.to_owned();
    for key in &args.keys {
        text = match edit::unset(&place::subject(&path, &text, file.mode), key) {
            Ok(text) => text,
            // What is not there needs no removing; a slip of the hand is told all the same.
            Err(EditError::Absent { .. }) => {
                let zoo = place::is_zoo(&path);
                let known = if zoo { schema::zoo_key(key).is_some() } else { schema::key(key).is_some() };
                if !known {
                    return Err(super::values::unknown(key, zoo));
                }
                text
            }
            Err(e) => return Err(refused(&path, &e)),
        };
    }
    let zoo = place::is_zoo(&path);
    let done = Done { action: "unset", keys: args.keys.clone(), told: args.keys.join(", "), zoo, path: &path };
    finish(printer, &file, (old, &text), &done, args.dry_run)
}

fn text_of(file: &File) -> Result<&str, Failure> {
    file.text().map_err(|e| place::store_failure(&e))
}

/// Keys with values: `KEY VALUE...`, or any number of `KEY=VALUE`.
fn pairs(words: &[String], zoo: bool) -> Result<Vec<(String, Value)>, Failure> {
    let value = |key: &str, words: &[String]| {
        if zoo {
            return Ok(Value::from(words.join(" ")));
        }
        from_words(schema::key(key), words).map_err(|e| {
            Failure::new(Exit::Usage, "config/value", format!("{key}: {e}"))
                .hint(format!("stormctl config explain {key}"))
        })
    };
    let is_pair =
        |w: &str| w.split_once('=').is_some_and(|(key, _)| !key.is_empty() && !key.contains(char::is_whitespace));
    match words {
        [first, ..] if is_pair(first) => words
            .iter()
            .map(|word| match word.split_once('=') {
                Some((key, text)) => Ok((key.to_owned(), value(key, &[text.to_owned()])?)),
                None => {
                    Err(Failure::new(Exit::Usage, "usage/pair", format!("{word} is no KEY=VALUE, as the others are")))
                }
            })
            .collect(),
        [key] => Err(Failure::new(Exit::Usage, "usage/value", format!("{key} needs a value"))
            .hint(format!("stormctl config set {key} VALUE, or stormctl config unset {key}"))),
        [key, rest @ ..] => Ok(vec![(key.clone(), value(key, rest)?)]),
        [] => Ok(Vec::new()),
    }
}

/// A key that nobody knows, close to one that is known, is set only on purpose.
fn known_or_meant(printer: &Printer, global: &Global, key: &str, zoo: bool) -> Result<(), Failure> {
    let known = if zoo { schema::zoo_key(key).is_some() } else { schema::key(key).is_some() };
    if known || global.yes {
        return Ok(());
    }
    let Some(near) = nearest(key, zoo) else {
        printer.note(&format!("nobody but you knows the key {key}"));
        return Ok(());
    };
    if ask::possible(global)
        && ask::yes_or_no(printer, &format!("Nobody knows {key}; {near} is known. Set {key}?"), false)?
    {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "config/unknown-key", format!("nobody knows the key {key}"))
        .evidence(format!("did you mean {near}?"))
        .hint("say --yes to set it all the same"))
}

fn refused(path: &Path, e: &EditError) -> Failure {
    let exit = match e {
        EditError::Broken { .. } | EditError::NoMap { .. } | EditError::Value { .. } => Exit::ConfigInvalid,
        EditError::Absent { .. } => Exit::NotFound,
        EditError::Entangled { .. } | EditError::NoKeys => Exit::Refused,
    };
    let mut failure = Failure::new(exit, e.code(), e.to_string());
    if let Some(mark) = e.mark() {
        failure = failure.evidence(format!("{}:{}:{}", place::shown(path), mark.line, mark.column));
    }
    match e {
        EditError::Broken { .. } | EditError::NoMap { .. } => failure.hint("stormctl config lint"),
        EditError::Entangled { .. } => failure.hint("stormctl config edit"),
        _ => failure,
    }
}

/// Why a text must not take the place of another: it would not load, and no worse was there before.
pub fn load_errors(path: &Path, old: &str, new: &str) -> Option<ConfErrors> {
    if Format::of(path) != Format::Storm {
        return None;
    }
    let told = place::shown(path);
    let errors = |text: &str| -> Vec<Mistake> {
        storm_conf::check(told.as_ref(), text).into_iter().filter(|(l, _)| *l == Level::Error).map(|(_, m)| m).collect()
    };
    let (before, after) = (errors(old), errors(new));
    (!after.is_empty() && after.len() >= before.len()).then_some(ConfErrors { mistakes: after })
}

struct Done<'d> {
    action: &'static str,
    keys: Vec<String>,
    told: String,
    zoo: bool,
    path: &'d Path,
}

fn finish(
    printer: Printer,
    file: &File,
    (old, new): (&str, &str),
    done: &Done<'_>,
    dry_run: bool,
) -> Result<(), Failure> {
    if old != new
        && let Some(errors) = load_errors(done.path, old, new)
    {
        let mut failure = Failure::from(errors);
        failure.faults.iter_mut().for_each(|f| f.evidence.push("nothing was written".to_owned()));
        return Err(failure);
    }
    let shown_path = place::shown(done.path);
    let lines = place::difference(old, new, &shown_path);
    let mut details = Map::new();
    details.insert("file".into(), json!(shown_path));
    details.insert("changed".into(), json!(old != new));
    details.insert("dry_run".into(), json!(dry_run));
    if old != new {
        details.insert("diff".into(), json!(lines));
    }
    let mut message = match (done.action, old == new, dry_run) {
        ("set", true, _) => format!("{} says that already; nothing was written", shown_path),
        (_, true, _) => format!("{} does not set {}; nothing was written", shown_path, done.told),
        (action, false, true) => format!("{lines}would {action} {} in {shown_path}", done.told),
        (action, false, false) => format!("{action} {} in {shown_path}", done.told),
    };
    let mut next = None;
    if old != new && !dry_run {
        if let Written::Replaced { backup } =
            place::write(file, new, &format!("{} {}", done.action, done.keys.join(" ")))?
        {
            message.push_str(&format!("\nbackup: {}", place::shown(&backup)));
            details.insert("backup".into(), json!(place::shown(&backup)));
        }
        let restart = restart(done);
        details.insert("restart".into(), json!(restart));
        next = Some(restart);
    }
    printer.show(&Change { action: done.action, names: done.keys.clone(), message, next, details })
}

/// What makes the change count.
fn restart(done: &Done<'_>) -> String {
    if done.zoo {
        return "restart zookeeper".to_owned();
    }
    let mut all: Vec<String> = done.keys.iter().filter_map(|k| schema::key(k)).map(schema::Key::restart).collect();
    all.dedup();
    match all.as_slice() {
        [] => "restart the daemons that read it".to_owned(),
        [one] => one.clone(),
        _ => {
            let mut readers: Vec<&str> = Vec::new();
            for key in done.keys.iter().filter_map(|k| schema::key(k)) {
                for reader in &key.readers {
                    if !matches!(*reader, "worker" | "client" | "none") && !readers.contains(reader) {
                        readers.push(reader);
                    }
                }
            }
            format!("restart {}", readers.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn keys_and_values_come_in_two_forms() {
        let read = |list: &[&str]| pairs(&words(list), false);
        assert_eq!(read(&["ui.port", "8081"]).unwrap(), [("ui.port".to_owned(), json!(8081))]);
        let both = read(&["worker.childopts=-Xmx1g -Da=b", "ui.port=1"]).unwrap();
        assert_eq!(both, [("worker.childopts".to_owned(), json!("-Xmx1g -Da=b")), ("ui.port".to_owned(), json!(1))]);
        assert_eq!(read(&["ui.title", "a=b"]).unwrap(), [("ui.title".to_owned(), json!("a=b"))]);
        assert_eq!(read(&["ui.port"]).unwrap_err().exit, Exit::Usage);
        assert_eq!(read(&["ui.port=1", "x"]).unwrap_err().exit, Exit::Usage);
        assert_eq!(read(&["ui.port", "1", "2"]).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_text_that_does_not_load_takes_no_place() {
        let path = Path::new("storm.yaml");
        assert!(load_errors(path, "ui.port: 1\n", "ui.port: x\n").is_some());
        assert!(load_errors(path, "ui.port: x\nui.title: 1\n", "ui.port: 1\nui.title: 1\n").is_none(), "one less");
        assert!(load_errors(path, "ui.port: x\n", "ui.port: x\nui.title: a\n").is_some());
        assert!(load_errors(path, "a: 1\n", "a: 1\na: 2\n").is_none());
    }
}
