//! The lines at the edges: health, where one is, what can be pressed, and the time of a recording.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::put;
use crate::data::{Severity, WINDOWS};
use crate::dialog::Mode;
use crate::filter::Filter;
use crate::keys::{Action, Group, TABLE};
use crate::model::Model;
use crate::source::Source;
use crate::text::{clock, count};
use crate::update::applicable;
use crate::views::View;

/// The cluster in one line.
pub fn title(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let mut x = put(buffer, area, 0, 0, "STORM ", theme.title());
    x = put(buffer, area, x, 0, &format!("{}  ", crate::text::harmless(&model.options.cluster)), theme.name_style());
    let part = |x: u16, buffer: &mut Buffer, name: &str, state: &str, style: Style| {
        // Half of it would say something else.
        if usize::from(x) + name.len() + state.len() > usize::from(area.width) {
            return x;
        }
        let x = put(buffer, area, x, 0, name, theme.dim());
        put(buffer, area, x, 0, &format!("{state}  "), style)
    };
    let nimbus = model.facts.standing(&Source::Cluster);
    let (cluster, from) = model.facts.cluster();
    let (state, style) = match (&nimbus.trouble, nimbus.good_ms) {
        (Some(_), _) => ("LOST", theme.bad()),
        (None, None) => ("?", theme.dim()),
        _ if cluster.is_some_and(|c| !c.nimbuses.iter().any(|n| n.leader)) => ("no leader", theme.bad()),
        _ => ("ok", theme.good()),
    };
    x = part(x, buffer, "nimbus ", state, style);
    let zookeeper = model.facts.standing(&Source::Ensemble);
    let registry = model.facts.standing(&Source::Registry);
    if zookeeper.good_ms.is_some() || zookeeper.stale() {
        let down = model.facts.ensemble.iter().flat_map(|e| &e.servers).filter(|s| s.trouble.is_some()).count();
        let all = model.facts.ensemble.as_ref().map_or(0, |e| e.servers.len());
        let (state, style) = match () {
            () if zookeeper.stale() || nimbus.stale() && registry.stale() || all > 0 && down == all => {
                ("LOST".to_owned(), theme.bad())
            }
            () if down > 0 => (format!("{} of {all}", all - down), theme.warning()),
            () => ("ok".to_owned(), theme.good()),
        };
        x = part(x, buffer, "zk ", &state, style);
    }
    if let Some(findings) = &model.facts.findings {
        let worst = findings.iter().map(|f| f.severity).max().unwrap_or_default();
        let n = findings.iter().filter(|f| f.severity > Severity::Info).count();
        // Other views do not look for them again.
        let good_ms = model.facts.standing(&Source::Findings).good_ms.unwrap_or(0);
        let style = match () {
            () if model.now_ms.saturating_sub(good_ms) > 60_000 => theme.dim(),
            () if n > 0 => theme.severity(worst),
            () => theme.good(),
        };
        x = part(x, buffer, "findings ", &n.to_string(), style);
    }
    if let Some(c) = cluster {
        let style = if from == Source::Registry { theme.warning() } else { theme.text() };
        let active = c.topologies.iter().filter(|t| t.status == "ACTIVE").count();
        x = part(x, buffer, "topologies ", &format!("{active}/{}", c.topologies.len()), style);
        x = part(x, buffer, "hosts ", &c.supervisors.len().to_string(), style);
        let (used, all) = c.supervisors.iter().fold((0, 0), |(u, a), s| (u + s.used, a + s.slots));
        x = part(x, buffer, "slots ", &format!("{}/{}", count(used), count(all)), style);
    }
    let mut right = String::new();
    if model.options.read_only {
        right.push_str("READ-ONLY ");
    }
    right.push_str(&format!("{} UTC", clock(model.now_ms)));
    let from = area.width.saturating_sub(right.len() as u16);
    if from > x {
        put(buffer, area, from, 0, &right, theme.dim());
    }
    buffer.set_style(area.intersection(buffer.area), theme.bar());
}

/// Where one is, how old that is, and what is done to it.
pub fn crumb(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let source = model.main_source();
    let standing = model.facts.standing(&source);
    let title = model.view().title();
    let mut x = put(buffer, area, 0, 0, &crate::text::harmless(&title), theme.title());
    if model.view().is_table() && !matches!(model.view(), View::Overview) {
        let (shown, total) = (model.table.rows.len(), model.table.total);
        let text = if shown == total { format!(" [{total}]") } else { format!(" [{shown} of {total}]") };
        x = put(buffer, area, x, 0, &text, theme.text());
    }
    let marks = model.place().marks.len();
    if marks > 0 {
        x = put(buffer, area, x, 0, &format!(" {marks} marked"), theme.accent());
    }
    let filter = Filter::new(&model.place().filter);
    if !filter.is_empty() {
        x = put(buffer, area, x, 0, &format!("  /{}", crate::text::harmless(filter.text())), theme.warning());
        if filter.trouble().is_some() {
            x = put(buffer, area, x, 0, " not a regular expression yet", theme.bad());
        }
    }
    let mut right: Vec<(String, Style)> = Vec::new();
    if uses_window(model.view()) {
        right.push((format!("window {}", WINDOWS[model.window].1), theme.dim()));
    }
    if !model.jobs.is_empty() {
        right.push((format!("{} running", model.jobs.len()), theme.accent()));
    }
    if let Some(since) = model.frozen_ms {
        let age = crate::text::age((model.now_ms.saturating_sub(since) / 1000) as i64);
        right.push((format!("FROZEN {age}"), theme.warning()));
    }
    let style = if standing.stale() { theme.bad() } else { theme.dim() };
    right.push((format!("{source} {}", standing.text(model.now_ms)), style));
    let width: usize = right.iter().map(|(t, _)| t.chars().count() + 2).sum();
    let mut from = area.width.saturating_sub(width as u16).max(x);
    for (text, style) in right {
        from = put(buffer, area, from + 2, 0, &text, style);
    }
}

fn uses_window(view: &View) -> bool {
    matches!(view, View::Topologies | View::Topology { .. } | View::Component { .. })
}

/// What is being typed, what was just said, or what can be pressed; gives where the cursor is.
pub fn hint(model: &Model, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let cursor = foot(model, buffer, area);
    buffer.set_style(area.intersection(buffer.area), model.theme().bar());
    cursor
}

fn foot(model: &Model, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let theme = model.theme();
    let typed = |buffer: &mut Buffer, sign: &str, input: &tui_input::Input| {
        let room = usize::from(area.width).saturating_sub(sign.len() + 1);
        let scroll = input.visual_scroll(room);
        let x = put(buffer, area, 0, 0, sign, theme.title());
        let shown: String = input.value().chars().skip(scroll).collect();
        put(buffer, area, x, 0, &crate::text::harmless(&shown), theme.text());
        Some(Position::new(area.x + x + input.visual_cursor().saturating_sub(scroll) as u16, area.y))
    };
    match &model.mode {
        Mode::Filter { input, .. } => return typed(buffer, "/", input),
        Mode::Highlight { input } => return typed(buffer, "highlight ", input),
        Mode::Goto { input, .. } => return typed(buffer, ":", input),
        _ => {}
    }
    if let Some(toast) = &model.toast {
        put(buffer, area, 0, 0, &crate::text::harmless(&toast.text), theme.severity(toast.severity));
        return None;
    }
    let standing = model.facts.standing(&model.main_source());
    if let Some((cause, _)) = &standing.trouble {
        put(buffer, area, 0, 0, &crate::text::harmless(cause.lines().next().unwrap_or_default()), theme.bad());
        return None;
    }
    let mut x = 0;
    for (key, text) in hints(model) {
        if usize::from(x) + key.chars().count() + text.len() + 3 > usize::from(area.width) {
            break;
        }
        x = put(buffer, area, x, 0, &key, theme.title());
        x = put(buffer, area, x, 0, &format!(" {text}  "), theme.dim());
    }
    None
}

/// From the table of keys, so that they cannot lie: what is good everywhere, then what is peculiar to the view.
fn hints(model: &Model) -> Vec<(String, &'static str)> {
    let keymap = &model.options.keymap;
    let mut hints = Vec::new();
    if model.replay.is_some() {
        hints.extend([("p".to_owned(), "play/pause"), ("left right".to_owned(), "5 s")]);
    }
    let general = [
        (Action::Help, "keys"),
        (Action::Menu, "menu"),
        (Action::Goto, "go to"),
        (Action::Filter, "filter"),
        (Action::Open, "open"),
        (Action::Back, "back"),
    ];
    hints.extend(general.map(|(a, t)| (keymap.first(a).to_owned(), t)));
    if model.view().panes() > 1 {
        hints.push((keymap.first(Action::NextPane).to_owned(), "pane"));
    }
    for e in TABLE {
        let own = match e.group {
            Group::Act => model.replay.is_none() && !model.options.read_only && applicable(model.view(), e.action),
            Group::Logs => matches!(model.view(), View::Logs { .. }),
            _ => false,
        };
        if own {
            hints.push((keymap.first(e.action).to_owned(), e.name));
        }
    }
    hints.push((keymap.first(Action::CommandLine).to_owned(), "command"));
    hints
}

pub fn time(model: &Model, buffer: &mut Buffer, area: Rect) {
    let Some(replay) = &model.replay else { return };
    if area.height == 0 {
        return;
    }
    let theme = model.theme();
    let state = if replay.playing { model.options.symbols.arrow().to_string() } else { "||".to_owned() };
    let left = format!("RECORDING {state} {}x {} ", replay.speed, clock(replay.now_ms));
    let right = format!(" {}", clock(replay.to_ms()));
    let x = put(buffer, area, 0, 0, &left, theme.title());
    let room = usize::from(area.width).saturating_sub(usize::from(x) + right.len());
    let span = replay.to_ms().saturating_sub(replay.from_ms()).max(1);
    let done = (replay.now_ms.saturating_sub(replay.from_ms()) as f64 / span as f64 * room as f64) as usize;
    let symbols = model.options.symbols;
    let bar: String = (0..room).map(|i| if i < done { symbols.full() } else { symbols.empty() }).collect();
    let x = put(buffer, area, x, 0, &bar, theme.accent());
    put(buffer, area, x, 0, &right, theme.dim());
}
