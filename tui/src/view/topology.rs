//! One topology: its figures, its components, and how they are joined.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::frame::{at_end, rule};
use super::rows::tone;
use super::{Areas, put};
use crate::data::{Component, Edge, Topology, WINDOWS};
use crate::graph::{self, Link, Node, Picture};
use crate::model::Model;
use crate::table::Tone;
use crate::text::{age, count, dash_if_empty, millis, rate};
use crate::views::View;

pub fn draw(model: &Model, buffer: &mut Buffer, areas: &Areas, id: &str) {
    let Some(t) = model.facts.topologies.get(id) else { return };
    summary(model, buffer, areas.top, t);
    if areas.side.height > 0 {
        graph_pane(model, buffer, areas.side, t);
    }
}

fn summary(model: &Model, buffer: &mut Buffer, area: Rect, t: &Topology) {
    let theme = model.theme();
    let mut x = put(buffer, area, 0, 0, &t.status, theme.status(&t.status));
    let executors: i64 = t.components.iter().map(|c| c.executors).sum();
    let facts = format!(
        "  {}  up {}  {} workers  {executors} executors  owner {}  storm {}",
        t.id,
        age(t.uptime_secs),
        t.workers.len(),
        dash_if_empty(&t.owner),
        dash_if_empty(&t.version),
    );
    x = put(buffer, area, x, 0, &facts, theme.text());
    if !t.placed.is_empty() {
        put(buffer, area, x, 0, &format!("  {}", t.placed), theme.dim());
    }
    let mut x = 0;
    if t.status == "KILLED" {
        // What its workers still finish before they end.
        let flowing: f64 = t.edges.iter().filter_map(|e| edge_rate(model, t, e)).sum();
        let text = match flowing {
            f if f > 0.0 => format!("draining: {} tuples/s  ", rate(f)),
            _ => "draining: nothing moves any more  ".to_owned(),
        };
        x = put(buffer, area, x, 1, &text, theme.bad());
    }
    if let Some(w) = t.windows.get(WINDOWS[model.window].0) {
        let text = format!(
            "{}: {} emitted  {} transferred  {} acked  {} failed  {} ms complete   ",
            WINDOWS[model.window].1,
            count(w.emitted),
            count(w.transferred),
            count(w.acked),
            count(w.failed),
            millis(w.complete_ms)
        );
        x = put(buffer, area, x, 1, &text, theme.name_style());
    }
    if let Some(c) = hottest(&t.components) {
        let capacity = c.capacity.unwrap_or(0.0);
        let text = format!("hottest {} {capacity:.3}", c.id);
        put(buffer, area, x, 1, &text, if capacity >= 0.8 { theme.bad() } else { theme.dim() });
    }
    if let Some(e) = t.errors.iter().max_by_key(|e| e.time_secs) {
        let since = (model.now_ms / 1000) as i64 - e.time_secs;
        let first = e.error.lines().next().unwrap_or_default();
        let text = format!("error in {} {} ago: {}", e.component, age(since), crate::text::harmless(first));
        put(buffer, area, 0, 2, &text, theme.bad());
    }
}

/// The bolt that is busiest; one that does nothing is not hot.
fn hottest(components: &[Component]) -> Option<&Component> {
    let busy = components.iter().filter(|c| c.capacity.is_some_and(|v| v > 0.0));
    busy.max_by(|a, b| a.capacity.unwrap_or(0.0).total_cmp(&b.capacity.unwrap_or(0.0)))
}

fn edge_rate(model: &Model, t: &Topology, e: &Edge) -> Option<f64> {
    model.facts.edge_rate(&t.id, &e.from, &e.stream, &e.to)
}

fn graph_pane(model: &Model, buffer: &mut Buffer, area: Rect, t: &Topology) {
    let theme = model.theme();
    let focused = model.place().pane == 1;
    let title = if focused { "graph: arrows move it" } else { "graph" };
    rule(model, buffer, area, title, if focused { theme.title() } else { theme.dim() });
    let inner = inner(area);
    let Some(picture) = picture(model, t) else {
        put(buffer, inner, 2, 0, "no picture: there is nothing to join, or too much", theme.dim());
        return;
    };
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    let (left, top) = corner(model, t, &picture, inner);
    let stale = model.facts.standing(&model.main_source()).stale();
    for y in 0..height.min(picture.height) {
        for x in 0..width.min(picture.width) {
            let (c, t) = picture.at(x + left, y + top);
            if c != ' ' {
                let style = if stale { theme.dim() } else { tone(theme, t) };
                put(buffer, inner, x as u16, y as u16, c.encode_utf8(&mut [0; 4]), style);
            }
        }
    }
    if picture.width > width || picture.height > height {
        at_end(buffer, area, 0, &format!("{width}x{height} of {}x{}", picture.width, picture.height), theme.dim());
    }
}

fn inner(area: Rect) -> Rect {
    Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(1))
}

/// The part of the picture that is shown: where one has moved it, else so that the selected component is in it.
fn corner(model: &Model, t: &Topology, picture: &Picture, inner: Rect) -> (usize, usize) {
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    let most = (picture.width.saturating_sub(width), picture.height.saturating_sub(height));
    let (mut left, mut top) = model.place().pan;
    let selected = model.selected().and_then(|key| t.components.iter().position(|c| c.id == key));
    if model.place().pane == 0
        && let Some((x, y, w, h)) = selected.and_then(|i| picture.boxes.get(i)).copied()
    {
        left = (x + w / 2).saturating_sub(width / 2);
        top = (y + h / 2).saturating_sub(height / 2);
    }
    (left.min(most.0), top.min(most.1))
}

/// The component whose box is at a place of the screen.
pub fn component_at(model: &Model, area: Rect, at: Position) -> Option<String> {
    let View::Topology { id, .. } = model.view() else { return None };
    let t = model.facts.topologies.get(id)?;
    let inner = inner(area);
    if !inner.contains(at) {
        return None;
    }
    let picture = picture(model, t)?;
    let (left, top) = corner(model, t, &picture, inner);
    let (x, y) = (usize::from(at.x - inner.x) + left, usize::from(at.y - inner.y) + top);
    let hit = |b: &(usize, usize, usize, usize)| (b.0..b.0 + b.2).contains(&x) && (b.1..b.1 + b.3).contains(&y);
    t.components.get(picture.boxes.iter().position(hit)?).map(|c| c.id.clone())
}

fn picture(model: &Model, t: &Topology) -> Option<Picture> {
    let hot = hottest(&t.components).map(|c| c.id.clone());
    let selected = model.selected();
    let node = |c: &Component| {
        let is_hot = hot.as_deref() == Some(&c.id);
        let mut note = match c.capacity {
            Some(capacity) if !c.spout => format!("x{} {capacity:.2}", c.executors),
            _ if c.spout => format!("x{} spout", c.executors),
            _ => format!("x{}", c.executors),
        };
        if is_hot {
            note.push_str(" HOT");
        }
        let tone = match () {
            () if is_hot && c.capacity.is_some_and(|v| v >= 0.8) => Tone::Bad,
            () if is_hot => Tone::Warning,
            () if selected == Some(&c.id) => Tone::Good,
            () => Tone::Plain,
        };
        Node { id: c.id.clone(), note, tone }
    };
    let nodes: Vec<Node> = t.components.iter().map(node).collect();
    let at = |id: &str| t.components.iter().position(|c| c.id == id);
    let link = |e: &Edge| {
        let rate = edge_rate(model, t, e).map_or_else(|| "-".to_owned(), rate);
        let stream = if e.stream == "default" { String::new() } else { format!("{} ", e.stream) };
        Some(Link { from: at(&e.from)?, to: at(&e.to)?, label: format!(" {stream}{rate}/s ") })
    };
    let links: Vec<Link> = t.edges.iter().filter_map(link).collect();
    graph::draw(&nodes, &links, model.options.symbols)
}
