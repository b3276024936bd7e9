//! The log lines that are kept, and those of them that are shown.

use std::collections::VecDeque;

use crate::data::{LogBatch, LogLine};
use crate::filter::Filter;

/// Lines that are kept.
pub const KEPT: usize = 20_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    #[default]
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    const ALL: [(Level, &'static str); 5] = [
        (Level::Trace, "TRACE"),
        (Level::Debug, "DEBUG"),
        (Level::Info, "INFO"),
        (Level::Warn, "WARN"),
        (Level::Error, "ERROR"),
    ];

    /// The level that a line of ours or of Log4j says, near its beginning.
    pub fn of_line(text: &str) -> Option<Level> {
        let mut end = text.len().min(160);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut words = text[..end].split(|c: char| !c.is_ascii_alphanumeric());
        words.find_map(|word| match word {
            "FATAL" => Some(Level::Error),
            _ => Level::ALL.iter().find(|(_, name)| *name == word).map(|(level, _)| *level),
        })
    }

    pub fn name(self) -> &'static str {
        Level::ALL[self as usize].1
    }

    pub fn next(self) -> Level {
        Level::ALL[(self as usize + 1) % Level::ALL.len()].0
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    line: LogLine,
    /// That of the line before for one that says none, as in a stack trace.
    level: Level,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LogBuffer {
    lines: VecDeque<Kept>,
    /// The number of the first line that is kept.
    first: u64,
    /// The numbers of those that pass filter and level.
    shown: VecDeque<u64>,
    filter: Filter,
    pub highlight: Filter,
    pub level: Level,
    pub follow: bool,
    pub wrap: bool,
    /// The number of the last line on the screen while it does not follow.
    pub bottom: u64,
    pub dropped: u64,
    pub files: usize,
}

impl Default for LogBuffer {
    fn default() -> LogBuffer {
        LogBuffer {
            lines: VecDeque::new(),
            first: 0,
            shown: VecDeque::new(),
            filter: Filter::default(),
            highlight: Filter::default(),
            level: Level::Trace,
            follow: true,
            wrap: false,
            bottom: 0,
            dropped: 0,
            files: 0,
        }
    }
}

impl LogBuffer {
    pub fn take(&mut self, batch: LogBatch) {
        self.dropped += batch.dropped;
        self.files = batch.files;
        for line in batch.lines {
            if self.lines.len() == KEPT {
                self.lines.pop_front();
                self.first += 1;
            }
            let before = self.lines.iter().rev().take(200).find(|k| k.line.source == line.source).map(|k| k.level);
            let level = Level::of_line(&line.text).or(before).unwrap_or(Level::Info);
            let number = self.first + self.lines.len() as u64;
            let kept = Kept { line, level };
            if self.passes(&kept) {
                self.shown.push_back(number);
            }
            self.lines.push_back(kept);
        }
        while self.shown.front().is_some_and(|n| *n < self.first) {
            self.shown.pop_front();
        }
        if self.follow {
            self.follow_on();
        }
    }

    fn passes(&self, kept: &Kept) -> bool {
        kept.level >= self.level && (self.filter.passes(&kept.line.text) || self.passes_source(kept))
    }

    /// `6700` filters by slot as well.
    fn passes_source(&self, kept: &Kept) -> bool {
        !self.filter.text().starts_with('!') && self.filter.passes(&kept.line.source)
    }

    fn sift(&mut self) {
        let first = self.first;
        let shown = self.lines.iter().enumerate().filter(|(_, k)| self.passes(k)).map(|(i, _)| first + i as u64);
        self.shown = shown.collect();
        if self.follow {
            self.follow_on();
        }
    }

    pub fn set_filter(&mut self, filter: Filter) {
        if self.filter != filter {
            self.filter = filter;
            self.sift();
        }
    }

    /// The filter as a regular expression, unless it is one of what is not shown.
    pub fn regex(&self) -> Option<String> {
        let text = self.filter.text();
        match text.strip_prefix('~') {
            _ if text.is_empty() || text.starts_with('!') => None,
            Some(regex) => Some(format!("(?i){regex}")),
            None => Some(format!("(?i){}", regex_lite::escape(text))),
        }
    }

    pub fn set_level(&mut self, level: Level) {
        self.level = level;
        self.sift();
    }

    pub fn clear(&mut self) {
        self.lines.clear();
        self.shown.clear();
        (self.first, self.bottom, self.dropped) = (0, 0, 0);
    }

    fn follow_on(&mut self) {
        self.bottom = self.shown.back().copied().unwrap_or(0);
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn shown_len(&self) -> usize {
        self.shown.len()
    }

    fn position(&self) -> usize {
        self.shown.partition_point(|n| *n < self.bottom).min(self.shown.len().saturating_sub(1))
    }

    /// Moves the last visible line; at the end it follows again.
    pub fn scroll(&mut self, by: i64) {
        let last = self.shown.len().saturating_sub(1) as i64;
        let to = (self.position() as i64 + by).clamp(0, last);
        self.follow = to == last && by > 0;
        self.bottom = self.shown.get(to as usize).copied().unwrap_or(0);
    }

    pub fn top(&mut self, page: usize) {
        self.follow = false;
        let at = page.saturating_sub(1).min(self.shown.len().saturating_sub(1));
        self.bottom = self.shown.get(at).copied().unwrap_or(0);
    }

    pub fn end(&mut self) {
        self.follow = true;
        self.follow_on();
    }

    /// The line that matches the highlight, before or after the last visible one.
    pub fn seek(&mut self, forward: bool) -> bool {
        let here = self.position();
        let matches = |n: &&u64| self.line(**n).is_some_and(|l| !self.highlight.matches(&l.text).is_empty());
        let found = if forward {
            self.shown.iter().skip(here + 1).find(matches).copied()
        } else {
            self.shown.iter().take(here).rev().find(matches).copied()
        };
        if let Some(n) = found {
            self.follow = false;
            self.bottom = n;
        }
        found.is_some()
    }

    fn line(&self, number: u64) -> Option<&LogLine> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.lines.get(at).map(|k| &k.line)
    }

    /// The shown lines with their levels, from the last visible one upwards.
    pub fn upwards(&self) -> impl Iterator<Item = (&LogLine, Level)> {
        let count = if self.shown.is_empty() { 0 } else { self.position() + 1 };
        self.shown.iter().take(count).rev().filter_map(|n| {
            let at = usize::try_from(n.checked_sub(self.first)?).ok()?;
            self.lines.get(at).map(|k| (&k.line, k.level))
        })
    }

    /// What is shown, as a file.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.shown.iter().filter_map(|n| self.line(*n)) {
            text.push_str(&format!("{} | {}\n", line.source, line.text));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lines: &[(&str, &str)]) -> LogBatch {
        let line = |(s, t): &(&str, &str)| LogLine { time: String::new(), source: (*s).into(), text: (*t).into() };
        LogBatch { lines: lines.iter().map(line).collect(), dropped: 0, files: 1, anew: false }
    }

    fn shown(b: &LogBuffer) -> Vec<&str> {
        let mut all: Vec<&str> = b.upwards().map(|(l, _)| l.text.as_str()).collect();
        all.reverse();
        all
    }

    #[test]
    fn filter_level_and_traces() {
        let mut b = LogBuffer::default();
        b.take(batch(&[
            ("6700", "t [INFO] fine"),
            ("6700", "t [ERROR] broken"),
            ("6700", "  at x"),
            ("6701", "INFO b"),
        ]));
        assert_eq!(shown(&b).len(), 4);
        b.set_level(Level::Warn);
        assert_eq!(shown(&b), ["t [ERROR] broken", "  at x"]);
        b.set_level(Level::Trace);
        b.set_filter(Filter::new("6701"));
        assert_eq!(shown(&b), ["INFO b"]);
        b.set_filter(Filter::new("!b"));
        assert_eq!(shown(&b), ["t [INFO] fine", "  at x"]);
    }

    #[test]
    fn it_follows_until_somebody_scrolls_and_never_grows_beyond_its_bound() {
        let mut b = LogBuffer::default();
        for n in 0..KEPT + 50 {
            b.take(batch(&[("w", &format!("INFO line {n}"))]));
        }
        assert_eq!(b.len(), KEPT);
        assert_eq!(shown(&b).last(), Some(&format!("INFO line {}", KEPT + 49).as_str()));
        b.scroll(-10);
        assert!(!b.follow);
        let held = b.bottom;
        b.take(batch(&[("w", "INFO new")]));
        assert_eq!(b.bottom, held);
        b.scroll(1000);
        assert!(b.follow);
        b.highlight = Filter::new("line 19999");
        assert!(b.seek(false) && !b.follow);
        assert_eq!(shown(&b).last(), Some(&"INFO line 19999"));
        assert!(!b.seek(false));
        assert!(b.text().lines().count() == KEPT);
        b.clear();
        assert_eq!(b.upwards().count(), 0);
    }

    #[test]
    fn levels_of_both_formats() {
        let java = "2026-01-01 10:00:00.000 o.a.s.d.w.Worker main [WARN] x";
        assert_eq!(Level::of_line(java), Some(Level::Warn));
        assert_eq!(Level::of_line("2026-01-01T10:00:00.000Z  INFO worker: x"), Some(Level::Info));
        assert_eq!(Level::of_line("    at Foo.bar"), None);
        assert_eq!(Level::Error.next(), Level::Trace);
    }
}
