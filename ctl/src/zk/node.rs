//! The data of one node, as people and programs read it.

use serde_json::{Map, Value, json};
use zookeeper_client::Stat;

use super::kinds::Kind;
use super::thrift::{HIDDEN, Types, hex};
use crate::logging::iso_time;

/// What Storm's directories hold.
const DIRECTORY: &[u8] = &[7];
/// The first bytes of everything that Java serialises.
const JAVA_MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];

/// The data of a node, decoded as far as its path and its bytes tell what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// What it is, such as `Assignment`, `Directory`, `Text`, `Binary`.
    pub what: String,
    /// How the value stands for the bytes: `thrift`, `text`, `number`, `hex`, `none`.
    pub encoding: &'static str,
    pub value: Value,
    /// Why it could not be read as what its path promises.
    pub problem: Option<String>,
}

/// Reads the data of the node at `path`.
pub fn decode(types: &Types, root: &str, path: &str, bytes: &[u8]) -> Data {
    let data = |what: &str, encoding, value| Data { what: what.to_owned(), encoding, value, problem: None };
    let Some(kind) = Kind::of(root, path) else { return plain(bytes) };
    match kind {
        Kind::Thrift(name) => match storm_zk::plain(bytes).map_err(|e| e.to_string()) {
            Ok(thrift) => match types.decode(name, &thrift) {
                Ok(value) => data(name, "thrift", value),
                Err(e) => unread(kind, bytes, &e.to_string()),
            },
            Err(e) => unread(kind, bytes, &e),
        },
        Kind::Text(name) => match std::str::from_utf8(bytes) {
            Ok(text) => data(name, "text", text.into()),
            Err(e) => unread(kind, bytes, &e.to_string()),
        },
        Kind::Sequence => match <[u8; 4]>::try_from(bytes) {
            Ok(four) => data(kind.name(), "number", i32::from_be_bytes(four).into()),
            Err(_) => unread(kind, bytes, &format!("it has {} bytes instead of 4", bytes.len())),
        },
        Kind::Millis => match <[u8; 8]>::try_from(bytes) {
            Ok(eight) => data(kind.name(), "number", i64::from_be_bytes(eight).into()),
            Err(_) => unread(kind, bytes, &format!("it has {} bytes instead of 8", bytes.len())),
        },
        Kind::BlobHolder => data(kind.name(), "text", holder(path)),
        Kind::Java => match java_class(bytes) {
            Some(class) => data(&format!("Java {class}"), "hex", hex(bytes).into()),
            None => plain(bytes),
        },
    }
}

/// A node of which nothing is known.
fn plain(bytes: &[u8]) -> Data {
    let data = |what: &str, encoding, value| Data { what: what.to_owned(), encoding, value, problem: None };
    match std::str::from_utf8(bytes) {
        _ if bytes.is_empty() => data("Empty", "none", Value::Null),
        _ if bytes == DIRECTORY => data("Directory", "none", Value::Null),
        Ok(text) if !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
            data("Text", "text", text.into())
        }
        _ => match java_class(bytes) {
            Some(class) => data(&format!("Java {class}"), "hex", hex(bytes).into()),
            None => data("Binary", "hex", hex(bytes).into()),
        },
    }
}

/// What should be Storm's, and is not. A secret that cannot be read is not shown either.
fn unread(kind: Kind, bytes: &[u8], problem: &str) -> Data {
    let shown = if kind.is_secret() { Data { value: HIDDEN.into(), ..plain(bytes) } } else { plain(bytes) };
    Data { problem: Some(format!("this is no {}: {problem}", kind.name())), ..shown }
}

/// `host:port:tls-sequence`, which is all that Storm says about who holds which version of a blob.
fn holder(path: &str) -> Value {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('-') {
        Some((nimbus, sequence)) => match sequence.parse::<i64>() {
            Ok(sequence) => json!({"nimbus": nimbus, "sequence": sequence}),
            Err(_) => name.into(),
        },
        None => name.into(),
    }
}

/// The class of an object in Java's own serialisation: magic, object, class description, name.
fn java_class(bytes: &[u8]) -> Option<String> {
    let rest = bytes.strip_prefix(&JAVA_MAGIC)?.strip_prefix(b"sr")?;
    let length = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
    String::from_utf8(rest.get(2..2 + length)?.to_vec()).ok()
}

impl Data {
    /// As people read it: YAML for what has a structure, the text itself for texts.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Null => String::new(),
            Value::String(text) if text.ends_with('\n') => text.clone(),
            Value::String(text) => format!("{text}\n"),
            // What serde_json holds YAML can say: keys are texts, numbers are finite.
            value => serde_yaml::to_string(value).unwrap_or_else(|_| format!("{value:#}\n")),
        }
    }

    /// One line for each value, with where it is: what `find --text` looks through.
    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

/// What ZooKeeper says about a node, in words that need no table.
pub fn stat_fields(stat: &Stat) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("version".into(), stat.version.into());
    map.insert("children_version".into(), stat.cversion.into());
    map.insert("acl_version".into(), stat.aversion.into());
    map.insert("bytes".into(), stat.data_length.into());
    map.insert("children".into(), stat.num_children.into());
    map.insert("created".into(), time(stat.ctime));
    map.insert("modified".into(), time(stat.mtime));
    map.insert("created_zxid".into(), format!("0x{:x}", stat.czxid).into());
    map.insert("modified_zxid".into(), format!("0x{:x}", stat.mzxid).into());
    map.insert("ephemeral_owner".into(), owner(stat).map_or(Value::Null, Value::from));
    map
}

/// The root of all has no time.
pub fn time(millis: i64) -> Value {
    u64::try_from(millis).ok().filter(|ms| *ms > 0).map_or(Value::Null, |ms| iso_time(ms).into())
}

/// The session that an ephemeral node ends with; containers and nodes with a time to live carry marks there instead.
pub fn owner(stat: &Stat) -> Option<String> {
    let marked = stat.ephemeral_owner == i64::MIN || (stat.ephemeral_owner as u64) >> 56 == 0xff;
    (stat.ephemeral_owner != 0 && !marked).then(|| format!("0x{:x}", stat.ephemeral_owner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::to_bytes;
    use storm_thrift::types::ErrorInfo;

    fn at(path: &str, bytes: &[u8]) -> Data {
        decode(&Types::new(false), "/storm", path, bytes)
    }

    #[test]
    fn data_is_what_its_path_says() {
        let error = to_bytes(&ErrorInfo { error: "boom\nat x".into(), error_time_secs: 5, ..Default::default() });
        let data = at("/storm/errors/t/c-last-error", &error);
        assert_eq!((data.what.as_str(), data.encoding), ("ErrorInfo", "thrift"));
        assert_eq!(data.text(), "error: |-\n  boom\n  at x\nerror_time_secs: 5\n");
        assert_eq!(at("/storm/blobstoremaxkeysequencenumber/k", &[0, 0, 1, 2]).value, json!(258));
        assert_eq!(at("/storm/blobstore/k/n1:6627:0-3", &[]).value, json!({"nimbus": "n1:6627:0", "sequence": 3}));
        assert_eq!(at("/storm/leader-lock/x", b"n1:6627:0").text(), "n1:6627:0\n");
        assert_eq!(at("/storm/storms", &[7]).what, "Directory");
        assert_eq!(at("/other", b"hello").text(), "hello\n");
        assert_eq!(at("/other", &[0, 255]).text(), "00ff\n");
        assert_eq!(at("/other", b"").text(), "");
    }

    #[test]
    fn what_is_not_what_it_should_be_is_shown_with_the_reason() {
        let data = at("/storm/storms/x", b"hello");
        assert_eq!(data.value, "hello");
        assert!(data.problem.as_deref().is_some_and(|p| p.starts_with("this is no StormBase: ")), "{data:?}");
        let data = at("/storm/blobstoremaxkeysequencenumber/k", &[1]);
        assert_eq!(data.problem.as_deref(), Some("this is no BlobSequence: it has 1 bytes instead of 4"));
        assert_eq!(at("/storm/credentials/x", b"password").value, HIDDEN);
    }

    #[test]
    fn java_objects_are_named() {
        let mut bytes = vec![0xac, 0xed, 0, 5, b's', b'r', 0, 3];
        bytes.extend(b"a.B\x00");
        assert_eq!(at("/storm/storm/leader-info", &bytes).what, "Java a.B");
        for cut in 0..bytes.len() {
            at("/storm/storm/leader-info", &bytes[..cut]);
        }
    }
}
