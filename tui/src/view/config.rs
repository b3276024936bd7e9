//! What is wrong with the configuration, above its keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::data::Severity;
use crate::model::Model;
use crate::text::harmless;

const LINES: usize = 4;

pub fn height(model: &Model, room: u16) -> u16 {
    let found = model.facts.settings.as_ref().map_or(0, |s| s.mistakes.len());
    if room < 12 { 1 } else { found.min(LINES) as u16 + 2 }
}

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let Some(settings) = &model.facts.settings else { return };
    let file = settings.file.as_deref().unwrap_or("no storm.yaml: Storm's defaults");
    let x = put(buffer, area, 0, 0, &harmless(file), theme.name_style());
    let count = |severity| settings.mistakes.iter().filter(|m| m.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let (text, style) = match (errors, warnings) {
        (0, 0) => ("  nothing is wrong with it".to_owned(), theme.good()),
        (0, n) => (format!("  {n} warned of"), theme.warning()),
        (n, m) => (format!("  {n} wrong, {m} warned of"), theme.bad()),
    };
    put(buffer, area, x, 0, &text, style);
    let room = usize::from(area.height).saturating_sub(2);
    for (i, m) in settings.mistakes.iter().take(room).enumerate() {
        let y = i as u16 + 1;
        if i + 1 == room && settings.mistakes.len() > room {
            put(buffer, area, 2, y, &format!("and {} more: :findings", settings.mistakes.len() - i), theme.dim());
            break;
        }
        let x = put(buffer, area, 2, y, &format!("{}  ", m.severity.word()), theme.severity(m.severity));
        put(buffer, area, x, y, &harmless(&m.message), theme.text());
    }
}
