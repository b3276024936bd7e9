//! `stormctl install history`: the audit log of a cluster.

use serde_json::{Map, Value, json};
use storm_install::journal::{Audit, Store};

use super::{named, state};
use crate::cli::install::Named;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

pub(super) fn run(printer: &Printer, args: &Named) -> Result<(), Failure> {
    let name = match &args.name {
        // Also of a cluster that is no more.
        Some(name) => name.clone(),
        None => named(None)?,
    };
    let runs = Store::open(&state()?, &name)?.audit()?;
    printer.show(&History { runs })
}

struct History {
    runs: Vec<Audit>,
}

impl Report for History {
    const KIND: &'static str = "InstallHistory";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.runs.iter().map(|a| json!(a)).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let columns = ["TIME", "USER", "COMMAND", "PLAN", "RESULT", "WHY"].map(|c| (c, Side::Left));
        let mut table = Table::new(&columns);
        for a in &self.runs {
            let time = crate::logging::iso_time(u64::try_from(a.at_ms).unwrap_or_default());
            table.row([
                time,
                a.user.clone(),
                a.command.clone(),
                a.plan.clone(),
                a.result.clone(),
                a.trouble.join("; "),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.runs.iter().map(|a| a.run.clone()).collect()
    }
}
