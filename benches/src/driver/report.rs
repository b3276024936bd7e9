//! From results to the tables. Pure.

use super::case::{Side, Standing};
use super::processes::Part;
use super::record::{Line, Machine, Run};
use super::rows::{Metric, Row};
use super::table::{Spread, count, micros, table, three};

const NONE: &str = "-";

/// The runs of one variant of a case.
struct Group<'a> {
    case: &'a str,
    side: Side,
    variant: &'a str,
    standing: Standing,
    runs: Vec<&'a Run>,
}

impl Group<'_> {
    fn spread(&self, read: impl Fn(&Run) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(|run| read(run)))
    }

    fn show(&self, read: impl Fn(&Run) -> Option<f64>, show: impl Fn(f64) -> String) -> String {
        self.spread(read).map_or_else(|| NONE.to_owned(), |spread| spread.show(show))
    }

    fn label(&self) -> String {
        match self.side {
            Side::Ours => format!("ours, {}", self.variant),
            Side::Apache => format!("Apache, {}", self.variant),
        }
    }
}

fn groups<'a>(lines: &'a [Line]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for line in lines {
        let Line::Run(run) = line else { continue };
        let same = |g: &&mut Group<'a>| g.case == run.case && g.side == run.side && g.variant == run.variant;
        match groups.iter_mut().find(same) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group {
                case: &run.case,
                side: run.side,
                variant: &run.variant,
                standing: run.standing,
                runs: vec![run],
            }),
        }
    }
    groups
}

fn p99(run: &Run) -> Option<f64> {
    Some(run.latency_us?.p99)
}

/// The number that a row compares; higher is better for a rate only.
fn value(metric: Metric, run: &Run) -> Option<f64> {
    match metric {
        Metric::Rate { .. } => run.rate,
        Metric::Memory { .. } => run.resident_mib(Part::Worker),
        Metric::FirstTuple { .. } => run.first_tuple_secs,
        Metric::OpenLoop { .. } => p99(run),
        Metric::Idle { .. } => run.cores,
    }
}

fn show_value(metric: Metric, group: Option<&Group<'_>>) -> String {
    let Some(group) = group else { return NONE.to_owned() };
    let read = |run: &Run| value(metric, run);
    match metric {
        Metric::Rate { .. } => {
            let unit = group.runs.first().map_or("", |run| run.unit.as_str());
            let p99 = group.spread(p99).map(|spread| format!("; p99 {}", micros(spread.median))).unwrap_or_default();
            format!("{} {unit}/s{p99}", group.show(read, count))
        }
        Metric::Memory { .. } => {
            let beside = group.spread(|run| run.resident_mib(Part::LogWriter));
            let beside = beside.map(|spread| format!(" + {:.0} log writer", spread.median)).unwrap_or_default();
            format!("{} MiB{beside}", group.show(read, three))
        }
        Metric::FirstTuple { .. } => format!("{} s", group.show(read, three)),
        Metric::OpenLoop { .. } => {
            format!("p99 {}; {} cores", group.show(read, micros), group.show(|run| run.cores, three))
        }
        Metric::Idle { .. } => {
            format!("{} % of a core", group.show(|run| Some(run.cores? * 100.0), three))
        }
    }
}

/// How many times as good ours is.
fn ratio(metric: Metric, ours: f64, theirs: f64) -> f64 {
    match metric {
        Metric::Rate { .. } => ours / theirs,
        _ => theirs / ours,
    }
}

fn target(metric: Metric) -> String {
    match metric {
        Metric::Rate { times: None, .. } => NONE.to_owned(),
        Metric::Rate { times: Some(times), lower_p99: false } => format!("{times:.0} x"),
        Metric::Rate { times: Some(times), lower_p99: true } => format!("{times:.0} x, lower p99"),
        Metric::Memory { times } => format!("1/{times:.0}"),
        Metric::FirstTuple { secs } => format!("under {secs:.0} s"),
        Metric::OpenLoop { p99_us: Some(us), cores: Some(cores) } => {
            format!("p99 under {}, under {cores} cores", micros(us))
        }
        Metric::OpenLoop { .. } => NONE.to_owned(),
        Metric::Idle { cores } => format!("under {} % of a core", cores * 100.0),
    }
}

/// Whether the target is reached, by the medians; nothing where it cannot be told.
fn reached(metric: Metric, ours: &Group<'_>, best: Option<&Group<'_>>) -> Option<bool> {
    let median = |group: &Group<'_>, read: &dyn Fn(&Run) -> Option<f64>| Some(group.spread(read)?.median);
    let own = median(ours, &|run| value(metric, run))?;
    let factor = || Some(ratio(metric, own, median(best?, &|run| value(metric, run))?));
    match metric {
        Metric::Rate { times, lower_p99 } => {
            let enough = factor()? >= times?;
            let lower = || Some(median(ours, &p99)? < median(best?, &p99)?);
            Some(enough && (!lower_p99 || lower()?))
        }
        Metric::Memory { times } => Some(factor()? >= times),
        Metric::FirstTuple { secs } => Some(own < secs),
        Metric::OpenLoop { p99_us, cores } => Some(own < p99_us? && median(ours, &|run| run.cores)? < cores?),
        Metric::Idle { cores } => Some(own < cores),
    }
}

/// The best of Apache Storm's: of the variants that were measured, the one whose median is.
fn best<'a, 'b>(metric: Metric, groups: &[&'b Group<'a>]) -> Option<&'b Group<'a>> {
    let theirs = groups.iter().copied().filter(|group| group.side == Side::Apache);
    let medians = theirs.filter_map(|group| Some((group, group.spread(|run| value(metric, run))?.median)));
    let better = medians.max_by(|(_, a), (_, b)| ratio(metric, *a, 1.0).total_cmp(&ratio(metric, *b, 1.0)));
    better.map(|(group, _)| group)
}

/// One line for each row.
pub fn summary(rows: &[Row], lines: &[Line]) -> Vec<String> {
    let groups = groups(lines);
    let head =
        ["row", "ours", "Apache Storm, best settings", "Apache Storm, defaults", "ratio to best", "target", "reached"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        let of_case: Vec<&Group<'_>> = groups.iter().filter(|group| group.case == row.case).collect();
        let ours = of_case.iter().copied().find(|group| group.side == Side::Ours);
        let best = best(row.metric, &of_case);
        let plain =
            of_case.iter().copied().find(|group| group.side == Side::Apache && group.standing == Standing::Defaults);
        let median = |group: Option<&Group<'_>>| Some(group?.spread(|run| value(row.metric, run))?.median);
        let factor = median(ours).zip(median(best)).map(|(ours, best)| ratio(row.metric, ours, best));
        let mut best_text = show_value(row.metric, best);
        if let Some(group) = best {
            best_text.push_str(&format!(" [{}]", group.variant));
        }
        let reached = ours.and_then(|ours| reached(row.metric, ours, best));
        cells.push(vec![
            row.title.clone(),
            show_value(row.metric, ours),
            best_text,
            show_value(row.metric, plain),
            // What the kernel's ticks do not show has no ratio.
            factor.filter(|f| f.is_finite()).map_or_else(|| NONE.to_owned(), |f| format!("{} x", three(f))),
            target(row.metric),
            reached.map_or(NONE, |yes| if yes { "yes" } else { "no" }).to_owned(),
        ]);
    }
    table(&cells)
}

/// One line for each variant of each case: what it cost and how long it took.
pub fn details(lines: &[Line]) -> Vec<String> {
    let head = [
        "case",
        "settings",
        "runs",
        "per second",
        "words/s",
        "p50",
        "p99",
        "p99.9",
        "CPU s per million",
        "cores",
        "worker MiB",
        "log writer MiB",
        "children MiB",
        "first tuple s",
        "cores of others",
        "counts",
    ];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    for group in groups(lines) {
        let latency =
            |read: fn(&super::record::Percentiles) -> f64| group.show(|run| run.latency_us.as_ref().map(read), micros);
        let words = |run: &Run| run.rates.get("count").map(|rates| rates.executed).filter(|rate| *rate > 0.0);
        let faulty = group.runs.iter().filter(|run| !run.faults.is_empty()).count();
        cells.push(vec![
            group.case.to_owned(),
            group.label(),
            group.runs.len().to_string(),
            group.show(|run| run.rate, count),
            group.show(words, count),
            latency(|l| l.p50),
            latency(|l| l.p99),
            latency(|l| l.p999),
            group.show(|run| run.cpu_seconds_per_million, three),
            group.show(|run| run.cores, three),
            group.show(|run| run.resident_mib(Part::Worker), three),
            group.show(|run| run.resident_mib(Part::LogWriter), three),
            group.show(|run| run.resident_mib(Part::Child), three),
            group.show(|run| run.first_tuple_secs, three),
            group.show(|run| run.cores_of_others, three),
            if faulty == 0 { "right".to_owned() } else { format!("WRONG in {faulty}") },
        ]);
    }
    table(&cells)
}

/// One run in a line, for whoever watches.
pub fn progress(run: &Run) -> String {
    let mut parts = vec![format!("{} {:?} {} round {}:", run.case, run.side, run.variant, run.round)];
    parts.extend(run.rate.map(|rate| format!("{} {}/s", count(rate), run.unit)));
    parts.extend(run.latency_us.map(|l| format!("p50 {} p99 {}", micros(l.p50), micros(l.p99))));
    parts.extend(run.cpu_seconds_per_million.map(|secs| format!("{} CPU s/M", three(secs))));
    parts.extend(run.cores.map(|cores| format!("{} cores", three(cores))));
    parts.extend(run.resident_mib(Part::Worker).map(|mib| format!("{} MiB", three(mib))));
    parts.extend(run.first_tuple_secs.map(|secs| format!("first tuple {} s", three(secs))));
    parts.extend(run.faults.iter().map(|fault| format!("WRONG {fault}")));
    parts.join("  ")
}

/// What went wrong, one line each.
pub fn problems(lines: &[Line]) -> Vec<String> {
    let mut problems = Vec::new();
    for line in lines {
        match line {
            Line::Failed { case, side, variant, round, error } => {
                problems.push(format!("{case} {side:?} {variant} round {round} gave no figures: {}", short(error)));
            }
            Line::Run(run) => {
                let name = format!("{} {:?} {} round {}", run.case, run.side, run.variant, run.round);
                problems.extend(run.faults.iter().map(|fault| format!("{name}: {fault}")));
            }
            Line::Machine(_) => {}
        }
    }
    problems
}

/// The beginning of a long message, and its last line; all of it is among the results.
fn short(error: &str) -> String {
    const MOST: usize = 160;
    let mut lines = error.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let cut: String = first.chars().take(MOST).collect();
    let dots = if cut.len() < first.len() { " ..." } else { "" };
    let last = lines.next_back().map(|line| format!(" / {}", line.trim())).unwrap_or_default();
    format!("{cut}{dots}{last}")
}

/// Whether every run gave figures, and all that ours was given came through. (What Apache Storm loses is told, and no failure.)
pub fn is_whole(lines: &[Line]) -> bool {
    lines.iter().all(|line| match line {
        Line::Machine(_) => true,
        Line::Run(run) => run.faults.is_empty() || run.side == Side::Apache,
        Line::Failed { .. } => false,
    })
}

pub fn machine(machine: &Machine) -> String {
    let Machine { processor, cores, memory_mib, kernel, java, commit, .. } = machine;
    let built = if machine.optimised { "" } else { "; BUILT WITHOUT OPTIMISATION, figures mean nothing" };
    format!("{cores} cores ({processor}), {memory_mib} MiB, Linux {kernel}; {java}; commit {commit}{built}")
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use serde_json::Map;

    use super::super::record::Percentiles;
    use super::super::rows::select;
    use super::*;

    pub fn run(side: Side, variant: &str, standing: Standing, rate: f64, p99: f64) -> Line {
        let latency_us = Percentiles { count: 9, mean: 1.0, p50: 1.0, p90: 1.0, p99, p999: p99, max: p99 };
        Line::Run(Run {
            case: "chain-acked".into(),
            side,
            variant: variant.into(),
            standing,
            round: 1,
            seconds: 15.0,
            rate: Some(rate),
            unit: "trees".into(),
            rates: BTreeMap::new(),
            latency_us: Some(latency_us),
            cpu_seconds: BTreeMap::new(),
            cores: Some(1.5),
            cpu_seconds_per_million: None,
            sizes: BTreeMap::new(),
            cores_of_others: None,
            submit_secs: 1.0,
            first_tuple_secs: Some(2.0),
            totals: BTreeMap::new(),
            faults: Vec::new(),
            document: Map::new(),
        })
    }

    fn row(lines: &[Line]) -> Vec<String> {
        let rows = select(&["chain-acked".to_owned()]).unwrap();
        summary(&rows, lines)[2].split('|').map(|cell| cell.trim().to_owned()).collect()
    }

    #[test]
    fn the_ratio_is_to_the_best_that_was_measured_whatever_its_name() {
        let mut lines = vec![
            run(Side::Ours, "defaults", Standing::Best, 10e6, 900.0),
            run(Side::Ours, "defaults", Standing::Best, 12e6, 1100.0),
            run(Side::Apache, "tuned", Standing::Best, 0.9e6, 5000.0),
            run(Side::Apache, "defaults", Standing::Defaults, 1e6, 2000.0),
        ];
        let cells = row(&lines);
        assert_eq!(cells[2], "11.0 M (10.0 M to 12.0 M) trees/s; p99 1.00 ms");
        assert_eq!(cells[3], "1.00 M trees/s; p99 2.00 ms [defaults]");
        assert_eq!(cells[5..8], ["11.0 x", "10 x, lower p99", "yes"]);
        lines.push(run(Side::Apache, "other", Standing::Also, 1.05e6, 500.0));
        assert_eq!(row(&lines)[7], "no", "enough, but at a higher p99");
    }

    #[test]
    fn without_the_other_side_there_is_no_verdict() {
        assert_eq!(
            row(&[run(Side::Ours, "defaults", Standing::Best, 10e6, 900.0)])[5..8],
            ["-", "10 x, lower p99", "-"]
        );
    }

    #[test]
    fn only_what_ours_loses_is_a_failure() {
        let faulty = |side| match run(side, "defaults", Standing::Best, 1e6, 1.0) {
            Line::Run(run) => Line::Run(Run { faults: vec!["one is missing".into()], ..run }),
            other => other,
        };
        assert!(is_whole(&[faulty(Side::Apache)]) && !is_whole(&[faulty(Side::Ours)]));
        assert_eq!(problems(&[faulty(Side::Apache)]).len(), 1);
    }
}
