//! What is open over the view.

mod typed;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::frame::frame;
use super::put;
use crate::dialog::{MenuItem, Mode};
use crate::filter::Filter;
use crate::keys::{Group, TABLE};
use crate::model::Model;
use crate::update::{applicable, completions};

/// Gives where the cursor is, if something is typed in it.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    match &model.mode {
        Mode::Normal | Mode::Filter { .. } | Mode::Highlight { .. } => return None,
        Mode::Goto { input, pick } => goto(model, buffer, area, input.value(), *pick),
        Mode::Help { scroll, input } => return help(model, buffer, area, *scroll, input),
        Mode::Menu { items, cursor } => menu(model, buffer, area, items, *cursor),
        Mode::Confirm(c) => return typed::confirm(model, buffer, area, c),
        Mode::Form(f) => return typed::form(model, buffer, area, f),
        Mode::CommandLine(line) => {
            let rows = line.chars().count().div_ceil(usize::from(area.width.saturating_sub(6)).max(1)) + 2;
            let inner = window(model, buffer, area, "This screen as a command", rows, 200);
            let lines = super::detail::wrapped(std::slice::from_ref(line), usize::from(inner.width));
            for (y, part) in lines.iter().enumerate() {
                put(buffer, inner, 0, y as u16, part, model.theme().name_style());
            }
            put(buffer, inner, 0, inner.height.saturating_sub(1), "Enter copies it", model.theme().dim());
        }
        Mode::Output { title, lines, scroll, then, job } => {
            let wanted = lines.iter().map(|l| l.chars().count()).max().unwrap_or(0).clamp(40, 1000);
            let inner = window(model, buffer, area, title, lines.len().max(1) + 1, wanted as u16);
            let room = usize::from(inner.height).saturating_sub(1);
            for (y, line) in lines.iter().skip(*scroll).take(room).enumerate() {
                put(buffer, inner, 0, y as u16, line, model.theme().text());
            }
            let foot = match then {
                _ if job.is_some() => "it runs; Esc does not wait for what it says",
                Some(_) => "a preview: Enter goes on to the question, Esc does nothing, ctrl-y copies the command",
                None => "Esc closes, c copies",
            };
            put(buffer, inner, 0, inner.height.saturating_sub(1), foot, model.theme().dim());
        }
    }
    None
}

fn menu(model: &Model, buffer: &mut Buffer, area: Rect, items: &[MenuItem], cursor: usize) {
    let keymap = &model.options.keymap;
    let inner = window(model, buffer, area, "What can be done here", items.len(), 78);
    let top = cursor.saturating_sub(usize::from(inner.height).saturating_sub(1));
    for (y, (i, item)) in items.iter().enumerate().skip(top).take(usize::from(inner.height)).enumerate() {
        let style = match () {
            () if i == cursor => model.theme().selected(),
            () if item.refused.is_some() => model.theme().dim(),
            () => model.theme().text(),
        };
        let why = item.refused.as_ref().map(|w| format!("  ({w})")).unwrap_or_default();
        let line = format!("{:>9}  {}{why}", keymap.first(item.action), item.text);
        put(buffer, inner, 0, y as u16, &line, style);
    }
}

/// A cleared frame in the middle; gives what is inside.
fn window(model: &Model, buffer: &mut Buffer, area: Rect, title: &str, rows: usize, width: u16) -> Rect {
    let width = width.saturating_add(4).min(area.width);
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let frame = Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height);
    outline(model, buffer, frame, title)
}

fn outline(model: &Model, buffer: &mut Buffer, outer: Rect, title: &str) -> Rect {
    let theme = model.theme();
    let outer = outer.intersection(buffer.area);
    for y in outer.top()..outer.bottom() {
        for x in outer.left()..outer.right() {
            buffer[(x, y)].reset();
        }
    }
    buffer.set_style(outer, theme.text());
    frame(model, buffer, outer, title, theme.accent())
}

fn goto(model: &Model, buffer: &mut Buffer, area: Rect, typed: &str, pick: usize) {
    let found = completions(model, typed);
    let rows = found.len().min(12).min(usize::from(area.height).saturating_sub(4));
    if rows == 0 {
        return;
    }
    let height = rows as u16 + 2;
    let frame = Rect::new(area.x, area.bottom().saturating_sub(height + 1), area.width.min(72), height);
    let inner = outline(model, buffer, frame, "go to");
    let top = pick.saturating_sub(rows - 1);
    for (y, (name, about)) in found.iter().skip(top).take(rows).enumerate() {
        let style = if top + y == pick { model.theme().selected() } else { model.theme().name_style() };
        let x = put(buffer, inner, 0, y as u16, name, style);
        put(buffer, inner, (x + 2).max(24), y as u16, about, model.theme().dim());
    }
}

fn help(model: &Model, buffer: &mut Buffer, area: Rect, scroll: usize, input: &tui_input::Input) -> Option<Position> {
    let filter = Filter::new(input.value());
    let theme = model.theme();
    let keymap = &model.options.keymap;
    let mut lines: Vec<(String, Style)> = Vec::new();
    let groups = [
        (Group::Move, "moving"),
        (Group::Go, "going"),
        (Group::View, "views"),
        (Group::Logs, "logs"),
        (Group::Act, "acting"),
    ];
    for (group, name) in groups {
        let entries: Vec<(String, Style)> = TABLE
            .iter()
            .filter(|e| e.group == group)
            .map(|e| {
                let here = applicable(model.view(), e.action);
                let text = format!("{:>22}  {}", keymap.keys(e.action).join(" "), e.help);
                (text, if here { theme.text() } else { theme.dim() })
            })
            .filter(|(text, _)| filter.passes(text))
            .collect();
        if !entries.is_empty() {
            lines.push((name.to_owned(), theme.title()));
            lines.extend(entries);
        }
    }
    let inner = window(model, buffer, area, "Keys (letters filter, Esc closes)", lines.len() + 1, 104);
    let room = usize::from(inner.height).saturating_sub(1);
    let scroll = scroll.min(lines.len().saturating_sub(room));
    for (y, (line, style)) in lines.iter().skip(scroll).take(room).enumerate() {
        put(buffer, inner, 0, y as u16, line, *style);
    }
    let foot = inner.height.saturating_sub(1);
    let x = put(buffer, inner, 0, foot, "/", theme.title());
    put(buffer, inner, x, foot, &crate::text::harmless(input.value()), theme.text());
    (inner.height > 0).then(|| Position::new(inner.x + x + input.visual_cursor() as u16, inner.y + foot))
}
