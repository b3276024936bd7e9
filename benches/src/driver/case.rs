//! A case: one topology with one way to count it, and the settings it is run with on each side.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::load::{Kind, Load, SENTENCES, words_of};

/// Which system runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Ours,
    Apache,
}

/// What a set of settings is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The best known.
    Best,
    /// Nothing set but what the case needs.
    Defaults,
    /// Run only when all are asked for.
    Also,
}

/// Settings under a name.
#[derive(Debug, Clone)]
pub struct Variant {
    pub side: Side,
    pub name: &'static str,
    pub standing: Standing,
    pub settings: Map<String, Value>,
}

impl Variant {
    pub fn ours(pending: Option<u64>) -> Variant {
        let name = "defaults";
        Variant { side: Side::Ours, name, standing: Standing::Best, settings: Map::new() }.pending(pending)
    }

    pub fn apache(name: &'static str, standing: Standing, settings: &[(&str, Value)]) -> Variant {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Variant { side: Side::Apache, name, standing, settings }
    }

    pub fn pending(mut self, pending: Option<u64>) -> Variant {
        if let Some(pending) = pending {
            self.settings.insert("topology.max.spout.pending".to_owned(), pending.into());
        }
        self
    }
}

/// How much of a run is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Warm-up, and a window in which everything is counted.
    Window,
    /// Until the first tuple has come through.
    FirstTuple,
}

#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub kind: Kind,
    pub ack: bool,
    pub workers: u32,
    pub counters: u32,
    pub rate: Option<u64>,
    pub script: Option<&'static str>,
    pub extent: Extent,
    pub variants: Vec<Variant>,
}

impl Case {
    /// Our keys of the document.
    pub fn load(&self, dir: &Path, resources: &Path) -> Load {
        Load {
            kind: self.kind,
            ack: self.ack,
            keep: false,
            local: self.workers == 1,
            counters: self.counters,
            rate: self.rate,
            script: self.script.map(str::to_owned),
            resources: self.script.map(|_| resources.to_owned()),
            dir: dir.to_owned(),
        }
    }

    /// The configuration of the topology for either system.
    pub fn document(&self, load: &Load, variant: &Variant, overrides: &Map<String, Value>) -> Map<String, Value> {
        let mut document = match serde_json::to_value(load) {
            Ok(Value::Object(own)) => own,
            other => unreachable!("a load is an object of JSON, not {other:?}"),
        };
        document.insert("topology.workers".to_owned(), json!(self.workers));
        document.insert("topology.acker.executors".to_owned(), json!(if self.ack { self.workers } else { 0 }));
        document.extend(variant.settings.clone());
        document.extend(overrides.clone());
        document
    }

    /// What is counted for the rate: where tuples end, so that what only fills queues does not count.
    pub fn counted(&self) -> Counted {
        match self.kind {
            _ if self.ack => Counted { component: "spout", acked: true, each: 1.0 },
            Kind::Chain => Counted { component: "null", acked: false, each: 1.0 },
            Kind::WordCount | Kind::Multilang => {
                let round = SENTENCES.len() as u64;
                Counted { component: "count", acked: false, each: words_of(round) as f64 / round as f64 }
            }
        }
    }

    /// The word for one unit of the rate.
    pub fn unit(&self) -> &'static str {
        match self.kind {
            Kind::Chain if self.ack => "trees",
            Kind::Chain => "tuples",
            Kind::WordCount | Kind::Multilang => "sentences",
        }
    }
}

/// A counter of a component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    pub component: &'static str,
    pub acked: bool,
    /// How much of it is one unit of the rate.
    pub each: f64,
}
