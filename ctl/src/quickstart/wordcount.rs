//! The topology: lines of files, split into words, counted, and written to a file.

use std::path::{Path, PathBuf};

use storm::prelude::{Builtin, Topology, TopologyBuilder};

use crate::exit::Exit;
use crate::failure::Failure;

pub const NAME: &str = "wordcount";
pub const SPOUT: &str = "lines";
const WORKERS: i64 = 2;

pub fn topology(files: &[PathBuf], sink: &Path) -> Result<Topology, Failure> {
    let files = files.iter().map(|f| f.display().to_string()).collect();
    let mut builder = TopologyBuilder::new();
    builder.name(NAME);
    builder.conf("topology.workers", WORKERS);
    // Figures are exact, and those who wait for the last line see it.
    builder.conf("topology.stats.sample.rate", 1.0);
    // Latency is then that of the topology, not of the queue before it.
    builder.conf("topology.max.spout.pending", 2000);
    builder.builtin_spout(SPOUT, &Builtin::Lines { files, repeat: false });
    builder.builtin_bolt("split", &Builtin::Split).parallelism(2).shuffle(SPOUT);
    builder.builtin_bolt("count", &Builtin::Count).parallelism(2).fields("split", ["word"]);
    builder.builtin_bolt("sink", &Builtin::File { path: sink.display().to_string() }).global("count");
    builder.build().map_err(|e| {
        Failure::new(Exit::Failed, "quickstart/topology", "the word count is not a valid topology")
            .evidence(e.to_string())
    })
}
