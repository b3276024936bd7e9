//! The table of a view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::put;
use crate::filter::Filter;
use crate::model::Model;
use crate::source::Source;
use crate::table::Tone;
use crate::theme::Theme;

pub fn tone(theme: Theme, tone: Tone) -> Style {
    match tone {
        Tone::Plain => theme.text(),
        Tone::Name => theme.name_style(),
        Tone::Dim => theme.dim(),
        Tone::Good => theme.good(),
        Tone::Warning => theme.warning(),
        Tone::Bad => theme.bad(),
    }
}

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    if area.height == 0 || area.width < 3 {
        return;
    }
    let theme = model.theme();
    let symbols = model.options.symbols;
    let place = model.place();
    let table = &model.table;
    let widths = table.layout(usize::from(area.width).saturating_sub(3));
    let stale = model.facts.standing(&model.table_source()).stale();
    let focused = place.pane == 0;

    let mut x = 2;
    for (i, (column, width)) in table.columns.iter().zip(&widths).enumerate() {
        let Some(width) = width else { continue };
        let sorted = place.sort.filter(|s| s.column == i);
        let sign = sorted.map(|s| if s.down { symbols.down() } else { symbols.up() });
        let title = format!("{}{}", column.title, sign.map(String::from).unwrap_or_default());
        let style = if sorted.is_some() { theme.title() } else { theme.dim().add_modifier(Modifier::BOLD) };
        write_cell(buffer, area, x, 0, &title, *width, column.right, style, symbols.ellipsis());
        x += *width as u16 + 2;
    }
    if table.rows.is_empty() {
        put(buffer, area, 2, 1, &nothing(model), theme.dim());
        return;
    }
    let filter = Filter::new(&place.filter);
    let page = usize::from(area.height) - 1;
    for (line, row) in table.rows.iter().skip(place.offset).take(page).enumerate() {
        let y = line as u16 + 1;
        let selected = place.offset + line == place.cursor && focused;
        let marked = place.marks.contains(&row.key);
        let base = if selected { theme.selected() } else { theme.text() };
        if selected {
            buffer.set_style(Rect::new(area.x, area.y + y, area.width, 1).intersection(buffer.area), base);
        }
        if marked {
            put(buffer, area, 0, y, &symbols.mark().to_string(), if selected { base } else { theme.accent() });
        }
        let mut x = 2;
        for ((cell, column), width) in row.cells.iter().zip(&table.columns).zip(&widths) {
            let Some(width) = width else { continue };
            let style = match () {
                () if selected => base,
                () if stale => theme.dim(),
                () => tone(theme, cell.tone),
            };
            write_cell(buffer, area, x, y, &cell.text, *width, column.right, style, symbols.ellipsis());
            if !selected && !filter.is_empty() && cell.text.chars().count() <= *width && !column.right {
                for (from, to) in filter.matches(&cell.text) {
                    let before = cell.text[..from].chars().count() as u16;
                    put(buffer, area, x + before, y, &cell.text[from..to], theme.found());
                }
            }
            x += *width as u16 + 2;
        }
    }
    scroll_bar(model, buffer, area, page);
}

#[allow(clippy::too_many_arguments, reason = "where, what and how: no part of it lives longer than this call")]
fn write_cell(b: &mut Buffer, a: Rect, x: u16, y: u16, text: &str, width: usize, right: bool, style: Style, cut: char) {
    let length = text.chars().count();
    if length > width {
        let kept: String = text.chars().take(width.saturating_sub(1)).chain([cut]).collect();
        put(b, a, x, y, &kept, style);
    } else {
        let pad = if right { (width - length) as u16 } else { 0 };
        put(b, a, x + pad, y, text, style);
    }
}

/// Where among all rows those on the screen are.
fn scroll_bar(model: &Model, buffer: &mut Buffer, area: Rect, page: usize) {
    let rows = model.table.rows.len();
    if rows <= page || page == 0 {
        return;
    }
    let symbols = model.options.symbols;
    let length = (page * page / rows).max(1);
    let top = model.place().offset * (page - length) / (rows - page).max(1);
    for i in 0..page {
        let on = (top..top + length).contains(&i);
        let sign = if on { symbols.full() } else { symbols.vertical() };
        put(buffer, area, area.width - 1, i as u16 + 1, &sign.to_string(), model.theme().dim());
    }
}

/// Why there is no row.
fn nothing(model: &Model) -> String {
    let source = model.table_source();
    let standing = model.facts.standing(&source);
    match (&standing.trouble, standing.good_ms) {
        _ if model.table.total > 0 => "nothing passes the filter".to_owned(),
        (Some(_), None) => format!("no answer from {source} yet"),
        (None, None) => format!("asking {source}"),
        _ if matches!(source, Source::Findings) => "nothing is wrong".to_owned(),
        _ => "nothing here".to_owned(),
    }
}
