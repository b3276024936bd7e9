//! The servers of the ensemble above, the tree to the left, what a node holds to the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail::wrapped;
use super::frame::{age as age_of, at_end, rule};
use super::{Areas, put};
use crate::model::Model;
use crate::source::Source;
use crate::text::{age, harmless};

const SERVERS: usize = 5;

pub fn height(model: &Model) -> u16 {
    model.facts.ensemble.as_ref().map_or(1, |e| e.servers.len().clamp(1, SERVERS)) as u16 + 1
}

pub fn draw(model: &Model, buffer: &mut Buffer, areas: &Areas, path: &str) {
    let theme = model.theme();
    let standing = model.facts.standing(&Source::Ensemble);
    match &model.facts.ensemble {
        None => {
            put(buffer, areas.top, 0, 0, &format!("ensemble: {}", standing.text(model.now_ms)), theme.dim());
        }
        Some(ensemble) => {
            for (y, s) in ensemble.servers.iter().take(SERVERS).enumerate() {
                let (text, style) = match &s.trouble {
                    Some(trouble) => (format!("{}  DOWN  {trouble}", s.address), theme.bad()),
                    None if standing.stale() => (format!("{}  {}  {} nodes", s.address, s.mode, s.nodes), theme.dim()),
                    None => (
                        format!(
                            "{}  {}  {} nodes  {} connections  latency {}  zxid {}  {}",
                            s.address, s.mode, s.nodes, s.connections, s.latency, s.zxid, s.version
                        ),
                        theme.text(),
                    ),
                };
                put(buffer, areas.top, 0, y as u16, &harmless(&text), style);
            }
        }
    }
    if areas.top.height > 0 {
        let last = Rect { y: areas.top.bottom() - 1, height: 1, ..areas.top };
        rule(model, buffer, last, &format!("tree {}", harmless(path)), theme.title());
        let (text, style) = age_of(model, &Source::Ensemble);
        at_end(buffer, last, 0, &format!("ensemble {text}"), style);
    }
    node(model, buffer, areas.side, path);
}

fn node(model: &Model, buffer: &mut Buffer, area: Rect, path: &str) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    let theme = model.theme();
    let focused = model.place().pane == 1;
    for y in 0..area.height {
        put(buffer, area, 0, y, &model.options.symbols.vertical().to_string(), theme.dim());
    }
    let inner = Rect::new(area.x + 2, area.y, area.width - 2, area.height);
    let Some(node) = model.facts.nodes.get(path) else { return };
    let owner = if node.ephemeral { "  ephemeral" } else { "" };
    let changed = match node.modified_ms {
        0 => String::new(),
        at => format!("  changed {} ago", age((model.now_ms as i64 - at) / 1000)),
    };
    let head = format!("{}  version {}{changed}{owner}", node.kind, node.version);
    put(buffer, inner, 0, 0, &head, if focused { theme.title() } else { theme.accent() });
    let lines = wrapped(&node.data, usize::from(inner.width));
    let stale = model.facts.standing(&model.main_source()).stale();
    let style = if stale { theme.dim() } else { theme.text() };
    let top = model.place().pan.1.min(lines.len().saturating_sub(1));
    for (y, line) in lines.iter().skip(top).take(usize::from(inner.height).saturating_sub(1)).enumerate() {
        put(buffer, inner, 0, y as u16 + 1, line, style);
    }
}
