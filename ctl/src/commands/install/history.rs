//! `stormctl install history`: the audit log of a cluster.

use serde_json::{Map, Value, json};
use storm_install::journal::{Audit, Store};

use super::state;
use crate::cli::install::Named;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

pub(super) fn run(printer: &Printer, args: &Named) -> Result<(), Failure> {
    let state = state()?;
    let all = Store::remembered(&state);
    let names = match &args.name {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => {
            let what = format!("nothing was done to a cluster {name} from here");
            return Err(Failure::new(Exit::NotFound, "install/no-cluster", what).evidence(all.join(", ")));
        }
    };
    let mut runs = Vec::new();
    for name in names {
        let audit = Store::open(&state, &name)?.audit()?;
        runs.extend(audit.into_iter().map(|a| (name.clone(), a)));
    }
    runs.sort_by_key(|(_, a)| a.at_ms);
    printer.show(&History { runs })
}

/// Each with its cluster.
struct History {
    runs: Vec<(String, Audit)>,
}

impl Report for History {
    const KIND: &'static str = "InstallHistory";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let one = |(cluster, a): &(String, Audit)| {
            json!({"cluster": cluster, "run": a.run, "at_ms": a.at_ms, "user": a.user, "command": a.command,
                "plan": a.plan, "result": a.result, "trouble": a.trouble})
        };
        self.runs.iter().map(one).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let columns = ["TIME", "CLUSTER", "USER", "COMMAND", "PLAN", "RESULT", "WHY"].map(|c| (c, Side::Left));
        let mut table = Table::new(&columns);
        for (cluster, a) in &self.runs {
            let time = crate::logging::iso_time(u64::try_from(a.at_ms).unwrap_or_default());
            let (user, command) = (a.user.clone(), a.command.clone());
            table.row([time, cluster.clone(), user, command, a.plan.clone(), a.result.clone(), a.trouble.join("; ")]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.runs.iter().map(|(_, a)| a.run.clone()).collect()
    }
}
