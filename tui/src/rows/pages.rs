//! The components of a topology, the executors of a component, and what went wrong in them.

use crate::data::{Component, ComponentError, Executor};
use crate::model::Model;
use crate::table::{Cell, Row, Table, Tone, left, right};
use crate::text::age;

pub fn topology(model: &Model, id: &str) -> Table {
    let columns = vec![
        left("COMPONENT", 0),
        left("KIND", 4),
        right("EXECUTORS", 3),
        right("TASKS", 8),
        right("EMITTED", 4),
        right("EXECUTED", 5),
        right("ACKED", 2),
        right("FAILED", 2),
        right("CAPACITY", 1),
        right("EXECUTE MS", 6),
        right("PROCESS MS", 7),
        right("COMPLETE MS", 5),
        left("LAST ERROR", 6),
    ];
    let Some(topology) = model.facts.topologies.get(id) else { return Table { columns, ..Table::default() } };
    let row = |c: &Component| {
        let mut cells = vec![
            Cell::name(&c.id),
            Cell::text(if c.spout { "spout" } else { "bolt" }),
            Cell::count(c.executors),
            Cell::count(c.tasks),
        ];
        cells.extend(figures(c));
        let error = c.last_error.as_deref().unwrap_or_default();
        cells.push(Cell::text(crate::text::harmless(error.lines().next().unwrap_or_default())).tone(Tone::Bad));
        Row::new(&c.id, cells)
    };
    Table { columns, rows: topology.components.iter().map(row).collect(), total: 0 }
}

fn figures(c: &Component) -> Vec<Cell> {
    vec![
        Cell::count(c.emitted),
        c.executed.map_or_else(|| Cell::text("-"), Cell::count),
        Cell::count(c.acked),
        Cell::failed(c.failed),
        Cell::capacity(c.capacity),
        Cell::millis(c.execute_ms),
        Cell::millis(c.process_ms),
        Cell::millis(c.complete_ms),
    ]
}

pub fn component(model: &Model, id: &str, component: &str) -> Table {
    let columns = vec![
        left("HOST", 0),
        right("PORT", 1),
        right("TASKS", 2),
        right("AGE", 3),
        right("EMITTED", 4),
        right("EXECUTED", 5),
        right("ACKED", 2),
        right("FAILED", 2),
        right("CAPACITY", 1),
        right("EXECUTE MS", 6),
        right("PROCESS MS", 7),
        right("COMPLETE MS", 5),
    ];
    let page = model.facts.components.get(&(id.to_owned(), component.to_owned()));
    let row = |e: &Executor| {
        let tasks = if e.first_task == e.last_task {
            e.first_task.to_string()
        } else {
            format!("{}-{}", e.first_task, e.last_task)
        };
        let mut cells = vec![
            Cell::name(&e.host),
            Cell::number(e.port.to_string(), f64::from(e.port)),
            Cell::number(tasks, f64::from(e.first_task)),
            Cell::age(e.uptime_secs),
        ];
        cells.extend(figures(&e.stats));
        Row::new(format!("{}", e.first_task), cells)
    };
    Table { rows: page.iter().flat_map(|p| &p.running).map(row).collect(), columns, total: 0 }
}

pub fn errors(model: &Model) -> Table {
    let columns = vec![right("AGE", 1), left("TOPOLOGY", 0), left("COMPONENT", 0), left("WORKER", 3), left("ERROR", 0)];
    let mut all: Vec<&ComponentError> = model.facts.errors().collect();
    all.sort_by_key(|e| std::cmp::Reverse(e.time_secs));
    let rows = all.into_iter().map(|e| {
        let since = (model.now_ms / 1000) as i64 - e.time_secs;
        let worker = match (&e.host, e.port) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            _ => "-".to_owned(),
        };
        let first = e.error.lines().next().unwrap_or_default();
        Row::new(
            format!("{}/{}", e.topology, e.component),
            vec![
                Cell::number(age(since), since as f64),
                Cell::name(&e.topology),
                Cell::name(&e.component),
                Cell::text(worker),
                Cell::text(crate::text::harmless(first)).tone(Tone::Bad),
            ],
        )
    });
    Table { rows: rows.collect(), columns, total: 0 }
}
