//! Plain scalars as YAML 1.1 reads them, the way SnakeYAML does for Storm: `yes` is true, `010` is 8, `12:30` is 750.

use serde_json::{Number, Value};

/// What a scalar turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Value(Value),
    /// A date or time; Storm has no key whose value is one.
    Date,
    /// A number beyond all that JSON can hold, and the farthest that it can.
    Infinite(f64),
    NotANumber,
    /// It has the form of a number and is none: SnakeYAML fails on it as well.
    Broken,
}

/// Whether this text, written without quotes, is itself and nothing else.
pub fn reads_as_text(text: &str) -> bool {
    matches!(plain(text), Scalar::Value(Value::String(_)))
}

/// Resolves a plain (unquoted, untagged) scalar.
pub fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Value(Value::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Value(Value::Bool(true));
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Value(Value::Bool(false));
        }
        _ => {}
    }
    // SnakeYAML tries float before int; the two forms never overlap but for the date, which is neither.
    match text.as_bytes()[0] {
        b'-' | b'+' | b'.' | b'0'..=b'9' => {}
        _ => return Scalar::Value(Value::String(text.to_owned())),
    }
    if is_float(text) {
        return float_value(text);
    }
    if is_int(text) {
        return int_value(text);
    }
    if is_date(text) {
        return Scalar::Date;
    }
    Scalar::Value(Value::String(text.to_owned()))
}

/// The value of `!!int TEXT`.
pub fn tagged_int(text: &str) -> Option<Scalar> {
    is_int(text).then(|| int_value(text))
}

/// The value of `!!float TEXT`.
pub fn tagged_float(text: &str) -> Option<Scalar> {
    if is_float(text) {
        return Some(float_value(text));
    }
    let digits = text.replace('_', "");
    digits.parse::<f64>().ok().map(finite)
}

/// The value of `!!bool TEXT`; SnakeYAML makes anything that is not a boolean word null.
pub fn tagged_bool(text: &str) -> Scalar {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Scalar::Value(Value::Bool(true)),
        "no" | "false" | "off" => Scalar::Value(Value::Bool(false)),
        _ => Scalar::Value(Value::Null),
    }
}

fn finite(f: f64) -> Scalar {
    match Number::from_f64(f) {
        Some(n) => Scalar::Value(Value::Number(n)),
        None if f.is_nan() => Scalar::NotANumber,
        None => Scalar::Infinite(f64::MAX.copysign(f)),
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// One or more characters of `first`, then any of `rest`.
fn run(text: &str, first: impl Fn(u8) -> bool, rest: impl Fn(u8) -> bool) -> bool {
    let b = text.as_bytes();
    !b.is_empty() && first(b[0]) && b[1..].iter().all(|&c| rest(c))
}

fn digits_(text: &str) -> bool {
    run(text, |c| c.is_ascii_digit(), |c| c.is_ascii_digit() || c == b'_')
}

/// A minute or second part: `[0-5]?[0-9]`.
fn sixtieth(text: &str) -> bool {
    match text.as_bytes() {
        [d] => d.is_ascii_digit(),
        [t, d] => (b'0'..=b'5').contains(t) && d.is_ascii_digit(),
        _ => false,
    }
}

fn is_int(text: &str) -> bool {
    let u = unsigned(text);
    if u == "0" {
        return true;
    }
    if let Some(bits) = u.strip_prefix("0b") {
        let bits = bits.trim_start_matches('_');
        return run(bits, |c| matches!(c, b'0' | b'1'), |c| matches!(c, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = u.strip_prefix("0x") {
        let hex = hex.trim_start_matches('_');
        return run(hex, |c| c.is_ascii_hexdigit(), |c| c.is_ascii_hexdigit() || c == b'_');
    }
    if let Some(octal) = u.strip_prefix('0') {
        let octal = octal.trim_start_matches('_');
        return run(octal, |c| (b'0'..=b'7').contains(&c), |c| (b'0'..=b'7').contains(&c) || c == b'_');
    }
    let mut parts = u.split(':');
    digits_(parts.next().unwrap_or_default()) && parts.all(sixtieth)
}

fn int_value(text: &str) -> Scalar {
    let negative = text.starts_with('-');
    let u = unsigned(text).replace('_', "");
    let parsed = if let Some(bits) = u.strip_prefix("0b") {
        i128::from_str_radix(bits, 2)
    } else if let Some(hex) = u.strip_prefix("0x") {
        i128::from_str_radix(hex, 16)
    } else if u.len() > 1 && u.starts_with('0') {
        i128::from_str_radix(&u[1..], 8)
    } else {
        let mut total = Some(0i128);
        for part in u.split(':') {
            let part = part.parse::<i128>().ok();
            total = total.and_then(|t| t.checked_mul(60)).and_then(|t| t.checked_add(part?));
        }
        total.ok_or_else(|| "".parse::<i128>().unwrap_err())
    };
    // More than 38 digits: Java has no bound, and what is left of them is what a float keeps.
    let Ok(n) = parsed else {
        let float = u.parse::<f64>().unwrap_or(f64::INFINITY);
        return finite(if negative { -float } else { float });
    };
    let n = if negative { -n } else { n };
    if let Ok(n) = i64::try_from(n) {
        Scalar::Value(Value::from(n))
    } else if let Ok(n) = u64::try_from(n) {
        Scalar::Value(Value::from(n))
    } else {
        finite(n as f64)
    }
}

fn exponent(text: &str) -> bool {
    let Some(e) = text.strip_prefix(['e', 'E']) else { return text.is_empty() };
    run(unsigned(e), |c| c.is_ascii_digit(), |c| c.is_ascii_digit())
}

fn is_float(text: &str) -> bool {
    let u = unsigned(text);
    if matches!(u, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let after = |s: &str| s.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').len();
    if let Some(fraction) = u.strip_prefix('.') {
        let rest = &fraction[fraction.len() - after(fraction)..];
        return rest.len() < fraction.len() && exponent(rest);
    }
    if !u.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let rest = &u[u.len() - after(u)..];
    match rest.as_bytes().first() {
        Some(b'.') => exponent(rest[1..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '_')),
        Some(b'e' | b'E') => exponent(rest),
        Some(b':') => {
            let Some((whole, fraction)) = u.split_once('.') else { return false };
            let mut parts = whole.split(':');
            digits_(parts.next().unwrap_or_default())
                && parts.all(sixtieth)
                && fraction.bytes().all(|c| c.is_ascii_digit() || c == b'_')
        }
        _ => false,
    }
}

fn float_value(text: &str) -> Scalar {
    let negative = text.starts_with('-');
    let u = unsigned(text).replace('_', "");
    match u.bytes().last() {
        Some(b'f' | b'F') => return finite(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        Some(b'n' | b'N') => return Scalar::NotANumber,
        _ => {}
    }
    let mut total = 0f64;
    for part in u.split(':') {
        match part.parse::<f64>() {
            Ok(p) => total = total * 60.0 + p,
            // Such as `._`.
            Err(_) => return Scalar::Broken,
        }
    }
    finite(if negative { -total } else { total })
}

fn is_date(text: &str) -> bool {
    let b = text.as_bytes();
    if b.len() < 8 || !b[..4].iter().all(u8::is_ascii_digit) || b[4] != b'-' {
        return false;
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let short = |s: &str| (1..=2).contains(&s.len()) && s.bytes().all(|c| c.is_ascii_digit());
    let day: Vec<&str> = text[5..end].split('-').collect();
    if day.len() != 2 || !day.iter().all(|p| short(p)) {
        return false;
    }
    if end == text.len() {
        return day.iter().all(|p| p.len() == 2);
    }
    let time = match b[end] {
        b'T' | b't' => &text[end + 1..],
        b' ' | b'\t' => text[end..].trim_start_matches([' ', '\t']),
        _ => return false,
    };
    let clock_end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(time.len());
    let (clock, zone) = time.split_at(clock_end);
    let clock: Vec<&str> = clock.split('.').next().unwrap_or_default().split(':').collect();
    let zone = zone.trim_start_matches([' ', '\t']);
    let zone_ok = match zone.as_bytes().first() {
        None => true,
        Some(b'Z') => zone.len() == 1,
        Some(b'-' | b'+') => zone[1..].split(':').all(short) && zone[1..].split(':').count() <= 2,
        _ => false,
    };
    clock.len() == 3 && short(clock[0]) && clock[1].len() == 2 && clock[2].len() == 2 && zone_ok
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Value {
        match plain(text) {
            Scalar::Value(v) => v,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn words_are_booleans_and_nulls() {
        for t in ["yes", "On", "TRUE"] {
            assert_eq!(value(t), json!(true), "{t}");
        }
        for t in ["no", "Off", "FALSE"] {
            assert_eq!(value(t), json!(false), "{t}");
        }
        for t in ["", "~", "Null"] {
            assert_eq!(value(t), json!(null), "{t}");
        }
        for t in ["y", "N", "tRUE", "nULL", "/storm", "1,000", "08", "0o10", "0x", "1:60", "01:30", "12:5_9", "0_"] {
            assert_eq!(value(t), json!(t), "{t}");
        }
    }

    #[test]
    fn numbers_have_bases_and_sixties() {
        for (t, n) in
            [("010", 8), ("-010", -8), ("1_000", 1000), ("+0x1F", 31), ("0b1_0", 2), ("12:30", 750), ("1:2:3", 3723)]
        {
            assert_eq!(value(t), json!(n), "{t}");
        }
        for (t, n) in [("1e3", 1000.0), ("-.5", -0.5), ("1.", 1.0), ("12:30.5", 750.5), ("685.230_15e+03", 685_230.15)]
        {
            assert_eq!(value(t), json!(n), "{t}");
        }
        assert_eq!(value("18446744073709551615"), json!(u64::MAX));
    }

    #[test]
    fn what_json_cannot_hold_is_said() {
        for t in [".inf", "+.Inf", "1e400"] {
            assert_eq!(plain(t), Scalar::Infinite(f64::MAX), "{t}");
        }
        assert_eq!(plain("-.INF"), Scalar::Infinite(f64::MIN));
        assert_eq!(plain(".nan"), Scalar::NotANumber);
        assert_eq!(plain("._"), Scalar::Broken);
        assert!(reads_as_text("a b") && !reads_as_text("yes") && !reads_as_text("") && !reads_as_text("1_0"));
        for t in ["2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-1-4 21:59:43"] {
            assert_eq!(plain(t), Scalar::Date, "{t}");
        }
        assert_eq!(value("2001-1-1"), json!("2001-1-1"));
    }
}
