//! `stormctl describe NAME`.

use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_thrift::types::{ErrorInfo, GetInfoOptions, NumErrorsChoice, TopologyInfo, TopologySummary};

use crate::context::Context;
use crate::failure::Failure;
use crate::printer::Report;
use crate::stats::{self, Component, Worker};
use crate::table::{Side, Table, age, or_dash};

use super::{list, topology};

pub async fn run(ctx: &Context, name: &str) -> Result<(), Failure> {
    let described = ctx
        .within(Duration::from_secs(30), async {
            let mut nimbus = ctx.nimbus().await?;
            let summary = topology::find(&mut nimbus, name).await?;
            let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::One) };
            let info = nimbus.get_topology_info_with_opts(summary.id.clone(), options).await?;
            Ok(Described::new(summary, &info))
        })
        .await?;
    ctx.printer.show(&described)
}

struct Described {
    summary: TopologySummary,
    components: Vec<Component>,
    workers: Vec<Worker>,
    errors: Vec<(String, ErrorInfo)>,
}

impl Described {
    fn new(summary: TopologySummary, info: &TopologyInfo) -> Described {
        let errors = info.errors.iter().flat_map(|(component, errors)| {
            errors.iter().max_by_key(|e| e.error_time_secs).map(|e| (component.clone(), e.clone()))
        });
        Described {
            components: stats::components(&info.executors),
            workers: stats::workers(&info.executors),
            errors: errors.collect(),
            summary,
        }
    }
}

impl Report for Described {
    const KIND: &'static str = "Topology";

    fn fields(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("topology".into(), list::json(&self.summary));
        map.insert("components".into(), self.components.iter().map(Component::json).collect());
        let workers = self
            .workers
            .iter()
            .map(|w| json!({"host": w.host, "port": w.port, "executors": w.executors, "uptime_secs": w.uptime_secs}));
        map.insert("workers".into(), workers.collect());
        let errors = self.errors.iter().map(|(component, e)| {
            json!({
                "component": component,
                "error": e.error,
                "time_secs": e.error_time_secs,
                "host": e.host,
                "port": e.port,
            })
        });
        map.insert("errors".into(), errors.collect());
        map
    }

    fn text(&self, wide: bool) -> String {
        let s = &self.summary;
        let mut text = format!("name     {}\nid       {}\nstatus   {}\n", s.name, s.id, s.status);
        text.push_str(&format!("age      {}\nowner    {}\n", age(s.uptime_secs.into()), or_dash(s.owner.clone())));
        if let Some(info) = s.sched_status.as_ref().filter(|i| !i.is_empty()) {
            text.push_str(&format!("placed   {info}\n"));
        }
        text.push('\n');
        text.push_str(&self.component_table(wide).text());
        text.push('\n');
        if self.workers.is_empty() {
            text.push_str("no worker runs it\n");
        } else {
            let columns = [("WORKER", Side::Left), ("EXECUTORS", Side::Right), ("AGE", Side::Right)];
            let mut table = Table::new(&columns);
            for w in &self.workers {
                let place = format!("{}:{}", w.host, w.port);
                table.row([place, w.executors.to_string(), age(w.uptime_secs.into())]);
            }
            text.push_str(&table.text());
        }
        for (component, e) in &self.errors {
            let place = match (&e.host, e.port) {
                (Some(host), Some(port)) => format!(" on {host}:{port}"),
                _ => String::new(),
            };
            let first = e.error.lines().next().unwrap_or_default();
            text.push_str(&format!("\nerror in {component}{place}: {first}\n"));
            if wide {
                e.error.lines().skip(1).for_each(|l| text.push_str(&format!("  {l}\n")));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.summary.name.clone()]
    }
}

impl Described {
    fn component_table(&self, wide: bool) -> Table {
        let mut columns = vec![
            ("COMPONENT", Side::Left),
            ("KIND", Side::Left),
            ("EXECUTORS", Side::Right),
            ("TASKS", Side::Right),
            ("EMITTED", Side::Right),
            ("EXECUTED", Side::Right),
            ("ACKED", Side::Right),
            ("FAILED", Side::Right),
            ("LATENCY MS", Side::Right),
        ];
        if wide {
            columns.extend([("TRANSFERRED", Side::Right), ("EXECUTE MS", Side::Right)]);
        }
        let mut table = Table::new(&columns);
        let ms = |value: Option<f64>| or_dash(value.map(|v| format!("{v:.3}")));
        for c in &self.components {
            let mut cells = vec![
                c.id.clone(),
                c.kind().to_owned(),
                c.executors.to_string(),
                c.tasks.to_string(),
                c.emitted.to_string(),
                or_dash(c.executed),
                c.acked.to_string(),
                c.failed.to_string(),
                ms(c.complete_ms.or(c.process_ms)),
            ];
            if wide {
                cells.extend([c.transferred.to_string(), ms(c.execute_ms)]);
            }
            table.row(cells);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::{ExecutorInfo, ExecutorSummary};

    #[test]
    fn a_topology_with_an_error_and_no_statistics_yet() {
        let executor = ExecutorSummary {
            executor_info: ExecutorInfo { task_start: 3, task_end: 4 },
            component_id: "count".into(),
            host: "h1".into(),
            port: 6700,
            uptime_secs: 65,
            stats: None,
        };
        let summary = TopologySummary {
            name: "wc".into(),
            id: "wc-1-1".into(),
            status: "ACTIVE".into(),
            uptime_secs: 70,
            ..Default::default()
        };
        let error = ErrorInfo {
            error: "boom\n  at line 1".into(),
            error_time_secs: 5,
            host: Some("h1".into()),
            port: Some(6700),
        };
        let mut info = TopologyInfo { executors: vec![executor], ..Default::default() };
        info.errors.insert("count".into(), vec![error]);
        assert_eq!(
            Described::new(summary, &info).text(false),
            "name     wc\nid       wc-1-1\nstatus   ACTIVE\nage      1m10s\nowner    -\n\n\
             COMPONENT  KIND  EXECUTORS  TASKS  EMITTED  EXECUTED  ACKED  FAILED  LATENCY MS\n\
             count      -             1      2        0         -      0       0           -\n\n\
             WORKER   EXECUTORS   AGE\nh1:6700          1  1m5s\n\n\
             error in count on h1:6700: boom\n"
        );
    }
}
