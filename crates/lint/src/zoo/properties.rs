//! Java properties with the place of everything.

use std::ops::Range;

/// The entries of a properties file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    pub entries: Vec<Property>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    pub key: String,
    pub value: String,
    pub key_span: Range<usize>,
    /// The bytes of the value as it is written; empty behind the key when there is none.
    pub value_span: Range<usize>,
    /// Whole lines, with the line break.
    pub lines: Range<usize>,
    /// The same key comes again further down, and that one counts.
    pub shadowed: bool,
}

impl Properties {
    pub fn parse(text: &str) -> Properties {
        let mut entries: Vec<Property> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let start = at;
            let content = start + blanks(&text[start..]);
            if text[content..].starts_with(['#', '!']) {
                at = next_line(text, start);
                continue;
            }
            // A line whose end is escaped goes on in the next one.
            at = next_line(text, start);
            while is_continued(&text[start..at]) && at < text.len() {
                at = next_line(text, at);
            }
            let end = start + text[start..at].trim_end_matches(['\n', '\r']).len();
            if content < end {
                entries.push(entry(text, start..at, content..end));
            }
        }
        for i in 0..entries.len() {
            entries[i].shadowed = entries[i + 1..].iter().any(|e| e.key == entries[i].key);
        }
        Properties { entries }
    }

    /// The entry that counts for a key.
    pub fn get(&self, key: &str) -> Option<&Property> {
        self.entries.iter().rev().find(|e| e.key == key)
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(|e| e.value.as_str())
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\u{c}']).len()
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n + 1)
}

fn is_continued(line: &str) -> bool {
    let line = line.trim_end_matches(['\n', '\r']);
    let slashes = line.len() - line.trim_end_matches('\\').len();
    slashes % 2 == 1
}

fn entry(text: &str, lines: Range<usize>, content: Range<usize>) -> Property {
    let body = &text[content.clone()];
    let mut escaped = false;
    let key_len = body
        .find(|c: char| {
            let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}');
            escaped = !escaped && c == '\\';
            ends
        })
        .unwrap_or(body.len());
    let mut value = key_len + blanks(&body[key_len..]);
    if body[value..].starts_with(['=', ':']) {
        value += 1;
        value += blanks(&body[value..]);
    }
    let raw = &body[value..];
    // ZooKeeper trims what Java leaves.
    let value_end = value + raw.trim_end().len();
    Property {
        key: unescaped(&body[..key_len]),
        value: unescaped(raw).trim().to_owned(),
        key_span: content.start..content.start + key_len,
        value_span: content.start + value..content.start + value_end,
        lines,
        shadowed: false,
    }
}

fn unescaped(text: &str) -> String {
    // Signs beyond 16 bits come as two escapes, so the text is put together as Java does it.
    let mut out: Vec<u16> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let hex: String = chars.clone().take(4).collect();
                    if let Ok(unit) = u16::from_str_radix(&hex, 16) {
                        out.push(unit);
                        chars.nth(3);
                    }
                    continue;
                }
                // A line break and the blanks of the next line.
                Some('\r' | '\n') => {
                    while chars.next_if(|c| c.is_whitespace()).is_some() {}
                    continue;
                }
                Some(other) => other,
                None => continue,
            },
            c => c,
        };
        out.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&out)
}

/// A value as it must be written.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::new();
    for (i, c) in value.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            ' ' if i == 0 => out.push_str("\\ "),
            c if c.is_ascii() => out.push(c),
            // The file is Latin-1 to Java.
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_java_reads_it() {
        let text = "# c\n! d\n\ntickTime=2000\n dataDir = /var/a\\\n   b \nclientPort: 2181\r\nkey\n\\ a\\:b=c\\\\d\\u00e9\ntickTime 3000";
        let read = Properties::parse(text);
        let pairs: Vec<(&str, &str)> = read.entries.iter().map(|e| (e.key.as_str(), e.value.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("tickTime", "2000"),
                ("dataDir", "/var/ab"),
                ("clientPort", "2181"),
                ("key", ""),
                (" a:b", "c\\dé"),
                ("tickTime", "3000")
            ]
        );
        assert!(read.entries[0].shadowed && !read.entries[5].shadowed);
        assert_eq!(read.value("tickTime"), Some("3000"));
        let of = |span: &Range<usize>| &text[span.clone()];
        assert_eq!(of(&read.entries[1].value_span), "/var/a\\\n   b");
        assert_eq!(of(&read.entries[2].lines), "clientPort: 2181\r\n");
        assert_eq!(of(&read.entries[3].value_span), "");
    }

    #[test]
    fn what_is_escaped_reads_the_same() {
        for value in ["a b", " a", "c:\\d", "é🌩", "a=b", "#x"] {
            assert_eq!(Properties::parse(&format!("k={}\n", escaped(value))).value("k"), Some(value.trim()), "{value}");
        }
    }
}
