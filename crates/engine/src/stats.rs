//! Statistics of executors in thrift form.

use std::collections::BTreeMap;
use std::sync::Arc;

use storm_thrift::types::{BoltStats, ExecutorInfo, ExecutorSpecificStats, ExecutorStats, GlobalStreamId, SpoutStats};

use crate::counters::{Count, InputCounts, StreamCounts, TaskCounts};
use crate::plan::Plan;
use crate::window::{WINDOWS, Window};

/// Numbers per own stream: emitted, transferred, acked, failed, complete latency.
const PER_STREAM: usize = 5;
/// Numbers per input: executed, acked, failed, execute latency, process latency.
const PER_INPUT: usize = 5;

struct ExecutorWindows {
    info: ExecutorInfo,
    tasks: Vec<Arc<TaskCounts>>,
    is_spout: bool,
    streams: Vec<(String, [Window; PER_STREAM])>,
    inputs: Vec<(GlobalStreamId, [Window; PER_INPUT])>,
}

/// Statistics of all executors of this worker.
pub(crate) struct Statistics {
    executors: Vec<ExecutorWindows>,
}

impl Statistics {
    /// `executors` are all of this worker's, also those that run nothing here, such as Storm's ackers.
    pub(crate) fn new(plan: &Plan, executors: &[ExecutorInfo], counts: &[Arc<TaskCounts>], now: u64) -> Statistics {
        let windows = |info: &ExecutorInfo| {
            let within = |c: &&Arc<TaskCounts>| (info.task_start..=info.task_end).contains(&c.task);
            let tasks: Vec<_> = counts.iter().filter(within).cloned().collect();
            let component = tasks.first().map(|c| plan.component(c.task));
            let names = component.map_or(&[][..], |c| &c.streams);
            let inputs = component.map_or(&[][..], |c| &c.inputs);
            ExecutorWindows {
                info: info.clone(),
                is_spout: tasks.first().is_some_and(|c| c.is_spout),
                tasks,
                streams: names
                    .iter()
                    .map(|s| (plan.streams[*s as usize].name.to_string(), std::array::from_fn(|_| Window::new(now))))
                    .collect(),
                inputs: inputs
                    .iter()
                    .map(|s| {
                        let source = plan.source(*s, 0);
                        let id = GlobalStreamId {
                            component_id: source.component.to_string(),
                            stream_id: source.stream.to_string(),
                        };
                        (id, std::array::from_fn(|_| Window::new(now)))
                    })
                    .collect(),
            }
        };
        Statistics { executors: executors.iter().map(windows).collect() }
    }

    /// Closes the current bucket of all windows.
    pub(crate) fn rotate(&mut self, now: u64) {
        for e in &mut self.executors {
            for (at, (_, windows)) in e.streams.iter_mut().enumerate() {
                let totals = stream_totals(&e.tasks, at);
                windows.iter_mut().zip(totals).for_each(|(w, total)| w.rotate(total, now));
            }
            for (at, (_, windows)) in e.inputs.iter_mut().enumerate() {
                let totals = input_totals(&e.tasks, at);
                windows.iter_mut().zip(totals).for_each(|(w, total)| w.rotate(total, now));
            }
        }
    }

    pub(crate) fn read(&self, now: u64) -> BTreeMap<ExecutorInfo, ExecutorStats> {
        self.executors.iter().map(|e| (e.info.clone(), e.read(now))).collect()
    }
}

fn stream_totals(tasks: &[Arc<TaskCounts>], at: usize) -> [u64; PER_STREAM] {
    let of = |count: fn(&StreamCounts) -> &Count| tasks.iter().fold(0, |n, t| n + count(&t.streams[at]).get());
    [of(|c| &c.emitted), of(|c| &c.transferred), of(|c| &c.acked), of(|c| &c.failed), of(|c| &c.complete_micros)]
}

fn input_totals(tasks: &[Arc<TaskCounts>], at: usize) -> [u64; PER_INPUT] {
    let of = |count: fn(&InputCounts) -> &Count| tasks.iter().fold(0, |n, t| n + count(&t.inputs[at]).get());
    [of(|c| &c.executed), of(|c| &c.acked), of(|c| &c.failed), of(|c| &c.execute_nanos), of(|c| &c.process_nanos)]
}

type ByWindow<K, V> = BTreeMap<String, BTreeMap<K, V>>;

fn empty<K, V>() -> ByWindow<K, V> {
    WINDOWS.iter().map(|w| ((*w).to_owned(), BTreeMap::new())).collect()
}

fn put<K: Ord + Clone, V: Copy>(into: &mut ByWindow<K, V>, key: &K, values: [V; 4]) {
    for (window, value) in WINDOWS.iter().zip(values) {
        into.entry((*window).to_owned()).or_default().insert(key.clone(), value);
    }
}

fn longs(values: [u64; 4]) -> [i64; 4] {
    values.map(|v| i64::try_from(v).unwrap_or(i64::MAX))
}

/// Averages in milliseconds.
fn averages(sums: [u64; 4], counts: [u64; 4], per_milli: f64) -> [f64; 4] {
    std::array::from_fn(|i| if counts[i] == 0 { 0.0 } else { sums[i] as f64 / counts[i] as f64 / per_milli })
}

impl ExecutorWindows {
    fn read(&self, now: u64) -> ExecutorStats {
        let mut emitted = empty();
        let mut transferred = empty();
        let (mut acked, mut failed, mut complete) = (empty(), empty(), empty());
        for (at, (name, w)) in self.streams.iter().enumerate() {
            let t = stream_totals(&self.tasks, at);
            if t[0] == 0 {
                continue;
            }
            put(&mut emitted, name, longs(w[0].counts(t[0], now)));
            put(&mut transferred, name, longs(w[1].counts(t[1], now)));
            if t[2] + t[3] > 0 {
                put(&mut acked, name, longs(w[2].counts(t[2], now)));
                put(&mut failed, name, longs(w[3].counts(t[3], now)));
                put(&mut complete, name, averages(w[4].sums(t[4], now), w[2].sums(t[2], now), 1e3));
            }
        }
        let specific = if self.is_spout {
            ExecutorSpecificStats::Spout(SpoutStats { acked, failed, complete_ms_avg: complete })
        } else {
            ExecutorSpecificStats::Bolt(self.read_inputs(now))
        };
        // Every event is counted: one stands for one.
        ExecutorStats { emitted, transferred, specific, rate: 1.0 }
    }

    fn read_inputs(&self, now: u64) -> BoltStats {
        let mut stats = BoltStats {
            acked: empty(),
            failed: empty(),
            process_ms_avg: empty(),
            executed: empty(),
            execute_ms_avg: empty(),
        };
        for (at, (id, w)) in self.inputs.iter().enumerate() {
            let t = input_totals(&self.tasks, at);
            if t[0] == 0 {
                continue;
            }
            put(&mut stats.executed, id, longs(w[0].counts(t[0], now)));
            put(&mut stats.acked, id, longs(w[1].counts(t[1], now)));
            put(&mut stats.failed, id, longs(w[2].counts(t[2], now)));
            put(&mut stats.execute_ms_avg, id, averages(w[3].sums(t[3], now), w[0].sums(t[0], now), 1e6));
            put(&mut stats.process_ms_avg, id, averages(w[4].sums(t[4], now), w[1].sums(t[1], now), 1e6));
        }
        stats
    }
}
