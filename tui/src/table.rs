//! A table of any view: cells with what they are sorted by and how they are meant.

use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub title: &'static str,
    pub right: bool,
    /// Columns with a higher number go first when the screen is too narrow.
    pub rank: u8,
}

pub const fn left(title: &'static str, rank: u8) -> Column {
    Column { title, right: false, rank }
}

pub const fn right(title: &'static str, rank: u8) -> Column {
    Column { title, right: true, rank }
}

/// How a cell is meant; the theme gives the colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Name,
    Dim,
    Good,
    Warning,
    Bad,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    pub text: String,
    /// What numbers are sorted by.
    pub number: Option<f64>,
    pub tone: Tone,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), ..Cell::default() }
    }

    pub fn name(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), number: None, tone: Tone::Name }
    }

    pub fn number(text: impl Into<String>, number: f64) -> Cell {
        Cell { text: text.into(), number: Some(number), tone: Tone::Plain }
    }

    pub fn count(n: i64) -> Cell {
        Cell::number(crate::text::count(n), n as f64)
    }

    /// Failures catch the eye as soon as there are any.
    pub fn failed(n: i64) -> Cell {
        Cell::count(n).tone(if n > 0 { Tone::Warning } else { Tone::Plain })
    }

    pub fn age(secs: i64) -> Cell {
        Cell::number(crate::text::age(secs), secs as f64)
    }

    pub fn millis(ms: Option<f64>) -> Cell {
        Cell { text: crate::text::millis(ms), number: ms, tone: Tone::Plain }
    }

    pub fn rate(rate: Option<f64>) -> Cell {
        Cell { text: rate.map_or_else(|| "-".to_owned(), crate::text::rate), number: rate, tone: Tone::Plain }
    }

    /// The share of its time that a bolt executes; near one it cannot keep up.
    pub fn capacity(capacity: Option<f64>) -> Cell {
        let tone = match capacity {
            Some(c) if c >= 0.95 => Tone::Bad,
            Some(c) if c >= 0.8 => Tone::Warning,
            _ => Tone::Plain,
        };
        Cell { text: capacity.map_or_else(|| "-".to_owned(), |c| format!("{c:.3}")), number: capacity, tone }
    }

    pub fn tone(self, tone: Tone) -> Cell {
        Cell { tone, ..self }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What stays the same from one answer to the next: selection and marks follow it.
    pub key: String,
    pub cells: Vec<Cell>,
}

impl Row {
    pub fn new(key: impl Into<String>, cells: Vec<Cell>) -> Row {
        Row { key: key.into(), cells }
    }

    /// What the filter looks at.
    pub fn haystack(&self) -> String {
        let texts: Vec<&str> = self.cells.iter().map(|c| c.text.as_str()).collect();
        texts.join(" ")
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Rows before the filter.
    pub total: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    pub column: usize,
    pub down: bool,
}

impl Table {
    pub fn sort(&mut self, sort: Sort) {
        self.rows.sort_by(|a, b| {
            let (x, y) = (a.cells.get(sort.column), b.cells.get(sort.column));
            let order = match (x, y) {
                (Some(x), Some(y)) => compare(x, y),
                _ => Ordering::Equal,
            };
            // Equal ones stay in the order of their keys, so that rows do not dance.
            (if sort.down { order.reverse() } else { order }).then_with(|| a.key.cmp(&b.key))
        });
    }

    /// The widths of the columns that fit into `width`, by rank; `None` is hidden.
    pub fn layout(&self, width: usize) -> Vec<Option<usize>> {
        let mut wanted: Vec<usize> = self.columns.iter().map(|c| c.title.chars().count() + 1).collect();
        for row in self.rows.iter().take(2000) {
            for (w, cell) in wanted.iter_mut().zip(&row.cells) {
                *w = (*w).max(cell.text.chars().count());
            }
        }
        // Texts do not grow beyond what people read, and the last of them shrinks first, unless there is room.
        let last = self.columns.iter().rposition(|c| !c.right);
        let mut least: Vec<usize> = wanted.iter().map(|w| (*w).min(40)).collect();
        if let Some(last) = last {
            least[last] = least[last].min(12);
        }
        let mut shown = vec![true; self.columns.len()];
        loop {
            let used: usize = (0..shown.len()).filter(|i| shown[*i]).map(|i| least[i] + 2).sum();
            if used <= width + 2 {
                break;
            }
            let Some(worst) = (1..shown.len()).filter(|i| shown[*i]).max_by_key(|i| self.columns[*i].rank) else {
                break;
            };
            shown[worst] = false;
        }
        let used: usize = (0..shown.len()).filter(|i| shown[*i]).map(|i| least[i] + 2).sum();
        let mut room = (width + 2).saturating_sub(used);
        let mut by_rank: Vec<usize> = (0..shown.len()).filter(|i| shown[*i]).collect();
        by_rank.sort_by_key(|i| self.columns[*i].rank);
        for i in by_rank {
            let more = room.min(wanted[i].saturating_sub(least[i]));
            least[i] += more;
            room -= more;
        }
        (0..shown.len()).map(|i| shown[i].then(|| least[i].min(width.max(1)))).collect()
    }
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a.number, b.number) {
        (Some(x), Some(y)) => x.total_cmp(&y),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => a.text.cmp(&b.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |k: &str, n: i64| Row::new(k, vec![Cell::name(k), Cell::count(n), Cell::text("note of some length")]);
        let rows = vec![row("b", 20_000), row("a", 3), row("c", 20_000)];
        Table { columns: vec![left("NAME", 0), right("N", 5), left("NOTE", 1)], total: rows.len(), rows }
    }

    #[test]
    fn numbers_sort_as_numbers_and_ties_stay() {
        let mut t = table();
        t.sort(Sort { column: 1, down: true });
        assert_eq!(t.rows.iter().map(|r| r.key.as_str()).collect::<String>(), "bca");
        t.sort(Sort { column: 9, down: false });
        assert_eq!(t.rows.iter().map(|r| r.key.as_str()).collect::<String>(), "abc");
    }

    #[test]
    fn a_narrow_screen_hides_what_matters_least() {
        let t = table();
        assert_eq!(t.layout(80), [Some(5), Some(5), Some(19)]);
        assert_eq!(t.layout(30), [Some(5), Some(5), Some(16)]);
        assert_eq!(t.layout(20), [Some(5), None, Some(13)]);
        assert_eq!(t.layout(8), [Some(5), None, None]);
        assert_eq!(t.layout(0).len(), 3);
    }
}
