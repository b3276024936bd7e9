//! What every message makes of the state. No input, no output, no clock: the time comes with the message.

mod acts;
mod forms;
mod go;
mod mouse;
mod normal;
mod prompt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::data::Severity;
use crate::dialog::{self, Mode};
use crate::facts::Facts;
use crate::message::{Cmd, Msg};
use crate::model::Model;

pub use acts::{applicable, dialog_lines};
pub use go::completions;

/// Takes a message at a time (milliseconds since 1970), and says what must be done.
pub fn update(model: &mut Model, msg: Msg, now_ms: u64) -> Vec<Cmd> {
    match &mut model.replay {
        None => model.now_ms = now_ms,
        Some(replay) => {
            let due = replay.tick(now_ms);
            model.now_ms = replay.now_ms;
            due.into_iter().for_each(|answer| model.facts.take(answer));
        }
    }
    if model.toast.as_ref().is_some_and(|t| t.until_ms <= model.now_ms && model.replay.is_none()) {
        model.toast = None;
    }
    let cmds = match msg {
        Msg::Tick => Vec::new(),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::Answer(answer) => {
            if model.frozen_ms.is_none() {
                model.facts.take(*answer);
            }
            pending(model)
        }
        Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(key) => split(model, key).iter().flat_map(|key| press(model, key)).collect(),
        Msg::Mouse(event) => mouse::update(model, event),
        Msg::Paste(text) => {
            paste(model, &text);
            Vec::new()
        }
        Msg::Done(done) => acts::done(model, done),
        Msg::Note(severity, text) => {
            model.toast(severity, text);
            Vec::new()
        }
    };
    model.settle();
    cmds
}

/// What was typed before anything was known of the cluster.
fn pending(model: &mut Model) -> Vec<Cmd> {
    if model.facts.cluster().0.is_none() {
        return Vec::new();
    }
    match model.pending.take() {
        Some(line) => go::execute(model, &line),
        None => Vec::new(),
    }
}

/// Escape and the next key in one breath look like Alt and that key: a terminal cannot tell them apart. Unless somebody
/// has given Alt and that key a meaning, they are taken as two.
fn split(model: &Model, key: KeyEvent) -> Vec<KeyEvent> {
    let alt = key.modifiers.contains(KeyModifiers::ALT) && matches!(key.code, KeyCode::Char(_) | KeyCode::Enter);
    if !alt || model.options.keymap.action(&key).is_some() {
        return vec![key];
    }
    let plain = KeyEvent { modifiers: key.modifiers - KeyModifiers::ALT, ..key };
    vec![KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE), plain]
}

/// To another moment of a recording.
fn seek(model: &mut Model, to_ms: u64) {
    let Some(replay) = &mut model.replay else { return };
    let anew = replay.seek(to_ms);
    model.now_ms = replay.now_ms;
    if anew {
        model.facts = Facts::default();
    }
}

fn press(model: &mut Model, key: &KeyEvent) -> Vec<Cmd> {
    if key.code == KeyCode::Char('y')
        && key.modifiers.contains(KeyModifiers::CONTROL)
        && let Some(lines) = acts::dialog_lines(model)
    {
        model.toast(Severity::Info, "copied the command");
        return vec![Cmd::Copy(lines)];
    }
    match std::mem::take(&mut model.mode) {
        Mode::Normal => normal::press(model, key),
        Mode::Confirm(confirm) => acts::confirm(model, confirm, key),
        Mode::Form(form) => forms::press(model, form, key),
        Mode::Menu { items, cursor } => acts::menu(model, items, cursor, key),
        open => prompt::press(model, open, key),
    }
}

fn paste(model: &mut Model, text: &str) {
    match &mut model.mode {
        Mode::Filter { input, .. } | Mode::Highlight { input } | Mode::Goto { input, .. } => {
            dialog::insert(input, text);
        }
        Mode::Form(form) => {
            if let Some(field) = form.fields.get_mut(form.focus) {
                dialog::insert(&mut field.input, text);
            }
        }
        // A name that must be typed is a name that must be typed.
        Mode::Confirm(_) => model.toast(Severity::Warning, "this must be typed, not pasted"),
        _ => {}
    }
}
