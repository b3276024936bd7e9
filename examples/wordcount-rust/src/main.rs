//! A word count, whole: a spout, two bolts, and the program that describes, submits and runs them.
//!
//! ```text
//! cargo run -p wordcount-rust -- local --seconds 5
//! cargo run -p wordcount-rust -- submit words
//! ```

use std::collections::HashMap;
use std::process::ExitCode;

use storm::prelude::*;

/// Emits sentences over and over, and each again until it has been processed.
#[derive(Default)]
struct Sentences {
    next: u64,
    failed: Vec<u64>,
}

const SENTENCES: [&str; 4] = [
    "the cow jumped over the moon",
    "an apple a day keeps the doctor away",
    "four score and seven years ago",
    "i am at two with nature",
];

impl Spout for Sentences {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        let id = self.failed.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        let sentence = SENTENCES[id as usize % SENTENCES.len()];
        out.emit_reliable(values![sentence], id);
        Ok(Progress::Emitted)
    }

    fn fail(&mut self, id: MessageId, _: &mut SpoutOutput<'_>) -> Result<(), ComponentError> {
        self.failed.extend(id.number());
        Ok(())
    }
}

struct Split;

impl Bolt for Split {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        for word in tuple.str(0)?.split_ascii_whitespace() {
            out.emit(values![word]);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Count(HashMap<String, i64>);

impl Bolt for Count {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if tuple.is_tick() {
            // Once a second: what has been counted so far.
            for (word, count) in &self.0 {
                out.emit(values![word, *count]);
            }
            return Ok(());
        }
        let word = tuple.str(0)?;
        match self.0.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(word.to_owned(), 1)),
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    storm::main(|topology| {
        topology.name("wordcount-rust").conf("topology.workers", 2).conf("topology.max.spout.pending", 1000);
        topology.set_spout("sentences", Sentences::default).outputs(["sentence"]);
        topology.set_bolt("split", || Split).parallelism(2).local_or_shuffle("sentences").outputs(["word"]);
        topology
            .set_bolt("count", Count::default)
            .parallelism(2)
            .fields("split", ["word"])
            .outputs(["word", "count"])
            .conf("topology.tick.tuple.freq.secs", 1);
        topology.builtin_bolt("print", &Builtin::Print).global("count");
    })
}
