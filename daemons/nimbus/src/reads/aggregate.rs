//! Executor statistics added up, as Storm's `StatsUtil` does. Pure.

use std::collections::BTreeMap;

use storm_thrift::types::{
    BoltAggregateStats, BoltStats, CommonAggregateStats, ComponentAggregateStats, ComponentType, ExecutorSpecificStats,
    ExecutorStats, GlobalStreamId, SpecificAggregateStats, SpoutAggregateStats, SpoutStats, TopologyStats,
};

pub(super) const TEN_MINUTES: &str = "600";
pub(super) const WINDOWS: [&str; 4] = [TEN_MINUTES, "10800", "86400", ":all-time"];

/// One executor of a component, with what its worker last reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported<'a> {
    pub tasks: i32,
    pub uptime_secs: i32,
    pub stats: Option<&'a ExecutorStats>,
}

fn system_stream(stream: &str) -> bool {
    stream.starts_with("__")
}

type Windows<K, V> = BTreeMap<String, BTreeMap<K, V>>;

fn of<'a, K: Ord, V>(windows: &'a Windows<K, V>, window: &str) -> impl Iterator<Item = (&'a K, &'a V)> {
    windows.get(window).into_iter().flatten()
}

fn sum<K: Ord>(windows: &Windows<K, i64>, window: &str) -> i64 {
    of(windows, window).map(|(_, n)| n).sum()
}

fn sum_streams(windows: &Windows<String, i64>, window: &str, sys: bool) -> i64 {
    of(windows, window).filter(|(stream, _)| sys || !system_stream(stream)).map(|(_, n)| n).sum()
}

/// The sum of average times count, and the sum of the counts: an average over executors is one divided by the other.
fn weighted<K: Ord>(averages: &Windows<K, f64>, counts: &Windows<K, i64>, window: &str) -> Weighted {
    let mut w = Weighted::default();
    let averages = averages.get(window);
    for (key, count) in of(counts, window) {
        let average = averages.and_then(|a| a.get(key)).copied().unwrap_or(0.0);
        w.add(average, *count);
    }
    w
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weighted {
    total: f64,
    count: i64,
}

impl Weighted {
    fn add(&mut self, average: f64, count: i64) {
        self.total += average * count as f64;
        self.count += count;
    }

    fn merge(&mut self, other: Weighted) {
        self.total += other.total;
        self.count += other.count;
    }

    fn average(self) -> f64 {
        if self.count > 0 { self.total / self.count as f64 } else { 0.0 }
    }
}

/// The share of the last ten minutes that a bolt's executor has spent in its `execute`.
pub(super) fn capacity(bolt: &BoltStats, uptime_secs: i32) -> f64 {
    let busy = weighted(&bolt.execute_ms_avg, &bolt.executed, TEN_MINUTES).total;
    let secs = f64::from(uptime_secs.clamp(0, 600));
    if secs > 0.0 { busy / (1000.0 * secs) } else { 0.0 }
}

/// A component in one window. `is_spout` decides the kind while there are no statistics yet.
pub(super) fn component(
    executors: &[Reported<'_>],
    window: &str,
    sys: bool,
    is_spout: bool,
    resources: Option<BTreeMap<String, f64>>,
) -> ComponentAggregateStats {
    let mut common = CommonAggregateStats {
        num_executors: i32::try_from(executors.len()).ok(),
        num_tasks: Some(executors.iter().map(|e| e.tasks).sum()),
        emitted: Some(0),
        transferred: Some(0),
        acked: Some(0),
        failed: Some(0),
        resources_map: resources,
    };
    let add = |to: &mut Option<i64>, n: i64| *to = Some(to.unwrap_or(0) + n);
    let (mut execute, mut process, mut complete) = (Weighted::default(), Weighted::default(), Weighted::default());
    let (mut executed, mut busiest) = (0, 0.0f64);
    for e in executors {
        let Some(stats) = e.stats else { continue };
        add(&mut common.emitted, sum_streams(&stats.emitted, window, sys));
        add(&mut common.transferred, sum_streams(&stats.transferred, window, sys));
        match &stats.specific {
            ExecutorSpecificStats::Bolt(b) => {
                add(&mut common.acked, sum(&b.acked, window));
                add(&mut common.failed, sum(&b.failed, window));
                executed += sum(&b.executed, window);
                execute.merge(weighted(&b.execute_ms_avg, &b.executed, window));
                process.merge(weighted(&b.process_ms_avg, &b.executed, window));
                busiest = busiest.max(capacity(b, e.uptime_secs));
            }
            ExecutorSpecificStats::Spout(s) => {
                add(&mut common.acked, sum(&s.acked, window));
                add(&mut common.failed, sum(&s.failed, window));
                complete.merge(weighted(&s.complete_ms_avg, &s.acked, window));
            }
        }
    }
    let specific = if is_spout {
        SpecificAggregateStats::Spout(SpoutAggregateStats { complete_latency_ms: Some(complete.average()) })
    } else {
        SpecificAggregateStats::Bolt(BoltAggregateStats {
            execute_latency_ms: Some(execute.average()),
            process_latency_ms: Some(process.average()),
            executed: Some(executed),
            capacity: Some(busiest),
        })
    };
    ComponentAggregateStats {
        r#type: Some(if is_spout { ComponentType::Spout } else { ComponentType::Bolt }),
        common_stats: Some(common),
        specific_stats: Some(specific),
        last_error: None,
    }
}

/// What a bolt took, by source stream.
pub(super) fn inputs(executors: &[Reported<'_>], window: &str) -> BTreeMap<GlobalStreamId, ComponentAggregateStats> {
    let bolts = || {
        executors.iter().filter_map(|e| match e.stats.map(|s| &s.specific) {
            Some(ExecutorSpecificStats::Bolt(b)) => Some(b),
            _ => None,
        })
    };
    let mut keys: Vec<&GlobalStreamId> = Vec::new();
    for b in bolts() {
        keys.extend(of(&b.executed, window).map(|(k, _)| k));
        keys.extend(of(&b.acked, window).map(|(k, _)| k));
        keys.extend(of(&b.failed, window).map(|(k, _)| k));
    }
    keys.sort();
    keys.dedup();
    let one = |key: &GlobalStreamId| {
        let at = |w: &Windows<GlobalStreamId, i64>| w.get(window).and_then(|m| m.get(key)).copied().unwrap_or(0);
        let average = |w: &Windows<GlobalStreamId, f64>| w.get(window).and_then(|m| m.get(key)).copied().unwrap_or(0.0);
        let (mut execute, mut process) = (Weighted::default(), Weighted::default());
        let (mut acked, mut failed, mut executed) = (0, 0, 0);
        for b in bolts() {
            execute.add(average(&b.execute_ms_avg), at(&b.executed));
            process.add(average(&b.process_ms_avg), at(&b.executed));
            acked += at(&b.acked);
            failed += at(&b.failed);
            executed += at(&b.executed);
        }
        ComponentAggregateStats {
            r#type: Some(ComponentType::Bolt),
            common_stats: Some(CommonAggregateStats {
                acked: Some(acked),
                failed: Some(failed),
                ..CommonAggregateStats::default()
            }),
            specific_stats: Some(SpecificAggregateStats::Bolt(BoltAggregateStats {
                execute_latency_ms: Some(execute.average()),
                process_latency_ms: Some(process.average()),
                executed: Some(executed),
                capacity: None,
            })),
            last_error: None,
        }
    };
    keys.into_iter().map(|k| (k.clone(), one(k))).collect()
}

/// What a component emitted, by its own stream; a spout's acks too.
pub(super) fn outputs(
    executors: &[Reported<'_>],
    window: &str,
    sys: bool,
    is_spout: bool,
) -> BTreeMap<String, ComponentAggregateStats> {
    let mut common: BTreeMap<String, CommonAggregateStats> = BTreeMap::new();
    let mut latency: BTreeMap<String, Weighted> = BTreeMap::new();
    let add = |to: &mut Option<i64>, n: i64| *to = Some(to.unwrap_or(0) + n);
    for stats in executors.iter().filter_map(|e| e.stats) {
        for (stream, n) in of(&stats.emitted, window) {
            add(&mut common.entry(stream.clone()).or_default().emitted, *n);
        }
        for (stream, n) in of(&stats.transferred, window) {
            add(&mut common.entry(stream.clone()).or_default().transferred, *n);
        }
        if let ExecutorSpecificStats::Spout(s) = &stats.specific {
            for (stream, n) in of(&s.acked, window) {
                add(&mut common.entry(stream.clone()).or_default().acked, *n);
                let average = s.complete_ms_avg.get(window).and_then(|m| m.get(stream)).copied().unwrap_or(0.0);
                latency.entry(stream.clone()).or_default().add(average, *n);
            }
            for (stream, n) in of(&s.failed, window) {
                add(&mut common.entry(stream.clone()).or_default().failed, *n);
            }
        }
    }
    common.retain(|stream, _| sys || !system_stream(stream));
    let with_kind = |(stream, common): (String, CommonAggregateStats)| {
        let complete = latency.get(&stream).copied().unwrap_or_default().average();
        let specific = if is_spout {
            SpecificAggregateStats::Spout(SpoutAggregateStats { complete_latency_ms: Some(complete) })
        } else {
            SpecificAggregateStats::Bolt(BoltAggregateStats::default())
        };
        let stats = ComponentAggregateStats {
            r#type: Some(if is_spout { ComponentType::Spout } else { ComponentType::Bolt }),
            common_stats: Some(common),
            specific_stats: Some(specific),
            last_error: None,
        };
        (stream, stats)
    };
    common.into_iter().map(with_kind).collect()
}

/// A whole topology in all windows: emitted and transferred by all, acked, failed and latency by spouts.
pub(super) fn topology(all: &[&ExecutorStats], sys: bool) -> TopologyStats {
    let spouts = || {
        all.iter().filter_map(|s| match &s.specific {
            ExecutorSpecificStats::Spout(s) => Some(s),
            ExecutorSpecificStats::Bolt(_) => None,
        })
    };
    let each = |value: &dyn Fn(&str) -> i64| Some(WINDOWS.iter().map(|w| ((*w).to_owned(), value(w))).collect());
    let latency = |w: &str| {
        let mut complete = Weighted::default();
        spouts().for_each(|s: &SpoutStats| complete.merge(weighted(&s.complete_ms_avg, &s.acked, w)));
        complete.average()
    };
    TopologyStats {
        window_to_emitted: each(&|w| all.iter().map(|s| sum_streams(&s.emitted, w, sys)).sum()),
        window_to_transferred: each(&|w| all.iter().map(|s| sum_streams(&s.transferred, w, sys)).sum()),
        window_to_complete_latencies_ms: Some(WINDOWS.iter().map(|w| ((*w).to_owned(), latency(w))).collect()),
        window_to_acked: each(&|w| spouts().map(|s| sum(&s.acked, w)).sum()),
        window_to_failed: each(&|w| spouts().map(|s| sum(&s.failed, w)).sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows<K: Ord + Clone, V: Copy>(pairs: &[(K, V)]) -> Windows<K, V> {
        WINDOWS.iter().map(|w| ((*w).to_owned(), pairs.iter().map(|(k, v)| (k.clone(), *v)).collect())).collect()
    }

    fn stream(id: &str) -> GlobalStreamId {
        GlobalStreamId { component_id: id.into(), stream_id: "default".into() }
    }

    fn bolt(executed: i64, execute_ms: f64, process_ms: f64) -> ExecutorStats {
        let s = stream("lines");
        ExecutorStats {
            emitted: windows(&[("default".into(), 40), ("__ack_ack".into(), 7), ("__metrics".into(), 1)]),
            transferred: windows(&[("default".into(), 80)]),
            specific: ExecutorSpecificStats::Bolt(BoltStats {
                acked: windows(&[(s.clone(), executed - 1)]),
                failed: windows(&[(s.clone(), 1)]),
                process_ms_avg: windows(&[(s.clone(), process_ms)]),
                executed: windows(&[(s.clone(), executed)]),
                execute_ms_avg: windows(&[(s, execute_ms)]),
            }),
            rate: 20.0,
        }
    }

    fn spout(acked: i64, complete_ms: f64) -> ExecutorStats {
        ExecutorStats {
            emitted: windows(&[("default".into(), 100), ("__ack_init".into(), 100)]),
            transferred: windows(&[("default".into(), 100)]),
            specific: ExecutorSpecificStats::Spout(SpoutStats {
                acked: windows(&[("default".into(), acked)]),
                failed: windows(&[("default".into(), 2)]),
                complete_ms_avg: windows(&[("default".into(), complete_ms)]),
            }),
            rate: 20.0,
        }
    }

    fn reported(stats: &ExecutorStats, uptime_secs: i32) -> Reported<'_> {
        Reported { tasks: 2, uptime_secs, stats: Some(stats) }
    }

    #[test]
    fn a_bolt_is_averaged_by_what_it_executed() {
        let (a, b) = (bolt(100, 1.0, 10.0), bolt(300, 2.0, 30.0));
        let all = [reported(&a, 100), reported(&b, 1000), Reported { tasks: 1, uptime_secs: 0, stats: None }];
        let c = component(&all, TEN_MINUTES, false, false, None);
        let common = c.common_stats.unwrap();
        assert_eq!((common.num_executors, common.num_tasks), (Some(3), Some(5)));
        assert_eq!(
            (common.emitted, common.transferred, common.acked, common.failed),
            (Some(80), Some(160), Some(398), Some(2))
        );
        let Some(SpecificAggregateStats::Bolt(s)) = c.specific_stats else { panic!("a bolt") };
        assert_eq!((s.executed, s.execute_latency_ms, s.process_latency_ms), (Some(400), Some(1.75), Some(25.0)));
        // a: 100 ms in 100 s; b: 600 ms in 600 s
        assert!((s.capacity.unwrap() - 0.001).abs() < 1e-12);
        let with_sys = component(&all, TEN_MINUTES, true, false, None).common_stats.unwrap();
        assert_eq!(with_sys.emitted, Some(96));
    }

    #[test]
    fn a_topologys_acks_are_its_spouts() {
        let (s1, s2, b) = (spout(100, 5.0), spout(300, 9.0), bolt(50, 1.0, 1.0));
        let t = topology(&[&s1, &s2, &b], false);
        assert_eq!(t.window_to_acked.unwrap()[":all-time"], 400);
        assert_eq!(t.window_to_emitted.unwrap()["600"], 240);
        assert_eq!(t.window_to_failed.unwrap()["10800"], 4);
        assert_eq!(t.window_to_complete_latencies_ms.unwrap()["600"], 8.0);
        let empty = topology(&[], false);
        assert_eq!(empty.window_to_acked.unwrap().len(), 4, "zeros rather than nothing");
    }

    #[test]
    fn streams_are_told_apart() {
        let (s, b) = (spout(10, 5.0), bolt(20, 1.0, 2.0));
        let out = outputs(&[reported(&s, 1)], TEN_MINUTES, false, true);
        assert_eq!(out.keys().collect::<Vec<_>>(), ["default"]);
        assert_eq!(out["default"].common_stats.as_ref().unwrap().acked, Some(10));
        assert_eq!(outputs(&[reported(&s, 1)], TEN_MINUTES, true, true).len(), 2);
        let input = inputs(&[reported(&b, 1), reported(&b, 1)], TEN_MINUTES);
        let Some(SpecificAggregateStats::Bolt(i)) = &input[&stream("lines")].specific_stats else { panic!("a bolt") };
        assert_eq!((i.executed, i.process_latency_ms), (Some(40), Some(2.0)));
    }
}
