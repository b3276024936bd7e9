//! A plan as people and programs read it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::table::{Side, Table};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub name: String,
    pub workers_wanted: usize,
    pub executors_wanted: usize,
    pub workers: Vec<Worker>,
    /// Executors by component that find no slot.
    pub unplaced: BTreeMap<String, usize>,
    /// Executors that would run elsewhere than now.
    pub moved: Option<usize>,
    pub slots: usize,
    /// Slots that would be left.
    pub free: usize,
    pub supervisors: usize,
    /// Other topologies with executors that find no slot.
    pub waiting: Vec<String>,
    pub ports_known: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    pub host: String,
    pub supervisor: String,
    /// Unknown when only Nimbus could be asked: it tells how many ports are free, not which.
    pub port: Option<i64>,
    pub executors: usize,
    pub components: BTreeMap<String, usize>,
    pub memory_mb: Option<f64>,
    pub cpu: Option<f64>,
}

impl Plan {
    pub fn fits(&self) -> bool {
        self.unplaced.is_empty()
    }

    /// Not everything fits: what is missing, and what would help.
    pub fn misfit(&self) -> Option<Failure> {
        if self.fits() {
            return None;
        }
        let unplaced: usize = self.unplaced.values().sum();
        let mut failure = Failure::new(
            Exit::Failed,
            "plan/no-slots",
            format!("{unplaced} of {} executors of {} would run nowhere", self.executors_wanted, self.name),
        )
        .evidence(counts(&self.unplaced))
        .evidence(format!("{} of {} slots on {} supervisors are free", self.free, self.slots, self.supervisors));
        for id in &self.waiting {
            failure = failure.evidence(format!("{id} waits for slots too"));
        }
        Some(failure.hint(match self.supervisors {
            0 => "stormctl start supervisor      (no supervisor is registered)",
            _ => "add ports to supervisor.slots.ports, or end another topology: stormctl list",
        }))
    }

    fn wish(&self) -> String {
        let moved = self.moved.map(|n| format!(", {n} of them elsewhere than now")).unwrap_or_default();
        format!(
            "{}: {} of {} workers, {} of {} executors{moved}; {} of {} slots would be left\n",
            self.name,
            self.workers.len(),
            self.workers_wanted,
            self.workers.iter().map(|w| w.executors).sum::<usize>(),
            self.executors_wanted,
            self.free,
            self.slots
        )
    }
}

fn counts(components: &BTreeMap<String, usize>) -> String {
    components.iter().map(|(c, n)| format!("{c} {n}")).collect::<Vec<_>>().join(", ")
}

impl Worker {
    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port.map_or_else(|| "?".to_owned(), |p| p.to_string()))
    }
}

impl Report for Plan {
    const KIND: &'static str = "Plan";

    fn fields(&self) -> Map<String, Value> {
        let worker = |w: &Worker| {
            json!({
                "host": w.host,
                "supervisor": w.supervisor,
                "port": w.port,
                "executors": w.executors,
                "components": w.components,
                "memory_mb": w.memory_mb,
                "cpu_percent": w.cpu,
            })
        };
        let plan = json!({
            "topology": self.name,
            "fits": self.fits(),
            "workers_wanted": self.workers_wanted,
            "executors_wanted": self.executors_wanted,
            "workers": self.workers.iter().map(worker).collect::<Vec<_>>(),
            "unplaced": self.unplaced,
            "moved": self.moved,
            "slots": self.slots,
            "slots_left": self.free,
            "supervisors": self.supervisors,
            "waiting": self.waiting,
            "ports_known": self.ports_known,
        });
        plan.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, wide: bool) -> String {
        let mut text = self.wish();
        if self.workers.is_empty() {
            return text;
        }
        let mut columns = vec![
            ("WORKER", Side::Left),
            ("EXECUTORS", Side::Right),
            ("MEMORY MB", Side::Right),
            ("CPU %", Side::Right),
            ("COMPONENTS", Side::Left),
        ];
        if wide {
            columns.push(("SUPERVISOR", Side::Left));
        }
        let mut table = Table::new(&columns);
        let whole = |x: Option<f64>| crate::table::or_dash(x.map(|x| x.round()));
        for w in &self.workers {
            let executors = w.executors.to_string();
            let mut cells = vec![w.place(), executors, whole(w.memory_mb), whole(w.cpu), counts(&w.components)];
            if wide {
                cells.push(w.supervisor.clone());
            }
            table.row(cells);
        }
        text.push_str(&table.text());
        text
    }

    fn names(&self) -> Vec<String> {
        self.workers.iter().map(Worker::place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_words() {
        let worker = Worker {
            host: "h1".into(),
            supervisor: "s1".into(),
            port: Some(6700),
            executors: 2,
            components: BTreeMap::from([("count".into(), 1), ("split".into(), 1)]),
            memory_mb: Some(256.0),
            cpu: Some(20.0),
        };
        let mut plan = Plan {
            name: "wc".into(),
            workers_wanted: 1,
            executors_wanted: 2,
            workers: vec![worker],
            slots: 4,
            free: 3,
            supervisors: 1,
            ..Plan::default()
        };
        assert_eq!(
            plan.text(false),
            "wc: 1 of 1 workers, 2 of 2 executors; 3 of 4 slots would be left\n\
             WORKER   EXECUTORS  MEMORY MB  CPU %  COMPONENTS\nh1:6700          2        256     20  count 1, split 1\n"
        );
        assert_eq!(plan.misfit(), None);
        plan.unplaced.insert("print".into(), 3);
        plan.workers[0].port = None;
        let failure = plan.misfit().unwrap();
        assert_eq!((failure.exit, failure.code()), (Exit::Failed, "plan/no-slots"));
        assert_eq!(failure.faults[0].evidence, ["print 3", "3 of 4 slots on 1 supervisors are free"]);
        assert_eq!(plan.names(), ["h1:?"]);
    }
}
