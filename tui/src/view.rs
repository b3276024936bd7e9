//! What the state looks like. Draws into a frame and changes nothing.

mod bars;
mod component;
mod config;
mod detail;
mod frame;
mod logs;
mod overview;
mod popup;
mod rows;
mod slots;
mod topology;
mod zookeeper;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::model::Model;
use crate::views::View;

/// Where the parts of the screen are; parts that do not fit are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Areas {
    pub title: Rect,
    pub crumb: Rect,
    /// What a view says above its table.
    pub top: Rect,
    pub table: Rect,
    /// The second pane.
    pub side: Rect,
    /// All of the selected row.
    pub detail: Rect,
    /// The time bar of a recording.
    pub time: Rect,
    pub hint: Rect,
}

/// The smallest screen that shows more than a word.
pub const SMALLEST: (u16, u16) = (40, 10);

pub fn too_small(model: &Model) -> bool {
    model.size.0 < SMALLEST.0 || model.size.1 < SMALLEST.1
}

/// From the size and the view alone, so that the update knows it as well.
pub fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    if too_small(model) {
        return Areas::default();
    }
    let row = |y: u16, h: u16| Rect::new(0, y, width, h);
    let mut areas = Areas { title: row(0, 1), crumb: row(1, 1), hint: row(height - 1, 1), ..Areas::default() };
    let mut end = height - 1;
    if model.replay.is_some() {
        end -= 1;
        areas.time = row(end, 1);
    }
    let (start, room) = (2, end - 2);
    // The table keeps at least five rows.
    let top = |wanted: u16| wanted.min(room.saturating_sub(5));
    let (top_height, side_height, detail_height) = match model.view() {
        View::Overview => (top(overview::height(width, room)), 0, 0),
        View::Topology { .. } => {
            let top = top(3);
            let left = room - top;
            let rows = u16::try_from(model.table.rows.len()).unwrap_or(u16::MAX).saturating_add(1);
            // Both panes where there is room for both, else the one with the focus.
            let side = if left >= 14 { (left - rows.clamp(5, left / 2)).max(6) } else { 0 };
            (top, if model.place().pane > 0 && side == 0 { left } else { side }, 0)
        }
        View::Component { .. } => (top(component::height(model)), 0, component::errors_height(model, room)),
        View::Zookeeper { .. } => (top(zookeeper::height(model)), 0, 0),
        View::Slots => (top(slots::height(model, room)), 0, 0),
        View::Config => (top(config::height(model, room)), 0, if room >= 16 { 6 } else { 0 }),
        View::Findings | View::Errors | View::Events if room >= 16 => (0, 0, 6),
        _ => (0, 0, 0),
    };
    areas.top = row(start, top_height);
    let mut body = Rect::new(0, start + top_height, width, room - top_height);
    if detail_height > 0 && body.height > detail_height + 4 {
        body.height -= detail_height;
        areas.detail = Rect::new(0, body.bottom(), width, detail_height);
    }
    if side_height > 0 {
        body.height = body.height.saturating_sub(side_height);
        areas.side = Rect::new(0, body.bottom(), width, side_height);
    }
    if matches!(model.view(), View::Zookeeper { .. }) {
        if width >= 80 {
            let left = (width * 2 / 5).max(30);
            areas.side = Rect::new(left, body.y, width - left, body.height);
            body.width = left;
        } else if model.place().pane > 0 {
            areas.side = body;
            body.height = 0;
        }
    }
    areas.table = body;
    areas
}

/// Rows of the table that are on the screen.
pub fn page(model: &Model) -> usize {
    let table = areas(model).table;
    let head = u16::from(model.view().is_table());
    usize::from(table.height.saturating_sub(head))
}

pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let theme = model.theme();
    let buffer = frame.buffer_mut();
    buffer.set_style(area, theme.text());
    // The frame is what the terminal is now, whatever the last message said.
    if too_small(model) || (area.width, area.height) != model.size {
        let text = format!("storm: too small, needs {}x{}", SMALLEST.0, SMALLEST.1);
        put(buffer, area, 0, 0, &text, theme.text());
        return;
    }
    let areas = areas(model);
    bars::title(model, buffer, areas.title);
    bars::crumb(model, buffer, areas.crumb);
    match model.view() {
        View::Overview => overview::draw(model, buffer, areas.top),
        View::Topology { id, .. } => topology::draw(model, buffer, &areas, id),
        View::Component { .. } => component::draw(model, buffer, &areas),
        View::Zookeeper { path } => zookeeper::draw(model, buffer, &areas, path),
        View::Slots => slots::draw(model, buffer, areas.top),
        View::Config => config::draw(model, buffer, areas.top),
        View::Logs { .. } => logs::draw(model, buffer, areas.table),
        _ => {}
    }
    if model.view().is_table() {
        rows::draw(model, buffer, areas.table);
    }
    detail::draw(model, buffer, areas.detail);
    bars::time(model, buffer, areas.time);
    let cursor = bars::hint(model, buffer, areas.hint);
    let cursor = popup::draw(model, buffer, area).or(cursor);
    if let Some(position) = cursor
        && area.contains(position)
    {
        frame.set_cursor_position(position);
    }
}

pub(crate) use topology::component_at;

/// Writes into an area, cut at its edge; gives where the text ended.
pub(crate) fn put(buffer: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    if x >= area.width || y >= area.height {
        return x;
    }
    let room = usize::from(area.width - x);
    let (end, _) = buffer.set_stringn(area.x + x, area.y + y, text, room, style);
    end - area.x
}
