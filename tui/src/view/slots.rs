//! Which slots of which host are used, as a picture.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::data::Supervisor;
use crate::model::Model;
use crate::source::Source;

/// Lines of it at most.
const LINES: usize = 6;
/// Slots of a host that are drawn one by one.
const DRAWN: i64 = 16;

fn supervisors(model: &Model) -> &[Supervisor] {
    model.facts.cluster().0.map_or(&[], |c| &c.supervisors)
}

fn columns(model: &Model, width: u16) -> (usize, usize) {
    let all = supervisors(model);
    let name = all.iter().map(|s| s.host.chars().count()).max().unwrap_or(0).min(30);
    let slots = all.iter().map(|s| s.slots.clamp(0, DRAWN)).max().unwrap_or(0) as usize;
    let column = name + slots + 14;
    (name, (usize::from(width) / column.max(1)).max(1))
}

pub fn height(model: &Model, room: u16) -> u16 {
    let hosts = supervisors(model).len();
    if hosts == 0 || room < 12 {
        return 0;
    }
    let (_, columns) = columns(model, model.size.0);
    hosts.div_ceil(columns).min(LINES) as u16 + 1
}

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    if area.height < 2 {
        return;
    }
    let theme = model.theme();
    let symbols = model.options.symbols;
    let stale = model.facts.standing(&Source::Cluster).stale();
    let live = |style| if stale { theme.dim() } else { style };
    let (name, columns) = columns(model, area.width);
    let (lines, hosts) = (usize::from(area.height) - 1, supervisors(model));
    for (i, s) in hosts.iter().take(lines * columns).enumerate() {
        let column = Rect::new(
            (i % columns) as u16 * (area.width / columns as u16),
            area.y,
            area.width / columns as u16,
            area.height,
        );
        let y = (i / columns) as u16;
        if i + 1 == lines * columns && hosts.len() > lines * columns {
            put(buffer, column, 2, y, &format!("and {} more hosts", hosts.len() - i), theme.dim());
            break;
        }
        let host: String = s.host.chars().take(name).collect();
        let bad = s.blacklisted;
        put(buffer, column, 2, y, &host, live(if bad { theme.bad() } else { theme.name_style() }));
        let mut x = name as u16 + 4;
        for slot in 0..s.slots.clamp(0, DRAWN) {
            let used = slot < s.used;
            let style = if used { theme.accent() } else { theme.dim() };
            x = put(buffer, column, x, y, symbols.slot(used).encode_utf8(&mut [0; 4]), live(style));
        }
        let full = if s.used >= s.slots { theme.warning() } else { theme.text() };
        put(buffer, column, x + 1, y, &format!("{}/{}", s.used, s.slots), live(full));
    }
}
