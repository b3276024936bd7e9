//! Slips of the hand and of editors, found in the lines as they are: they make another document of the file, or none.

use std::ops::Range;

use storm_conf::schema;

use super::scan::{Context, Line, Scan, indent_of, leading_key};
use crate::finding::{Finding, Fix, Level};
use crate::subject::Subject;
use crate::text::Edit;

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let scan = Scan::of(subject.text.as_str());
    let mut slips = Slips { subject, text: subject.text.as_str(), scan: &scan, root: 0, findings: Vec::new() };
    slips.root = slips.root_indent();
    slips.unclosed();
    for (i, line) in scan.lines.iter().enumerate() {
        slips.signs(line);
        if line.context == Context::Block {
            slips.line(i, line);
        }
    }
    slips.findings.sort_by_key(|f| f.mark);
    slips.findings
}

struct Slips<'s> {
    subject: &'s Subject,
    text: &'s str,
    scan: &'s Scan,
    /// The indentation of the keys of the file.
    root: usize,
    findings: Vec<Finding>,
}

impl<'s> Slips<'s> {
    fn add(
        &mut self,
        level: Level,
        code: &'static str,
        at: usize,
        message: impl Into<String>,
        fix: Option<(&str, Vec<Edit>)>,
    ) {
        self.findings.push(Finding {
            code,
            level,
            path: self.subject.path.clone(),
            mark: self.subject.text.mark(at),
            message: message.into(),
            found: None,
            related: None,
            fix: fix.map(|(what, edits)| Fix { what: what.to_owned(), edits }),
            hint: None,
        });
    }

    fn text_of(&self, line: &Line) -> &'s str {
        &self.text[line.start..line.end]
    }

    /// Most keys that Storm knows stand here; of two, the farthest left.
    fn root_indent(&self) -> usize {
        let mut counts = std::collections::BTreeMap::new();
        for line in self.scan.lines.iter().filter(|l| l.context == Context::Block) {
            if leading_key(self.text_of(line)).is_some_and(|(key, _)| schema::key(key).is_some()) {
                *counts.entry(indent_of(self.text_of(line))).or_insert(0usize) += 1;
            }
        }
        counts
            .iter()
            .max_by_key(|(indent, count)| (**count, std::cmp::Reverse(**indent)))
            .map_or(0, |(indent, _)| *indent)
    }

    fn unclosed(&mut self) {
        for open in &self.scan.unclosed {
            let (code, what) = match open.sign {
                '"' | '\'' => ("config/quote-open", "this quote is never closed"),
                _ => ("config/bracket-open", "this bracket is never closed"),
            };
            let fix = format!("close it with {} at the end of the value", open.sign);
            let edits = vec![Edit::insert(open.close, open.sign)];
            self.add(Level::Error, code, open.open, what, Some((&fix, edits)));
        }
    }

    fn line(&mut self, index: usize, line: &Line) {
        let text = self.text_of(line);
        let content = text.trim_start_matches([' ', '\t']);
        if content.is_empty() && text.contains('\t') {
            let edits = vec![Edit::remove(line.start..line.end)];
            let fix = Some(("remove what cannot be seen", edits));
            return self.add(Level::Error, "config/tab", line.start, "a tab stands where only blanks may", fix);
        }
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        if ["<<<<<<< ", ">>>>>>> "].iter().any(|m| text.starts_with(m)) || text == "=======" {
            let message = "this line marks a conflict of a version control system";
            self.add(Level::Error, "config/conflict-marker", line.start, message, None);
            return;
        }
        self.tabs(line);
        if let Some(bullet) = content.chars().next().filter(|c| "‐‑‒–—−•".contains(*c)) {
            let at = line.start + indent_of(text);
            let edits = vec![Edit::new(at..at + bullet.len_utf8(), "-")];
            self.add(
                Level::Error,
                "config/lookalike",
                at,
                format!("{bullet} looks like a dash and is none"),
                Some(("write -", edits)),
            );
        } else if content.starts_with('-') && !content.starts_with("---") {
            self.dash(index, line);
        } else {
            self.key(line);
        }
    }

    /// Java takes a tab neither as indentation nor behind a colon.
    fn tabs(&mut self, line: &Line) {
        let text = self.text_of(line);
        let mut edits = Vec::new();
        let indent = indent_of(text);
        if text[..indent].contains('\t') {
            edits.push(Edit::new(line.start..line.start + indent, " ".repeat(self.indent_for(line))));
        }
        let mut at = indent;
        while let Some(tab) = text[at..].find('\t').map(|n| at + n) {
            let run = text[tab..].len() - text[tab..].trim_start_matches(['\t', ' ']).len();
            let range = line.start + tab..line.start + tab + run;
            let before = &text[..tab];
            let separates = before.ends_with([':', '-', ',', '[', '{', ']', '}', '"', '\'']) || before.ends_with(' ');
            if separates && !self.scan.in_comment(range.start) && self.scan.quotes_around(range.start).is_none() {
                let rest = &text[tab + run..];
                edits.push(Edit::new(range, if rest.is_empty() { "" } else { " " }));
            }
            at = tab + run;
        }
        if let Some(first) = edits.first() {
            let at = first.range.start + self.text[first.range.start..].find('\t').unwrap_or(0);
            self.add(
                Level::Error,
                "config/tab",
                at,
                "a tab stands where only blanks may",
                Some(("write blanks", edits)),
            );
        }
    }

    /// The indentation that a line with tabs is likely to mean: that of its kind further up, or two blanks for each tab.
    fn indent_for(&self, line: &Line) -> usize {
        let text = self.text_of(line);
        let item = text.trim_start().starts_with('-');
        if leading_key(text).is_some_and(|(key, _)| schema::key(key).is_some()) {
            return self.root;
        }
        let before = self.scan.lines.iter().rev().filter(|l| l.start < line.start);
        for other in before.filter(|l| l.context == Context::Block) {
            let other = self.text_of(other);
            if other.trim().is_empty() || other.trim_start().starts_with('#') {
                continue;
            }
            let clean = !other[..indent_of(other)].contains('\t');
            if clean && item == other.trim_start().starts_with('-') && item {
                return indent_of(other);
            }
            if clean {
                break;
            }
        }
        let tabs = text[..indent_of(text)].matches('\t').count();
        self.root + 2 * tabs
    }

    fn dash(&mut self, index: usize, line: &Line) {
        let text = self.text_of(line);
        let dash = indent_of(text);
        let rest = &text[dash + 1..];
        if rest.is_empty() || rest.starts_with([' ', '\t']) || !self.is_list(index, rest) {
            return;
        }
        let at = line.start + dash;
        let message = "a blank is missing behind the dash, so this is a text and no item of a list";
        self.add(
            Level::Error,
            "config/blank-missing",
            at,
            message,
            Some(("put a blank behind the dash", vec![Edit::insert(at + 1, " ")])),
        );
    }

    /// Whether the line with this index is meant as an item of a list.
    fn is_list(&self, index: usize, rest: &str) -> bool {
        let is_item = |text: &str| text.trim_start().starts_with("- ");
        for other in self.scan.lines[..index].iter().rev().filter(|l| l.context == Context::Block) {
            let other = self.text_of(other);
            let body = other.trim_start();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            if is_item(other) {
                return true;
            }
            if let Some((key, colon)) = leading_key(other) {
                let value = other[colon + 1..].trim_start();
                let begins = value.is_empty() || value.starts_with('#');
                return begins
                    && match schema::key(key) {
                        Some(known) => known.kind.is_list(),
                        None => rest.starts_with(['"', '\'']),
                    };
            }
            if !body.starts_with('-') {
                return false;
            }
        }
        false
    }

    fn key(&mut self, line: &Line) {
        let text = self.text_of(line);
        let indent = indent_of(text);
        if let Some((key, _)) = leading_key(text) {
            if indent > self.root
                && indent <= self.root + 3
                && schema::key(key).is_some()
                && !text[..indent].contains('\t')
            {
                let message = format!("{key} is indented, so it belongs to the key above it or to none");
                let at = line.start + self.root;
                let fix = ("remove the blanks before it", vec![Edit::remove(at..line.start + indent)]);
                self.add(Level::Error, "config/leading-blank", line.start + indent, message, Some(fix));
            }
            return;
        }
        let body = &text[indent..];
        let len =
            body.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))).unwrap_or(body.len());
        let (key, rest) = body.split_at(len);
        let known = schema::key(key).is_some();
        let at = line.start + indent + len;
        let sign = rest.trim_start().chars().next();
        if rest.starts_with(':') && (known || key.contains('.') && schema::alike(key).is_some()) {
            let message = format!("a blank is missing behind the colon, so {key} is no key");
            let fix = ("put a blank behind the colon", vec![Edit::insert(at + 1, " ")]);
            self.add(Level::Error, "config/blank-missing", at, message, Some(fix));
        } else if let Some(colon) = sign.filter(|c| known && matches!(c, '：' | '∶' | '﹕')) {
            let start = at + rest.find(colon).unwrap_or(0);
            let fix = ("write a colon", vec![Edit::new(start..start + colon.len_utf8(), ": ")]);
            self.add(
                Level::Error,
                "config/lookalike",
                start,
                format!("{colon} looks like a colon and is none"),
                Some(fix),
            );
        } else if known && sign == Some('=') {
            let start = at + rest.find('=').unwrap_or(0);
            let value =
                start + 1 + (self.text[start + 1..line.end].len() - self.text[start + 1..line.end].trim_start().len());
            let message = format!("{key} is followed by = instead of a colon");
            self.add(
                Level::Error,
                "config/equals-sign",
                start,
                message,
                Some(("write a colon", vec![Edit::new(at..value, ": ")])),
            );
        } else if known && (rest.is_empty() || rest.starts_with([' ', '\t'])) {
            let message = format!("the colon behind {key} is missing");
            self.add(
                Level::Error,
                "config/colon-missing",
                at,
                message,
                Some(("put a colon behind it", vec![Edit::insert(at, ":")])),
            );
        }
    }

    /// Signs that look like others, wherever they have a meaning.
    fn signs(&mut self, line: &Line) {
        let mut quotes = Vec::new();
        let mut spaces = Vec::new();
        let mut controls = Vec::new();
        for (offset, c) in self.text_of(line).char_indices() {
            let at = line.start + offset;
            let range = at..at + c.len_utf8();
            if self.scan.in_comment(at) {
                if is_control(c) {
                    controls.push(Edit::remove(range));
                }
                continue;
            }
            match c {
                '“' | '”' | '„' | '‟' | '«' | '»' | '″' => {
                    quotes.push(Edit::new(range.clone(), self.straight('"', &range)))
                }
                '‘' | '’' | '‚' | '‛' | '′' => {
                    quotes.push(Edit::new(range.clone(), self.straight('\'', &range)))
                }
                '\u{200b}'..='\u{200d}' | '\u{2060}' => spaces.push(Edit::remove(range)),
                '\u{feff}' => spaces.push(Edit::remove(range)),
                '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                    spaces.push(Edit::new(range, " "))
                }
                c if is_control(c) => controls.push(Edit::remove(range)),
                _ => {}
            }
        }
        let sign = |edits: &[Edit]| self.text[edits[0].range.clone()].chars().next().unwrap_or_default();
        if !quotes.is_empty() {
            let message = format!("{} is part of the value: YAML knows only straight quotes", sign(&quotes));
            let at = quotes[0].range.start;
            self.add(Level::Warning, "config/curly-quote", at, message, Some(("write straight quotes", quotes)));
        }
        if !spaces.is_empty() {
            let message =
                format!("U+{:04X} looks like a blank or like nothing, and is part of the value", sign(&spaces) as u32);
            let at = spaces[0].range.start;
            self.add(Level::Warning, "config/odd-blank", at, message, Some(("write blanks", spaces)));
        }
        if !controls.is_empty() {
            let message = format!("the control character U+{:04X} is not allowed", sign(&controls) as u32);
            let at = controls[0].range.start;
            self.add(Level::Error, "config/control-character", at, message, Some(("remove it", controls)));
        }
    }

    /// A straight quote, so that it does not end a text that is quoted already.
    fn straight(&self, quote: char, range: &Range<usize>) -> String {
        let around = self.scan.quotes_around(range.start).map(|q| &self.text[q.start..q.start + 1]);
        match (quote, around) {
            ('"', Some("\"")) => "\\\"".to_owned(),
            ('\'', Some("'")) => "''".to_owned(),
            _ => quote.to_string(),
        }
    }
}

/// What SnakeYAML does not take, and no line break or tab.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}')
}
