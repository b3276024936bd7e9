//! Frames and rules around the parts of a view, with what they are on the left and how old they are on the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put;
use crate::model::Model;
use crate::source::Source;

/// A frame; gives what is inside.
pub fn frame(model: &Model, buffer: &mut Buffer, frame: Rect, title: &str, lines: Style) -> Rect {
    let frame = frame.intersection(buffer.area);
    if frame.width < 4 || frame.height < 3 {
        return Rect::default();
    }
    let symbols = model.options.symbols;
    let [top_left, top_right, bottom_left, bottom_right] = symbols.corners();
    let line: String = std::iter::repeat_n(symbols.horizontal(), usize::from(frame.width) - 2).collect();
    put(buffer, frame, 0, 0, &format!("{top_left}{line}{top_right}"), lines);
    put(buffer, frame, 0, frame.height - 1, &format!("{bottom_left}{line}{bottom_right}"), lines);
    for y in 1..frame.height - 1 {
        put(buffer, frame, 0, y, &symbols.vertical().to_string(), lines);
        put(buffer, frame, frame.width - 1, y, &symbols.vertical().to_string(), lines);
    }
    let room = usize::from(frame.width).saturating_sub(6);
    let title: String = crate::text::harmless(title).chars().take(room).collect();
    if !title.is_empty() {
        put(buffer, frame, 2, 0, &format!(" {title} "), model.theme().title());
    }
    Rect::new(frame.x + 2, frame.y + 1, frame.width - 4, frame.height - 2)
}

/// A line across, that begins with what is below it.
pub fn rule(model: &Model, buffer: &mut Buffer, area: Rect, title: &str, style: Style) {
    let line: String = std::iter::repeat_n(model.options.symbols.horizontal(), usize::from(area.width)).collect();
    put(buffer, area, 0, 0, &line, model.theme().dim());
    if !title.is_empty() {
        put(buffer, area, 2, 0, &format!(" {title} "), style);
    }
}

/// At the right end of a line of the border: a text that has room there, or nothing.
pub fn at_end(buffer: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    let width = text.chars().count() as u16 + 2;
    if width + 4 <= area.width {
        put(buffer, area, area.width - width - 1, y, &format!(" {text} "), style);
    }
}

/// How old the data of a source is, and the style that says whether that is well.
pub fn age(model: &Model, source: &Source) -> (String, Style) {
    let standing = model.facts.standing(source);
    let style = if standing.stale() { model.theme().bad() } else { model.theme().dim() };
    (standing.text(model.now_ms), style)
}
