//! `stormctl list`.

use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_thrift::types::TopologySummary;

use crate::context::Context;
use crate::failure::Failure;
use crate::printer::Report;
use crate::table::{Side, Table, age, or_dash};

pub async fn run(ctx: &Context) -> Result<(), Failure> {
    let topologies =
        ctx.within(Duration::from_secs(30), async { Ok(ctx.nimbus().await?.get_topology_summaries().await?) }).await?;
    ctx.printer.show(&Topologies(topologies))
}

struct Topologies(Vec<TopologySummary>);

/// A summary for programs; `describe` shows the same.
pub fn json(t: &TopologySummary) -> Value {
    json!({
        "name": t.name,
        "id": t.id,
        "status": t.status,
        "uptime_secs": t.uptime_secs,
        "num_workers": t.num_workers,
        "num_executors": t.num_executors,
        "num_tasks": t.num_tasks,
        "owner": t.owner,
        "storm_version": t.storm_version,
        "scheduler_info": t.sched_status,
    })
}

impl Report for Topologies {
    const KIND: &'static str = "TopologyList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(json).collect()
    }

    fn text(&self, wide: bool) -> String {
        if self.0.is_empty() {
            return "No topologies running.\n".to_owned();
        }
        let mut columns = vec![
            ("NAME", Side::Left),
            ("STATUS", Side::Left),
            ("WORKERS", Side::Right),
            ("TASKS", Side::Right),
            ("AGE", Side::Right),
            ("OWNER", Side::Left),
        ];
        if wide {
            columns.extend([("EXECUTORS", Side::Right), ("ID", Side::Left), ("SCHEDULER", Side::Left)]);
        }
        let mut table = Table::new(&columns);
        for t in &self.0 {
            let mut cells = vec![
                t.name.clone(),
                t.status.clone(),
                t.num_workers.to_string(),
                t.num_tasks.to_string(),
                age(t.uptime_secs.into()),
                or_dash(t.owner.clone()),
            ];
            if wide {
                cells.extend([t.num_executors.to_string(), t.id.clone(), or_dash(t.sched_status.clone())]);
            }
            table.row(cells);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|t| t.name.clone()).collect()
    }

    /// To the letter what `storm list` prints.
    fn storm(&self) -> Option<String> {
        if self.0.is_empty() {
            return Some("No topologies running.\n".to_owned());
        }
        let mut text =
            storm_row(["Topology_name", "Status", "Num_tasks", "Num_workers", "Uptime_secs", "Topology_Id", "Owner"]);
        text.push_str(&"-".repeat(88));
        text.push('\n');
        for t in &self.0 {
            text.push_str(&storm_row([
                &t.name,
                &t.status,
                &t.num_tasks.to_string(),
                &t.num_workers.to_string(),
                &t.uptime_secs.to_string(),
                &t.id,
                // Java prints the word for what is not there.
                t.owner.as_deref().unwrap_or("null"),
            ]));
        }
        Some(text)
    }
}

fn storm_row(c: [&str; 7]) -> String {
    format!("{:<20} {:<10} {:<10} {:<12} {:<12} {:<20} {:<20}\n", c[0], c[1], c[2], c[3], c[4], c[5], c[6])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Topologies {
        let one = TopologySummary {
            id: "wordcount-1-1700000000".into(),
            name: "wordcount".into(),
            num_tasks: 8,
            num_executors: 8,
            num_workers: 2,
            uptime_secs: 3725,
            status: "ACTIVE".into(),
            owner: Some("ann".into()),
            ..Default::default()
        };
        let two = TopologySummary { name: "b".into(), owner: None, status: "KILLED".into(), ..one.clone() };
        Topologies(vec![one, two])
    }

    #[test]
    fn the_table() {
        assert_eq!(
            two().text(false),
            "NAME       STATUS  WORKERS  TASKS   AGE  OWNER\n\
             wordcount  ACTIVE        2      8  1h2m  ann\n\
             b          KILLED        2      8  1h2m  -\n"
        );
        assert_eq!(Topologies(vec![]).text(false), "No topologies running.\n");
    }

    #[test]
    fn storms_own_table() {
        let text = two().storm().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "Topology_name        Status     Num_tasks  Num_workers  Uptime_secs  Topology_Id          Owner               "
        );
        assert_eq!(lines[1].len(), 88);
        assert_eq!(
            lines[2],
            "wordcount            ACTIVE     8          2            3725         wordcount-1-1700000000 ann                 "
        );
    }
}
