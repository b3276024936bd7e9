//! What the samples of a soak say. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use storm_tests::position::Position;

use super::sample::Sample;
use crate::driver::samples::Counters;
use crate::driver::table::{count, table, three};
use crate::load::words_of;

/// How things stood when the spout had been stopped.
pub struct Ending {
    pub position: Position,
    pub totals: BTreeMap<String, Counters<u64>>,
    pub kills: u64,
}

pub struct Bounds {
    pub length: Duration,
    /// What a process may grow by from the baseline to the end, MiB.
    pub growth: f64,
}

pub struct Verdict {
    pub lines: Vec<String>,
    pub faults: Vec<String>,
}

/// Memory is compared with what it was by then: caches and pools are filled, and every path has been taken.
const BASELINE_SECS: f64 = 300.0;
const SLICE_SECS: f64 = 600.0;

/// One process name's memory over time.
#[derive(Default)]
struct Series {
    points: Vec<(f64, f64)>,
    lives: Vec<u32>,
}

impl Series {
    /// The median around a moment: of the nearest five samples.
    fn around(&self, secs: f64) -> Option<f64> {
        let mut near: Vec<(f64, f64)> = self.points.iter().map(|(at, kib)| ((at - secs).abs(), *kib)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.truncate(5);
        near.sort_by(|a, b| a.1.total_cmp(&b.1));
        near.get(near.len() / 2).map(|(_, kib)| *kib)
    }

    /// KiB an hour from that moment on, by least squares.
    fn slope(&self, from: f64) -> f64 {
        let points: Vec<_> = self.points.iter().filter(|(at, _)| *at >= from).collect();
        let n = points.len() as f64;
        let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
        let across: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let along: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        if along > 0.0 { across / along * 3600.0 } else { 0.0 }
    }
}

pub fn judge(samples: &[Sample], ending: &Ending, bounds: Bounds) -> Verdict {
    let Bounds { length, growth } = bounds;
    let total = length.as_secs_f64();
    let baseline = BASELINE_SECS.min(total / 4.0);
    let mut lines = Vec::new();
    let mut faults = losses(ending);
    let of = |component: &str| ending.totals.get(component).copied().unwrap_or_default();
    let spout = of("spout");
    let Position { base, promised, strange, settled } = ending.position;
    lines.push(format!(
        "texts sent and acked: {base}; emits {}, acks {}, failed and sent again {}, words counted {}{}",
        spout.emitted,
        spout.acked,
        spout.failed,
        of("count").executed,
        if ending.kills > 0 { " (without the last second of each killed worker)" } else { "" }
    ));
    let lost = if settled { "0".to_owned() } else { format!("up to {}", promised - base) };
    lines.push(format!("lost: {lost}; acks or failures of what was not under way: {strange}; kills: {}", ending.kills));

    lines.push(String::new());
    lines.extend(slices(samples, total, &mut faults));
    lines.push(String::new());
    lines.extend(memory(samples, total, baseline, growth, ending.kills, &mut faults));
    lines.push(String::new());
    lines.push(match faults.is_empty() {
        true => format!("Nothing was lost, and no process grew by more than {} MiB.", three(growth)),
        false => format!("FAULTS: {}", faults.join("; ")),
    });
    Verdict { lines, faults }
}

/// What of the counts does not add up.
fn losses(ending: &Ending) -> Vec<String> {
    let Position { base, promised, settled, strange } = ending.position;
    let mut faults = Vec::new();
    if !settled {
        faults.push(format!("{} texts from number {base} on were not all acked", promised - base));
    }
    if strange > 0 {
        faults.push(format!("{strange} acks or failures were of texts that were not under way"));
    }
    // A killed worker takes the counts of its last second with it.
    if ending.kills == 0 {
        let of = |component: &str| ending.totals.get(component).copied().unwrap_or_default();
        let (spout, words) = (of("spout"), of("count").executed);
        if spout.acked + spout.failed != spout.emitted || spout.acked != base {
            let Counters { emitted, acked, failed, .. } = spout;
            faults.push(format!("{emitted} emits came to {acked} acks and {failed} failures, of {base} texts"));
        }
        let right = words_of(base);
        if words < right || (spout.failed == 0 && words != right) {
            faults.push(format!("{words} words were counted, but {right} is right"));
        }
    }
    faults
}

fn slices(samples: &[Sample], total: f64, faults: &mut Vec<String>) -> Vec<String> {
    let length = SLICE_SECS.min(total / 6.0).max(1.0);
    let at = |secs: f64| samples.iter().min_by(|a, b| (a.secs - secs).abs().total_cmp(&(b.secs - secs).abs()));
    let mut rows = vec![["minutes", "sentences/s", "words/s", "failed"].map(str::to_owned).to_vec()];
    let mut from = 0.0;
    while from + length <= total + 1.0 {
        if let (Some(a), Some(b)) = (at(from), at(from + length))
            && b.secs > a.secs
        {
            let rate = |after: u64, before: u64| after.saturating_sub(before) as f64 / (b.secs - a.secs);
            let minutes = format!("{} to {}", three(a.secs / 60.0), three(b.secs / 60.0));
            if b.acked <= a.acked {
                faults.push(format!("nothing was acked in minutes {minutes}"));
            }
            let failed = b.failed.saturating_sub(a.failed).to_string();
            rows.push(vec![minutes, count(rate(b.acked, a.acked)), count(rate(b.words, a.words)), failed]);
        }
        from += length;
    }
    table(&rows)
}

fn memory(
    samples: &[Sample],
    total: f64,
    baseline: f64,
    growth: f64,
    kills: u64,
    faults: &mut Vec<String>,
) -> Vec<String> {
    let mut series: BTreeMap<&str, Series> = BTreeMap::new();
    for sample in samples {
        for seen in &sample.processes {
            let own = series.entry(&seen.name).or_default();
            own.points.push((sample.secs, seen.resident_kib as f64));
            if own.lives.last() != Some(&seen.pid) {
                own.lives.push(seen.pid);
            }
        }
    }
    let base_name = format!("at {} min", three(baseline / 60.0));
    let head = ["RSS in MiB", &base_name, "25 %", "50 %", "75 %", "100 %", "most", "KiB/hour", "lives"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut restarts = 0;
    for (name, own) in &series {
        let mib = |kib: Option<f64>| kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.1}", kib / 1024.0));
        let mut row = vec![(*name).to_owned()];
        row.push(mib(own.around(baseline)));
        row.extend([0.25, 0.5, 0.75, 1.0].map(|part| mib(own.around(total * part))));
        row.push(mib(own.points.iter().map(|p| p.1).max_by(f64::total_cmp)));
        row.push(format!("{:.0}", own.slope(baseline)));
        row.push(own.lives.len().to_string());
        rows.push(row);
        restarts += own.lives.len() as u64 - 1;
        if let (Some(before), Some(after)) = (own.around(baseline), own.around(total)) {
            let grown = (after - before) / 1024.0;
            if grown > growth {
                faults.push(format!("{name} grew by {grown:.1} MiB"));
            }
        }
    }
    if restarts > kills {
        faults.push(format!("{restarts} processes were started again after {kills} kills"));
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::super::sample::Seen;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn samples(kib_a_sample: u64, pid_from: impl Fn(u64) -> u32) -> Vec<Sample> {
        (0..=360)
            .map(|n| Sample {
                secs: n as f64 * 10.0,
                emitted: n * 5000,
                acked: n * 5000,
                failed: 0,
                words: words_of(n * 5000),
                processes: vec![Seen {
                    name: "worker 6700".to_owned(),
                    pid: pid_from(n),
                    resident_kib: 20 * 1024 + n * kib_a_sample,
                    threads: 5,
                    cpu_secs: 0.0,
                }],
            })
            .collect()
    }

    fn ending(position: Position, spout: [u64; 3], words: u64, kills: u64) -> Ending {
        let spout = Counters { emitted: spout[0], acked: spout[1], failed: spout[2], executed: 0 };
        let count = Counters { executed: words, ..Counters::default() };
        Ending { position, totals: [("spout".to_owned(), spout), ("count".to_owned(), count)].into(), kills }
    }

    fn whole(n: u64) -> Position {
        Position { base: n, promised: n, settled: true, strange: 0 }
    }

    fn faults(samples: &[Sample], ending: &Ending) -> Vec<String> {
        judge(samples, ending, Bounds { length: HOUR, growth: 16.0 }).faults
    }

    #[test]
    fn an_hour_in_which_nothing_happened_is_without_fault() {
        let good = ending(whole(10), [10, 10, 0], words_of(10), 0);
        let verdict = judge(&samples(0, |_| 7), &good, Bounds { length: HOUR, growth: 16.0 });
        assert_eq!(verdict.faults, [] as [String; 0], "{:#?}", verdict.lines);
        assert!(verdict.lines.iter().any(|l| l.contains("500") && l.contains("3.20 k") || l.contains("3200")));
        assert_eq!(verdict.lines.iter().filter(|l| l.contains(" to ")).count(), 6);
    }

    #[test]
    fn growth_beyond_the_bound_is_a_fault_and_its_slope_is_told() {
        let good = ending(whole(10), [10, 10, 0], words_of(10), 0);
        assert_eq!(faults(&samples(20, |_| 7), &good), [] as [String; 0]);
        let verdict = judge(&samples(60, |_| 7), &good, Bounds { length: HOUR, growth: 16.0 });
        assert_eq!(verdict.faults.len(), 1);
        assert!(verdict.faults[0].starts_with("worker 6700 grew by 19"), "{:?}", verdict.faults);
        assert!(verdict.lines.iter().any(|l| l.contains("| 21600 ")), "{:#?}", verdict.lines);
    }

    #[test]
    fn a_text_without_an_ack_is_a_loss() {
        let open = Position { base: 7, promised: 10, settled: false, strange: 0 };
        let found = faults(&samples(0, |_| 7), &ending(open, [10, 10, 0], words_of(10), 1));
        assert_eq!(found, ["3 texts from number 7 on were not all acked"]);
        let strange = Position { strange: 2, ..whole(10) };
        assert_eq!(faults(&samples(0, |_| 7), &ending(strange, [10, 10, 0], words_of(10), 1)).len(), 1);
    }

    #[test]
    fn counts_that_do_not_add_up_are_faults_unless_a_worker_was_killed() {
        let s = samples(0, |_| 7);
        assert_eq!(faults(&s, &ending(whole(10), [11, 10, 0], words_of(10), 0)).len(), 1);
        assert_eq!(faults(&s, &ending(whole(10), [10, 10, 0], words_of(10) - 1, 0)).len(), 1);
        assert_eq!(faults(&s, &ending(whole(10), [10, 10, 0], words_of(10) + 1, 0)).len(), 1);
        // Words of a sentence that was sent again may count twice.
        assert_eq!(faults(&s, &ending(whole(10), [11, 10, 1], words_of(10) + 3, 0)), [] as [String; 0]);
        assert_eq!(faults(&s, &ending(whole(10), [11, 10, 0], 5, 1)), [] as [String; 0]);
    }

    #[test]
    fn a_process_that_nobody_killed_and_yet_was_started_again_is_a_fault() {
        let s = samples(0, |n| if n < 100 { 7 } else { 8 });
        assert_eq!(faults(&s, &ending(whole(10), [10, 10, 0], words_of(10), 0)).len(), 1);
        assert_eq!(faults(&s, &ending(whole(10), [10, 10, 0], words_of(10), 1)), [] as [String; 0]);
    }
}
