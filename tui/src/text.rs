//! Figures as people read them, and texts that fit.

/// An age such as `3d4h`, `5m20s`, `12s`.
pub fn age(secs: i64) -> String {
    let secs = secs.max(0);
    let (d, h, m, s) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60, secs % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) => format!("{m}m{s}s"),
        (0, _, _) => format!("{h}h{m}m"),
        _ => format!("{d}d{h}h"),
    }
}

/// A count in four figures or less: `987`, `12.3k`, `4.56M`.
pub fn count(n: i64) -> String {
    if (-9999..=9999).contains(&n) { n.to_string() } else { scaled(n as f64) }
}

/// Tuples a second.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if !r.is_finite() => "-".to_owned(),
        r if r < 10.0 => format!("{r:.1}"),
        r if r < 9999.5 => format!("{r:.0}"),
        r => scaled(r),
    }
}

fn scaled(n: f64) -> String {
    let mut n = n;
    for unit in ["", "k", "M", "G", "T", "P"] {
        if n.abs() < 999.5 || unit == "P" {
            return match n.abs() {
                a if a < 9.995 => format!("{n:.2}{unit}"),
                a if a < 99.95 => format!("{n:.1}{unit}"),
                _ => format!("{n:.0}{unit}"),
            };
        }
        n /= 1000.0;
    }
    String::new()
}

pub fn millis(ms: Option<f64>) -> String {
    match ms {
        None => "-".to_owned(),
        Some(ms) if ms >= 100.0 => format!("{ms:.0}"),
        Some(ms) if ms >= 1.0 => format!("{ms:.1}"),
        Some(ms) => format!("{ms:.3}"),
    }
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / (1024.0 * 1024.0))
}

pub fn dash_if_empty(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// Nothing that a terminal would act on: logs and node data come from anybody.
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if c.is_control() => out.push('\u{b7}'),
            // Direction marks would reorder what stands around them.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{b7}'),
            c => out.push(c),
        }
    }
    out
}

/// A word as the shell takes it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The time of day, in UTC.
pub fn clock(ms: u64) -> String {
    let secs = ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_short() {
        let shown: Vec<String> = [0, 9999, 10_000, 123_456, 4_560_000, 999_999_999].map(count).into();
        assert_eq!(shown, ["0", "9999", "10.0k", "123k", "4.56M", "1.00G"]);
        assert_eq!([0.0, 9.94, 1234.4, 25_000.0].map(rate), ["0.0", "9.9", "1234", "25.0k"]);
        assert_eq!([Some(0.0123), Some(12.34), Some(1234.0), None].map(millis), ["0.012", "12.3", "1234", "-"]);
        assert_eq!([0, 61, 3660, 273_600].map(age), ["0s", "1m1s", "1h1m", "3d4h"]);
    }

    #[test]
    fn what_logs_say_cannot_move_the_cursor() {
        assert_eq!(harmless("a\x1b[2Jb\r\u{202e}c"), "a\u{b7}[2Jb\u{b7}\u{b7}c");
        assert_eq!(harmless("\tx"), "    x");
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quoted("wc-1"), "wc-1");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
