//! The configuration in force, and where its values come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use storm_conf::{Conf, Mistake};

#[derive(Debug, Clone, Default)]
pub struct Config {
    pub conf: Conf,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Where a key was written: `storm.yaml:5`, or `-c KEY=VALUE`.
    pub written: BTreeMap<String, String>,
    pub mistakes: Vec<Mistake>,
}

impl Config {
    /// Where the value of a key comes from, in words.
    pub fn place(&self, key: &str) -> String {
        if let Some(place) = self.written.get(key) {
            return place.clone();
        }
        match &self.file {
            Some(file) => format!("{} does not set it: Storm's default", file.display()),
            None => "no storm.yaml was found: Storm's default".to_owned(),
        }
    }

    /// Whether somebody chose the value.
    pub fn is_written(&self, key: &str) -> bool {
        self.written.contains_key(key)
    }

    pub fn secs(&self, key: &str, default: i64) -> i64 {
        self.conf.int(key).unwrap_or(default)
    }

    pub fn port(&self, key: &str, default: u16) -> u16 {
        self.conf.int(key).and_then(|p| u16::try_from(p).ok()).unwrap_or(default)
    }
}
