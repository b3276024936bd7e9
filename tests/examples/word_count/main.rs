//! A word count that tells afterwards whether anything was lost: a source that keeps each sentence until it was acked and
//! remembers beyond its own death what it has sent, and counters that write down each word before it is acked.
//!
//! A topology program like any other (`submit`, `worker`), with one verb more: `half` runs one of two workers of the topology
//! without a cluster around them, so that a test can stand between the two.

mod half;
mod parts;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use storm::prelude::*;

use crate::parts::{Record, Source, Split};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((verb, rest)) if verb == "half" => half::run(rest),
        _ => match std::env::var_os("WORD_COUNT_DIR") {
            Some(dir) => return storm::main(|topology| define(topology, &PathBuf::from(dir))),
            None => Err("WORD_COUNT_DIR must name the folder of the run".into()),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // With stderr closed there is nobody left to tell; the exit code remains.
            let _nobody = writeln!(std::io::stderr(), "word_count: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The topology; `dir` is where its source and its counters write, and where they find what they are told.
fn define(topology: &mut TopologyBuilder, dir: &std::path::Path) {
    let text = dir.display().to_string();
    topology.conf("word.count.dir", text.clone());
    topology.conf("topology.environment", serde_json::json!({ "WORD_COUNT_DIR": text }));
    // Half of all sentences cross, and half of all words.
    topology.conf("topology.disable.loadaware.messaging", true);
    topology.set_spout("source", || Source(None)).outputs(["number", "sentence"]);
    topology.set_bolt("split", || Split).outputs(["word", "number", "place"]).parallelism(2).shuffle("source");
    topology.set_bolt("record", || Record(None)).parallelism(2).fields("split", ["word"]);
}
