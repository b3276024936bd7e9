//! One component: its windows, what comes in and goes out, its executors (the table), its errors.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Areas, put};
use crate::data::{ComponentPage, Flow, WINDOWS};
use crate::model::Model;
use crate::text::{age, count, harmless, millis};
use crate::views::View;

fn page(model: &Model) -> Option<&ComponentPage> {
    let View::Component { id, component, .. } = model.view() else { return None };
    model.facts.components.get(&(id.clone(), component.clone()))
}

/// Windows, then a line for each stream, as far as that is a summary.
pub fn height(model: &Model) -> u16 {
    let flows = page(model).map_or(0, |p| p.inputs.len() + p.outputs.len()).min(6);
    6 + flows as u16 + 1
}

pub fn errors_height(model: &Model, room: u16) -> u16 {
    match page(model) {
        Some(p) if !p.errors.is_empty() && room >= 18 => 4,
        _ => 0,
    }
}

pub fn draw(model: &Model, buffer: &mut Buffer, areas: &Areas) {
    let Some(page) = page(model) else { return };
    let theme = model.theme();
    let area = areas.top;
    let kind = if page.spout { "spout" } else { "bolt" };
    let head = format!("{kind}  {} executors  {} tasks", page.executors, page.tasks);
    put(buffer, area, 0, 0, &head, theme.text());
    let titles = "WINDOW  EMITTED EXECUTED    ACKED   FAILED CAPACITY  EXEC MS  PROC MS COMPL MS";
    put(buffer, area, 0, 1, titles, theme.dim());
    for (i, (key, name)) in WINDOWS.iter().enumerate() {
        let Some(c) = page.windows.get(*key) else { continue };
        let line = format!(
            "{name:<6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            count(c.emitted),
            c.executed.map_or_else(|| "-".to_owned(), count),
            count(c.acked),
            count(c.failed),
            c.capacity.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}")),
            millis(c.execute_ms),
            millis(c.process_ms),
            millis(c.complete_ms),
        );
        let style = if i == model.window { theme.name_style() } else { theme.text() };
        put(buffer, area, 0, 2 + i as u16, &line, style);
    }
    let flows = page.inputs.iter().map(|f| (true, f)).chain(page.outputs.iter().map(|f| (false, f)));
    for (i, (input, flow)) in flows.take(6).enumerate() {
        put(buffer, area, 0, 6 + i as u16, &flow_line(input, flow), theme.text());
    }
    errors(model, buffer, areas.detail, page);
}

fn flow_line(input: bool, f: &Flow) -> String {
    if input {
        let ms = millis(f.execute_ms);
        format!(
            "in   {}/{}  {} executed  {ms} ms  {} failed",
            f.component,
            f.stream,
            count(f.executed),
            count(f.failed)
        )
    } else {
        format!("out  {}  {} emitted", f.stream, count(f.emitted))
    }
}

fn errors(model: &Model, buffer: &mut Buffer, area: Rect, page: &ComponentPage) {
    if area.height == 0 {
        return;
    }
    let title = match page.errors.len() {
        1 => "1 error".to_owned(),
        n => format!("{n} errors, newest first"),
    };
    super::frame::rule(model, buffer, area, &title, model.theme().bad());
    for (i, e) in page.errors.iter().take(usize::from(area.height) - 1).enumerate() {
        let since = age((model.now_ms / 1000) as i64 - e.time_secs);
        let place = e.host.as_ref().zip(e.port).map(|(h, p)| format!(" on {h}:{p}")).unwrap_or_default();
        let first = harmless(e.error.lines().next().unwrap_or_default());
        put(buffer, area, 0, i as u16 + 1, &format!("{since} ago{place}: {first}"), model.theme().text());
    }
}
