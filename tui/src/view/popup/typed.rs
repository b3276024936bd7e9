//! Questions and forms.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window;
use crate::dialog::{Confirm, Form, Severity};
use crate::model::Model;
use crate::view::put;

pub fn confirm(model: &Model, buffer: &mut Buffer, area: Rect, c: &Confirm) -> Option<Position> {
    let theme = model.theme();
    let width = c.lines.iter().map(|l| l.chars().count()).max().unwrap_or(0).clamp(44, 1000);
    let inner = window(model, buffer, area, &c.title, c.lines.len() + 2, width.max(58) as u16);
    for (y, line) in c.lines.iter().enumerate() {
        put(buffer, inner, 0, y as u16, line, if y == 0 { theme.name_style() } else { theme.text() });
    }
    let foot = inner.height.saturating_sub(1);
    match &c.severity {
        Severity::Ask => {
            put(buffer, inner, 0, foot, "y does it, n or Esc does not, ctrl-y copies the command", theme.warning());
            None
        }
        Severity::Type(word) => {
            let x = put(buffer, inner, 0, foot, &format!("type {word} to do it: "), theme.bad());
            put(buffer, inner, x, foot, c.input.value(), theme.text());
            Some(Position::new(inner.x + x + c.input.visual_cursor() as u16, inner.y + foot))
        }
    }
}

pub fn form(model: &Model, buffer: &mut Buffer, area: Rect, f: &Form) -> Option<Position> {
    let theme = model.theme();
    let inner = window(model, buffer, area, &f.title, f.fields.len() * 2 + 3, 76);
    let label = f.fields.iter().map(|f| f.label.len()).max().unwrap_or(0) as u16 + 2;
    let mut cursor = None;
    for (i, field) in f.fields.iter().enumerate() {
        let y = i as u16 * 2;
        let focused = i == f.focus;
        put(buffer, inner, 0, y, field.label, if focused { theme.title() } else { theme.dim() });
        let room = usize::from(inner.width).saturating_sub(usize::from(label) + 1);
        let scroll = field.input.visual_scroll(room);
        let shown: String = field.input.value().chars().skip(scroll).take(room).collect();
        let blanks = " ".repeat(room.saturating_sub(shown.chars().count()));
        let style = if focused { theme.selected() } else { theme.name_style() };
        put(buffer, inner, label, y, &format!("{}{blanks}", crate::text::harmless(&shown)), style);
        put(buffer, inner, label, y + 1, field.help, theme.dim());
        if focused {
            let x = field.input.visual_cursor().saturating_sub(scroll) as u16;
            cursor = Some(Position::new(inner.x + label + x, inner.y + y));
        }
    }
    let foot = inner.height.saturating_sub(1);
    let line = crate::update::dialog_lines(model);
    if let Some(line) = line.as_ref().filter(|_| foot > 0) {
        put(buffer, inner, 0, foot - 1, line, theme.accent());
    }
    match (&f.trouble, line) {
        (Some(trouble), _) => put(buffer, inner, 0, foot, trouble, theme.bad()),
        (None, Some(_)) => put(
            buffer,
            inner,
            0,
            foot,
            "Enter goes on, Tab to the next field, Esc closes, ctrl-y copies the command",
            theme.dim(),
        ),
        (None, None) => put(buffer, inner, 0, foot, "Enter goes on, Tab to the next field, Esc closes", theme.dim()),
    };
    cursor.filter(|_| inner.height > 0)
}
