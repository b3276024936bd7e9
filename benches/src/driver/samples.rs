//! Reading what the meters of a topology's workers have written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::error::BenchError;
use crate::latency::{histogram, middle_of};
use crate::meter::Sample;

/// Counters of a component, summed over its tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters<T> {
    pub emitted: T,
    pub acked: T,
    pub failed: T,
    pub executed: T,
}

/// Everything written so far.
#[derive(Debug, Default)]
pub struct Samples {
    /// The workers.
    pub pids: Vec<u32>,
    tasks: BTreeMap<(String, i32), Vec<Sample>>,
}

/// What happened between two moments.
pub struct Window {
    /// Per second.
    pub rates: BTreeMap<String, Counters<f64>>,
    /// In nanoseconds, at the spouts.
    pub latency: Histogram<u64>,
}

impl Samples {
    pub fn read(dir: &Path) -> Result<Samples, BenchError> {
        let mut samples = Samples::default();
        for entry in fs::read_dir(dir).map_err(BenchError::at(dir))? {
            let path = entry.map_err(BenchError::at(dir))?.path();
            let Some(pid) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jsonl")?.parse().ok())
            else {
                continue;
            };
            samples.pids.push(pid);
            let text = fs::read_to_string(&path).map_err(BenchError::at(&path))?;
            let mut own: BTreeMap<(String, i32), Vec<Sample>> = BTreeMap::new();
            // The last line may still be in writing.
            for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                let sample: Sample =
                    serde_json::from_str(line).map_err(|cause| BenchError::Line { place: path.clone(), cause })?;
                own.entry((sample.component.clone(), sample.task)).or_default().push(sample);
            }
            for (task, lines) in own {
                if samples.tasks.insert(task.clone(), lines).is_some() {
                    return Err(BenchError::Restarted(format!("the worker of task {} ({})", task.1, task.0)));
                }
            }
        }
        Ok(samples)
    }

    /// How many tasks of a component have written.
    pub fn tasks_of(&self, component: &str) -> u32 {
        self.tasks.keys().filter(|(c, _)| c == component).count() as u32
    }

    /// When the first tuple came to a component.
    pub fn first(&self, component: &str) -> Option<u64> {
        let last = self.tasks.iter().filter(|((c, _), _)| c == component).filter_map(|(_, lines)| lines.last());
        last.map(|sample| sample.first).filter(|first| *first > 0).min()
    }

    /// Whether nothing has been counted any more in the last two lines of every task, all written since that moment.
    pub fn at_rest_since(&self, moment: u64) -> bool {
        self.tasks.values().all(|lines| match lines.as_slice() {
            [.., a, b] => a.at >= moment && counters(a) == counters(b),
            _ => false,
        })
    }

    /// All that was counted.
    pub fn totals(&self) -> BTreeMap<String, Counters<u64>> {
        let mut totals: BTreeMap<String, Counters<u64>> = BTreeMap::new();
        for ((component, _), lines) in &self.tasks {
            let Some(own) = lines.last().map(counters) else { continue };
            let sum = totals.entry(component.clone()).or_default();
            sum.emitted += own.emitted;
            sum.acked += own.acked;
            sum.failed += own.failed;
            sum.executed += own.executed;
        }
        totals
    }

    /// What happened between two moments, or nothing if a task has written no two lines by then.
    pub fn between(&self, from: u64, to: u64) -> Option<Window> {
        let mut window = Window { rates: BTreeMap::new(), latency: histogram() };
        for ((component, _), lines) in &self.tasks {
            let end = lines.iter().rfind(|sample| sample.at <= to)?;
            let start = lines.iter().rfind(|sample| sample.at <= from).or(lines.first())?;
            if end.at <= start.at {
                return None;
            }
            let per_second = |after: u64, before: u64| (after - before) as f64 * 1e9 / (end.at - start.at) as f64;
            let sum = window.rates.entry(component.clone()).or_default();
            sum.emitted += per_second(end.emitted, start.emitted);
            sum.acked += per_second(end.acked, start.acked);
            sum.failed += per_second(end.failed, start.failed);
            sum.executed += per_second(end.executed, start.executed);
            let before: BTreeMap<usize, u64> = start.latency.iter().copied().collect();
            for (index, count) in &end.latency {
                let count = count - before.get(index).copied().unwrap_or(0);
                window.latency.saturating_record_n(middle_of(*index), count);
            }
        }
        Some(window)
    }
}

fn counters(sample: &Sample) -> Counters<u64> {
    let Sample { emitted, acked, failed, executed, .. } = *sample;
    Counters { emitted, acked, failed, executed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(component: &str, task: i32, at: u64, executed: u64) -> Sample {
        Sample {
            at,
            component: component.into(),
            task,
            first: u64::from(executed > 0) * 7,
            emitted: 0,
            acked: 0,
            failed: 0,
            executed,
            latency: vec![(10, executed)],
        }
    }

    fn write(dir: &Path, pid: u32, samples: &[Sample]) {
        let lines: String = samples.iter().map(|s| serde_json::to_string(s).unwrap() + "\n").collect();
        fs::write(dir.join(format!("{pid}.jsonl")), lines + "{\"at\":9,\"comp").unwrap();
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn rates_are_those_of_the_lines_in_the_window() {
        let dir = tempfile::tempdir().unwrap();
        let lines = |task| [(1, 0), (2, 100), (4, 500), (5, 500)].map(|(s, n)| sample("count", task, s * SECOND, n));
        write(dir.path(), 41, &lines(3));
        write(dir.path(), 42, &lines(4));
        fs::write(dir.path().join("stop"), "").unwrap();
        let samples = Samples::read(dir.path()).unwrap();
        let window = samples.between(2 * SECOND + 5, 4 * SECOND + 5).unwrap();
        assert_eq!(window.rates["count"].executed, 400.0);
        assert_eq!(window.latency.len(), 800);
        assert_eq!((samples.tasks_of("count"), samples.first("count")), (2, Some(7)));
        assert_eq!(samples.totals()["count"].executed, 1000);
        assert!(samples.at_rest_since(4 * SECOND) && !samples.at_rest_since(5 * SECOND));
        assert!(samples.between(4 * SECOND, 4 * SECOND + 5).is_none());
    }

    #[test]
    fn a_task_in_two_processes_was_restarted() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 41, &[sample("id", 3, 1, 1)]);
        write(dir.path(), 42, &[sample("id", 3, 2, 1)]);
        assert!(matches!(Samples::read(dir.path()), Err(BenchError::Restarted(_))));
    }
}
