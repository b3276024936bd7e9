//! From the places that the parser tells to the bytes that say something.

use std::ops::Range;

use saphyr_parser::Span;

use super::node::{Mark, Style};

/// A text, and what the parser has instead of it.
pub(super) struct Spans<'t> {
    pub body: &'t str,
    /// The bytes before the body: the mark of the byte order.
    pub skipped: usize,
    /// Where each character begins, when that is not where it stands.
    pub offsets: Option<Vec<usize>>,
    /// The parser has another text, so its lines and columns are not ours.
    pub elsewhere: bool,
}

#[derive(Clone)]
pub(super) struct At {
    pub mark: Mark,
    pub span: Range<usize>,
}

impl Spans<'_> {
    /// The text from a byte on.
    pub fn rest(&self, at: usize) -> &str {
        &self.body[at - self.skipped..]
    }

    /// The text before a byte.
    pub fn before(&self, at: usize) -> &str {
        &self.body[..at - self.skipped]
    }

    pub fn place(&self, span: Span) -> At {
        let byte = |index: usize| match &self.offsets {
            None => index.min(self.body.len()),
            Some(table) => table.get(index).copied().unwrap_or(self.body.len()),
        };
        let (start, end) = (byte(span.start.index()), byte(span.end.index()).max(byte(span.start.index())));
        // What ends a scalar is found behind the line breaks and blanks that follow it.
        let end = start + self.body[start..end].trim_end().len();
        // At the end of the text the parser counts a line that is not there.
        let mark = if self.elsewhere || start == self.body.len() {
            let before = &self.body[..start];
            let line = before.rfind('\n').map_or(0, |at| at + 1);
            Mark { line: 1 + before.matches('\n').count(), column: 1 + before[line..].chars().count() }
        } else {
            Mark { line: span.start.line(), column: span.start.col() + 1 }
        };
        At { mark, span: start + self.skipped..end + self.skipped }
    }

    /// The span behind an anchor and a tag, which are not part of the value.
    pub fn without_properties(&self, span: Range<usize>) -> Range<usize> {
        let mut start = span.start;
        loop {
            let rest = &self.body[start - self.skipped..];
            if !rest.starts_with(['&', '!']) {
                return start..span.end.max(start);
            }
            let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
            start += word + (rest[word..].len() - rest[word..].trim_start().len());
        }
    }

    /// The span of a scalar with its quotes or its `|`, and without the comment that follows: the parser has it otherwise.
    pub fn exactly(&self, span: Range<usize>, style: Style) -> Range<usize> {
        let quote = match style {
            Style::Single => b'\'',
            Style::Double => b'"',
            Style::BlockScalar => {
                let before = self.body[..span.start - self.skipped].trim_end();
                let line = before.rfind('\n').map_or(0, |at| at + 1);
                let header = before[line..].rfind(['|', '>']).map(|at| line + at + self.skipped);
                return header.unwrap_or(span.start)..span.end;
            }
            _ => return span,
        };
        let bytes = &self.body.as_bytes()[span.start - self.skipped..];
        let mut at = 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if quote == b'"' => at += 1,
                b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 1,
                byte if byte == quote => return span.start..span.start + at + 1,
                _ => {}
            }
            at += 1;
        }
        span
    }
}
