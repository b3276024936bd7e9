//! Lines that are typed below the view, and pages that are read over it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::{go, normal};
use crate::data::Severity;
use crate::dialog::{Mode, edit};
use crate::filter::Filter;
use crate::keys::Action;
use crate::message::Cmd;
use crate::model::Model;

pub fn press(model: &mut Model, open: Mode, key: &KeyEvent) -> Vec<Cmd> {
    let cancel =
        key.code == KeyCode::Esc || key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    match open {
        Mode::Filter { mut input, before } => {
            if cancel {
                normal::set_filter(model, &before);
            } else if key.code != KeyCode::Enter {
                edit(&mut input, key);
                normal::set_filter(model, input.value());
                model.mode = Mode::Filter { input, before };
            }
        }
        Mode::Highlight { mut input } => {
            if !cancel && key.code != KeyCode::Enter {
                edit(&mut input, key);
                model.facts.logs.highlight = Filter::new(input.value());
                model.mode = Mode::Highlight { input };
            } else if cancel {
                model.facts.logs.highlight = Filter::default();
            }
        }
        Mode::Goto { input, pick } => return goto(model, input, pick, key, cancel),
        Mode::Help { scroll, input } => help(model, scroll, input, key, cancel),
        Mode::CommandLine(line) => match key.code {
            KeyCode::Enter | KeyCode::Char('c' | 'y') if !cancel => {
                model.toast(Severity::Info, "copied");
                return vec![Cmd::Copy(line)];
            }
            _ => {}
        },
        Mode::Output { title, lines, scroll, then, job } => {
            let page = usize::from(model.size.1).saturating_sub(8).max(1);
            let most = lines.len().saturating_sub(1);
            let to = match key.code {
                KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => (scroll + 1).min(most),
                KeyCode::PageUp => scroll.saturating_sub(page),
                KeyCode::PageDown | KeyCode::Char(' ') => (scroll + page).min(most),
                KeyCode::Home | KeyCode::Char('g') => 0,
                KeyCode::End | KeyCode::Char('G') => most,
                KeyCode::Char('c') if !cancel => return vec![Cmd::Copy(lines.join("\n"))],
                KeyCode::Enter if job.is_some() => scroll,
                KeyCode::Enter if then.is_some() => {
                    if let Some(confirm) = then {
                        model.mode = Mode::Confirm(*confirm);
                    }
                    return Vec::new();
                }
                // What is typed after it is a line, and no keys of the view below.
                _ if model.options.keymap.action(key) == Some(Action::Goto) => {
                    return normal::act(model, Action::Goto);
                }
                _ => return Vec::new(),
            };
            model.mode = Mode::Output { title, lines, scroll: to, then, job };
        }
        other => model.mode = other,
    }
    Vec::new()
}

fn goto(model: &mut Model, mut input: Input, pick: usize, key: &KeyEvent, cancel: bool) -> Vec<Cmd> {
    if cancel {
        return Vec::new();
    }
    let found = go::completions(model, input.value());
    let last = found.len().saturating_sub(1);
    let mut pick = pick;
    match key.code {
        KeyCode::Enter => {
            let typed = input.value().trim().to_owned();
            // What is typed in full is meant; else the picked one, if it begins so.
            let meant = found.get(pick).filter(|(name, _)| pick > 0 || name.starts_with(&typed)).map(|f| f.0.clone());
            let line = match meant {
                Some(name) if !typed.contains(' ') && !is_whole(model, &typed) => name,
                _ => typed,
            };
            return go::execute(model, &line);
        }
        KeyCode::Tab => {
            if let Some((name, _)) = found.get(pick) {
                input = Input::new(format!("{name} "));
                pick = 0;
            }
        }
        KeyCode::Down => pick = (pick + 1).min(last),
        KeyCode::Up => pick = pick.saturating_sub(1),
        KeyCode::Backspace if input.value().is_empty() => return Vec::new(),
        _ => {
            edit(&mut input, key);
            pick = 0;
        }
    }
    model.mode = Mode::Goto { input, pick };
    Vec::new()
}

fn is_whole(model: &Model, typed: &str) -> bool {
    crate::views::View::of_name(typed).is_some()
        || ["q", "quit", "exit"].contains(&typed)
        || model.options.verbs.iter().any(|v| v.name == typed)
        || go::named(model, typed).is_some()
}

/// Letters filter the keys, as everywhere.
fn help(model: &mut Model, scroll: usize, mut input: Input, key: &KeyEvent, cancel: bool) {
    if cancel || key.code == KeyCode::Enter {
        return;
    }
    let again = model.options.keymap.action(key) == Some(Action::Help);
    if again && input.value().is_empty() {
        return;
    }
    let mut scroll = scroll;
    match key.code {
        KeyCode::Up => scroll = scroll.saturating_sub(1),
        KeyCode::Down => scroll = (scroll + 1).min(200),
        KeyCode::PageUp => scroll = scroll.saturating_sub(10),
        KeyCode::PageDown => scroll = (scroll + 10).min(200),
        _ => {
            edit(&mut input, key);
            scroll = 0;
        }
    }
    model.mode = Mode::Help { scroll, input };
}
