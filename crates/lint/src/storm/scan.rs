//! A look at YAML that no slip stops: which line is in brackets or quotes, where comments are, and which quote or bracket
//! was never closed, told by the next line beginning a new entry.

use std::ops::Range;

use storm_conf::schema;

#[derive(Debug, Default)]
pub(super) struct Scan {
    pub lines: Vec<Line>,
    pub comments: Vec<Range<usize>>,
    /// Quoted texts, with their quotes.
    pub quoted: Vec<Range<usize>>,
    pub unclosed: Vec<Unclosed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub start: usize,
    /// Before the line break.
    pub end: usize,
    pub context: Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    /// In brackets, in quotes, or below `|` or `>`.
    Inside,
}

/// An opening sign without its closing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub open: usize,
    /// Where the closing sign belongs.
    pub close: usize,
    pub sign: char,
}

impl Scan {
    pub fn of(text: &str) -> Scan {
        let mut scanner = Scanner { text, at: 0, base: 0, brackets: Vec::new(), scan: Scan::default() };
        if text.starts_with('\u{feff}') {
            scanner.at = '\u{feff}'.len_utf8();
        }
        while scanner.at < text.len() {
            scanner.entry();
        }
        scanner.scan
    }

    pub fn in_comment(&self, at: usize) -> bool {
        around(&self.comments, at).is_some()
    }

    /// The quoted text around a byte.
    pub fn quotes_around(&self, at: usize) -> Option<&Range<usize>> {
        around(&self.quoted, at)
    }
}

/// The one of the ranges, which are in order, that has this byte.
fn around(ranges: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let before = ranges.partition_point(|r| r.start <= at);
    ranges[..before].last().filter(|r| r.contains(&at))
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Where the line begins that the brackets and quotes belong to.
    base: usize,
    brackets: Vec<(char, usize)>,
    scan: Scan,
}

/// The key that a line begins with, and where its colon is.
pub(super) fn leading_key(line: &str) -> Option<(&str, usize)> {
    let body = line.trim_start_matches([' ', '\t']);
    let indent = line.len() - body.len();
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inner = &body[quote.map_or(0, char::len_utf8)..];
    let len = inner.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))).unwrap_or(inner.len());
    let key = &inner[..len];
    let mut after = indent + (body.len() - inner.len()) + len;
    if let Some(quote) = quote {
        after += line[after..].strip_prefix(quote).map(|_| quote.len_utf8())?;
    }
    let colon = after + (line[after..].len() - line[after..].trim_start_matches(' ').len());
    let rest = line[colon..].strip_prefix(':')?;
    let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (ends && key.starts_with(|c: char| c.is_alphabetic())).then_some((key, colon))
}

pub(super) fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn step(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |n| at + n);
        if self.text[at..end].ends_with('\r') { end - 1 } else { end }
    }

    fn line_at(&self, at: usize) -> &str {
        &self.text[at..self.line_end(at)]
    }

    /// To the line after this byte's.
    fn leave_line(&mut self, at: usize) {
        self.at = self.text[at..].find('\n').map_or(self.text.len(), |n| at + n + 1);
    }

    fn begin_line(&mut self, context: Context) {
        let line = Line { start: self.at, end: self.line_end(self.at), context };
        self.scan.lines.push(line);
    }

    /// A line, or as many as its brackets and quotes hold together.
    fn entry(&mut self) {
        self.base = self.at;
        self.begin_line(Context::Block);
        let indent = indent_of(self.line_at(self.at));
        let mut value = false;
        while let Some(c) = self.peek() {
            match c {
                '\n' if self.brackets.is_empty() => {
                    self.step();
                    return;
                }
                '\n' => {
                    if self.breaks_off() {
                        self.close_brackets();
                        return;
                    }
                }
                c if c.is_whitespace() => {
                    self.step();
                }
                '#' if self.text[..self.at].ends_with(|c: char| c.is_whitespace()) || self.at == self.base => {
                    self.comment()
                }
                '"' | '\'' => {
                    if self.quoted(c) {
                        self.brackets.clear();
                        return;
                    }
                }
                '[' | '{' => {
                    self.brackets.push((if c == '[' { ']' } else { '}' }, self.at));
                    self.step();
                }
                ']' | '}' => {
                    self.brackets.pop();
                    self.step();
                }
                '|' | '>' if self.brackets.is_empty() && value => {
                    self.leave_line(self.at);
                    return self.block_scalar(indent);
                }
                ':' | ',' | '?' | '-' if self.next_ends_a_word() => {
                    value = value || matches!(c, ':' | '-');
                    self.step();
                }
                '&' | '!' | '*' => {
                    while self.peek().is_some_and(|c| !(c.is_whitespace() || ",[]{}".contains(c))) {
                        self.step();
                    }
                }
                _ => self.plain(),
            }
        }
        if !self.brackets.is_empty() {
            self.close_brackets();
        }
    }

    fn next_ends_a_word(&self) -> bool {
        let next = self.text[self.at..].chars().nth(1);
        next.is_none_or(char::is_whitespace)
            || !self.brackets.is_empty() && (self.peek() == Some(',') || next.is_some_and(|c| ",[]{}".contains(c)))
    }

    fn comment(&mut self) {
        let end = self.line_end(self.at);
        self.scan.comments.push(self.at..end);
        self.at = end;
    }

    fn plain(&mut self) {
        // What it begins with is part of it, whatever it is.
        let mut before = self.step().unwrap_or(' ');
        while let Some(c) = self.peek() {
            let next = self.text[self.at..].chars().nth(1);
            let flow = !self.brackets.is_empty();
            let ends = match c {
                '\n' => true,
                '#' => before.is_whitespace(),
                ',' | '[' | ']' | '{' | '}' => flow,
                ':' => next.is_none_or(char::is_whitespace) || flow && next.is_some_and(|c| ",[]{}".contains(c)),
                _ => false,
            };
            if ends {
                return;
            }
            before = c;
            self.step();
        }
    }

    /// At a line break inside brackets: whether the next line with something in it begins a new entry. Else the scanner
    /// stands at the next line.
    fn breaks_off(&mut self) -> bool {
        self.step();
        if self.begins_entry() {
            return true;
        }
        if self.at < self.text.len() {
            self.begin_line(Context::Inside);
        }
        false
    }

    /// Whether the line at the scanner cannot belong to what is open.
    fn begins_entry(&self) -> bool {
        let line = self.line_at(self.at);
        let base = self.line_at(self.base);
        let (indent, base_indent) = (indent_of(line), indent_of(base));
        if let Some((key, _)) = leading_key(line) {
            return indent <= base_indent && (key.contains('.') || schema::key(key).is_some());
        }
        let is_item = |l: &str| l.trim_start().starts_with("- ");
        is_item(line) && is_item(base) && indent <= base_indent
    }

    /// The brackets end where the content of the last line before the scanner ends.
    fn close_brackets(&mut self) {
        let close = self.content_end(self.at);
        for (sign, open) in std::mem::take(&mut self.brackets) {
            self.scan.unclosed.push(Unclosed { open, close, sign });
        }
    }

    /// Behind the last character before `at` that is neither blank nor comment.
    fn content_end(&self, at: usize) -> usize {
        let mut end = self.text[..at].trim_end().len();
        while let Some(comment) = around(&self.scan.comments, end.saturating_sub(1)) {
            end = self.text[..comment.start].trim_end().len();
        }
        end
    }

    /// True when the quote was never closed; the scanner then stands at the next entry.
    fn quoted(&mut self, quote: char) -> bool {
        let open = self.at;
        let first_line = self.line_end(open);
        self.step();
        while let Some(c) = self.step() {
            if c == '\\' && quote == '"' {
                self.step();
            } else if c == quote {
                if quote == '\'' && self.peek() == Some('\'') {
                    self.step();
                } else {
                    self.scan.quoted.push(open..self.at);
                    return false;
                }
            } else if c == '\n' && self.at < self.text.len() {
                if self.begins_entry() {
                    let close = self.quote_end(open, self.text[..self.at].trim_end().len());
                    self.scan.unclosed.push(Unclosed { open, close, sign: quote });
                    return true;
                }
                self.begin_line(Context::Inside);
            }
        }
        let close = self.quote_end(open, self.text[..first_line].trim_end().len());
        self.scan.unclosed.push(Unclosed { open, close, sign: quote });
        // What follows the line of the quote was swallowed by it: look at it again.
        self.scan.lines.retain(|l| l.start <= first_line);
        self.leave_line(first_line);
        true
    }

    /// Where a quote belongs at the end of a line: before its comment, and before the brackets that it is in.
    fn quote_end(&self, open: usize, end: usize) -> usize {
        let mut end = end;
        if let Some(comment) = self.text[open..end].rfind(" #") {
            end = open + self.text[open..open + comment].trim_end().len();
        }
        for (sign, _) in self.brackets.iter().rev() {
            match self.text[open + 1..end].trim_end().strip_suffix(*sign) {
                Some(rest) => end = open + 1 + rest.len(),
                None => break,
            }
        }
        end
    }

    fn block_scalar(&mut self, indent: usize) {
        while self.at < self.text.len() {
            let line = self.line_at(self.at);
            if indent_of(line) <= indent && !line.trim().is_empty() {
                return;
            }
            self.begin_line(Context::Inside);
            self.leave_line(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unclosed(text: &str) -> Vec<(usize, String)> {
        let scan = Scan::of(text);
        let mut mended = text.to_owned();
        let mut found: Vec<&Unclosed> = scan.unclosed.iter().collect();
        found.sort_by_key(|u| std::cmp::Reverse(u.close));
        found
            .into_iter()
            .map(|u| {
                mended.insert(u.close, u.sign);
                (u.open, mended.clone())
            })
            .collect()
    }

    #[test]
    fn what_is_closed_is_not_told() {
        for text in [
            "a.b: \"x\n  y\"\nc: [1,\n 2]\nd: 'it''s'\n",
            "a: {p.q: 1,\n  r.s: 2}\n",
            "t: |\n  \"open\n  [x\nu: 1\n",
            "a: it's\nb: x[1\nc: \"a \\\" b\" # \"\n",
            "e: [ # [\n 1 ]\n",
        ] {
            assert_eq!(unclosed(text), [], "{text}");
        }
    }

    #[test]
    fn an_open_quote_or_bracket_is_found_where_it_opens() {
        let one = |text: &str| unclosed(text).pop().unwrap();
        assert_eq!(one("ui.host: \"h\nui.port: 1\n"), (9, "ui.host: \"h\"\nui.port: 1\n".into()));
        assert_eq!(one("ui.host: 'h # c\nui.port: 1\n").1, "ui.host: 'h' # c\nui.port: 1\n");
        assert_eq!(one("a.b:\n  - \"x\n  - \"y\"\n").1, "a.b:\n  - \"x\"\n  - \"y\"\n");
        assert_eq!(one("a.b: [\"x\", \"y]\nc.d: 1\n").1, "a.b: [\"x\", \"y\"]\nc.d: 1\n");
        assert_eq!(one("a.b: [x, # c\n  y # d\nc.d: 1\n").1, "a.b: [x, # c\n  y] # d\nc.d: 1\n");
        assert_eq!(one("a.b: \"x\n  - 1\n").1, "a.b: \"x\"\n  - 1\n");
        assert_eq!(one("a.b: {x: [1").1, "a.b: {x: [1]}");
    }

    #[test]
    fn lines_know_what_they_are_in() {
        let text = "a: [1,\n  2]\nb: |\n  t\n\nc: \"x\n  y\" # z\n";
        let inside: Vec<bool> = Scan::of(text).lines.iter().map(|l| l.context == Context::Inside).collect();
        assert_eq!(inside, [false, true, false, true, true, false, true]);
        assert_eq!(leading_key("  \"a.b\" : x"), Some(("a.b", 8)));
        assert_eq!(leading_key("- a: b"), None);
        assert_eq!(leading_key("a:b"), None);
    }
}
