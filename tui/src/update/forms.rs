//! Acts that need to be told more: their fields, and the command that they become.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::acts::{self, Subject, of};
use crate::data;
use crate::dialog::{Confirm, Field, Form, Mode, Purpose, edit};
use crate::keys::Action;
use crate::message::{Cmd, Run};
use crate::model::Model;
use crate::views::View;

pub fn open(model: &mut Model, action: Action, subjects: &[Subject]) {
    let first = subjects.first().map(|s| s.name.clone()).unwrap_or_default();
    let names: Vec<&str> = subjects.iter().map(|s| s.name.as_str()).collect();
    let role = |verb: &'static str| {
        let role = model.facts.processes.iter().flatten().find(|p| Some(p.key().as_str()) == model.selected());
        let role = role.map(|p| p.role.clone()).filter(|r| ROLES.contains(&r.as_str())).unwrap_or_default();
        let fields = vec![Field::new("role", "zookeeper, nimbus, supervisor, ui or logviewer; of this host", role)];
        Form::new(format!("{verb} a role of this host"), Purpose::Role { verb }, fields)
    };
    let form = match action {
        Action::Rebalance => Form::new(
            format!("Rebalance {first}"),
            Purpose::Rebalance { name: first },
            vec![
                Field::new("wait", "seconds without new tuples before it; empty: its message timeout", "0"),
                Field::new("workers", "number of workers; empty: as they are", ""),
                Field::new("executors", "COMPONENT=N, with blanks between; empty: as they are", ""),
            ],
        ),
        Action::Kill => Form::new(
            format!("Kill {}", of(&names)),
            Purpose::Kill {
                active: subjects.iter().any(|s| s.status == "ACTIVE"),
                names: names.iter().map(|n| (*n).to_owned()).collect(),
            },
            vec![Field::new("wait", "seconds for what is on its way; empty: its message timeout", "")],
        ),
        Action::LogLevel => Form::new(
            format!("Log level of {first}"),
            Purpose::LogLevel { name: first },
            vec![
                Field::new("logger", "such as ROOT or org.apache.storm", "ROOT"),
                Field::new("level", "TRACE, DEBUG, INFO, WARN, ERROR; empty: as before", "DEBUG"),
                Field::new("seconds", "until it goes back; 0: never", "60"),
            ],
        ),
        Action::Submit => Form::new(
            "Submit a topology",
            Purpose::Submit,
            vec![
                Field::new("file", "Flux YAML, topology jar, or Rust topology program", ""),
                Field::new("name", "instead of the one that the file gives", ""),
            ],
        ),
        Action::SetConfig => {
            let key = model.selected().unwrap_or_default().to_owned();
            let settings = model.facts.settings.iter().flat_map(|s| &s.settings);
            let value = settings.into_iter().find(|s| s.key == key).map(|s| s.value.clone()).unwrap_or_default();
            Form::new(
                "Set a key of storm.yaml",
                Purpose::SetConfig,
                vec![
                    Field::new("key", "a key of Storm's configuration", key),
                    Field::new("value", "YAML; a list as [a, b], or with commas between", value),
                ],
            )
        }
        Action::StartRole => role("start"),
        Action::StopRole => role("stop"),
        Action::RestartRole => role("restart"),
        _ => return,
    };
    model.mode = Mode::Form(form);
}

const ROLES: [&str; 5] = ["zookeeper", "nimbus", "supervisor", "ui", "logviewer"];

pub fn press(model: &mut Model, mut form: Form, key: &KeyEvent) -> Vec<Cmd> {
    let last = form.fields.len().saturating_sub(1);
    form.trouble = None;
    match key.code {
        KeyCode::Esc => {
            model.toast(data::Severity::Info, "nothing was done");
            return Vec::new();
        }
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Vec::new(),
        KeyCode::Tab | KeyCode::Down => form.focus = if form.focus == last { 0 } else { form.focus + 1 },
        KeyCode::BackTab | KeyCode::Up => form.focus = form.focus.checked_sub(1).unwrap_or(last),
        KeyCode::Enter if form.focus < last => form.focus += 1,
        KeyCode::Enter => match complete(model, &form) {
            Ok(cmds) => return cmds,
            Err(trouble) => form.trouble = Some(trouble),
        },
        _ => {
            if let Some(field) = form.fields.get_mut(form.focus) {
                edit(&mut field.input, key);
            }
        }
    }
    model.mode = Mode::Form(form);
    Vec::new()
}

/// The arguments that a form stands for, or what is wrong in it.
pub fn arguments(form: &Form) -> Result<Vec<String>, String> {
    let number = |at: usize, what: &str| {
        let text = form.value(at);
        text.parse::<u32>().map_err(|_| format!("{what}: {text} is no number"))
    };
    let mut words: Vec<String> = Vec::new();
    let mut push = |w: &[&str]| words.extend(w.iter().map(|w| (*w).to_owned()));
    match &form.purpose {
        Purpose::Rebalance { name } => {
            push(&["rebalance", name]);
            if !form.value(0).is_empty() {
                push(&["-w", &number(0, "wait")?.to_string()]);
            }
            if !form.value(1).is_empty() {
                push(&["-n", &number(1, "workers")?.to_string()]);
            }
            for pair in form.value(2).split_whitespace() {
                let n =
                    pair.rsplit_once('=').and_then(|(c, n)| n.parse::<u32>().ok().filter(|n| *n > 0 && !c.is_empty()));
                n.ok_or_else(|| format!("executors: {pair} is not COMPONENT=N"))?;
                push(&["-e", pair]);
            }
        }
        Purpose::Kill { names, .. } => {
            push(&["kill"]);
            names.iter().for_each(|n| push(&[n]));
            if !form.value(0).is_empty() {
                push(&["-w", &number(0, "wait")?.to_string()]);
            }
        }
        Purpose::LogLevel { name } => {
            let logger = form.value(0);
            if logger.is_empty() || logger.contains(['=', ':']) {
                return Err("logger: a name without = and :".to_owned());
            }
            if form.value(1).is_empty() {
                push(&["set-log-level", name, "-r", logger]);
            } else {
                let level = form.value(1).to_uppercase();
                if !["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"].contains(&level.as_str()) {
                    return Err(format!("level: {level} is none"));
                }
                let seconds = if form.value(2).is_empty() { 0 } else { number(2, "seconds")? };
                push(&["set-log-level", name, "-l", &format!("{logger}={level}:{seconds}")]);
            }
        }
        Purpose::Submit => {
            if form.value(0).is_empty() {
                return Err("file: name one".to_owned());
            }
            push(&["submit", form.value(0)]);
            if !form.value(1).is_empty() {
                push(&[form.value(1)]);
            }
        }
        Purpose::SetConfig => {
            if form.value(0).is_empty() {
                return Err("key: name one".to_owned());
            }
            // As one word, so that a value may begin with a dash.
            push(&["config", "set", &format!("{}={}", form.value(0), form.value(1))]);
        }
        Purpose::Role { verb } => {
            if !ROLES.contains(&form.value(0)) {
                return Err("role: zookeeper, nimbus, supervisor, ui or logviewer".to_owned());
            }
            push(&[verb, form.value(0)]);
        }
        Purpose::Save => {}
    }
    Ok(words)
}

fn complete(model: &mut Model, form: &Form) -> Result<Vec<Cmd>, String> {
    if form.purpose == Purpose::Save {
        if form.value(0).is_empty() {
            return Err("file: name one".to_owned());
        }
        return Ok(vec![Cmd::Save { path: form.value(0).to_owned(), text: shown(model) }]);
    }
    let words = arguments(form)?;
    let run = Run::Stormctl(words.clone());
    let line = model.run_line(&run);
    let ask = |title: String, lines: Vec<String>, run: Run| Confirm::ask(title, lines, vec![run]);
    match &form.purpose {
        // What would change is shown before it is asked.
        Purpose::Rebalance { .. } | Purpose::SetConfig => {
            let mut dry = words;
            dry.push("--dry-run".to_owned());
            return Ok(acts::preview(model, Run::Stormctl(dry), run));
        }
        Purpose::Kill { names, active } => {
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut lines = vec![line, String::new()];
            lines.push("its spouts stop at once; what is on its way may end until the wait is over".to_owned());
            let confirm = ask(format!("Kill {}?", of(&refs)), lines, run);
            let confirm = match (names.as_slice(), active) {
                ([one], true) => confirm.typed(one),
                ([_], false) => confirm,
                (many, _) => confirm.typed(many.len().to_string()),
            };
            model.mode = Mode::Confirm(confirm);
        }
        Purpose::Role { verb: "stop" } => {
            let role = form.value(0).to_owned();
            model.mode = Mode::Confirm(ask(format!("Stop the {role} of this host?"), vec![line], run).typed(role));
        }
        Purpose::Role { verb: "restart" } => {
            let title = format!("Restart the {} of this host?", form.value(0));
            model.mode = Mode::Confirm(ask(title, vec![line], run));
        }
        _ => return Ok(acts::run(model, run, false)),
    }
    Ok(Vec::new())
}

/// What `ctrl-s` writes.
pub fn shown(model: &Model) -> String {
    if let View::Logs { .. } = model.view() {
        return model.facts.logs.text();
    }
    let titles: Vec<&str> = model.table.columns.iter().map(|c| c.title).collect();
    let mut text = titles.join("\t") + "\n";
    for row in &model.table.rows {
        let cells: Vec<&str> = row.cells.iter().map(|c| c.text.as_str()).collect();
        text.push_str(&(cells.join("\t") + "\n"));
    }
    text
}

pub fn file_name(model: &Model) -> String {
    let title: String = model.view().title().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let end = if matches!(model.view(), View::Logs { .. }) { "log" } else { "tsv" };
    format!("{}.{end}", title.trim_matches('-'))
}
