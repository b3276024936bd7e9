//! `stormctl agent status`: the agents of hosts.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use storm_agent::proto::DescribeResponse;

use crate::agents::{self, Agents, Asked};
use crate::context::Context;
use crate::failure::Failure;
use crate::printer::Report;
use crate::table::{Side, Table, age, or_dash};

pub async fn run(ctx: &Context, hosts: &str) -> Result<(), Failure> {
    let all = Agents::only(ctx)?;
    let addresses = agents::named(ctx, hosts).await?;
    let answers = all.each(ctx, &addresses, |mut agent| async move { agent.describe().await }).await;
    let asked = Asked::of(&all, &answers);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    let found = answers.into_iter().filter_map(|(address, answer)| Some((address.to_string(), answer.ok()?))).collect();
    let shown = Shown { found, asked, now };
    ctx.printer.show(&shown)?;
    shown.asked.end()
}

struct Shown {
    found: Vec<(String, DescribeResponse)>,
    asked: Asked,
    now: i64,
}

impl Shown {
    fn days_left(&self, d: &DescribeResponse) -> i64 {
        (d.certificate_not_after_millis - self.now) / 86_400_000
    }
}

fn troubles(d: &DescribeResponse) -> Vec<String> {
    d.health.iter().flat_map(|h| &h.troubles).map(|t| t.message.clone()).collect()
}

impl Report for Shown {
    const KIND: &'static str = "AgentList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items())), ("hosts".to_owned(), self.asked.json())])
    }

    fn items(&self) -> Vec<Value> {
        let one = |(host, d): &(String, DescribeResponse)| {
            let troubles: Vec<Value> = d
                .health
                .iter()
                .flat_map(|h| &h.troubles)
                .map(|t| json!({"code": t.code, "message": t.message}))
                .collect();
            json!({"host": host, "name": d.host, "version": d.version, "uptime_secs": d.uptime_secs,
                "roles": d.roles, "config": d.config, "certificate_days": self.days_left(d), "caller": d.caller,
                "troubles": troubles})
        };
        self.found.iter().map(one).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut columns = vec![
            ("HOST", Side::Left),
            ("VERSION", Side::Left),
            ("AGE", Side::Right),
            ("ROLES", Side::Left),
            ("CERT DAYS", Side::Right),
            ("YOU ARE", Side::Left),
            ("TROUBLES", Side::Left),
        ];
        if wide {
            columns.push(("CONFIG", Side::Left));
        }
        let mut table = Table::new(&columns);
        for (host, d) in &self.found {
            let troubles = troubles(d);
            let mut cells = vec![
                host.clone(),
                d.version.clone(),
                age(d.uptime_secs as i64),
                d.roles.join(","),
                self.days_left(d).to_string(),
                d.caller.clone(),
                if troubles.is_empty() { "none".to_owned() } else { troubles.join("; ") },
            ];
            if wide {
                cells.push(or_dash(d.config.clone()));
            }
            table.row(cells);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.found.iter().map(|(host, _)| host.clone()).collect()
    }
}
