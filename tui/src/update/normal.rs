//! Keys while nothing is open over the view.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::{acts, forms, go, seek};
use crate::data::{Severity, WINDOWS};
use crate::dialog::{Field, Form, Mode, Purpose};
use crate::filter::Filter;
use crate::keys::{Action, Group, entry};
use crate::message::Cmd;
use crate::model::Model;
use crate::table::Sort;
use crate::views::View;

pub fn press(model: &mut Model, key: &KeyEvent) -> Vec<Cmd> {
    if let Some(cmds) = replay_key(model, key) {
        return cmds;
    }
    let logs = matches!(model.view(), View::Logs { .. });
    match model.options.keymap.action(key) {
        // Keys of the logs mean other things elsewhere.
        Some(action) if entry(action).group == Group::Logs && !logs && action != Action::Save => {
            letter(model, key);
            Vec::new()
        }
        Some(action) => act(model, action),
        None => {
            if !number(model, key) {
                letter(model, key);
            }
            Vec::new()
        }
    }
}

/// While a recording is shown, some keys move in time.
fn replay_key(model: &mut Model, key: &KeyEvent) -> Option<Vec<Cmd>> {
    let replay = model.replay.as_mut()?;
    let (now, from, to) = (replay.now_ms, replay.from_ms(), replay.to_ms());
    let wide = key.modifiers.intersects(KeyModifiers::SHIFT | KeyModifiers::CONTROL);
    let step = if wide { 60_000 } else { 5_000 };
    match key.code {
        KeyCode::Char('p') if key.modifiers.is_empty() => replay.playing = !replay.playing,
        KeyCode::Char('+') => replay.faster(true),
        KeyCode::Char('_') => replay.faster(false),
        KeyCode::Left => seek(model, now.saturating_sub(step)),
        KeyCode::Right => seek(model, now + step),
        KeyCode::Home if wide => seek(model, from),
        KeyCode::End if wide => seek(model, to),
        _ => return None,
    }
    Some(Vec::new())
}

pub fn act(model: &mut Model, action: Action) -> Vec<Cmd> {
    if entry(action).group == Group::Act || action == Action::Shell {
        return acts::start(model, action);
    }
    match action {
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
            walk(model, action);
        }
        Action::Left | Action::Right if matches!(model.view(), View::Zookeeper { .. }) && model.place().pane == 0 => {
            if action == Action::Right {
                return go::open(model);
            }
            go::up(model);
        }
        Action::Left | Action::Right => {
            let place = model.place_mut();
            place.pan.0 = if action == Action::Left { place.pan.0.saturating_sub(8) } else { place.pan.0 + 8 };
            place.pan.0 = place.pan.0.min(4000);
        }
        Action::NextPane => {
            let panes = model.view().panes();
            model.place_mut().pane = (model.place().pane + 1) % panes;
        }
        Action::Open => return go::open(model),
        Action::Back => go::back(model),
        Action::Quit => {
            model.quitting = true;
            return vec![Cmd::Quit];
        }
        Action::Goto => model.mode = Mode::Goto { input: Input::default(), pick: 0 },
        Action::Filter => {
            let before = model.place().filter.clone();
            model.mode = Mode::Filter { input: Input::new(before.clone()), before };
        }
        Action::Help => model.mode = Mode::Help { scroll: 0, input: Input::default() },
        Action::Menu => model.mode = Mode::Menu { items: acts::items(model), cursor: 0 },
        Action::Last => {
            if let Some(last) = model.last {
                model.jump(last);
            }
        }
        Action::HistoryBack => model.jump(model.at.wrapping_sub(1)),
        Action::HistoryForward => model.jump(model.at + 1),
        Action::Mark => {
            if let Some(key) = model.selected().map(str::to_owned) {
                let place = model.place_mut();
                if !place.marks.remove(&key) {
                    place.marks.insert(key);
                }
                walk(model, Action::Down);
            }
        }
        Action::MarkAll => {
            let all: Vec<String> = model.table.rows.iter().map(|r| r.key.clone()).collect();
            let place = model.place_mut();
            if all.iter().all(|k| place.marks.contains(k)) {
                place.marks.clear();
            } else {
                place.marks.extend(all);
            }
        }
        Action::SortLeft | Action::SortRight => step_sort(model, action == Action::SortRight),
        Action::SortTurn => {
            if let Some(sort) = &mut model.place_mut().sort {
                sort.down = !sort.down;
            }
        }
        Action::Window => {
            model.window = (model.window + 1) % WINDOWS.len();
            return vec![Cmd::Ask];
        }
        Action::Freeze => freeze(model),
        Action::Refresh => return vec![Cmd::Ask],
        Action::Faster | Action::Slower => refresh(model, action == Action::Faster),
        Action::Theme => {
            model.options.theme = model.options.theme.next();
            model.toast(Severity::Info, format!("theme {}", model.options.theme.name()));
        }
        Action::CommandLine => {
            let line = model.command_line(&go::command(model));
            model.mode = Mode::CommandLine(line);
        }
        Action::Copy => {
            if let Some(text) = go::copied(model) {
                model.toast(Severity::Info, format!("copied {text}"));
                return vec![Cmd::Copy(text)];
            }
        }
        Action::Logs => return go::logs(model),
        Action::Suspend => return vec![Cmd::Suspend],
        Action::Redraw => return vec![Cmd::Redraw],
        Action::Wrap => model.facts.logs.wrap = !model.facts.logs.wrap,
        Action::Level => {
            let next = model.facts.logs.level.next();
            model.facts.logs.set_level(next);
        }
        Action::Highlight => {
            let input = Input::new(model.facts.logs.highlight.text().to_owned());
            model.mode = Mode::Highlight { input };
        }
        Action::NextMatch | Action::PreviousMatch => {
            let found = model.facts.logs.seek(action == Action::NextMatch);
            if !found {
                model.toast(Severity::Info, "no further match of the highlight");
            }
        }
        Action::Save => {
            let fields = vec![Field::new("file", "where to write what is shown", forms::file_name(model))];
            model.mode = Mode::Form(Form::new("Save what is shown", Purpose::Save, fields));
        }
        _ => {}
    }
    Vec::new()
}

fn freeze(model: &mut Model) {
    if matches!(model.view(), View::Logs { .. }) {
        let logs = &mut model.facts.logs;
        if logs.follow {
            logs.follow = false
        } else {
            logs.end()
        }
        return;
    }
    model.frozen_ms = match model.frozen_ms {
        None => Some(model.now_ms),
        Some(_) => None,
    };
}

const STEPS: [u64; 8] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

fn refresh(model: &mut Model, faster: bool) {
    let now = model.options.refresh_ms;
    let next = if faster {
        STEPS.iter().rev().find(|s| **s < now).copied()
    } else {
        STEPS.iter().find(|s| **s > now).copied()
    };
    model.options.refresh_ms = next.unwrap_or(now);
    model.toast(Severity::Info, format!("asks every {} s", model.options.refresh_ms as f64 / 1000.0));
}

/// A move in what has the focus.
pub fn walk(model: &mut Model, action: Action) {
    let page = model.page();
    let by: i64 = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -(page as i64),
        Action::PageDown => page as i64,
        Action::Top => i64::MIN / 2,
        _ => i64::MAX / 2,
    };
    if matches!(model.view(), View::Logs { .. }) {
        match action {
            Action::Top => model.facts.logs.top(page),
            Action::Bottom => model.facts.logs.end(),
            _ => model.facts.logs.scroll(by),
        }
        return;
    }
    let rows = model.table.rows.len();
    let place = &mut model.places[model.at];
    if place.pane > 0 {
        place.pan.1 = (place.pan.1 as i64).saturating_add(by).clamp(0, 100_000) as usize;
        return;
    }
    place.cursor = (place.cursor as i64).saturating_add(by).clamp(0, rows.saturating_sub(1) as i64) as usize;
    place.selected = model.table.rows.get(place.cursor).map(|r| r.key.clone());
}

fn step_sort(model: &mut Model, right: bool) {
    let columns = model.table.columns.len();
    if columns == 0 {
        return;
    }
    let next = match (model.place().sort, right) {
        (None, true) => 0,
        (None, false) => columns - 1,
        (Some(s), true) => (s.column + 1) % columns,
        (Some(s), false) => (s.column + columns - 1) % columns,
    };
    sort_by(model, next);
}

/// By this column, numbers from the greatest; once more turns it round.
pub fn sort_by(model: &mut Model, column: usize) {
    let Some(c) = model.table.columns.get(column) else { return };
    let down = match model.place().sort {
        Some(sort) if sort.column == column => !sort.down,
        _ => c.right,
    };
    model.place_mut().sort = Some(Sort { column, down });
}

/// A capital sorts by the next column that begins with it.
fn letter(model: &mut Model, key: &KeyEvent) {
    let KeyCode::Char(c) = key.code else { return };
    if !c.is_ascii_uppercase() || key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return;
    }
    let fits: Vec<usize> =
        (0..model.table.columns.len()).filter(|i| model.table.columns[*i].title.starts_with(c)).collect();
    let now = model.place().sort.map(|s| s.column);
    let Some(first) = fits.first() else { return };
    let next = match now.and_then(|n| fits.iter().position(|f| *f == n)) {
        Some(at) if fits.len() > 1 => fits[(at + 1) % fits.len()],
        _ => *first,
    };
    sort_by(model, next);
}

/// `1` to `9` are the first views of the list.
fn number(model: &mut Model, key: &KeyEvent) -> bool {
    let KeyCode::Char(c @ '1'..='9') = key.code else { return false };
    let Some(named) = crate::views::NAMED.get(c as usize - '1' as usize) else { return false };
    model.go((named.make)());
    true
}

/// A filter as it is typed.
pub fn set_filter(model: &mut Model, text: &str) {
    model.place_mut().filter = text.to_owned();
    if !model.view().is_table() {
        model.facts.logs.set_filter(Filter::new(text));
    }
}
