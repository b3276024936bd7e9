//! The whole cluster at a glance: what flows, how fast, how much room is left; the findings are below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame::{age as age_of, at_end, frame, rule};
use super::put;
use crate::model::Model;
use crate::rate::Series;
use crate::source::Source;
use crate::text::{age, millis, rate};

/// From this width on the charts stand side by side.
const WIDE: u16 = 100;
const CHART: u16 = 6;
const FACTS: u16 = 6;

fn wide(width: u16, room: u16) -> bool {
    width >= WIDE && room >= CHART + FACTS + 8
}

pub fn height(width: u16, room: u16) -> u16 {
    if wide(width, room) { CHART + FACTS + 1 } else { 10 }
}

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let flows = flows(model);
    if area.height == CHART + FACTS + 1 {
        charts(model, buffer, Rect { height: CHART, ..area }, &flows);
        facts(model, buffer, Rect { y: area.y + CHART, height: FACTS, ..area });
    } else {
        lines(model, buffer, area, &flows);
    }
    if area.height > 0 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        rule(model, buffer, last, "findings", model.theme().title());
        let (text, style) = age_of(model, &Source::Findings);
        at_end(buffer, last, 0, &text, style);
    }
}

/// A figure of the whole cluster, and how it went.
struct Flow<'m> {
    name: &'static str,
    value: String,
    series: &'m Series,
    style: Style,
    scale: fn(f64) -> String,
}

fn flows(model: &Model) -> [Flow<'_>; 4] {
    let (theme, facts) = (model.theme(), &model.facts);
    let flowing = facts.flowing();
    let stale = facts.standing(&Source::Samples).stale();
    let known = |v: f64| if flowing.rated == 0 { "-".to_owned() } else { format!("{}/s", rate(v)) };
    let failing = if flowing.failed > 0.0 { theme.bad() } else { theme.dim() };
    let ms = |v: f64| format!("{} ms", millis(Some(v)));
    let latency = flowing.latency_ms.map_or_else(|| "-".to_owned(), ms);
    let style = |live: Style| if stale { theme.dim() } else { live };
    [
        Flow {
            name: "emitted",
            value: known(flowing.emitted),
            series: &facts.emitted,
            style: style(theme.accent()),
            scale: rate,
        },
        Flow {
            name: "acked",
            value: known(flowing.acked),
            series: &facts.acked,
            style: style(theme.good()),
            scale: rate,
        },
        Flow {
            name: "failed",
            value: known(flowing.failed),
            series: &facts.failed,
            style: style(failing),
            scale: rate,
        },
        Flow { name: "latency", value: latency, series: &facts.latency, style: style(theme.accent()), scale: ms },
    ]
}

/// Whose figures those are, and how old.
fn measured(model: &Model) -> (String, Style) {
    let (text, style) = age_of(model, &Source::Samples);
    let (some, all) = (model.facts.samples.len(), model.facts.cluster().0.map_or(0, |c| c.topologies.len()));
    if some < all { (format!("{some} of {all} topologies, {text}"), style) } else { (text, style) }
}

fn charts(model: &Model, buffer: &mut Buffer, area: Rect, flows: &[Flow<'_>; 4]) {
    let theme = model.theme();
    let mut x = area.x;
    for (i, flow) in flows.iter().enumerate() {
        let end = area.x + (u32::from(area.width) * (i as u32 + 1) / 4) as u16;
        let panel = Rect { x, width: end - x, ..area };
        let inner = frame(model, buffer, panel, flow.name, theme.dim());
        at_end(buffer, panel, 0, &flow.value, theme.name_style());
        let most = chart(model, buffer, inner, flow);
        if most > 0.0 {
            put(buffer, panel, 2, panel.height - 1, &format!(" max {} ", (flow.scale)(most)), theme.dim());
        }
        if i == 3 {
            let (text, style) = measured(model);
            at_end(buffer, panel, panel.height - 1, &text, style);
        }
        x = end;
    }
}

/// The youngest to the right, the highest as high as there is room; gives how high that is.
fn chart(model: &Model, buffer: &mut Buffer, area: Rect, flow: &Flow<'_>) -> f64 {
    let bars = model.options.symbols.bars();
    let skip = flow.series.values().len().saturating_sub(usize::from(area.width));
    let most = flow.series.values().skip(skip).fold(0.0, f64::max);
    let count = flow.series.values().len() - skip;
    let steps = bars.len() * usize::from(area.height);
    for (i, value) in flow.series.values().skip(skip).enumerate() {
        let x = area.width - (count - i) as u16;
        // Nothing at all is a line at the bottom.
        let high = if most > 0.0 { (value / most * steps as f64).round() as usize } else { 0 }.max(1);
        for row in 0..usize::from(area.height) {
            let here = high.saturating_sub(row * bars.len()).min(bars.len());
            if here > 0 {
                let y = area.height - 1 - row as u16;
                put(buffer, area, x, y, bars[here - 1].encode_utf8(&mut [0; 4]), flow.style);
            }
        }
    }
    most
}

fn facts(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let left = Rect { width: area.width * 3 / 5, ..area };
    let right = Rect { x: left.right(), width: area.width - left.width, ..area };
    let inner = frame(model, buffer, left, "cluster", theme.dim());
    let (text, style) = age_of(model, &model.facts.cluster().1);
    at_end(buffer, left, 0, &text, style);
    cluster(model, buffer, inner);
    let inner = frame(model, buffer, right, "zookeeper", theme.dim());
    let (text, style) = age_of(model, &Source::Ensemble);
    at_end(buffer, right, 0, &text, style);
    let servers = model.facts.ensemble.iter().flat_map(|e| &e.servers);
    let stale = model.facts.standing(&Source::Ensemble).stale();
    for (y, s) in servers.take(usize::from(inner.height)).enumerate() {
        let x = put(
            buffer,
            inner,
            0,
            y as u16,
            &format!("{}  ", s.address),
            if stale { theme.dim() } else { theme.name_style() },
        );
        let (text, style) = match &s.trouble {
            None => (format!("{}  {} nodes  latency {}", s.mode, s.nodes, s.latency), theme.text()),
            Some(why) => (format!("DOWN  {}", crate::text::harmless(why)), theme.bad()),
        };
        put(buffer, inner, x, y as u16, &text, if stale { theme.dim() } else { style });
    }
}

/// Slots, nimbuses and states of topologies, a line each.
fn cluster(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme();
    let (cluster, source) = model.facts.cluster();
    for (y, name) in ["slots", "nimbus", "states"].iter().enumerate() {
        put(buffer, area, 0, y as u16, name, theme.dim());
    }
    let Some(c) = cluster else { return };
    let stale = model.facts.standing(&source).stale();
    let text = if stale { theme.dim() } else { theme.text() };
    let (used, slots) = c.supervisors.iter().fold((0, 0), |(u, a), s| (u + s.used, a + s.slots));
    let x = put(buffer, area, 9, 0, &format!("{used}/{slots}  "), text);
    let room = usize::from(area.width).saturating_sub(usize::from(x) + 1).min(60);
    let filled = if slots > 0 { (used.max(0) as usize * room) / (slots as usize).max(1) } else { 0 };
    let symbols = model.options.symbols;
    let full: String = std::iter::repeat_n(symbols.full(), filled.min(room)).collect();
    let empty: String = std::iter::repeat_n(symbols.empty(), room - filled.min(room)).collect();
    let bar = match () {
        () if stale => theme.dim(),
        () if used >= slots => theme.warning(),
        () => theme.accent(),
    };
    let x = put(buffer, area, x, 0, &full, bar);
    put(buffer, area, x, 0, &empty, theme.dim());
    let nimbuses: Vec<String> = c
        .nimbuses
        .iter()
        .map(|n| format!("{}:{} {} {}", n.host, n.port, if n.leader { "leads" } else { "follows" }, age(n.uptime_secs)))
        .collect();
    let none = if nimbuses.is_empty() { "none is known".to_owned() } else { nimbuses.join("   ") };
    put(buffer, area, 9, 1, &none, text);
    let mut x = 9;
    for status in ["ACTIVE", "INACTIVE", "REBALANCING", "KILLED"] {
        let n = c.topologies.iter().filter(|t| t.status == status).count();
        if n > 0 {
            x = put(
                buffer,
                area,
                x,
                2,
                &format!("{n} {status}   "),
                if stale { theme.dim() } else { theme.status(status) },
            );
        }
    }
    if c.topologies.is_empty() {
        put(buffer, area, x, 2, "no topology runs", theme.dim());
    }
}

/// Where there is no room for charts: a line for each figure.
fn lines(model: &Model, buffer: &mut Buffer, area: Rect, flows: &[Flow<'_>; 4]) {
    let theme = model.theme();
    let stale = model.facts.standing(&Source::Samples).stale();
    for (y, flow) in flows.iter().enumerate() {
        let y = y as u16;
        put(buffer, area, 0, y, flow.name, theme.dim());
        put(buffer, area, 9, y, &format!("{:>10}", flow.value), if stale { theme.dim() } else { theme.name_style() });
        chart(
            model,
            buffer,
            Rect::new(area.x + 21, area.y + y, area.width.saturating_sub(22), 1).intersection(area),
            flow,
        );
    }
    let (text, style) = measured(model);
    put(buffer, area, 9, 4, &format!("figures {text}"), style);
    cluster(model, buffer, Rect { y: area.y + 5, height: 3, ..area }.intersection(area));
    let servers = || model.facts.ensemble.iter().flat_map(|e| &e.servers);
    let texts: Vec<String> = servers()
        .map(|s| match &s.trouble {
            None => format!("{} {} {} nodes", s.address, s.mode, s.nodes),
            Some(_) => format!("{} DOWN", s.address),
        })
        .collect();
    let (age, age_style) = age_of(model, &Source::Ensemble);
    put(buffer, area, 0, 8, "zk", theme.dim());
    let style = match () {
        () if model.facts.standing(&Source::Ensemble).stale() => theme.dim(),
        () if servers().any(|s| s.trouble.is_some()) => theme.bad(),
        () => theme.text(),
    };
    let x = put(buffer, area, 9, 8, &texts.join("   "), style);
    put(buffer, area, if x > 9 { x + 3 } else { x }, 8, &age, age_style);
}
