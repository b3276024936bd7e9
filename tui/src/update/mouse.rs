//! The mouse: a click selects, a second one opens, one on a title sorts, the wheel scrolls.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{go, normal};
use crate::dialog::Mode;
use crate::keys::Action;
use crate::message::Cmd;
use crate::model::Model;
use crate::view::{areas, component_at};

pub fn update(model: &mut Model, event: MouseEvent) -> Vec<Cmd> {
    // What is open over the view takes the wheel as it takes the arrows.
    if !matches!(model.mode, Mode::Normal) {
        let code = match event.kind {
            MouseEventKind::ScrollUp => KeyCode::Up,
            MouseEventKind::ScrollDown => KeyCode::Down,
            _ => return Vec::new(),
        };
        return super::press(model, &KeyEvent::new(code, KeyModifiers::NONE));
    }
    match event.kind {
        MouseEventKind::ScrollUp => (0..3).for_each(|_| normal::walk(model, Action::Up)),
        MouseEventKind::ScrollDown => (0..3).for_each(|_| normal::walk(model, Action::Down)),
        MouseEventKind::Down(MouseButton::Left) => return click(model, event.column, event.row),
        _ => {}
    }
    Vec::new()
}

fn click(model: &mut Model, x: u16, y: u16) -> Vec<Cmd> {
    let areas = areas(model);
    let at = Position::new(x, y);
    if let Some(component) = component_at(model, areas.side, at) {
        model.place_mut().pane = 0;
        if model.selected() == Some(component.as_str()) {
            return go::open(model);
        }
        model.place_mut().selected = Some(component);
        return Vec::new();
    }
    if areas.side.contains(at) && model.view().panes() > 1 {
        model.place_mut().pane = 1;
        return Vec::new();
    }
    if !model.view().is_table() || !areas.table.contains(at) {
        return Vec::new();
    }
    model.place_mut().pane = 0;
    if y == areas.table.y {
        let mut left = usize::from(areas.table.x) + 2;
        for (column, width) in model.table.layout(usize::from(areas.table.width).saturating_sub(2)).iter().enumerate() {
            let Some(width) = width else { continue };
            if usize::from(x) < left + width + 2 {
                normal::sort_by(model, column);
                break;
            }
            left += width + 2;
        }
        return Vec::new();
    }
    let row = model.place().offset + usize::from(y - areas.table.y - 1);
    if row >= model.table.rows.len() {
        return Vec::new();
    }
    if model.place().cursor == row {
        return go::open(model);
    }
    model.place_mut().cursor = row;
    model.place_mut().selected = model.table.rows.get(row).map(|r| r.key.clone());
    Vec::new()
}
