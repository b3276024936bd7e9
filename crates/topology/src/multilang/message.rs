//! Messages: their frame on the pipes, and what children say.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use super::json;
use crate::value::Value;

/// A message longer than this is not read.
pub(crate) const LONGEST: usize = 64 << 20;

/// What a component says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Pid(i64),
    Emit(Emit),
    Ack(String),
    Fail(String),
    Log {
        level: i64,
        message: String,
    },
    Error(String),
    Metrics {
        name: String,
        params: Value,
    },
    Sync,
    /// A command that is not Storm's.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Emit {
    pub(crate) values: Vec<Value>,
    pub(crate) stream: Option<String>,
    /// Ids of input tuples (bolts).
    pub(crate) anchors: Vec<String>,
    /// The message id (spouts).
    pub(crate) id: Option<Value>,
    pub(crate) task: Option<i32>,
    pub(crate) need_task_ids: bool,
}

#[derive(Debug)]
pub(crate) enum Received {
    Message { text: Vec<u8> },
    End,
}

/// Reads one message: lines up to one that is `end`.
pub(crate) fn read_message(from: &mut impl BufRead) -> io::Result<Received> {
    let mut text = Vec::new();
    loop {
        let start = text.len();
        let room = (LONGEST - start) as u64;
        let n = from.by_ref().take(room + 1).read_until(b'\n', &mut text)?;
        if n == 0 {
            return Ok(Received::End);
        }
        if n as u64 > room {
            let why = format!("a message of more than {} MiB", LONGEST >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let line = text[start..].trim_ascii_end();
        if line == b"end" {
            text.truncate(start);
            return Ok(Received::Message { text });
        }
    }
}

const END: &[u8] = b"\nend\n";

/// Puts the frame around a message.
pub(crate) fn frame(mut message: Vec<u8>) -> Vec<u8> {
    message.extend_from_slice(END);
    message
}

/// Takes it off.
pub(crate) fn unframed(message: &[u8]) -> &[u8] {
    message.strip_suffix(END).unwrap_or(message)
}

/// The beginning of a message, for people.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end();
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}... ({} bytes)", &text[..cut], text.len()),
    }
}

/// Understands what a child said; the error says what is wrong with it.
pub(crate) fn understand(text: &[u8]) -> Result<Said, String> {
    let value = json::parse(text).map_err(|e| format!("not JSON ({e}); only the protocol may be written there"))?;
    let Value::Map(mut map) = value else { return Err("not a map".to_owned()) };
    if let Some(pid) = map.get("pid") {
        return match pid {
            Value::Int(n) => Ok(Said::Pid(*n)),
            other => Err(format!("pid is {}", other.as_ref().kind())),
        };
    }
    let command = text_of(&mut map, "command")?.ok_or("it has no command")?;
    Ok(match command.as_str() {
        "emit" => Said::Emit(emit(map)?),
        "ack" => Said::Ack(id_of(&mut map)?),
        "fail" => Said::Fail(id_of(&mut map)?),
        "log" => Said::Log {
            level: match map.get("level") {
                Some(Value::Int(level)) => *level,
                _ => 2,
            },
            message: shown(map.remove("msg")),
        },
        "error" => Said::Error(shown(map.remove("msg"))),
        "metrics" => Said::Metrics {
            name: text_of(&mut map, "name")?.ok_or("metrics without a name")?,
            params: map.remove("params").unwrap_or_default(),
        },
        "sync" => Said::Sync,
        _ => Said::Unknown(command),
    })
}

fn emit(mut map: BTreeMap<String, Value>) -> Result<Emit, String> {
    let Some(Value::List(values)) = map.remove("tuple") else {
        return Err("emit without a tuple that is a list".to_owned());
    };
    let anchors = match map.remove("anchors") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(ids)) => ids.into_iter().map(id_text).collect::<Result<_, _>>()?,
        Some(one) => vec![id_text(one)?],
    };
    let task = match map.remove("task") {
        None | Some(Value::Null | Value::Int(0)) => None,
        Some(Value::Int(n)) => Some(i32::try_from(n).map_err(|_| format!("there is no task {n}"))?),
        Some(other) => return Err(format!("task is {}", other.as_ref().kind())),
    };
    Ok(Emit {
        values,
        stream: text_of(&mut map, "stream")?,
        anchors,
        id: map.remove("id").filter(|id| *id != Value::Null),
        task,
        need_task_ids: !matches!(map.get("need_task_ids"), Some(Value::Bool(false))),
    })
}

fn text_of(map: &mut BTreeMap<String, Value>, key: &str) -> Result<Option<String>, String> {
    match map.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Str(s)) => Ok(Some(s.into_string())),
        Some(other) => Err(format!("{key} is {}, not text", other.as_ref().kind())),
    }
}

fn id_of(map: &mut BTreeMap<String, Value>) -> Result<String, String> {
    id_text(map.remove("id").ok_or("it has no id")?)
}

/// Storm's ids are numbers written as text; a child may have made a number of one.
fn id_text(id: Value) -> Result<String, String> {
    match id {
        Value::Str(s) => Ok(s.into_string()),
        Value::Int(n) => Ok(n.to_string()),
        other => Err(format!("an id is {}", other.as_ref().kind())),
    }
}

fn shown(value: Option<Value>) -> String {
    value.map_or_else(String::new, |v| v.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        while let Received::Message { text } = read_message(&mut input).expect("readable") {
            found.push(String::from_utf8(text).expect("UTF-8"));
        }
        found
    }

    #[test]
    fn a_message_ends_with_a_line_that_is_end() {
        assert_eq!(all(b"{}\nend\n[\n1]\r\nend\r\n{\"end\"\n"), ["{}\n", "[\n1]\r\n"]);
        assert_eq!(all(b""), Vec::<String>::new());
    }

    #[test]
    fn commands_are_understood() {
        let emit = understand(br#"{"command":"emit","tuple":["a",1],"anchors":"-5","task":0,"need_task_ids":false}"#);
        let wanted = Emit {
            values: vec!["a".into(), 1.into()],
            stream: None,
            anchors: vec!["-5".to_owned()],
            id: None,
            task: None,
            need_task_ids: false,
        };
        assert_eq!(emit, Ok(Said::Emit(wanted)));
        assert_eq!(understand(br#"{"pid": 7}"#), Ok(Said::Pid(7)));
        assert_eq!(understand(br#"{"command":"ack","id":12}"#), Ok(Said::Ack("12".to_owned())));
        let log = Said::Log { level: 4, message: "no".to_owned() };
        assert_eq!(understand(br#"{"command":"log","msg":"no","level":4}"#), Ok(log));
        for wrong in ["hello", "[1]", "{}", r#"{"command":1}"#, r#"{"command":"emit"}"#, r#"{"command":"ack"}"#] {
            assert!(understand(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
