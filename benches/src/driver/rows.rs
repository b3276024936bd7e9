//! The rows of the comparison: which case each reads, what of it, and what is wanted of us. Pure.

use super::case::Case;
use super::catalogue;
use super::error::BenchError;

/// What a row reads of its case, and what is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// Per second, so many times as much as Apache Storm's best; at a lower p99 too, if so said.
    Rate { times: Option<f64>, lower_p99: bool },
    /// Resident memory of the workers, so many times less.
    Memory { times: f64 },
    /// Seconds until the first tuple.
    FirstTuple { secs: f64 },
    /// p99 of the latency from the intended time, and the cores used for it.
    OpenLoop { p99_us: Option<f64>, cores: Option<f64> },
    /// Cores used.
    Idle { cores: f64 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    pub title: String,
    pub case: String,
    pub metric: Metric,
}

fn row(name: &str, title: &str, case: &str, metric: Metric) -> Row {
    Row { name: name.to_owned(), title: title.to_owned(), case: case.to_owned(), metric }
}

/// All rows, in order.
pub fn rows() -> Vec<Row> {
    let times = |times| Metric::Rate { times: Some(times), lower_p99: false };
    let latency_too = Metric::Rate { times: Some(10.0), lower_p99: true };
    let only = Metric::Rate { times: None, lower_p99: false };
    vec![
        row("chain", "chain, no acks", "chain", times(5.0)),
        row("chain-acked", "chain, acked", "chain-acked", latency_too),
        row("word-count", "word count, no acks", "word-count", times(5.0)),
        row("word-count-acked", "word count, acked", "word-count-acked", times(10.0)),
        row("chain-two", "chain over two workers, no acks", "chain-two", times(5.0)),
        row("chain-two-acked", "chain over two workers, acked", "chain-two-acked", times(10.0)),
        row("word-count-two", "word count over two workers, no acks", "word-count-two", times(8.0)),
        row("word-count-two-acked", "word count over two workers, acked", "word-count-two-acked", times(8.0)),
        row("worker-memory", "worker memory (word count, acked)", "word-count-acked", Metric::Memory { times: 10.0 }),
        row("first-tuple", "first tuple after submit", "first-tuple", Metric::FirstTuple { secs: 1.0 }),
        row(
            "low-load",
            "low load, 10,000 acked tuples/s, open loop",
            "chain-at-10000",
            Metric::OpenLoop { p99_us: Some(1000.0), cores: Some(0.15) },
        ),
        row("idle", "idle topology", "idle", Metric::Idle { cores: 0.005 }),
        row("multilang", "word count with a Python splitter", "multilang", only),
        row("multilang-without-task-ids", "the same, not asking for task ids", "multilang-without-task-ids", only),
    ]
}

/// The row of a name: one of [`rows`], or that of an open loop, such as `chain-at-50000`.
fn find(name: &str) -> Result<Row, BenchError> {
    let open_loop = |case: Case| {
        let title = format!("{}, open loop", case.name.replace("-at-", " at ").replace('-', " "));
        row(name, &title, name, Metric::OpenLoop { p99_us: None, cores: None })
    };
    let listed = rows().into_iter().find(|row| row.name == name);
    let row = listed.or_else(|| catalogue::find(name).filter(|case| case.name.contains("-at-")).map(open_loop));
    row.ok_or_else(|| BenchError::NoRow(name.to_owned()))
}

/// The rows of these names; all, if there are none.
pub fn select(names: &[String]) -> Result<Vec<Row>, BenchError> {
    if names.is_empty() {
        return Ok(rows());
    }
    names.iter().map(|name| find(name)).collect()
}

/// The cases that rows need, each once.
pub fn cases_of(rows: &[Row]) -> Result<Vec<Case>, BenchError> {
    let mut cases: Vec<Case> = Vec::new();
    for row in rows {
        let case = catalogue::find(&row.case).ok_or_else(|| BenchError::NoRow(row.case.clone()))?;
        if !cases.iter().any(|known| known.name == case.name) {
            cases.push(case);
        }
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_case() {
        let rows = rows();
        // Memory is read of the acked word count.
        assert_eq!(cases_of(&rows).unwrap().len(), rows.len() - 1);
    }

    #[test]
    fn rows_are_chosen_by_name() {
        let names = ["idle", "word-count-at-300"].map(str::to_owned);
        let chosen = select(&names).unwrap();
        assert_eq!(chosen[1].title, "word count at 300, open loop");
        assert!(matches!(select(&["chain-at-none".to_owned()]), Err(BenchError::NoRow(_))));
    }
}
