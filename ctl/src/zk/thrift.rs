//! Any of Storm's structs as a readable value, by the tables of its types: no type needs code of its own, and fields of a
//! newer Storm are shown by their numbers instead of being lost.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use storm_thrift::describe::{Kind, TypeDesc, all_types};
use storm_thrift::wire::ttype;
use storm_thrift::{DecodeError, Reader};

use super::kinds::SECRETS;

/// What stands for the value of a secret.
pub const HIDDEN: &str = "(hidden; --show-secrets shows it)";

pub struct Types {
    by_name: HashMap<&'static str, TypeDesc>,
    show_secrets: bool,
}

impl Types {
    pub fn new(show_secrets: bool) -> Types {
        Types { by_name: all_types().into_iter().map(|t| (t.name, t)).collect(), show_secrets }
    }

    /// Reads the struct of this name, which must fill the bytes to the end.
    pub fn decode(&self, name: &str, bytes: &[u8]) -> Result<Value, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = self.structure(&mut reader, Some(name))?;
        match reader.left() {
            0 => Ok(value),
            left => Err(DecodeError::Trailing(left)),
        }
    }

    fn structure(&self, r: &mut Reader<'_>, name: Option<&str>) -> Result<Value, DecodeError> {
        let described = name.and_then(|n| self.by_name.get(n));
        let mut map = Map::new();
        r.nested(|r| {
            while let Some((code, id)) = r.field()? {
                let field = described.and_then(|d| d.fields.iter().find(|f| f.id == id));
                let mut value = self.value(r, code, field.map(|f| f.type_name.as_str()))?;
                if let (Some(t), Some(f)) = (described, field)
                    && !self.show_secrets
                    && SECRETS.contains(&(t.name, f.name))
                {
                    value = hidden(value);
                }
                map.insert(field.map_or_else(|| format!("field {id}"), |f| f.name.to_owned()), value);
            }
            Ok(())
        })?;
        if let Some(missing) = described.filter(|d| d.kind != Kind::Union).and_then(|d| {
            d.fields
                .iter()
                .find(|f| f.requiredness == "required" && !map.contains_key(f.name))
                .map(|f| (d.name, f.name))
        }) {
            return Err(DecodeError::Missing { type_name: missing.0, field: missing.1 });
        }
        Ok(Value::Object(map))
    }

    /// A value of the type that the wire announces; the description only says what it means.
    fn value(&self, r: &mut Reader<'_>, code: u8, meant: Option<&str>) -> Result<Value, DecodeError> {
        Ok(match code {
            ttype::BOOL => Value::Bool(r.byte()? == 1),
            ttype::BYTE => Value::from(r.byte()? as i8),
            ttype::I16 => Value::from(r.i16()?),
            ttype::I32 => self.int(r.i32()?, meant),
            ttype::I64 => Value::from(r.i64()?),
            ttype::DOUBLE => double(f64::from_bits(r.i64()? as u64)),
            ttype::STRING => text(r.blob()?),
            ttype::STRUCT => self.structure(r, meant)?,
            ttype::LIST | ttype::SET => {
                let element = meant.and_then(inner);
                r.nested(|r| {
                    let code = r.byte()?;
                    let count = r.count(1)?;
                    (0..count).map(|_| self.value(r, code, element)).collect::<Result<Vec<_>, _>>().map(Value::Array)
                })?
            }
            ttype::MAP => {
                let (of_key, of_value) = meant.and_then(inner).map(halves).unwrap_or_default();
                r.nested(|r| {
                    let (key_code, value_code) = (r.byte()?, r.byte()?);
                    let count = r.count(2)?;
                    let mut map = Map::new();
                    for _ in 0..count {
                        let key = key(&self.value(r, key_code, of_key)?);
                        map.insert(key, self.value(r, value_code, of_value)?);
                    }
                    Ok(Value::Object(map))
                })?
            }
            code => return Err(DecodeError::UnknownType { at: r.at(), code }),
        })
    }

    /// A number, or the name of what it means.
    fn int(&self, number: i32, meant: Option<&str>) -> Value {
        let described = meant.and_then(|m| self.by_name.get(m)).filter(|d| d.kind == Kind::Enum);
        match described.and_then(|d| d.values.iter().find(|(n, _)| *n == number)) {
            Some((_, name)) => Value::from(*name),
            None => Value::from(number),
        }
    }
}

/// Keys stay, values go.
fn hidden(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, _)| (key, Value::from(HIDDEN))).collect::<Map<_, _>>().into(),
        _ => Value::from(HIDDEN),
    }
}

/// What is between the brackets of a container's type.
fn inner(type_name: &str) -> Option<&str> {
    type_name.split_once('<')?.1.strip_suffix('>')
}

/// Key and value of a map's type: the comma that no bracket holds parts them.
fn halves(inside: &str) -> (Option<&str>, Option<&str>) {
    let mut depth = 0;
    for (at, c) in inside.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => return (Some(&inside[..at]), Some(&inside[at + 1..])),
            _ => {}
        }
    }
    (Some(inside), None)
}

/// YAML and JSON have texts for keys; Storm also has numbers, ranges of tasks, and structs.
fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // Executors, as Storm's pages write them.
        Value::Array(items) if items.len() == 2 && items.iter().all(Value::is_number) => {
            format!("[{}-{}]", items[0], items[1])
        }
        Value::Array(items) => items.iter().map(key).collect::<Vec<_>>().join(","),
        Value::Object(map) => match (map.len(), map.get("task_start"), map.get("task_end")) {
            (2, Some(start), Some(end)) => format!("[{start}-{end}]"),
            _ => map.values().map(key).collect::<Vec<_>>().join(":"),
        },
        other => other.to_string(),
    }
}

/// JSON knows no infinity; Storm's statistics may.
fn double(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::Number)
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::from(format!("0x{}", hex(bytes))),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;
    use storm_thrift::to_bytes;
    use storm_thrift::types::{
        Assignment, BoltStats, ClusterWorkerHeartbeat, Credentials, ExecutorInfo, ExecutorSpecificStats, ExecutorStats,
        GlobalStreamId, NodeInfo, StormBase, TopologyStatus, WorkerResources,
    };

    use super::*;

    #[test]
    fn keys_are_readable_and_numbers_have_names() {
        let node = NodeInfo { node: "sup-1".into(), port: BTreeSet::from([6700]) };
        let assignment = Assignment {
            master_code_dir: "/d".into(),
            executor_node_port: BTreeMap::from([(vec![1, 2], node.clone())]),
            worker_resources: BTreeMap::from([(node, WorkerResources { cpu: Some(10.0), ..Default::default() })]),
            ..Default::default()
        };
        let value = Types::new(false).decode("Assignment", &to_bytes(&assignment)).unwrap();
        assert_eq!(value["executor_node_port"], json!({"[1-2]": {"node": "sup-1", "port": [6700]}}));
        assert_eq!(value["worker_resources"], json!({"sup-1:6700": {"cpu": 10.0}}));

        let base =
            StormBase { name: "wc".into(), status: TopologyStatus::Killed, num_workers: 2, ..Default::default() };
        let value = Types::new(false).decode("StormBase", &to_bytes(&base)).unwrap();
        assert_eq!((&value["status"], &value["num_workers"]), (&json!("KILLED"), &json!(2)));

        let stream = GlobalStreamId { component_id: "split".into(), stream_id: "default".into() };
        let acked = BTreeMap::from([("600".to_owned(), BTreeMap::from([(stream, 9)]))]);
        let bolt = BoltStats { acked, ..BoltStats::default() };
        let beat = ClusterWorkerHeartbeat {
            storm_id: "wc-1-2".into(),
            executor_stats: BTreeMap::from([(
                ExecutorInfo { task_start: 3, task_end: 4 },
                ExecutorStats {
                    emitted: BTreeMap::new(),
                    transferred: BTreeMap::new(),
                    specific: ExecutorSpecificStats::Bolt(bolt),
                    rate: f64::INFINITY,
                },
            )]),
            ..Default::default()
        };
        let value = Types::new(false).decode("ClusterWorkerHeartbeat", &to_bytes(&beat)).unwrap();
        let stats = &value["executor_stats"]["[3-4]"];
        assert_eq!(stats["rate"], "inf");
        assert_eq!(stats["specific"]["bolt"]["acked"], json!({"600": {"split:default": 9}}));
    }

    #[test]
    fn secrets_keep_their_keys() {
        let creds = Credentials {
            creds: BTreeMap::from([("token".to_owned(), "s3cret".to_owned())]),
            topo_owner: Some("me".into()),
        };
        let bytes = to_bytes(&creds);
        assert_eq!(
            Types::new(false).decode("Credentials", &bytes).unwrap(),
            json!({"creds": {"token": HIDDEN}, "topoOwner": "me"})
        );
        assert_eq!(Types::new(true).decode("Credentials", &bytes).unwrap()["creds"]["token"], "s3cret");
    }

    #[test]
    fn fields_of_a_newer_storm_are_shown_and_rubbish_is_refused() {
        let node = NodeInfo { node: "n".into(), port: BTreeSet::new() };
        let mut bytes = to_bytes(&node);
        bytes.pop();
        bytes.extend([ttype::I32, 0, 99, 0, 0, 0, 7, ttype::STOP]);
        let types = Types::new(false);
        assert_eq!(types.decode("NodeInfo", &bytes).unwrap()["field 99"], 7);
        for cut in 0..bytes.len() {
            assert!(types.decode("NodeInfo", &bytes[..cut]).is_err(), "{cut}");
        }
        assert!(matches!(types.decode("NodeInfo", &[0]), Err(DecodeError::Missing { .. })));
        assert!(types.decode("NodeInfo", b"hello").is_err());
        // A list of a thousand million elements costs nothing.
        let huge = [ttype::LIST, 0, 9, ttype::STRUCT, 0x3b, 0x9a, 0xca, 0, ttype::STOP];
        assert!(types.decode("NodeInfo", &huge).is_err());
    }
}
