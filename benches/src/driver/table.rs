//! Tables in Markdown, aligned so that a terminal shows them well too; and numbers as people read them. Pure.

/// Lines of a table; the first row is the head. Every row has as many cells as the head.
pub fn table(rows: &[Vec<String>]) -> Vec<String> {
    let Some(head) = rows.first() else { return Vec::new() };
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let show = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        lines.push(show(row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect()));
        if index == 0 {
            lines.push(format!("|{}|", widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("|")));
        }
    }
    lines
}

/// The middle value, the least and the most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Spread { median: (low + high) / 2.0, min, max })
    }

    /// Median and range, each shown by `show`.
    pub fn show(&self, show: impl Fn(f64) -> String) -> String {
        if self.min == self.max {
            return show(self.median);
        }
        format!("{} ({} to {})", show(self.median), show(self.min), show(self.max))
    }
}

/// Something per second: 6.32 M, 11.3 k, 950.
pub fn count(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{} M", three(v / 1e6)),
        v if v >= 1e4 => format!("{} k", three(v / 1e3)),
        v => three(v),
    }
}

/// A time given in microseconds.
pub fn micros(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{} s", three(v / 1e6)),
        v if v >= 1e3 => format!("{} ms", three(v / 1e3)),
        v => format!("{} us", three(v)),
    }
}

/// Three significant digits at least.
pub fn three(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v if v >= 0.1 => format!("{v:.3}"),
        v => format!("{v:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "bcde".to_owned()], vec!["long one".to_owned(), "x".to_owned()]];
        assert_eq!(table(&rows), ["| a        | bcde |", "|----------|------|", "| long one | x    |"]);
    }

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([6_321_000.0, 11_340.0, 950.4].map(count), ["6.32 M", "11.3 k", "950"]);
        assert_eq!([0.05, 210.0, 5_100.0, 2e6].map(micros), ["0.0500 us", "210 us", "5.10 ms", "2.00 s"]);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 4.0));
        assert_eq!(spread.show(|v| format!("{v}")), "2.5 (1 to 4)");
        assert_eq!(Spread::of([]), None);
    }
}
