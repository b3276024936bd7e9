//! The line of bash: taken apart as bash does, and put together again. No input or output.

/// A line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Typed {
    /// The words without their quotes; the last is the one at the cursor.
    pub words: Vec<String>,
    /// The quote in which the cursor stands.
    quote: Option<char>,
    /// How much of the last word bash takes for a word of its own, because it breaks words at `=` and `:`.
    kept: usize,
}

impl Typed {
    /// `breaks` are the characters of `$COMP_WORDBREAKS`.
    pub fn of(line: &str, point: usize, breaks: &str) -> Typed {
        let end = (0..=point.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        let mut typed = Typed { words: Vec::new(), quote: None, kept: 0 };
        let mut word: Option<String> = None;
        let mut chars = line[..end].chars();
        while let Some(c) = chars.next() {
            match (typed.quote, c) {
                (Some(quote), c) if c == quote => typed.quote = None,
                (None, '\'' | '"') => {
                    typed.quote = Some(c);
                    // Within quotes bash breaks nothing, and begins behind the quote.
                    typed.kept = word.get_or_insert_default().len();
                }
                (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
                (None, c) if c.is_whitespace() => {
                    typed.words.extend(word.take());
                    typed.kept = 0;
                }
                (None, c) => {
                    let word = word.get_or_insert_default();
                    word.push(c);
                    if breaks.contains(c) {
                        typed.kept = word.len();
                    }
                }
                (Some(_), c) => word.get_or_insert_default().push(c),
            }
        }
        typed.words.push(word.unwrap_or_default());
        typed
    }

    /// A whole word as bash is to write it behind what it keeps.
    pub fn answer(&self, candidate: &str) -> String {
        let rest = candidate.get(self.kept..).unwrap_or(candidate);
        // More follows behind these, so no blank does.
        let open = candidate.ends_with(['=', '/', ':']);
        match self.quote {
            // bash closes the quote itself.
            Some(_) => rest.to_owned(),
            None => escaped(rest) + if open { "" } else { " " },
        }
    }
}

fn escaped(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+~[]".contains(c);
    text.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn typed(line: &str) -> Typed {
        Typed::of(line, line.len(), BREAKS)
    }

    #[test]
    fn words_lose_their_quotes() {
        assert_eq!(typed("stormctl kill a\\ b 'c d' x").words, ["stormctl", "kill", "a b", "c d", "x"]);
        assert_eq!(typed("stormctl ").words, ["stormctl", ""]);
        assert_eq!(Typed::of("stormctl kill x -w", 15, BREAKS).words, ["stormctl", "kill", "x"]);
        assert_eq!(Typed::of("é", 1, BREAKS).words, [""]);
    }

    #[test]
    fn what_bash_keeps_is_not_said_again() {
        assert_eq!(typed("s -e spl").answer("split="), "split=");
        assert_eq!(typed("s -e split=").answer("split=4"), "4 ");
        assert_eq!(typed("s --output=ja").answer("--output=json"), "json ");
        assert_eq!(typed("s zk status n1:21").answer("n1:2181"), "2181 ");
        assert_eq!(typed("s kill a").answer("a name"), "a\\ name ");
        assert_eq!(typed("s kill 'a").answer("a name"), "a name");
    }
}
