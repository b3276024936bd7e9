//! Processes and configuration of this host, ZooKeeper's tree, findings and events.

use crate::data::{Process, Setting, Severity};
use crate::model::Model;
use crate::table::{Cell, Row, Table, Tone, left, right};
use crate::text::{age, clock, dash_if_empty, harmless, mebibytes};
use crate::views::View;

fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Dim,
        Severity::Warning => Tone::Warning,
        Severity::Error => Tone::Bad,
    }
}

fn severity_cell(severity: Severity) -> Cell {
    Cell::number(severity.word(), f64::from(severity as u8)).tone(severity_tone(severity))
}

/// Those of this host, and of the others whose agents tell.
pub fn processes(model: &Model) -> Table {
    let hosts = model.facts.processes.iter().flatten().any(|p| !p.host.is_empty());
    let mut columns = vec![
        right("PID", 0),
        left("NAME", 1),
        left("ROLE", 2),
        left("KIND", 6),
        right("SLOT", 3),
        right("CPU %", 4),
        right("MIB", 4),
        right("AGE", 5),
        left("STATE", 3),
        left("TOPOLOGY", 2),
    ];
    if hosts {
        columns.insert(0, left("HOST", 1));
    }
    let row = |p: &Process| {
        let cpu = model.facts.cpu.get(&p.key()).and_then(|c| c.2);
        let state = match p {
            _ if !p.trouble.is_empty() => Cell::text(harmless(&p.trouble)).tone(Tone::Bad),
            _ if p.orphan => Cell::text("ORPHAN").tone(Tone::Bad),
            _ => Cell::text("ok").tone(Tone::Good),
        };
        let mut cells = vec![
            Cell::number(p.pid.to_string(), f64::from(p.pid)),
            Cell::name(&p.name),
            Cell::text(&p.role),
            Cell::text(if p.java { "java" } else { "native" }),
            p.slot.map_or_else(|| Cell::text("-"), |s| Cell::number(s.to_string(), s as f64)),
            cpu.map_or_else(|| Cell::text("-"), |c| Cell::number(format!("{c:.1}"), c)),
            p.resident_bytes.map_or_else(|| Cell::text("-"), |b| Cell::number(mebibytes(b), b as f64)),
            p.uptime_secs.map_or_else(|| Cell::text("-"), Cell::age),
            state,
            Cell::text(dash_if_empty(&p.topology)),
        ];
        if hosts {
            cells.insert(0, Cell::name(if p.host.is_empty() { "here" } else { &p.host }));
        }
        Row::new(p.key(), cells)
    };
    Table { rows: model.facts.processes.iter().flatten().map(row).collect(), columns, total: 0 }
}

pub fn settings(model: &Model) -> Table {
    let columns = vec![left("KEY", 0), left("SOURCE", 2), left("WRONG", 3), left("VALUE", 1)];
    let Some(known) = &model.facts.settings else { return Table { columns, ..Table::default() } };
    let mut settings: Vec<&Setting> = known.settings.iter().collect();
    // What somebody has set comes first.
    settings.sort_by_key(|s| (s.source == "default", &s.key));
    let rows = settings.into_iter().map(|s| {
        let own = s.source != "default";
        let wrong =
            known.mistake_of(s).map_or_else(Cell::default, |m| Cell::text(&m.code).tone(severity_tone(m.severity)));
        Row::new(
            &s.key,
            vec![
                Cell::text(&s.key).tone(if own { Tone::Name } else { Tone::Plain }),
                // The file is named above.
                Cell::text(s.source.rsplit('/').next().unwrap_or_default()).tone(if own {
                    Tone::Good
                } else {
                    Tone::Dim
                }),
                wrong,
                Cell::text(harmless(&s.value)),
            ],
        )
    });
    Table { rows: rows.collect(), columns, total: 0 }
}

pub fn tree(model: &Model, path: &str) -> Table {
    let columns = vec![left("NODE", 0), right("NODES", 1), right("BYTES", 2)];
    let node = model.facts.nodes.get(path);
    let rows = node.iter().flat_map(|n| &n.children).map(|(name, bytes, children)| {
        Row::new(name, vec![Cell::name(harmless(name)), Cell::count(*children), Cell::count(*bytes)])
    });
    Table { rows: rows.collect(), columns, total: 0 }
}

/// Worst first; what the dashboard itself has lost is among them.
pub fn findings(model: &Model) -> Table {
    let columns = vec![left("SEVERITY", 1), left("CODE", 4), left("FINDING", 0), left("FIX", 3)];
    let mut rows = Vec::new();
    let mut row = |severity: Severity, code: &str, message: &str, fix: &str| {
        rows.push((
            severity,
            Row::new(
                format!("{code} {message}"),
                vec![
                    severity_cell(severity),
                    Cell::text(code).tone(Tone::Dim),
                    Cell::text(harmless(message)).tone(Tone::Name),
                    Cell::text(harmless(fix)),
                ],
            ),
        ));
    };
    for f in model.facts.findings.iter().flatten() {
        row(f.severity, &f.code, &f.message, f.fix.as_deref().unwrap_or_default());
    }
    if model.view() == &View::Findings {
        for f in model.facts.settings.iter().flat_map(|s| &s.mistakes) {
            row(f.severity, &f.code, &f.message, f.fix.as_deref().unwrap_or_default());
        }
    }
    rows.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    Table { rows: rows.into_iter().map(|(_, r)| r).collect(), columns, total: 0 }
}

/// The time of day; of another day how long ago.
fn when(at_ms: u64, now_ms: u64) -> String {
    const DAY: u64 = 86_400_000;
    let ago = now_ms.saturating_sub(at_ms) / 1000;
    if at_ms / DAY == now_ms / DAY { clock(at_ms) } else { format!("{} ago", age(ago as i64)) }
}

pub fn events(model: &Model) -> Table {
    let columns = vec![left("TIME", 0), left("SEVERITY", 2), left("SUBJECT", 1), left("EVENT", 0)];
    let rows = model.facts.events.iter().map(|e| {
        Row::new(
            format!("{:08}", e.number),
            vec![
                Cell::number(when(e.at_ms, model.now_ms), e.at_ms as f64),
                severity_cell(e.severity),
                Cell::name(harmless(&e.subject)),
                Cell::text(harmless(&e.what)),
            ],
        )
    });
    Table { rows: rows.collect(), columns, total: 0 }
}
