//! `stormctl get-errors`: the last error of each component, as the line of JSON that `storm get-errors` prints.

use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_thrift::types::{ErrorInfo, GetInfoOptions, NumErrorsChoice, TopologyInfo};

use crate::cli::Format;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::java_text::{hash_order, json_string};
use crate::logging::iso_time;
use crate::printer::Report;
use crate::table::{Side, Table};

use super::topology;

pub async fn run(ctx: &Context, name: &str) -> Result<(), Failure> {
    let found = ctx
        .within(Duration::from_secs(30), async {
            let mut nimbus = ctx.nimbus().await?;
            let summary = topology::find(&mut nimbus, name).await?;
            let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::One) };
            Ok(nimbus.get_topology_info_with_opts(summary.id, options).await?)
        })
        .await;
    match found {
        Ok(info) => ctx.printer.show(&Errors::of(&info)),
        Err(failure) if failure.exit == Exit::NotFound => {
            let line = format!("{{\"Failure\":{}}}\n", json_string(&format!("No topologies running with name {name}")));
            match ctx.printer.format {
                // To the letter, as its exit status: it is 0.
                Format::Storm => ctx.printer.out(&line),
                Format::Table => ctx.printer.out(&line).and(Err(failure)),
                _ => Err(failure),
            }
        }
        Err(failure) => Err(failure),
    }
}

struct Errors {
    topology: String,
    /// In the order of the components' names.
    errors: Vec<(String, ErrorInfo)>,
}

impl Errors {
    fn of(info: &TopologyInfo) -> Errors {
        let last = |(component, errors): (&String, &Vec<ErrorInfo>)| Some((component.clone(), errors.first()?.clone()));
        Errors { topology: info.name.clone(), errors: info.errors.iter().filter_map(last).collect() }
    }

    fn json(component: &str, e: &ErrorInfo) -> Value {
        json!({
            "component": component,
            "error": e.error,
            "time_secs": e.error_time_secs,
            "host": e.host,
            "port": e.port,
        })
    }

    fn line(&self) -> String {
        let errors = hash_order(self.errors.iter().map(|(component, _)| component.as_str())).into_iter();
        let errors = errors.filter_map(|id| self.errors.iter().find(|(component, _)| component == id));
        let errors: Vec<String> =
            errors.map(|(id, e)| format!("{}:{}", json_string(id), json_string(&e.error))).collect();
        let field = |key: &str| match key {
            "Topology Name" => format!("\"Topology Name\":{}", json_string(&self.topology)),
            _ => format!("\"Comp-Errors\":{{{}}}", errors.join(",")),
        };
        let fields: Vec<String> = hash_order(["Topology Name", "Comp-Errors"]).into_iter().map(field).collect();
        format!("{{{}}}\n", fields.join(","))
    }
}

impl Report for Errors {
    const KIND: &'static str = "ErrorList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("topology".to_owned(), json!(self.topology)), ("items".to_owned(), json!(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.errors.iter().map(|(component, e)| Errors::json(component, e)).collect()
    }

    fn text(&self, wide: bool) -> String {
        if !wide {
            return self.line();
        }
        let columns = [("COMPONENT", Side::Left), ("TIME", Side::Left), ("WORKER", Side::Left), ("ERROR", Side::Left)];
        let mut table = Table::new(&columns);
        for (component, e) in &self.errors {
            let worker = match (&e.host, e.port) {
                (Some(host), Some(port)) => format!("{host}:{port}"),
                _ => "-".to_owned(),
            };
            let time = iso_time(u64::try_from(e.error_time_secs).unwrap_or(0) * 1000);
            table.row([component.clone(), time, worker, e.error.lines().next().unwrap_or_default().to_owned()]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.errors.iter().map(|(component, _)| component.clone()).collect()
    }

    fn storm(&self) -> Option<String> {
        Some(self.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_storms() {
        let error = ErrorInfo { error: "a/b\n\tat x".into(), error_time_secs: 1, host: None, port: None };
        let errors = Errors { topology: "t".into(), errors: vec![("split".into(), error)] };
        assert_eq!(errors.line(), "{\"Comp-Errors\":{\"split\":\"a\\/b\\n\\tat x\"},\"Topology Name\":\"t\"}\n");
        assert!(errors.text(true).contains("1970-01-01T00:00:01.000Z  -       a/b\n"), "{}", errors.text(true));
    }
}
