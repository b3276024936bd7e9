//! A message of a log: its time, its level, and the lines that belong to it.

use std::fmt;
use std::str::FromStr;

/// Levels in the order of their weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

const LEVELS: [(&str, Level); 6] = [
    ("TRACE", Level::Trace),
    ("DEBUG", Level::Debug),
    ("INFO", Level::Info),
    ("WARN", Level::Warn),
    ("ERROR", Level::Error),
    ("FATAL", Level::Fatal),
];

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        let found = LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let names = || LEVELS.map(|(name, _)| name).join(", ");
        found.map(|(_, level)| *level).ok_or_else(|| format!("{text} is no level; there are {}", names()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LEVELS.iter().find(|(_, level)| level == self).map_or("", |(name, _)| name))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Since 1970; what has no time of its own has that of the entry before.
    pub millis: i64,
    /// The slot's port, or the daemon's name.
    pub label: String,
    /// The message, with the lines of its trace.
    pub text: String,
}

impl Entry {
    /// A message without a level, such as what a component has printed, counts as INFO.
    pub fn level(&self) -> Level {
        // After time, logger and thread, and before the words of the message.
        let head = self.text.lines().next().unwrap_or_default();
        let open = head.match_indices('[').take(4);
        open.filter_map(|(at, _)| head[at + 1..].split_once(']')?.0.trim().parse().ok()).next().unwrap_or(Level::Info)
    }
}

/// The time at the beginning of a line: ours is UTC, Apache Storm's is local time, `offset_secs` ahead of it.
pub fn stamp(line: &str, offset_secs: i64) -> Option<i64> {
    let stamp = line.get(..23)?;
    let shape = stamp.bytes().zip(b"0000-00-00T00:00:00.000").all(|(c, form)| match form {
        b'0' => c.is_ascii_digit(),
        b'T' => c == b'T' || c == b' ',
        b'.' => c == b'.' || c == b',',
        other => c == *other,
    });
    if !shape {
        return None;
    }
    let number = |from: usize, to: usize| stamp[from..to].parse::<i64>().ok();
    let day = days(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let secs = day * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let local = if line[23..].starts_with('Z') { 0 } else { offset_secs };
    Some((secs - local) * 1000 + number(20, 23)?)
}

/// Days since 1970 of a date, in eras of 400 years that begin with March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_is_a_time() {
        for (millis, time) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_785_664_941_991, "2026-08-02T10:02:21.991Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(stamp(&format!("{time} x"), 7200), Some(millis), "{time}");
        }
        assert_eq!(stamp("1970-01-01 02:00:00,005 b", 7200), Some(5));
        assert_eq!(stamp("2026-08-02", 0), None);
        assert_eq!(stamp("    at org.apache.storm.Foo.bar(Foo.java)", 0), None);
    }

    #[test]
    fn levels_of_both_kinds_of_lines() {
        let level = |text: &str| Entry { millis: 0, label: String::new(), text: text.into() }.level();
        assert_eq!(level("2026-08-02T10:00:02.000Z storm_worker main [WARN] [ERROR] is a word"), Level::Warn);
        assert_eq!(
            level("2026-08-02 10:00:02.000 o.a.s.e.Executor Thread-15-count-executor[3, 3] [ERROR] x"),
            Level::Error
        );
        assert_eq!(level("plain"), Level::Info);
        assert!("warn".parse::<Level>().unwrap() > Level::Info);
        assert!("loud".parse::<Level>().is_err());
    }
}
