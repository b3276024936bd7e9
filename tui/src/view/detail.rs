//! The selected row in full, below its table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::rule;
use super::put;
use crate::model::Model;
use crate::text::harmless;
use crate::views::View;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    if area.height == 0 || matches!(model.view(), View::Component { .. }) {
        return;
    }
    let theme = model.theme();
    rule(model, buffer, area, "", theme.dim());
    let inner = Rect::new(area.x, area.y + 1, area.width, area.height - 1);
    let lines = wrapped(&lines(model), usize::from(area.width));
    for (y, line) in lines.iter().take(usize::from(inner.height)).enumerate() {
        put(buffer, inner, 0, y as u16, line, theme.text());
    }
}

fn lines(model: &Model) -> Vec<String> {
    let Some(key) = model.selected() else { return Vec::new() };
    match model.view() {
        View::Findings => {
            let mistakes = model.facts.settings.iter().flat_map(|s| &s.mistakes);
            let mut all = model.facts.findings.iter().flatten().chain(mistakes);
            let Some(f) = all.find(|f| format!("{} {}", f.code, f.message) == key) else { return Vec::new() };
            let mut lines = vec![f.message.clone()];
            lines.extend(f.evidence.iter().map(|e| format!("  {e}")));
            lines.extend(f.fix.iter().map(|fix| format!("fix: {fix}")));
            lines
        }
        View::Errors => {
            let error = model.facts.errors().find(|e| format!("{}/{}", e.topology, e.component) == key);
            error.iter().flat_map(|e| e.error.lines()).map(str::to_owned).collect()
        }
        View::Config => {
            let Some(known) = &model.facts.settings else { return Vec::new() };
            let Some(s) = known.settings.iter().find(|s| s.key == key) else { return Vec::new() };
            let mut lines = vec![format!("{}   ({})", s.key, s.source), s.value.clone()];
            let wrong = known.mistake_of(s).into_iter();
            lines.extend(wrong.flat_map(|m| [Some(m.message.clone()), m.fix.clone()]).flatten());
            lines
        }
        _ => model.table.rows.get(model.place().cursor).map(|r| r.haystack()).into_iter().collect(),
    }
}

pub fn wrapped(lines: &[String], width: usize) -> Vec<String> {
    let mut out = Vec::new();
    for line in lines {
        let chars: Vec<char> = harmless(line).chars().collect();
        if chars.is_empty() {
            out.push(String::new());
        }
        out.extend(chars.chunks(width.max(1)).map(|c| c.iter().collect::<String>()));
    }
    out
}
