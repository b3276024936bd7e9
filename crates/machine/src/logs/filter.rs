//! Which entries are wanted.

use std::collections::VecDeque;

use regex_lite::{Regex, RegexBuilder};

use super::entry::{Entry, Level};
use super::error::LogError;

/// What a tail holds at most, however many lines are asked for.
const TAIL_BYTES: usize = 32 << 20;
/// What an entry costs besides its text.
const ENTRY_BYTES: usize = 128;

#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only entries as young as this, and only as old as that.
    pub since: Option<i64>,
    pub until: Option<i64>,
    pub level: Option<Level>,
    pub grep: Option<Regex>,
    /// The only source whose entries are wanted.
    pub label: Option<String>,
}

impl Filter {
    /// The same, with a pattern that some line of an entry must hold.
    pub fn grep(self, pattern: &str, ignore_case: bool) -> Result<Filter, LogError> {
        let regex = RegexBuilder::new(pattern).case_insensitive(ignore_case).build();
        let regex = regex.map_err(|e| LogError::Pattern { text: pattern.to_owned(), cause: e.to_string() })?;
        Ok(Filter { grep: Some(regex), ..self })
    }

    /// An entry is taken as a whole: with the trace of its message, whichever line the pattern is in.
    pub fn lets(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.millis >= since)
            && self.until.is_none_or(|until| entry.millis <= until)
            && self.label.as_ref().is_none_or(|label| entry.label == *label)
            && self.level.is_none_or(|least| entry.level() >= least)
            && self.grep.as_ref().is_none_or(|pattern| entry.text.lines().any(|line| pattern.is_match(line)))
    }
}

/// The last lines.
#[derive(Debug)]
pub struct Tail {
    most: usize,
    lines: usize,
    bytes: usize,
    entries: VecDeque<Entry>,
}

impl Tail {
    pub fn new(most: usize) -> Tail {
        Tail { most, lines: 0, bytes: 0, entries: VecDeque::new() }
    }

    pub fn push(&mut self, entry: Entry) {
        self.lines += lines(&entry);
        self.bytes += bytes(&entry);
        self.entries.push_back(entry);
        while let Some(first) =
            self.entries.front().filter(|e| self.lines - lines(e) >= self.most || self.bytes > TAIL_BYTES)
        {
            self.lines -= lines(first);
            self.bytes -= bytes(first);
            self.entries.pop_front();
        }
    }

    /// The first one may have to lose lines.
    pub fn entries(mut self) -> VecDeque<Entry> {
        let over = self.lines.saturating_sub(self.most);
        if let Some(first) = self.entries.front_mut().filter(|_| over > 0) {
            first.text = first.text.lines().skip(over).collect::<Vec<_>>().join("\n");
        }
        if self.most == 0 {
            self.entries.clear();
        }
        self.entries
    }
}

fn bytes(entry: &Entry) -> usize {
    entry.text.len() + entry.label.len() + ENTRY_BYTES
}

fn lines(entry: &Entry) -> usize {
    entry.text.lines().count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(millis: i64, text: &str) -> Entry {
        Entry { millis, label: "6700".into(), text: text.into() }
    }

    #[test]
    fn the_filter_lets_whole_entries_through() {
        let filter = |since, level, grep: Option<&str>| {
            let filter = Filter { since, level, ..Filter::default() };
            grep.map_or(filter.clone(), |grep| filter.grep(grep, false).unwrap())
        };
        let error = entry(5, "t x main [ERROR] boom\n  at Foo.bar(Foo.java)");
        assert!(filter(Some(5), Some(Level::Warn), Some(r"Foo\.bar")).lets(&error));
        assert!(!filter(Some(6), None, None).lets(&error));
        assert!(!filter(None, Some(Level::Fatal), None).lets(&error));
        assert!(!filter(None, None, Some("^at")).lets(&error));
        assert!(filter(None, None, None).lets(&error));
        assert!(Filter::default().grep("FOO", true).unwrap().lets(&error));
        assert!(!Filter::default().grep("FOO", false).unwrap().lets(&error));
        assert!(!Filter { until: Some(4), ..Filter::default() }.lets(&error));
        assert!(!Filter { label: Some("6701".into()), ..Filter::default() }.lets(&error));
        assert!(Filter { until: Some(5), label: Some("6700".into()), ..Filter::default() }.lets(&error));
        assert_eq!(Filter::default().grep("(", false).unwrap_err().code(), "usage/grep");
    }

    #[test]
    fn a_tail_counts_lines() {
        let last = |most| {
            let mut tail = Tail::new(most);
            for text in ["a", "b\nc\nd", "e"] {
                tail.push(entry(1, text));
            }
            tail.entries().iter().map(|e| e.text.clone()).collect::<Vec<_>>().join("\n")
        };
        assert_eq!((last(9).as_str(), last(2).as_str(), last(1).as_str()), ("a\nb\nc\nd\ne", "d\ne", "e"));
        assert_eq!((last(4).as_str(), last(0).as_str()), ("b\nc\nd\ne", ""));
    }

    #[test]
    fn a_tail_of_any_number_of_lines_costs_no_more_than_it_may() {
        let mut tail = Tail::new(usize::MAX);
        for _ in 0..40 {
            tail.push(entry(1, &"x".repeat(1 << 20)));
        }
        assert!(tail.entries().len() <= 32);
    }
}
