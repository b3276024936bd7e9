//! The whole cluster at a glance: what flows, how fast, how much room is left; the findings are below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::model::Model;
use crate::rate::Series;
use crate::source::Source;
use crate::text::{age, millis, rate};

pub const HEIGHT: u16 = 10;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    flows(model, buffer, area);
    cluster(model, buffer, area);
    let theme = model.theme();
    let servers = || model.facts.ensemble.iter().flat_map(|e| &e.servers);
    let texts: Vec<String> = servers()
        .map(|s| match &s.trouble {
            None => format!("{} {} {} nodes", s.address, s.mode, s.nodes),
            Some(_) => format!("{} DOWN", s.address),
        })
        .collect();
    put(buffer, area, 0, 8, "zk", theme.dim());
    let style = if servers().any(|s| s.trouble.is_some()) { theme.bad() } else { theme.text() };
    put(buffer, area, 9, 8, &texts.join("   "), style);
}

fn flows(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let facts = &model.facts;
    let standing = facts.standing(&Source::Samples);
    let flowing = facts.flowing();
    let known = |v: f64| if flowing.rated == 0 { "-".to_owned() } else { rate(v) };
    let failing = if flowing.failed > 0.0 { theme.bad() } else { theme.dim() };
    let rows: [(&str, String, &str, &Series, _); 4] = [
        ("emitted", known(flowing.emitted), "/s", &facts.emitted, theme.accent()),
        ("acked", known(flowing.acked), "/s", &facts.acked, theme.good()),
        ("failed", known(flowing.failed), "/s", &facts.failed, failing),
        ("latency", millis(flowing.latency_ms), "ms", &facts.latency, theme.accent()),
    ];
    for (y, (name, value, unit, series, style)) in rows.into_iter().enumerate() {
        let y = y as u16;
        let dim = standing.stale();
        put(buffer, area, 0, y, name, theme.dim());
        put(buffer, area, 9, y, &format!("{value:>8}{unit}"), if dim { theme.dim() } else { theme.name_style() });
        let room = usize::from(area.width).saturating_sub(22);
        put(buffer, area, 21, y, &sparkline(model, series, room), if dim { theme.dim() } else { style });
    }
    let all = facts.cluster().0.map_or(0, |c| c.topologies.len());
    let note = match flowing.measured {
        n if n < all => format!("figures of {n} of {all} topologies, {}", standing.text(model.now_ms)),
        _ => format!("figures {}", standing.text(model.now_ms)),
    };
    put(buffer, area, 9, 4, &note, if standing.stale() { theme.bad() } else { theme.dim() });
}

fn cluster(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let (cluster, source) = model.facts.cluster();
    for (y, name) in ["slots", "nimbus", "states"].iter().enumerate() {
        put(buffer, area, 0, y as u16 + 5, name, theme.dim());
    }
    let Some(c) = cluster else { return };
    let text = if model.facts.standing(&source).stale() { theme.dim() } else { theme.text() };
    let (used, slots) = c.supervisors.iter().fold((0, 0), |(u, a), s| (u + s.used, a + s.slots));
    let x = put(buffer, area, 9, 5, &format!("{used:>4}/{slots:<5} "), text);
    let room = usize::from(area.width).saturating_sub(usize::from(x) + 1).min(60);
    let filled = if slots > 0 { (used.max(0) as usize * room) / (slots as usize).max(1) } else { 0 };
    let symbols = model.options.symbols;
    let bar: String = (0..room).map(|i| if i < filled { symbols.full() } else { symbols.empty() }).collect();
    put(buffer, area, x, 5, &bar, if used >= slots { theme.warning() } else { theme.accent() });
    let nimbuses: Vec<String> = c
        .nimbuses
        .iter()
        .map(|n| format!("{}:{} {} {}", n.host, n.port, if n.leader { "leads" } else { "follows" }, age(n.uptime_secs)))
        .collect();
    put(buffer, area, 9, 6, &nimbuses.join("   "), text);
    let mut x = 9;
    for status in ["ACTIVE", "INACTIVE", "REBALANCING", "KILLED"] {
        let n = c.topologies.iter().filter(|t| t.status == status).count();
        if n > 0 {
            x = put(buffer, area, x, 7, &format!("{n} {status}   "), theme.status(status));
        }
    }
    if c.topologies.is_empty() {
        put(buffer, area, x, 7, "no topology runs", theme.dim());
    }
}

/// The youngest to the right, the highest as high as the line.
fn sparkline(model: &Model, series: &Series, width: usize) -> String {
    let bars = model.options.symbols.bars();
    let skip = series.values().len().saturating_sub(width);
    let shown: Vec<f64> = series.values().skip(skip).collect();
    let most = shown.iter().copied().fold(0.0, f64::max);
    let bar = |v: f64| {
        let step = if most > 0.0 { (v / most * (bars.len() - 1) as f64).round() as usize } else { 0 };
        bars[step.min(bars.len() - 1)]
    };
    let pad = width.saturating_sub(shown.len());
    std::iter::repeat_n(' ', pad).chain(shown.into_iter().map(bar)).collect()
}
