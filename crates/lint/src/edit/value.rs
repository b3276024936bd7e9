//! Values from the command line, and values as YAML.

use serde_json::{Map, Value};
use storm_conf::schema::{Key, Role};
use storm_conf::{Level, YamlStyle, read_yaml, yaml};

/// Words that are no value of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    pub message: String,
}

/// What the words of a command line mean for a key: its kind decides, so that `zk1 zk2` is a list of hosts and `010` the
/// text of a version. Of a key that nobody knows, one word is what YAML reads.
pub fn from_words(key: Option<&Key>, words: &[String]) -> Result<Value, ValueError> {
    let one = |what: &str| match words {
        [word] => Ok(word.as_str()),
        _ => Err(ValueError { message: format!("it takes one {what}, not {} words", words.len()) }),
    };
    let Some(key) = key else {
        return Ok(if words.len() == 1 { as_yaml(&words[0]) } else { words.iter().map(|w| as_yaml(w)).collect() });
    };
    if key.kind.is_list() {
        if let [word] = words
            && let Value::Array(items) = as_yaml(word)
            && word.trim_start().starts_with('[')
        {
            return Ok(Value::Array(items));
        }
        let split = matches!(key.role, Role::Hosts | Role::Port);
        let words = words.iter().flat_map(|w| if split { w.split(',').collect() } else { vec![w.as_str()] });
        let words = words.map(str::trim).filter(|w| !w.is_empty());
        let texts = key.kind.word() == "strings";
        return Ok(words.map(|w| if texts { Value::from(w) } else { as_yaml(w) }).collect());
    }
    if key.kind.is_text() {
        return one("text").map(Value::from);
    }
    if key.kind.word() == "string|strings" {
        return Ok(match words {
            [word] if word.starts_with('[') => match as_yaml(word) {
                list @ Value::Array(_) => list,
                _ => Value::from(word.as_str()),
            },
            [word] => Value::from(word.as_str()),
            words if key.role == Role::Jvm => Value::from(words.join(" ")),
            words => words.iter().map(|w| Value::from(w.as_str())).collect(),
        });
    }
    one("value").map(as_yaml)
}

/// A value as `get` and `set` print it: texts as they are, the rest as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What YAML makes of a word; a word that is no YAML is a text.
fn as_yaml(word: &str) -> Value {
    let (node, faults) = read_yaml(word);
    let broken = faults.iter().any(|f| f.level == Level::Error || f.code == "config/number");
    match node {
        Some(node) if !broken => node.to_value(),
        _ => Value::from(word),
    }
}

/// Where a value is going to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    Block,
    /// In brackets or braces, where commas end things.
    Flow,
}

/// A value on one line; texts in the style of those that stood there.
pub(crate) fn render(value: &Value, style: YamlStyle, context: Context) -> String {
    match value {
        Value::String(text) => scalar(text, style, context),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|i| render(i, style, Context::Flow)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => render_map(map, style),
        // 1e400 and the like never get here: JSON has no such numbers.
        other => other.to_string(),
    }
}

fn render_map(map: &Map<String, Value>, style: YamlStyle) -> String {
    let entries: Vec<String> = map
        .iter()
        .map(|(k, v)| format!("{}: {}", scalar(k, style, Context::Flow), render(v, style, Context::Flow)))
        .collect();
    format!("{{{}}}", entries.join(", "))
}

/// A text in a style, or in quotes where the style cannot hold it.
pub(crate) fn scalar(text: &str, style: YamlStyle, context: Context) -> String {
    match style {
        YamlStyle::Plain if plain_is_safe(text, context) => text.to_owned(),
        YamlStyle::Single if !text.contains(|c: char| c.is_control()) => format!("'{}'", text.replace('\'', "''")),
        _ => quoted(text),
    }
}

/// In double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Value::from(text).to_string();
    // JSON lets these stand, and SnakeYAML refuses or folds them.
    for odd in ['\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'] {
        out = out.replace(odd, &format!("\\u{:04x}", odd as u32));
    }
    out
}

/// Whether a text means itself without quotes.
pub(crate) fn plain_is_safe(text: &str, context: Context) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second = text.chars().nth(1);
    let starts = match first {
        '-' | '?' | ':' => second.is_some_and(|c| c != ' ') && !text.starts_with("---"),
        c => !",[]{}#&*!|>'\"%@`=.".contains(c) && !c.is_whitespace(),
    };
    let ends = !text.ends_with([':', ' ']);
    let inside = !text.contains(": ") && !text.contains(" #") && !text.contains(|c: char| c.is_control());
    let flow = context == Context::Block || !text.contains([',', '[', ']', '{', '}', ':']) && first != '-';
    starts && ends && inside && flow && text.is_ascii() && text != "<<" && yaml::reads_as_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use storm_conf::schema;

    fn words(key: &str, words: &[&str]) -> Value {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        from_words(schema::key(key), &words).unwrap()
    }

    #[test]
    fn the_kind_of_the_key_decides() {
        assert_eq!(words("storm.zookeeper.servers", &["zk1"]), json!(["zk1"]));
        assert_eq!(words("storm.zookeeper.servers", &["zk1,zk2", "zk3"]), json!(["zk1", "zk2", "zk3"]));
        assert_eq!(words("nimbus.seeds", &["[n1, 'n2']"]), json!(["n1", "n2"]));
        assert_eq!(words("supervisor.slots.ports", &["6700", "6701"]), json!([6700, 6701]));
        assert_eq!(words("topology.version", &["010"]), json!("010"));
        assert_eq!(words("ui.port", &["8081"]), json!(8081));
        assert_eq!(words("topology.debug", &["yes"]), json!(true));
        assert_eq!(words("worker.childopts", &["-Xmx1g", "-Dx=y"]), json!("-Xmx1g -Dx=y"));
        assert_eq!(words("isolation.scheduler.machines", &["{wc: 2}"]), json!({"wc": 2}));
        assert_eq!(words("my.key", &["on"]), json!(true));
        assert_eq!(words("my.key", &["a", "1"]), json!(["a", 1]));
        assert_eq!(words("my.key", &["[a"]), json!("[a"));
        assert!(from_words(schema::key("ui.port"), &["1".into(), "2".into()]).is_err());
    }

    #[test]
    fn what_is_rendered_reads_the_same() {
        let texts = [
            "a",
            "",
            "yes",
            "010",
            "1e3",
            "~",
            "null",
            "-x",
            "- x",
            "a: b",
            "a #b",
            "#c",
            "it's",
            "\"q\"",
            "tab\there",
            "line\nbreak",
            "ü",
            "\u{85}",
            "a,b",
            "[x",
            "{y",
            "%HEAP%",
            "@x",
            "`x",
            "2001-12-14",
            "<<",
            "=",
            "a:",
            " a",
            "a ",
            "---",
            "\\n",
            "\u{7f}",
            "12:30",
            ".5",
            "*x",
            "&x",
            "!x",
            "|",
            ">",
            "?x",
            "? x",
            ":x",
            "http://h:1/x?y#z",
        ];
        for text in texts {
            for style in [YamlStyle::Plain, YamlStyle::Single, YamlStyle::Double] {
                for value in [json!(text), json!([text, 1, null, true, 1.5]), json!({text: [text], "k": {}})] {
                    let yaml = format!("k: {}\n", render(&value, style, Context::Block));
                    let (node, faults) = read_yaml(&yaml);
                    assert_eq!(faults, [], "{yaml}");
                    assert_eq!(node.unwrap().to_value()["k"], value, "{yaml}");
                }
            }
        }
    }
}
