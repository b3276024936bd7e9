//! The topologies that are measured, as any user's topology program would have them. Which one it is says the document in the
//! environment; `java/bench/Program.java` is the same for Apache Storm.

mod bolts;
mod keeper;
mod spout;

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Map, Value, json};
use storm::builder::BoltDeclarer;
use storm::prelude::*;
use storm_benches::load::{CONSTANT, Kind, Load, SENTENCES, VARIABLE};

use crate::bolts::{Count, Identity, Nothing, Split};
use crate::keeper::Keeper;
use crate::spout::Texts;

fn main() -> ExitCode {
    match document() {
        Ok((document, load)) => storm::main(|topology| define(topology, &document, &load)),
        Err(why) => {
            // With stderr closed there is nobody left to tell; the exit code remains.
            let _nobody = writeln!(std::io::stderr(), "{VARIABLE}: {why}; storm-benches sets this variable");
            ExitCode::from(2)
        }
    }
}

fn document() -> Result<(Map<String, Value>, Load), String> {
    let text = std::env::var(VARIABLE).map_err(|e| e.to_string())?;
    let document: Map<String, Value> = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let load = Load::read(&document).map_err(|e| e.to_string())?;
    Ok((document, load))
}

fn define(topology: &mut TopologyBuilder, document: &Map<String, Value>, load: &Load) {
    for (key, value) in document {
        topology.conf(key, value.clone());
    }
    let text = Value::Object(document.clone()).to_string();
    topology.conf("topology.environment", json!({ VARIABLE: text }));
    let flow = |bolt: BoltDeclarer<'_>, from: &str| {
        if load.local {
            bolt.local_or_shuffle(from);
        } else {
            bolt.shuffle(from);
        }
    };
    if load.kind == Kind::Chain {
        topology.set_spout("spout", || Texts::new(&[CONSTANT])).outputs(["v"]);
        flow(topology.set_bolt("id", Identity::default).outputs(["v"]), "spout");
        flow(topology.set_bolt("null", Nothing::default), "id");
        return;
    }
    let spout = match load.keep {
        true => topology.set_spout("spout", || Keeper::new(&SENTENCES)),
        false => topology.set_spout("spout", || Texts::new(&SENTENCES)),
    };
    spout.outputs(["sentence"]);
    match &load.script {
        Some(script) if load.kind == Kind::Multilang => {
            if let Some(folder) = &load.resources {
                topology.resources(folder);
            }
            flow(topology.shell_bolt("split", "python3", script).outputs(["word"]), "spout");
        }
        _ => flow(topology.set_bolt("split", Split::default).outputs(["word"]), "spout"),
    }
    let count = topology.set_bolt("count", Count::default).parallelism(load.counters as i32);
    count.fields("split", ["word"]).outputs(["word", "count"]);
}
