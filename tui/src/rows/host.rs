//! Processes and configuration of this host, ZooKeeper's tree, findings and events.

use crate::data::{Process, Setting, Severity};
use crate::model::Model;
use crate::table::{Cell, Row, Table, Tone, left, right};
use crate::text::{clock, dash_if_empty, harmless, mebibytes};
use crate::views::View;

fn severity_cell(severity: Severity) -> Cell {
    let tone = match severity {
        Severity::Info => Tone::Dim,
        Severity::Warning => Tone::Warning,
        Severity::Error => Tone::Bad,
    };
    Cell::number(severity.word(), f64::from(severity as u8)).tone(tone)
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
    let columns = vec![left("KEY", 0), left("SOURCE", 2), left("VALUE", 1)];
    let mut settings: Vec<&Setting> = model.facts.settings.iter().flat_map(|s| &s.settings).collect();
    // What somebody has set comes first.
    settings.sort_by_key(|s| (s.source == "default", &s.key));
    let rows = settings.into_iter().map(|s| {
        let own = s.source != "default";
        Row::new(
            &s.key,
            vec![
                Cell::text(&s.key).tone(if own { Tone::Name } else { Tone::Plain }),
                Cell::text(&s.source).tone(if own { Tone::Good } else { Tone::Dim }),
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

pub fn events(model: &Model) -> Table {
    let columns = vec![left("TIME", 0), left("SEVERITY", 2), left("SUBJECT", 1), left("EVENT", 0)];
    let rows = model.facts.events.iter().enumerate().map(|(i, e)| {
        // Counted from the oldest, so that a selected event stays selected when new ones come.
        let number = model.facts.events.len() - i;
        Row::new(
            format!("{number:08}"),
            vec![
                Cell::number(clock(e.at_ms), e.at_ms as f64),
                severity_cell(e.severity),
                Cell::name(harmless(&e.subject)),
                Cell::text(harmless(&e.what)),
            ],
        )
    });
    Table { rows: rows.collect(), columns, total: 0 }
}
