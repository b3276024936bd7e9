//! A host that only submits and watches.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::facts::{HostFacts, Seen};
use crate::site::sha256;
use crate::step::{Action, Body, Step};
use crate::{Kind, Trouble};

/// Storm's default, which is not written.
const PORT: u16 = 6627;

/// The folder, and a storm.yaml with the least that a client needs.
pub fn client(
    dir: &Path,
    facts: &HostFacts,
    seeds: &[String],
    port: u16,
    settings: &BTreeMap<String, Value>,
) -> Result<Vec<Step>, Trouble> {
    let mut text = String::from("# Written by stormctl install client.\n");
    text.push_str(&format!("nimbus.seeds: {}\n", json!(seeds)));
    if port != PORT {
        text.push_str(&format!("nimbus.thrift.port: {port}\n"));
    }
    for (key, value) in settings {
        text.push_str(&format!("{key}: {value}\n"));
    }
    let file = dir.join("storm.yaml");
    let step = |action, seen| Step { host: String::new(), dir: dir.to_owned(), phase: 0, action, seen, diff: None };
    let now = facts.path(&file);
    let sha256 = sha256(text.as_bytes());
    let write = Action::File { path: file.clone(), mode: 0o644, owner: None, sha256, body: Body::Text(text) };
    if write.is_done_in(&now.seen) {
        return Ok(Vec::new());
    }
    if now.seen != Seen::Nothing && !now.ours {
        return Err(Trouble::new(Kind::Conflict, "install/in-the-way", format!("{} is there already", file.display()))
            .hint(format!(
                "stormctl --config {} config set nimbus.seeds '{}'      changes only that",
                file.display(),
                json!(seeds)
            )));
    }
    let mut steps = Vec::new();
    if facts.path(dir).seen == Seen::Nothing {
        steps.push(step(Action::Home { path: dir.to_owned() }, Seen::Nothing));
    }
    steps.push(step(write, now.seen));
    Ok(steps)
}
