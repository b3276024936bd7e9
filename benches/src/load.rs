//! The document that says what a measured topology is. Both topology programs are given the same one: it is the
//! topology's configuration, with the keys below among Storm's own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The variable in which `bench-topology` finds the document, as JSON: where it is submitted and, by way of
/// `topology.environment`, in the worker.
pub const VARIABLE: &str = "STORM_BENCH";

/// The sentences of the word counts, in turn.
pub const SENTENCES: [&str; 5] = [
    "the cow jumped over the moon",
    "an apple a day keeps the doctor away",
    "four score and seven years ago",
    "snow white and the seven dwarfs",
    "i am at two with nature",
];

/// The one value of the chain's tuples.
pub const CONSTANT: &str = "some data";

/// Which topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `spout` -> `id` -> `null`, one executor each.
    Chain,
    /// `spout` -> `split` -> `count`.
    WordCount,
    /// The same with `split` in Python.
    Multilang,
}

/// The keys of ours in the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    #[serde(rename = "bench.kind")]
    pub kind: Kind,
    /// Whether the spout emits with message ids.
    #[serde(rename = "bench.ack")]
    pub ack: bool,
    /// Whether the spout keeps its tuples until they are acked, and sends them again when they fail.
    #[serde(rename = "bench.keep", skip_serializing_if = "std::ops::Not::not", default)]
    pub keep: bool,
    /// Whether tuples keep to their worker (local or shuffle) or may leave it (shuffle).
    #[serde(rename = "bench.local")]
    pub local: bool,
    /// Executors of `count`.
    #[serde(rename = "bench.counters")]
    pub counters: u32,
    /// Tuples a second that the spout emits, each at its time; as fast as it is asked without this key, none at 0.
    #[serde(rename = "bench.rate", skip_serializing_if = "Option::is_none", default)]
    pub rate: Option<u64>,
    /// The Python program of `split`.
    #[serde(rename = "bench.script", skip_serializing_if = "Option::is_none", default)]
    pub script: Option<String>,
    /// Folder of what goes into `resources/` of the topology jar.
    #[serde(rename = "bench.resources", skip_serializing_if = "Option::is_none", default)]
    pub resources: Option<PathBuf>,
    /// Where the components count.
    #[serde(rename = "bench.dir")]
    pub dir: PathBuf,
}

impl Load {
    /// Our keys in a document.
    pub fn read(document: &Map<String, Value>) -> Result<Load, serde_json::Error> {
        let own = document.iter().filter(|(key, _)| key.starts_with("bench."));
        serde_json::from_value(Value::Object(own.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    /// The components whose tasks count, and how many tasks each has. (A Python process does not count.)
    pub fn counting_tasks(&self) -> Vec<(&'static str, u32)> {
        match self.kind {
            Kind::Chain => vec![("spout", 1), ("id", 1), ("null", 1)],
            Kind::WordCount => vec![("spout", 1), ("split", 1), ("count", self.counters)],
            Kind::Multilang => vec![("spout", 1), ("count", self.counters)],
        }
    }

    /// Where tuples end.
    pub fn last(&self) -> &'static str {
        match self.kind {
            Kind::Chain => "null",
            Kind::WordCount | Kind::Multilang => "count",
        }
    }

    /// Whether the spout emits at all.
    pub fn emits(&self) -> bool {
        self.rate != Some(0)
    }
}

/// The words of the first so many sentences.
pub fn words_of(sentences: u64) -> u64 {
    let words = SENTENCES.map(|sentence| sentence.split(' ').count() as u64);
    let (rounds, rest) = (sentences / words.len() as u64, sentences as usize % words.len());
    rounds * words.iter().sum::<u64>() + words[..rest].iter().sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_found_among_the_keys_of_storm() {
        let load = Load {
            kind: Kind::WordCount,
            ack: true,
            keep: false,
            local: false,
            counters: 2,
            rate: Some(5),
            script: None,
            resources: None,
            dir: "/tmp/x".into(),
        };
        let Value::Object(mut document) = serde_json::to_value(&load).unwrap() else { panic!("an object") };
        assert_eq!(document["bench.kind"], "word-count");
        document.insert("topology.workers".into(), 2.into());
        assert_eq!(Load::read(&document).unwrap(), load);
    }

    #[test]
    fn words_are_counted_round_by_round() {
        assert_eq!(words_of(0), 0);
        assert_eq!(words_of(2), 6 + 8);
        assert_eq!(words_of(5), 32);
        assert_eq!(words_of(11), 70);
    }
}
