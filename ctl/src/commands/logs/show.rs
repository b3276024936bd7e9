//! Which entries are shown, and how.

use std::collections::VecDeque;

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use super::entry::{Entry, Level};
use super::is_structured;
use crate::cli::{self, Format};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging::iso_time;
use crate::printer::{Printer, Report};

/// Text that waits to be printed.
const BUFFER: usize = 64 << 10;

#[derive(Default)]
pub struct Filter {
    since: Option<i64>,
    until: Option<i64>,
    level: Option<Level>,
    grep: Option<Regex>,
    /// The label of the only worker whose entries are shown.
    worker: Option<String>,
}

impl Filter {
    pub fn new(args: &cli::Logs, since: Option<i64>, until: Option<i64>) -> Result<Filter, Failure> {
        let regex = |text: &String| {
            RegexBuilder::new(text).case_insensitive(args.ignore_case).build().map_err(|e| {
                Failure::new(Exit::Usage, "usage/grep", format!("\"{text}\" is no regular expression"))
                    .evidence(e.to_string())
            })
        };
        let grep = args.grep.as_ref().map(regex).transpose()?;
        Ok(Filter { since, until, level: args.level, grep, worker: args.worker.map(|port| port.to_string()) })
    }

    /// An entry is shown as a whole: with the trace of its message, whichever line the pattern is in.
    pub fn lets(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.millis >= since)
            && self.until.is_none_or(|until| entry.millis <= until)
            && self.worker.as_ref().is_none_or(|worker| entry.label == *worker)
            && self.level.is_none_or(|least| entry.level() >= least)
            && self.grep.as_ref().is_none_or(|pattern| entry.text.lines().any(|line| pattern.is_match(line)))
    }
}

/// The last lines.
pub struct Tail {
    most: usize,
    lines: usize,
    entries: VecDeque<Entry>,
}

impl Tail {
    pub fn new(most: usize) -> Tail {
        Tail { most, lines: 0, entries: VecDeque::new() }
    }

    pub fn push(&mut self, entry: Entry) {
        self.lines += lines(&entry);
        self.entries.push_back(entry);
        while let Some(first) = self.entries.front().filter(|first| self.lines - lines(first) >= self.most) {
            self.lines -= lines(first);
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

fn lines(entry: &Entry) -> usize {
    entry.text.lines().count().max(1)
}

pub struct Output {
    printer: Printer,
    /// One document at the end, which needs all of them.
    document: Option<Vec<Value>>,
    labels: bool,
    buffer: String,
}

impl Output {
    pub fn new(ctx: &Context, follow: bool) -> Output {
        let whole = matches!(ctx.printer.format, Format::Json | Format::Yaml) && !follow;
        Output { printer: ctx.printer, document: whole.then(Vec::new), labels: false, buffer: String::new() }
    }

    /// Whether each line says whose it is.
    pub fn labels(&mut self, labels: bool) {
        self.labels |= labels;
    }

    pub fn show(&mut self, entry: &Entry) -> Result<(), Failure> {
        if let Some(document) = &mut self.document {
            document.push(json(entry));
            return Ok(());
        }
        if is_structured(self.printer.format) {
            self.buffer.push_str(&format!("{}\n", json(entry)));
        } else {
            // A blank entry is a line as well.
            for line in entry.text.split('\n') {
                if self.labels {
                    self.buffer.push_str(&entry.label);
                    self.buffer.push_str(" | ");
                }
                self.buffer.push_str(line);
                self.buffer.push('\n');
            }
        }
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.printer.out(&std::mem::take(&mut self.buffer))
    }

    pub fn end(mut self) -> Result<(), Failure> {
        match self.document.take() {
            Some(items) => self.printer.show(&Entries(items)),
            None => self.flush(),
        }
    }
}

fn json(entry: &Entry) -> Value {
    let time = u64::try_from(entry.millis).ok().filter(|ms| *ms > 0).map(iso_time);
    json!({"time": time, "source": entry.label, "level": entry.level().to_string(), "text": entry.text})
}

struct Entries(Vec<Value>);

impl Report for Entries {
    const KIND: &'static str = "LogEntryList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.0.clone()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.clone()
    }

    fn text(&self, _wide: bool) -> String {
        String::new()
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(millis: i64, text: &str) -> Entry {
        Entry { millis, label: "6700".into(), text: text.into() }
    }

    #[test]
    fn the_filter_lets_whole_entries_through() {
        let filter = |since, level, grep: Option<&str>| Filter {
            since,
            level,
            grep: grep.map(|g| Regex::new(g).unwrap()),
            ..Filter::default()
        };
        let error = entry(5, "t x main [ERROR] boom\n  at Foo.bar(Foo.java)");
        assert!(filter(Some(5), Some(Level::Warn), Some(r"Foo\.bar")).lets(&error));
        assert!(!filter(Some(6), None, None).lets(&error));
        assert!(!filter(None, Some(Level::Fatal), None).lets(&error));
        assert!(!filter(None, None, Some("^at")).lets(&error));
        assert!(filter(None, None, None).lets(&error));
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
}
