//! A text, its lines, and changes of it that leave every other byte alone.

use std::ops::Range;

use storm_conf::Mark;

/// A text with the place of every byte.
#[derive(Debug, Clone)]
pub struct Text {
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub with: String,
}

impl Edit {
    pub fn new(range: Range<usize>, with: impl Into<String>) -> Edit {
        Edit { range, with: with.into() }
    }

    pub fn insert(at: usize, with: impl Into<String>) -> Edit {
        Edit::new(at..at, with)
    }

    pub fn remove(range: Range<usize>) -> Edit {
        Edit::new(range, "")
    }
}

impl Text {
    pub fn new(text: impl Into<String>) -> Text {
        let text = text.into();
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Text { text, lines }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn mark(&self, at: usize) -> Mark {
        let at = at.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= at) - 1;
        let before = self.text.get(self.lines[line]..at).unwrap_or_default();
        // The mark of the byte order is not a column.
        Mark { line: line + 1, column: 1 + before.chars().filter(|c| *c != '\u{feff}').count() }
    }

    /// Where the line of this byte begins.
    pub fn line_start(&self, at: usize) -> usize {
        self.lines[self.lines.partition_point(|start| *start <= at) - 1]
    }

    /// Where the line of this byte ends: before its line break.
    pub fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |n| at + n);
        if self.text[at..end].ends_with('\r') { end - 1 } else { end }
    }

    /// Where the next line begins, or the text ends.
    pub fn next_line(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |n| at + n + 1)
    }

    pub fn line_of(&self, at: usize) -> &str {
        &self.text[self.line_start(at)..self.line_end(at)]
    }

    /// The line break of this text.
    pub fn line_break(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }
}

/// Makes the changes, which must not overlap; `None` when they do.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|e| (e.range.start, e.range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.range.start)?);
        out.push_str(&edit.with);
        at = edit.range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Where a byte of the changed text stood before.
pub fn origin(edits: &[Edit], changed: usize) -> usize {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|e| (e.range.start, e.range.end));
    let (mut old, mut new) = (0, 0);
    for edit in edits {
        let kept = edit.range.start.saturating_sub(old);
        if changed < new + kept {
            return old + (changed - new);
        }
        new += kept + edit.with.len();
        if changed < new {
            return edit.range.start;
        }
        old = edit.range.end;
    }
    old + (changed - new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_lines() {
        let text = Text::new("ab\r\nüx\n\nlast");
        assert_eq!(text.mark(0), Mark { line: 1, column: 1 });
        assert_eq!(text.mark(6), Mark { line: 2, column: 2 });
        assert_eq!(text.mark(100), Mark { line: 4, column: 5 });
        assert_eq!((text.line_start(6), text.line_end(4), text.next_line(4)), (4, 7, 8));
        assert_eq!((text.line_of(0), text.line_break()), ("ab", "\r\n"));
        assert_eq!(text.next_line(9), 13);
    }

    #[test]
    fn changes_leave_the_rest_alone() {
        let edits = [Edit::new(4..5, "E"), Edit::insert(2, "xx"), Edit::remove(0..1)];
        assert_eq!(apply("abcdef", &edits).as_deref(), Some("bxxcdEf"));
        assert_eq!(apply("abc", &[Edit::remove(0..2), Edit::remove(1..3)]), None);
        for (changed, old) in [(0, 1), (1, 2), (2, 2), (3, 2), (4, 3), (5, 4), (6, 5)] {
            assert_eq!(origin(&edits, changed), old, "{changed}");
        }
    }
}
