//! Figures of a topology, added up from those of its executors. No input or output.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use storm_thrift::types::{ExecutorSpecificStats, ExecutorStats, ExecutorSummary};

/// The window that covers a worker's whole life.
const ALL_TIME: &str = ":all-time";

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Component {
    pub id: String,
    pub spout: Option<bool>,
    pub executors: usize,
    pub tasks: i64,
    pub emitted: i64,
    pub transferred: i64,
    /// `None` for a spout.
    pub executed: Option<i64>,
    pub acked: i64,
    pub failed: i64,
    pub complete_ms: Option<f64>,
    pub process_ms: Option<f64>,
    pub execute_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    pub host: String,
    pub port: i32,
    pub executors: usize,
    pub uptime_secs: i32,
}

impl Component {
    pub fn kind(&self) -> &'static str {
        match self.spout {
            Some(true) => "spout",
            Some(false) => "bolt",
            None => "-",
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "component": self.id,
            "type": self.spout.map(|_| self.kind()),
            "executors": self.executors,
            "tasks": self.tasks,
            "emitted": self.emitted,
            "transferred": self.transferred,
            "executed": self.executed,
            "acked": self.acked,
            "failed": self.failed,
            "complete_latency_ms": self.complete_ms,
            "process_latency_ms": self.process_ms,
            "execute_latency_ms": self.execute_ms,
        })
    }
}

/// A mean over streams or executors, each weighted by its count.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
    /// Of those without a count, as right after a start.
    plain: Option<f64>,
}

impl Mean {
    fn add<K: Ord>(&mut self, means: Option<&BTreeMap<K, f64>>, counts: Option<&BTreeMap<K, i64>>) {
        for (stream, mean) in means.into_iter().flatten() {
            let weight = counts.and_then(|c| c.get(stream)).copied().unwrap_or(0).max(0) as f64;
            self.sum += mean * weight;
            self.weight += weight;
            self.plain = Some(*mean);
        }
    }

    fn value(&self) -> Option<f64> {
        if self.weight > 0.0 { Some(self.sum / self.weight) } else { self.plain }
    }
}

fn total<K: Ord>(windows: &BTreeMap<String, BTreeMap<K, i64>>, counted: impl Fn(&K) -> bool) -> i64 {
    windows.get(ALL_TIME).into_iter().flatten().filter(|(stream, _)| counted(stream)).map(|(_, n)| n).sum()
}

/// Storm's own streams (`__ack_init`, ...) are not what a user emits.
fn own_stream(stream: &str) -> bool {
    !stream.starts_with("__")
}

/// The components, in the order of their names.
pub fn components(executors: &[ExecutorSummary]) -> Vec<Component> {
    let mut by_id: BTreeMap<&str, Vec<&ExecutorSummary>> = BTreeMap::new();
    for e in executors {
        by_id.entry(&e.component_id).or_default().push(e);
    }
    by_id.into_iter().map(|(id, executors)| component(id, &executors)).collect()
}

fn component(id: &str, executors: &[&ExecutorSummary]) -> Component {
    let mut c = Component { id: id.to_owned(), executors: executors.len(), ..Component::default() };
    let (mut complete, mut process, mut execute) = (Mean::default(), Mean::default(), Mean::default());
    for e in executors {
        c.tasks += i64::from(e.executor_info.task_end) - i64::from(e.executor_info.task_start) + 1;
        let Some(ExecutorStats { emitted, transferred, specific, .. }) = &e.stats else { continue };
        c.emitted += total(emitted, |s| own_stream(s));
        c.transferred += total(transferred, |s| own_stream(s));
        match specific {
            ExecutorSpecificStats::Spout(s) => {
                c.spout = Some(true);
                c.acked += total(&s.acked, |_| true);
                c.failed += total(&s.failed, |_| true);
                complete.add(s.complete_ms_avg.get(ALL_TIME), s.acked.get(ALL_TIME));
            }
            ExecutorSpecificStats::Bolt(b) => {
                c.spout = Some(false);
                c.acked += total(&b.acked, |_| true);
                c.failed += total(&b.failed, |_| true);
                *c.executed.get_or_insert(0) += total(&b.executed, |_| true);
                process.add(b.process_ms_avg.get(ALL_TIME), b.acked.get(ALL_TIME));
                execute.add(b.execute_ms_avg.get(ALL_TIME), b.executed.get(ALL_TIME));
            }
        }
    }
    (c.complete_ms, c.process_ms, c.execute_ms) = (complete.value(), process.value(), execute.value());
    c
}

/// The workers, in the order of their places.
pub fn workers(executors: &[ExecutorSummary]) -> Vec<Worker> {
    let mut by_place: BTreeMap<(&str, i32), Worker> = BTreeMap::new();
    for e in executors {
        let worker = by_place.entry((&e.host, e.port)).or_insert_with(|| Worker {
            host: e.host.clone(),
            port: e.port,
            executors: 0,
            uptime_secs: e.uptime_secs,
        });
        worker.executors += 1;
    }
    by_place.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::{BoltStats, ExecutorInfo, GlobalStreamId, SpoutStats};

    fn window<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<String, BTreeMap<K, V>> {
        BTreeMap::from([(ALL_TIME.to_owned(), entries.into_iter().collect())])
    }

    fn executor(component: &str, port: i32, specific: ExecutorSpecificStats, emitted: i64) -> ExecutorSummary {
        let counts = || window([("default".to_owned(), emitted), ("__ack_init".to_owned(), 1000)]);
        ExecutorSummary {
            executor_info: ExecutorInfo { task_start: 1, task_end: 1 },
            component_id: component.into(),
            host: "h".into(),
            port,
            uptime_secs: 9,
            stats: Some(ExecutorStats { emitted: counts(), transferred: counts(), specific, rate: 1.0 }),
        }
    }

    fn spout(acked: i64, ms: f64) -> ExecutorSpecificStats {
        ExecutorSpecificStats::Spout(SpoutStats {
            acked: window([("default".to_owned(), acked)]),
            failed: window([("default".to_owned(), 1)]),
            complete_ms_avg: window([("default".to_owned(), ms)]),
        })
    }

    #[test]
    fn counts_add_up_and_means_are_weighted() {
        let source = GlobalStreamId { component_id: "s".into(), stream_id: "default".into() };
        let bolt = ExecutorSpecificStats::Bolt(BoltStats {
            acked: window([(source.clone(), 5)]),
            executed: window([(source.clone(), 6)]),
            execute_ms_avg: window([(source, 0.5)]),
            ..Default::default()
        });
        let all = [executor("s", 1, spout(10, 2.0), 7), executor("s", 2, spout(30, 4.0), 8), executor("b", 2, bolt, 3)];
        let c = components(&all);
        assert_eq!(c[0].id, "b");
        assert_eq!((c[0].executed, c[0].acked, c[0].emitted, c[0].execute_ms), (Some(6), 5, 3, Some(0.5)));
        assert_eq!((c[1].emitted, c[1].acked, c[1].failed, c[1].executed), (15, 40, 2, None));
        assert_eq!((c[1].complete_ms, c[1].kind()), (Some(3.5), "spout"));
        let w = workers(&all);
        assert_eq!(w.iter().map(|w| (w.port, w.executors)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    }
}
