//! What `/` takes: a text in any case, `!` for its opposite, `~` for a regular expression.

use regex_lite::{Regex, RegexBuilder};

#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: String,
    inverse: bool,
    how: How,
}

#[derive(Debug, Clone, Default)]
enum How {
    #[default]
    All,
    /// In lower case.
    Text(String),
    Regex(Regex),
    /// A regular expression that is not finished; nothing is hidden by it.
    Broken(String),
}

impl PartialEq for Filter {
    fn eq(&self, other: &Filter) -> bool {
        self.text == other.text
    }
}

impl Filter {
    pub fn new(text: &str) -> Filter {
        let (inverse, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let how = match rest.strip_prefix('~') {
            _ if rest.is_empty() => How::All,
            None => How::Text(rest.to_lowercase()),
            Some("") => How::All,
            // A bound on the program's size: who types it waits for it.
            Some(regex) => match RegexBuilder::new(regex).case_insensitive(true).size_limit(1 << 18).build() {
                Ok(regex) => How::Regex(regex),
                Err(e) => How::Broken(e.to_string()),
            },
        };
        Filter { text: text.to_owned(), inverse, how }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn trouble(&self) -> Option<&str> {
        match &self.how {
            How::Broken(e) => Some(e),
            _ => None,
        }
    }

    pub fn passes(&self, text: &str) -> bool {
        let found = match &self.how {
            How::All | How::Broken(_) => return true,
            How::Text(wanted) => contains_folded(text, wanted),
            How::Regex(regex) => regex.is_match(text),
        };
        found != self.inverse
    }

    /// Where it matches, for highlighting: byte ranges of `text`.
    pub fn matches(&self, text: &str) -> Vec<(usize, usize)> {
        if self.inverse {
            return Vec::new();
        }
        match &self.how {
            How::Regex(regex) => {
                regex.find_iter(text).filter(|m| !m.is_empty()).map(|m| (m.start(), m.end())).take(64).collect()
            }
            How::Text(wanted) if text.is_ascii() => {
                let lower = text.to_ascii_lowercase();
                lower.match_indices(wanted.as_str()).map(|(at, m)| (at, at + m.len())).take(64).collect()
            }
            // Lower case may have another length: found, but not marked.
            _ => Vec::new(),
        }
    }
}

/// Without a copy for the lines that are plain, which nearly all are.
fn contains_folded(text: &str, wanted: &str) -> bool {
    if text.is_ascii() && wanted.is_ascii() {
        let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
        return text.windows(wanted.len()).any(|w| w.eq_ignore_ascii_case(wanted));
    }
    text.to_lowercase().contains(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_inverse_and_regular() {
        assert!(Filter::new("").passes("x"));
        assert!(Filter::new("WORD").passes("a wordcount"));
        assert!(!Filter::new("!word").passes("a wordcount"));
        assert!(Filter::new("!").passes("anything"));
        assert!(Filter::new("~^w.*t$").passes("WordCount"));
        assert!(!Filter::new("!~^w").passes("wordcount"));
        assert!(Filter::new("Ü").passes("grün über"));
        let broken = Filter::new("~(");
        assert!(broken.passes("x") && broken.trouble().is_some());
    }

    #[test]
    fn matches_are_found_for_marking() {
        assert_eq!(Filter::new("ab").matches("xABab"), [(1, 3), (3, 5)]);
        assert_eq!(Filter::new("~b+").matches("abba"), [(1, 3)]);
        assert!(Filter::new("!ab").matches("ab").is_empty());
        assert!(Filter::new("~x*").matches("abc").is_empty());
    }
}
