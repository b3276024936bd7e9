//! Log lines, the youngest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put;
use crate::logs::Level;
use crate::model::Model;
use crate::text::harmless;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    if area.height < 2 {
        return;
    }
    let theme = model.theme();
    let logs = &model.facts.logs;
    let mine = model.facts.logs_of.as_ref() == Some(&model.main_source());
    head(model, buffer, area);
    let body = Rect::new(area.x, area.y + 1, area.width, area.height - 1);
    if !mine || logs.shown_len() == 0 {
        let text = if !mine || logs.is_empty() { "no line yet" } else { "no line passes" };
        put(buffer, body, 0, 0, text, theme.dim());
        return;
    }
    let sources = logs.upwards().take(200).map(|(l, _)| l.source.chars().count()).max().unwrap_or(0).min(12);
    let room = usize::from(body.width).saturating_sub(sources + 3).max(1);
    let mut y = i32::from(body.height);
    for (line, level) in logs.upwards() {
        if y <= 0 {
            break;
        }
        let chars: Vec<char> = harmless(&line.text).chars().collect();
        let pan = if logs.wrap { 0 } else { model.place().pan.0 };
        let parts: Vec<String> = match () {
            () if chars.is_empty() => vec![String::new()],
            () if logs.wrap => chars.chunks(room).map(|c| c.iter().collect()).collect(),
            () => vec![chars.iter().skip(pan).take(room).collect()],
        };
        y -= parts.len() as i32;
        for (i, part) in parts.iter().enumerate() {
            let Ok(row) = u16::try_from(y + i as i32) else { continue };
            let source: String = if i == 0 { line.source.chars().take(sources).collect() } else { String::new() };
            let margin = format!("{source:>sources$} {} ", model.options.symbols.vertical());
            put(buffer, body, 0, row, &margin, theme.dim());
            put(buffer, body, sources as u16 + 3, row, part, style(model, level));
            for (from, to) in logs.highlight.matches(part) {
                let before = part[..from].chars().count() as u16;
                put(buffer, body, sources as u16 + 3 + before, row, &part[from..to], theme.found());
            }
        }
    }
}

fn style(model: &Model, level: Level) -> Style {
    match level {
        Level::Error => model.theme().bad(),
        Level::Warn => model.theme().warning(),
        Level::Info => model.theme().text(),
        _ => model.theme().dim(),
    }
}

fn head(model: &Model, buffer: &mut Buffer, area: Rect) {
    let logs = &model.facts.logs;
    let state = if logs.follow { "following" } else { "stopped" };
    let counts = format!("{} of {} lines  {} files", logs.shown_len(), logs.len(), logs.files);
    let mut head = format!("{state}  {counts}  level {}+", logs.level.name());
    if logs.wrap {
        head.push_str("  wrapped");
    }
    if !logs.highlight.is_empty() {
        head.push_str(&format!("  marked {}", harmless(logs.highlight.text())));
    }
    let x = put(buffer, area, 0, 0, &head, model.theme().dim());
    if logs.dropped > 0 {
        put(buffer, area, x, 0, &format!("  {} lines dropped", logs.dropped), model.theme().warning());
    }
}
