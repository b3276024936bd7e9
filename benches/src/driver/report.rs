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
            factor.map_or_else(|| NONE.to_owned(), |factor| format!("{} x", three(factor))),
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
                let first = error.lines().next().unwrap_or_default();
                problems.push(format!("{case} {side:?} {variant} round {round} gave no figures: {first}"));
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

pub fn machine(machine: &Machine) -> String {
    let Machine { processor, cores, memory_mib, kernel, java, commit, .. } = machine;
    let built = if machine.optimised { "" } else { "; BUILT WITHOUT OPTIMISATION, figures mean nothing" };
    format!("{cores} cores ({processor}), {memory_mib} MiB, Linux {kernel}; {java}; commit {commit}{built}")
}
