//! How Java writes things, for output that must be Apache Storm's to the letter.

use serde_json::Value;

/// The order in which a `HashMap` or `HashSet` of texts shows its keys, given the order of their insertion.
pub fn hash_order<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut keys: Vec<T> = keys.into_iter().collect();
    let mut table: u32 = 16;
    while keys.len() as f64 > f64::from(table) * 0.75 {
        table *= 2;
    }
    // A table that grows keeps the order of those that share a bucket, so one stable sort by bucket is it.
    keys.sort_by_key(|k| {
        let hash = string_hash(k.as_ref());
        (hash ^ (hash >> 16)) & (table - 1)
    });
    keys
}

/// `String.hashCode`.
fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |h: u32, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// `Double.toString`.
pub fn double(x: f64) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let size = x.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let text = x.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{x:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// A text in JSON as `JSONValue` writes it: `/` and much of what is not ASCII is escaped.
pub fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2000}'..='\u{20ff}' => {
                out.push_str(&format!("\\u{:04X}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value of the configuration as `storm localconfvalue` shows it: lists are joined by blanks, the rest is `toString`.
pub fn conf_value(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(list)) => list.iter().map(to_string).collect::<Vec<_>>().join(" "),
        Some(value) => to_string(value),
        None => "null".into(),
    }
}

/// `Object.toString` of what a parsed YAML document holds.
fn to_string(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) if n.is_f64() => double(n.as_f64().unwrap_or_default()),
        Value::Number(n) => n.to_string(),
        Value::String(s) => s.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(to_string).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(k, v): (&String, &Value)| format!("{k}={}", to_string(v));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn doubles_have_a_point_and_an_exponent_only_when_java_does() {
        for (x, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.05, "0.05"),
            (1234567.5, "1234567.5"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (0.0005, "5.0E-4"),
            (-0.00025, "-2.5E-4"),
        ] {
            assert_eq!(double(x), text);
        }
    }

    #[test]
    fn keys_come_in_the_order_of_their_buckets() {
        // What a JDK shows of a LinkedHashSet of these that is copied into a HashSet.
        assert_eq!(string_hash("Aa"), string_hash("BB"));
        assert_eq!(hash_order(["a", "BB", "Aa"]), ["BB", "Aa", "a"]);
        assert_eq!(hash_order(["b", "a", "c"]), ["a", "b", "c"]);
        let many = (0..40).map(|i| format!("comp-{i}"));
        let numbers: Vec<String> = hash_order(many).iter().map(|k| k["comp-".len()..].to_owned()).collect();
        assert_eq!(
            numbers.join(" "),
            "19 17 39 18 9 15 37 8 16 38 7 13 35 6 14 36 5 4 3 2 1 0 22 23 20 21 28 29 26 27 24 25 11 33 12 34 31 10 32 30"
        );
    }

    #[test]
    fn texts_and_values_as_java_shows_them() {
        assert_eq!(json_string("a/b\"\n\u{1}é\u{2028}"), "\"a\\/b\\\"\\n\\u0001é\\u2028\"");
        assert_eq!(conf_value(Some(&json!(["a", 1, 0.5]))), "a 1 0.5");
        assert_eq!(conf_value(Some(&json!({"a": [1, 2.0], "b": null}))), "{a=[1, 2.0], b=null}");
        assert_eq!(conf_value(None), "null");
    }
}
