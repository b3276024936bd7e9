//! Storm's structs as text, with every field.

use std::fs;
use std::time::Duration;

use serde_json::{Map, Value, json};
use zookeeper_client::Error;

use crate::commands::{blobstore, topology};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::java_text::hash_order;
use crate::printer::Report;
use crate::zk::session::Session;
use crate::zk::thrift::Types;

const LIMIT: Duration = Duration::from_secs(60);

/// Data of the children of one of Storm's directories in ZooKeeper: all of them, or those that are named.
pub async fn nodes(ctx: &Context, dir: &'static str, kind: &'static str, ids: &[String]) -> Result<(), Failure> {
    let items = ctx
        .within(LIMIT, async {
            let session = Session::connect(ctx, None).await?;
            let path = format!("{}/{dir}", session.root);
            let mut names = ids.to_vec();
            if names.is_empty() {
                names = match session.client.list_children(&path).await {
                    Ok(names) => names,
                    Err(Error::NoNode) => Vec::new(),
                    Err(e) => return Err(session.failure(&path, &e)),
                };
                names.sort_unstable();
            }
            let types = Types::new(false);
            let mut items = Vec::new();
            for name in names {
                let path = format!("{path}/{name}");
                match session.client.get_data(&path).await {
                    Ok((data, _)) => items.push((name, decode(&types, kind, &data, &path)?)),
                    // One that went while all are listed.
                    Err(Error::NoNode) if ids.is_empty() => {}
                    Err(e) => return Err(session.failure(&path, &e)),
                }
            }
            session.close().await;
            Ok(items)
        })
        .await?;
    ctx.printer.show(&Structs { items })
}

fn decode(types: &Types, kind: &str, data: &[u8], place: &str) -> Result<Value, Failure> {
    let broken =
        |cause: String| Failure::new(Exit::Failed, "admin/broken", format!("{place} holds no {kind}")).evidence(cause);
    let plain = storm_zk::plain(data).map_err(|e| broken(e.to_string()))?;
    types.decode(kind, &plain).map_err(|e| broken(e.to_string()))
}

/// Topologies by id or name from the blob store, or from files.
pub async fn topologies(ctx: &Context, ids: &[String]) -> Result<(), Failure> {
    let types = Types::new(false);
    let mut items = Vec::new();
    for id in ids {
        let data = match fs::read(id) {
            Ok(data) => data,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                ctx.within(LIMIT, async {
                    let mut nimbus = ctx.nimbus().await?;
                    let id = topology::find(&mut nimbus, id).await.map_or_else(|_| id.clone(), |t| t.id);
                    blobstore::read(&mut nimbus, &format!("{id}-stormcode.ser")).await
                })
                .await?
            }
            Err(e) => return Err(Failure::io(format!("cannot read {id}"), &e)),
        };
        items.push((id.clone(), decode(&types, "StormTopology", &data, id)?));
    }
    ctx.printer.show(&Structs { items })
}

/// Only the keys: the values are secrets.
pub async fn credentials(ctx: &Context, ids: &[String]) -> Result<(), Failure> {
    let items = ctx
        .within(LIMIT, async {
            let session = Session::connect(ctx, None).await?;
            let types = Types::new(false);
            let mut items = Vec::new();
            for id in ids {
                let path = format!("{}/credentials/{id}", session.root);
                let keys = match session.client.get_data(&path).await {
                    Ok((data, _)) => {
                        let creds = decode(&types, "Credentials", &data, &path)?;
                        creds["creds"].as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default()
                    }
                    // A topology without credentials has no node.
                    Err(Error::NoNode) => Vec::new(),
                    Err(e) => return Err(session.failure(&path, &e)),
                };
                items.push((id.clone(), keys));
            }
            session.close().await;
            Ok(items)
        })
        .await?;
    ctx.printer.show(&Keys(items))
}

struct Keys(Vec<(String, Vec<String>)>);

impl Report for Keys {
    const KIND: &'static str = "CredentialKeys";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), json!(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(|(id, keys)| json!({"id": id, "keys": keys})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let one = |(id, keys): &(String, Vec<String>)| {
            format!("{id}:\n{}", hash_order(keys).into_iter().map(|k| format!("\t{k}\n")).collect::<String>())
        };
        self.0.iter().map(one).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().flat_map(|(_, keys)| keys.clone()).collect()
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

struct Structs {
    items: Vec<(String, Value)>,
}

impl Report for Structs {
    const KIND: &'static str = "StructList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), json!(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.items.iter().map(|(id, value)| json!({"id": id, "value": value})).collect()
    }

    /// As Storm's printer means to: its own loop over the fields never runs, so it prints two brackets.
    fn text(&self, _wide: bool) -> String {
        let mut text = String::new();
        for (id, value) in &self.items {
            text.push_str(&format!("{id}:\n"));
            pretty(None, value, 0, &mut text);
            text.push('\n');
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(|(id, _)| id.clone()).collect()
    }
}

fn pretty(key: Option<&str>, value: &Value, depth: usize, out: &mut String) {
    let parsed;
    let mut value = value;
    if key == Some("json_conf")
        && let Some(conf) = value.as_str().and_then(|text| serde_json::from_str(text).ok())
    {
        parsed = conf;
        value = &parsed;
    }
    let tabs = "\t".repeat(depth);
    let key = key.map(|k| format!("{k}: ")).unwrap_or_default();
    match value {
        Value::Object(map) => {
            out.push_str(&format!("{tabs}{key}{{\n"));
            map.iter().for_each(|(k, v)| pretty(Some(k), v, depth + 1, out));
            out.push_str(&format!("{tabs}}}\n"));
        }
        Value::Array(list) => {
            out.push_str(&format!("{tabs}{key}[\n"));
            list.iter().for_each(|v| pretty(None, v, depth + 1, out));
            out.push_str(&format!("{tabs}]\n"));
        }
        Value::String(text) => out.push_str(&format!("{tabs}{key}\"{text}\"\n")),
        other => out.push_str(&format!("{tabs}{key}{other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_shown_with_tabs_and_the_configuration_of_a_component_opened() {
        let value =
            json!({"time_secs": 5, "meta": [1, 2], "common": {"json_conf": "{\"topology.tasks\":2}"}, "h": "x"});
        let text = Structs { items: vec![("id".into(), value)] }.text(false);
        assert_eq!(
            text,
            "id:\n{\n\ttime_secs: 5\n\tmeta: [\n\t\t1\n\t\t2\n\t]\n\tcommon: {\n\t\tjson_conf: {\n\
             \t\t\ttopology.tasks: 2\n\t\t}\n\t}\n\th: \"x\"\n}\n\n"
        );
        assert_eq!(Keys(vec![("t".into(), vec!["a".into()]), ("u".into(), vec![])]).text(false), "t:\n\ta\nu:\n");
    }
}
