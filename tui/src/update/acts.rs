//! What changes the cluster: always as a command that is shown, and never without the right question.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{forms, normal};
use crate::data;
use crate::dialog::{Confirm, MenuItem, Mode, Severity, edit};
use crate::keys::{Action, Group, TABLE, entry};
use crate::message::{Cmd, Done, Job, Run};
use crate::model::{Model, Running};
use crate::views::View;

/// A topology that an act is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub name: String,
    pub status: String,
}

/// The marked topologies, else the selected one, else that of the view.
pub fn subjects(model: &Model) -> Vec<Subject> {
    let Some(cluster) = model.facts.cluster().0 else { return Vec::new() };
    let place = model.place();
    let wanted: Vec<String> = match model.view() {
        View::Topologies if !place.marks.is_empty() => place.marks.iter().cloned().collect(),
        View::Topologies => model.selected().map(str::to_owned).into_iter().collect(),
        View::Topology { id, .. } | View::Component { id, .. } => vec![id.clone()],
        View::Logs { topology: Some(name) } => vec![name.clone()],
        _ => Vec::new(),
    };
    let found = cluster.topologies.iter().filter(|t| wanted.contains(&t.id) || wanted.contains(&t.name));
    found.map(|t| Subject { name: t.name.clone(), status: t.status.clone() }).collect()
}

/// Why nothing may be changed.
pub fn forbidden(model: &Model) -> Option<&'static str> {
    if model.replay.is_some() {
        Some("this is a recording: nothing can be changed in it")
    } else if model.options.read_only {
        Some("--read-only: nothing may be changed")
    } else {
        None
    }
}

/// The verb that an act runs.
fn verb(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::Activate => "activate",
        Action::Deactivate => "deactivate",
        Action::Rebalance => "rebalance",
        Action::Kill => "kill",
        Action::LogLevel => "set-log-level",
        Action::Submit => "submit",
        Action::StartRole => "start",
        Action::StopRole => "stop",
        Action::RestartRole => "restart",
        Action::Edit | Action::SetConfig => "config",
        _ => return None,
    })
}

/// Why an act cannot be done now.
fn refusal(model: &Model, action: Action) -> Option<String> {
    if entry(action).group == Group::Act || action == Action::Shell {
        if let Some(why) = forbidden(model) {
            return Some(why.to_owned());
        }
        if let Some(verb) = verb(action).filter(|v| !model.has_verb(v)) {
            return Some(format!("this stormctl has no verb {verb}"));
        }
    }
    let needs =
        matches!(action, Action::Activate | Action::Deactivate | Action::Rebalance | Action::Kill | Action::LogLevel);
    (needs && subjects(model).is_empty()).then(|| "no topology is selected".to_owned())
}

/// Whether an action makes sense in a view.
pub fn applicable(view: &View, action: Action) -> bool {
    use Action::{
        Activate, Deactivate, Edit, Kill, KillProcess, LogLevel, Rebalance, RestartRole, SetConfig, StartRole,
        StopRole, Submit,
    };
    let about_topology = matches!(view, View::Topologies) || view.topology().is_some();
    match action {
        Activate | Deactivate | Rebalance | Kill | LogLevel => about_topology,
        Submit => matches!(view, View::Topologies | View::Overview),
        StartRole | StopRole | RestartRole => {
            matches!(view, View::Overview | View::Processes | View::Nimbuses | View::Supervisors | View::Findings)
        }
        KillProcess => matches!(view, View::Processes),
        Edit | SetConfig => matches!(view, View::Config),
        _ => match entry(action).group {
            Group::Logs => matches!(view, View::Logs { .. }) || action == Action::Save,
            _ => true,
        },
    }
}

/// The menu of all that can be done here, acts first.
pub fn items(model: &Model) -> Vec<MenuItem> {
    let mut items = Vec::new();
    for group in [Group::Act, Group::Logs, Group::View, Group::Go] {
        for e in TABLE.iter().filter(|e| e.group == group && applicable(model.view(), e.action)) {
            let refused = refusal(model, e.action);
            items.push(MenuItem { action: e.action, text: e.help.to_owned(), refused });
        }
    }
    items
}

pub fn menu(model: &mut Model, items: Vec<MenuItem>, cursor: usize, key: &KeyEvent) -> Vec<Cmd> {
    let last = items.len().saturating_sub(1);
    let to = match key.code {
        KeyCode::Up | KeyCode::Char('k') if key.modifiers.is_empty() => cursor.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (cursor + 1).min(last),
        KeyCode::Home => 0,
        KeyCode::End => last,
        KeyCode::Enter => {
            let Some(item) = items.get(cursor) else { return Vec::new() };
            if let Some(why) = &item.refused {
                model.toast(data::Severity::Warning, why.clone());
                return Vec::new();
            }
            return normal::act(model, item.action);
        }
        // The keys of the menu's own rows work in it, too.
        _ => {
            let action = model.options.keymap.action(key);
            return match action {
                Some(Action::Menu | Action::Back | Action::Quit) | None => Vec::new(),
                Some(action) if items.iter().any(|i| i.action == action) => normal::act(model, action),
                Some(_) => Vec::new(),
            };
        }
    };
    model.mode = Mode::Menu { items, cursor: to };
    Vec::new()
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

fn stormctl(line: &[&str]) -> Run {
    Run::Stormctl(words(line))
}

/// Begins an act: a question, a form, or at once where nothing can be lost.
pub fn start(model: &mut Model, action: Action) -> Vec<Cmd> {
    if !applicable(model.view(), action) {
        return Vec::new();
    }
    if let Some(why) = refusal(model, action) {
        model.toast(data::Severity::Warning, why);
        return Vec::new();
    }
    let subjects = subjects(model);
    let names: Vec<&str> = subjects.iter().map(|s| s.name.as_str()).collect();
    match action {
        Action::Shell => return vec![Cmd::Shell],
        Action::Edit => return vec![Cmd::Foreground(words(&["config", "edit"]))],
        Action::Activate if names.len() == 1 => return run(model, stormctl(&["activate", names[0]]), false),
        Action::Activate | Action::Deactivate => {
            let verb = if action == Action::Activate { "activate" } else { "deactivate" };
            let runs: Vec<Run> = names.iter().map(|n| stormctl(&[verb, n])).collect();
            let lines = runs.iter().map(|r| model.run_line(r)).collect();
            let title = format!("{verb} {}?", of(&names));
            model.mode = Mode::Confirm(Confirm::ask(title, lines, runs));
        }
        Action::KillProcess => kill_process(model),
        _ => forms::open(model, action, &subjects),
    }
    Vec::new()
}

pub fn of(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        many => format!("{} topologies", many.len()),
    }
}

fn kill_process(model: &mut Model) {
    let key = model.selected().unwrap_or_default().to_owned();
    let Some(p) = model.facts.processes.iter().flatten().find(|p| p.key() == key).cloned() else { return };
    if !p.host.is_empty() {
        return model.toast(
            data::Severity::Warning,
            format!("only processes of this host are ended here: that is one of {}", p.host),
        );
    }
    let run = Run::Kill { pid: p.pid, start_ticks: p.start_ticks, hard: false };
    let mut lines = vec![model.run_line(&run), String::new()];
    let what = format!("{} {}", p.name, p.pid);
    let confirm = if p.role == "worker" {
        lines.push("its supervisor will start it again".to_owned());
        Confirm::ask(format!("End {what}?"), lines, vec![run])
    } else {
        lines.push(format!("nobody starts a {} again by itself", p.role));
        Confirm::ask(format!("End {what}?"), lines, vec![run]).typed(p.role)
    };
    model.mode = Mode::Confirm(confirm);
}

pub fn confirm(model: &mut Model, mut confirm: Confirm, key: &KeyEvent) -> Vec<Cmd> {
    let cancel =
        key.code == KeyCode::Esc || key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    if cancel {
        model.toast(data::Severity::Info, "nothing was done");
        return Vec::new();
    }
    let agreed = match &confirm.severity {
        Severity::Ask => match key.code {
            KeyCode::Char('y' | 'Y') => true,
            KeyCode::Char('n' | 'N' | 'q') => {
                model.toast(data::Severity::Info, "nothing was done");
                return Vec::new();
            }
            _ => false,
        },
        Severity::Type(word) => {
            if key.code == KeyCode::Enter {
                let agreed = confirm.input.value().trim() == word;
                if !agreed {
                    model.toast(data::Severity::Warning, format!("type {word}, or Esc"));
                }
                agreed
            } else {
                edit(&mut confirm.input, key);
                false
            }
        }
    };
    if !agreed {
        model.mode = Mode::Confirm(confirm);
        return Vec::new();
    }
    model.place_mut().marks.clear();
    confirm.runs.into_iter().flat_map(|r| run(model, r, confirm.show)).collect()
}

/// The command lines of what a dialog would do, as `ctrl-y` copies them.
pub fn dialog_lines(model: &Model) -> Option<String> {
    let runs = match &model.mode {
        Mode::Confirm(confirm) => confirm.runs.clone(),
        Mode::Output { then: Some(confirm), job: None, .. } => confirm.runs.clone(),
        Mode::Form(form) => vec![Run::Stormctl(forms::arguments(form).ok().filter(|words| !words.is_empty())?)],
        _ => return None,
    };
    let lines: Vec<String> = runs.iter().map(|run| model.run_line(run)).collect();
    Some(lines.join("\n"))
}

/// Starts a job.
pub fn run(model: &mut Model, run: Run, show: bool) -> Vec<Cmd> {
    start_job(model, run, show, None)
}

/// Shows what a command would do, and asks before it does.
pub fn preview(model: &mut Model, shown: Run, then: Run) -> Vec<Cmd> {
    start_job(model, shown, true, Some(then))
}

fn start_job(model: &mut Model, run: Run, show: bool, preview_of: Option<Run>) -> Vec<Cmd> {
    let id = model.next_job;
    model.next_job += 1;
    let line = model.run_line(&run);
    if show {
        // The window is there at once, so that it does not come between later keys.
        let then = preview_of.clone().map(|run| question(model, run));
        model.mode = Mode::Output { title: line, lines: Vec::new(), scroll: 0, then, job: Some(id) };
    } else {
        model.toast(data::Severity::Info, format!("{} {line}", model.options.symbols.arrow()));
    }
    model.jobs.insert(id, Running { run: run.clone(), since_ms: model.now_ms });
    vec![Cmd::Run(Job { id, what: run })]
}

/// What Enter goes on to after a preview.
fn question(model: &Model, run: Run) -> Box<Confirm> {
    let line = model.run_line(&run);
    Box::new(Confirm::ask("Do it?", vec![line], vec![run]))
}

pub fn done(model: &mut Model, done: Done) -> Vec<Cmd> {
    let Some(running) = model.jobs.remove(&done.id) else { return Vec::new() };
    let title = model.run_line(&running.run);
    let lines: Vec<String> = done.output.lines().map(crate::text::harmless).collect();
    let severity = if done.ok { data::Severity::Info } else { data::Severity::Error };
    match &mut model.mode {
        Mode::Output { job, lines: shown, then, .. } if *job == Some(done.id) => {
            (*job, *shown) = (None, lines);
            if !done.ok {
                *then = None;
            }
        }
        // What failed is shown in full, unless something is being typed.
        Mode::Normal if !done.ok && lines.len() > 1 => {
            model.mode = Mode::Output { title, lines, scroll: 0, then: None, job: None };
        }
        _ => {
            let first = lines.iter().find(|l| !l.is_empty()).cloned().unwrap_or_default();
            model.toast(severity, if first.is_empty() { title } else { first });
        }
    }
    vec![Cmd::Ask]
}
