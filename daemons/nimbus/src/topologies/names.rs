//! Topology ids and the keys of their blobs.

use std::sync::atomic::{AtomicU64, Ordering};

/// The three blobs of a topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blob {
    Jar,
    Code,
    Conf,
}

impl Blob {
    pub const ALL: [Blob; 3] = [Blob::Jar, Blob::Code, Blob::Conf];

    fn suffix(self) -> &'static str {
        match self {
            Blob::Jar => "-stormjar.jar",
            Blob::Code => "-stormcode.ser",
            Blob::Conf => "-stormconf.ser",
        }
    }

    pub fn key(self, topology_id: &str) -> String {
        format!("{topology_id}{}", self.suffix())
    }
}

/// The topology that a blob belongs to, by its key.
pub fn topology_of_blob(key: &str) -> Option<&str> {
    Blob::ALL.iter().find_map(|b| key.strip_suffix(b.suffix())).filter(|id| !id.is_empty())
}

/// Makes ids: `<name>-<n>-<epoch seconds>`; n counts the submits of this process from 1.
#[derive(Debug, Default)]
pub struct TopologyIds(AtomicU64);

impl TopologyIds {
    pub fn make(&self, name: &str, now_secs: i64) -> String {
        let n = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{name}-{n}-{now_secs}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_keys() {
        let ids = TopologyIds::default();
        assert_eq!(ids.make("word-count", 1_700_000_000), "word-count-1-1700000000");
        assert_eq!(ids.make("wc", 5), "wc-2-5");
        assert_eq!(Blob::Code.key("wc-2-5"), "wc-2-5-stormcode.ser");
        assert_eq!(topology_of_blob("wc-2-5-stormjar.jar"), Some("wc-2-5"));
        assert_eq!(topology_of_blob("dep-lib.jar"), None);
        assert_eq!(topology_of_blob("-stormjar.jar"), None);
    }
}
