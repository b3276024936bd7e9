//! Topologies, supervisors, nimbuses, and who sits in which slot.

use std::collections::BTreeMap;

use crate::data::{Supervisor, TopologySummary, Worker};
use crate::model::Model;
use crate::table::{Cell, Row, Table, Tone, left, right};
use crate::text::{age, dash_if_empty, rate};

pub fn status_tone(status: &str) -> Tone {
    match status {
        "ACTIVE" => Tone::Good,
        "INACTIVE" => Tone::Dim,
        "KILLED" => Tone::Bad,
        _ => Tone::Warning,
    }
}

/// A killed one goes on until what is on its way is done, or its time is over.
fn status(t: &TopologySummary, acked: Option<f64>) -> String {
    match acked {
        Some(acked) if t.status == "KILLED" && acked > 0.0 => format!("KILLED, drains {}/s", rate(acked)),
        _ => t.status.clone(),
    }
}

pub fn topologies(model: &Model) -> Table {
    let columns = vec![
        left("NAME", 0),
        left("STATUS", 1),
        right("WORKERS", 3),
        right("EXECUTORS", 6),
        right("TASKS", 9),
        right("EMIT/S", 4),
        right("ACK/S", 2),
        right("FAILED", 3),
        right("LATENCY", 4),
        right("CAPACITY", 5),
        right("AGE", 6),
        left("OWNER", 10),
        left("ID", 11),
        left("PLACED", 8),
    ];
    let Some(cluster) = model.facts.cluster().0 else { return Table { columns, ..Table::default() } };
    let window = crate::data::WINDOWS[model.window].0;
    let row = |t: &TopologySummary| {
        let sampled = model.facts.samples.get(&t.id);
        let totals = sampled.and_then(|s| s.sample.windows.get(window));
        let dash = || Cell::text("-").tone(Tone::Dim);
        Row::new(
            &t.id,
            vec![
                Cell::name(&t.name),
                Cell::text(status(t, sampled.and_then(|s| s.acked.per_second()))).tone(status_tone(&t.status)),
                Cell::count(t.workers).tone(if t.workers == 0 { Tone::Bad } else { Tone::Plain }),
                Cell::count(t.executors),
                Cell::count(t.tasks),
                Cell::rate(sampled.and_then(|s| s.emitted.per_second())),
                Cell::rate(sampled.and_then(|s| s.acked.per_second())),
                totals.map_or_else(dash, |w| Cell::failed(w.failed)),
                Cell::millis(totals.and_then(|w| w.complete_ms)),
                Cell::capacity(sampled.and_then(|s| s.sample.hottest.as_ref()).map(|(_, c)| *c)),
                Cell::age(t.uptime_secs),
                Cell::text(dash_if_empty(&t.owner)),
                Cell::text(&t.id).tone(Tone::Dim),
                Cell::text(&t.placed),
            ],
        )
    };
    Table { columns, rows: cluster.topologies.iter().map(row).collect(), total: 0 }
}

pub fn supervisors(model: &Model) -> Table {
    let columns = vec![
        left("HOST", 0),
        right("SLOTS", 2),
        right("USED", 1),
        right("FREE", 1),
        right("MEM MB", 4),
        right("MEM USED", 4),
        right("CPU", 5),
        right("CPU USED", 5),
        right("AGE", 3),
        left("VERSION", 6),
        left("STATE", 2),
        left("ID", 7),
    ];
    let Some(cluster) = model.facts.cluster().0 else { return Table { columns, ..Table::default() } };
    let amount = |v: Option<f64>| match v {
        Some(v) => Cell::number(format!("{v:.0}"), v),
        None => Cell::text("-"),
    };
    let row = |s: &Supervisor| {
        Row::new(
            &s.id,
            vec![
                Cell::name(&s.host),
                Cell::count(s.slots),
                Cell::count(s.used),
                Cell::count(s.slots - s.used).tone(if s.slots == s.used { Tone::Warning } else { Tone::Plain }),
                amount(s.total_mem),
                amount(s.used_mem),
                amount(s.total_cpu),
                amount(s.used_cpu),
                Cell::age(s.uptime_secs),
                Cell::text(dash_if_empty(&s.version)),
                if s.blacklisted {
                    Cell::text("BLACKLISTED").tone(Tone::Bad)
                } else {
                    Cell::text("up").tone(Tone::Good)
                },
                Cell::text(&s.id).tone(Tone::Dim),
            ],
        )
    };
    Table { columns, rows: cluster.supervisors.iter().map(row).collect(), total: 0 }
}

pub fn nimbuses(model: &Model) -> Table {
    let columns = vec![left("HOST", 0), right("PORT", 1), left("ROLE", 1), right("AGE", 2), left("VERSION", 3)];
    let Some(cluster) = model.facts.cluster().0 else { return Table { columns, ..Table::default() } };
    let rows = cluster.nimbuses.iter().map(|n| {
        Row::new(
            format!("{}:{}", n.host, n.port),
            vec![
                Cell::name(&n.host),
                Cell::number(n.port.to_string(), f64::from(n.port)),
                if n.leader { Cell::text("leader").tone(Tone::Good) } else { Cell::text("follower") },
                Cell::age(n.uptime_secs),
                Cell::text(dash_if_empty(&n.version)),
            ],
        )
    });
    Table { rows: rows.collect(), columns, total: 0 }
}

/// One row for each worker, and one for the free slots of each supervisor.
pub fn slots(model: &Model) -> Table {
    let columns = vec![
        left("HOST", 0),
        right("PORT", 1),
        left("TOPOLOGY", 1),
        right("EXECUTORS", 2),
        right("MEM MB", 5),
        right("CPU", 6),
        right("AGE", 3),
        left("COMPONENTS", 4),
    ];
    let mut rows = Vec::new();
    let mut used: BTreeMap<&str, i64> = BTreeMap::new();
    for w in model.facts.workers.iter().flatten() {
        *used.entry(&w.supervisor).or_default() += 1;
        rows.push(worker_row(w));
    }
    for s in model.facts.cluster().0.iter().flat_map(|c| &c.supervisors) {
        let free = s.slots - used.get(s.id.as_str()).copied().unwrap_or(s.used).max(s.used.min(s.slots));
        if free > 0 {
            let text = if free == 1 { "1 free slot".to_owned() } else { format!("{free} free slots") };
            let dim = |t: &str| Cell::text(t).tone(Tone::Dim);
            let cells = vec![Cell::name(&s.host), dim("-"), dim(&text)];
            rows.push(Row::new(format!("{}:free", s.host), cells));
        }
    }
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    Table { columns, rows, total: 0 }
}

pub fn worker_row(w: &Worker) -> Row {
    let amount = |v: Option<f64>| match v {
        Some(v) => Cell::number(format!("{v:.0}"), v),
        None => Cell::text("-"),
    };
    let components: Vec<String> = w.components.iter().map(|(c, n)| format!("{c} {n}")).collect();
    Row::new(
        format!("{}:{}", w.host, w.port),
        vec![
            Cell::name(&w.host),
            Cell::number(w.port.to_string(), w.port as f64),
            Cell::text(&w.topology),
            Cell::count(w.executors),
            amount(w.mem),
            amount(w.cpu),
            Cell::number(age(w.uptime_secs), w.uptime_secs as f64),
            Cell::text(components.join(", ")),
        ],
    )
}
