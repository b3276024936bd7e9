//! What SnakeYAML takes and YAML 1.2 does not: lines inside brackets or quotes may begin anywhere, and in braces a
//! bracket may stand right behind a colon. Such a text is made one that both take.

/// More than any line around brackets is indented by.
const PAD: usize = 64;

/// The text with blanks added, and where each of its characters stands in the given one.
pub(super) fn relax(text: &str) -> (String, Vec<usize>) {
    let mut out = Relaxed { text, at: 0, out: String::with_capacity(text.len()), offsets: Vec::new(), depth: 0 };
    while out.at < text.len() {
        out.line();
    }
    out.offsets.push(text.len());
    (out.out, out.offsets)
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

struct Relaxed<'t> {
    text: &'t str,
    at: usize,
    out: String,
    offsets: Vec<usize>,
    /// Of brackets and braces.
    depth: usize,
}

impl Relaxed<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Copies one character.
    fn step(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.offsets.push(self.at);
        self.out.push(c);
        self.at += c.len_utf8();
        Some(c)
    }

    fn pad(&mut self, blanks: usize) {
        self.offsets.extend(std::iter::repeat_n(self.at, blanks));
        self.out.extend(std::iter::repeat_n(' ', blanks));
    }

    fn until(&mut self, end: impl Fn(char) -> bool) {
        while self.peek().is_some_and(|c| !end(c)) {
            self.step();
        }
    }

    /// A line break inside brackets or quotes, and the blanks that make the next line belong to them.
    fn inner_break(&mut self) {
        if self.step() == Some('\r') && self.peek() == Some('\n') {
            self.step();
        }
        let blank = self.rest().trim_start_matches([' ', '\t']).starts_with(['\n', '\r']);
        if !blank {
            self.pad(PAD);
        }
    }

    /// One line, or as many as its brackets and quotes hold together.
    fn line(&mut self) {
        let indent = self.rest().len() - self.rest().trim_start_matches(' ').len();
        let mut value = false;
        loop {
            self.until(|c| c != ' ' && c != '\t');
            let Some(c) = self.peek() else { return };
            match c {
                '\n' | '\r' if self.depth == 0 => {
                    self.step();
                    return;
                }
                '\n' | '\r' => self.inner_break(),
                '#' => self.until(is_break),
                '&' | '!' | '*' => self.until(|c| c.is_whitespace() || ",[]{}".contains(c)),
                '"' | '\'' => self.quoted(c),
                '[' | '{' => {
                    self.depth += 1;
                    self.step();
                }
                ']' | '}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.step();
                }
                '|' | '>' if self.depth == 0 && value => {
                    self.until(is_break);
                    self.block_scalar(indent);
                    return;
                }
                ':' | ',' | '?' | '-' if self.next_ends_a_word() => {
                    value = value || c == ':' || c == '-';
                    self.step();
                }
                _ => self.plain(),
            }
        }
    }

    /// Whether what follows the next character cannot go on a word.
    fn next_ends_a_word(&self) -> bool {
        let next = self.rest().chars().nth(1);
        let breaks = next.is_none_or(char::is_whitespace);
        breaks || self.depth > 0 && (self.peek() == Some(',') || next.is_some_and(|c| ",[]{}".contains(c)))
    }

    fn quoted(&mut self, quote: char) {
        self.step();
        while let Some(c) = self.peek() {
            if is_break(c) {
                self.inner_break();
                continue;
            }
            self.step();
            if c == '\\' && quote == '"' {
                if !self.peek().is_some_and(is_break) {
                    self.step();
                }
            } else if c == quote {
                if quote == '\'' && self.peek() == Some('\'') {
                    self.step();
                } else {
                    return;
                }
            }
        }
    }

    fn plain(&mut self) {
        // What it begins with is part of it, but for a colon before a bracket.
        let mut before = if self.peek() == Some(':') { ' ' } else { self.step().unwrap_or(' ') };
        while let Some(c) = self.peek() {
            let next = self.rest().chars().nth(1);
            match c {
                '\n' | '\r' => return,
                '#' if before.is_whitespace() => return,
                ',' | '[' | ']' | '{' | '}' if self.depth > 0 => return,
                ':' if next.is_none_or(char::is_whitespace) => return,
                ':' if self.depth > 0 && next.is_some_and(|c| ",]}".contains(c)) => return,
                ':' if self.depth > 0 && next.is_some_and(|c| "[{".contains(c)) => {
                    self.step();
                    self.pad(1);
                    return;
                }
                _ => before = c,
            }
            self.step();
        }
    }

    /// The lines of `|` and `>` are their own.
    fn block_scalar(&mut self, indent: usize) {
        loop {
            self.until(is_break);
            if self.step().is_none() {
                return;
            }
            let line = self.rest().split(is_break).next().unwrap_or_default();
            let deeper = line.len() - line.trim_start_matches(' ').len() > indent;
            if !deeper && !line.trim().is_empty() || self.rest().is_empty() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_blanks_gets_none() {
        let text = "a: [b, {c: d}] # [e\nf: \"g\\\"\"\nh: |\n  [i\n  \"j\nk: 'l''m'\nn: o\n  p [ q\n- r: s\n";
        assert_eq!(relax(text).0, text);
    }

    #[test]
    fn lines_in_brackets_and_quotes_are_indented_and_places_kept() {
        let text = "a: [\nb, # ]\n\nc]\nd: {e:[f]}\nx:\n  - 'g\nh'\n";
        let (relaxed, offsets) = relax(text);
        let pad = " ".repeat(PAD);
        assert_eq!(relaxed, format!("a: [\n{pad}b, # ]\n\n{pad}c]\nd: {{e: [f]}}\nx:\n  - 'g\n{pad}h'\n"));
        for (i, c) in relaxed.chars().enumerate() {
            assert!(c == ' ' || text[offsets[i]..].starts_with(c), "{i}");
        }
    }
}
