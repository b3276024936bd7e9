//! Keys of a properties file, set and removed in place.

use serde_json::Value;
use storm_conf::Mark;

use super::EditError;
use super::value::shown;
use crate::text::{Edit, Text, apply};
use crate::zoo::{Properties, escaped};

pub(super) fn set(text: &Text, key: &str, value: &Value) -> Result<String, EditError> {
    let wrong = |why: &str| EditError::Value { key: key.to_owned(), why: why.to_owned() };
    if value.is_array() || value.is_object() || value.is_null() {
        return Err(wrong("it must be a text or a number"));
    }
    let value = shown(value);
    if value.contains(['\n', '\r']) || value.trim() != value {
        return Err(wrong("it begins or ends with blanks, or has several lines"));
    }
    if key.is_empty() || key.contains(|c: char| c.is_whitespace() || matches!(c, '=' | ':' | '#' | '!' | '\\')) {
        return Err(wrong("the key has signs that no key of ZooKeeper has"));
    }
    let properties = Properties::parse(text.as_str());
    if properties.value(key) == Some(value.as_str()) {
        return Ok(text.as_str().to_owned());
    }
    let written = escaped(&value);
    let edit = match properties.get(key) {
        // A key alone on its line has no sign before its value.
        Some(e) if e.value_span.is_empty() && !text.as_str()[e.key_span.end..e.lines.end].contains(['=', ':']) => {
            Edit::insert(e.value_span.end, format!("={written}"))
        }
        Some(e) => Edit::new(e.value_span.clone(), written),
        None => {
            let at = commented(text, key).unwrap_or(text.as_str().len());
            let end = text.line_break();
            let whole = at == 0 || text.as_str()[..at].ends_with('\n');
            Edit::insert(at, format!("{}{key}={written}{end}", if whole { "" } else { end }))
        }
    };
    let new = apply(text.as_str(), &[edit]).unwrap_or_default();
    match Properties::parse(&new).value(key) {
        Some(read) if read == value => Ok(new),
        _ => Err(EditError::Entangled { key: key.to_owned(), mark: Mark { line: 1, column: 1 } }),
    }
}

pub(super) fn unset(text: &Text, key: &str) -> Result<String, EditError> {
    let properties = Properties::parse(text.as_str());
    let edits: Vec<Edit> =
        properties.entries.iter().filter(|e| e.key == key).map(|e| Edit::remove(e.lines.clone())).collect();
    if edits.is_empty() {
        return Err(EditError::Absent { key: key.to_owned() });
    }
    Ok(apply(text.as_str(), &edits).unwrap_or_default())
}

/// Where the line ends that has this key as a comment.
fn commented(text: &Text, key: &str) -> Option<usize> {
    let mut at = 0;
    while at < text.as_str().len() {
        let line = text.line_of(at).trim_start();
        let body = line.strip_prefix('#').map(|l| l.trim_start_matches('#').trim_start());
        let is_key =
            body.and_then(|l| l.strip_prefix(key)).is_some_and(|rest| rest.trim_start().starts_with(['=', ':']));
        at = text.next_line(at);
        if is_key {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_set_and_removed_in_place() {
        let text = "# c\ntickTime = 2000\n#initLimit=10\n#x\nclientPort=1\nclientPort=2\nalone\n";
        let after = |key: &str, value: Value| set(&Text::new(text), key, &value).unwrap();
        assert_eq!(after("tickTime", json!(3000)), text.replace("2000", "3000"));
        assert_eq!(after("tickTime", json!("2000")), text);
        assert_eq!(after("initLimit", json!(5)), text.replace("=10\n", "=10\ninitLimit=5\n"));
        assert_eq!(after("syncLimit", json!(5)), format!("{text}syncLimit=5\n"));
        assert_eq!(after("clientPort", json!(3)), text.replace("clientPort=2", "clientPort=3"));
        assert_eq!(after("alone", json!("a\\b")), text.replace("alone", "alone=a\\\\b"));
        let without = unset(&Text::new(text), "clientPort").unwrap();
        assert_eq!(without, text.replace("clientPort=1\nclientPort=2\n", ""));
        assert_eq!(unset(&Text::new(text), "initLimit").unwrap_err().code(), "config/absent");
        assert_eq!(set(&Text::new(text), "a", &json!(["b"])).unwrap_err().code(), "config/value");
    }
}
