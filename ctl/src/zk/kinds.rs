//! What Storm keeps where: one table of path patterns, below `storm.zookeeper.root`.

use super::glob;

/// What the data of a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A struct of this name, thrift binary, gzipped or not.
    Thrift(&'static str),
    /// A text that means something by itself, such as the participant of a latch.
    Text(&'static str),
    /// The highest sequence number of a blob, four bytes.
    Sequence,
    /// A time in milliseconds, eight bytes.
    Millis,
    /// A node whose name says all: `host:port:tls-sequence`.
    BlobHolder,
    /// An object that Java serialised.
    Java,
}

const TABLE: &[(&str, Kind)] = &[
    ("assignments/*", Kind::Thrift("Assignment")),
    ("storms/*", Kind::Thrift("StormBase")),
    ("supervisors/*", Kind::Thrift("SupervisorInfo")),
    ("workerbeats/*/*", Kind::Thrift("ClusterWorkerHeartbeat")),
    ("errors/*/*-last-error", Kind::Thrift("ErrorInfo")),
    ("errors/*/*/*", Kind::Thrift("ErrorInfo")),
    ("nimbuses/*", Kind::Thrift("NimbusSummary")),
    ("credentials/*", Kind::Thrift("Credentials")),
    ("logconfigs/*", Kind::Thrift("LogConfig")),
    ("profilerconfigs/*/*", Kind::Thrift("ProfileRequest")),
    ("secretkeys/*/*/*", Kind::Thrift("PrivateWorkerKey")),
    ("leader-lock/*", Kind::Text("Participant")),
    ("blobstore/*/*", Kind::BlobHolder),
    ("blobstoremaxkeysequencenumber/*", Kind::Sequence),
    ("backpressure/*/*", Kind::Millis),
    // Nimbus writes it by an absolute path through a client that has the root already.
    ("leader-info", Kind::Java),
    ("*/leader-info", Kind::Java),
];

/// The fields whose values are nobody's business: their keys are shown, unless asked for more.
pub const SECRETS: &[(&str, &str)] = &[("Credentials", "creds"), ("PrivateWorkerKey", "key")];

impl Kind {
    /// What Storm keeps at this path, if it is one of Storm's.
    pub fn of(root: &str, path: &str) -> Option<Kind> {
        let below = path.strip_prefix(root)?;
        let below = below.strip_prefix('/')?;
        let names: Vec<&str> = below.split('/').collect();
        let fits = |pattern: &str| {
            let wanted: Vec<&str> = pattern.split('/').collect();
            wanted.len() == names.len() && wanted.iter().zip(&names).all(|(w, n)| glob::matches(w, n))
        };
        TABLE.iter().find(|(pattern, _)| fits(pattern)).map(|(_, kind)| *kind)
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Thrift(name) | Kind::Text(name) => name,
            Kind::Sequence => "BlobSequence",
            Kind::Millis => "Millis",
            Kind::BlobHolder => "BlobHolder",
            Kind::Java => "Java",
        }
    }

    /// Whether what it holds must not be shown as it is.
    pub fn is_secret(self) -> bool {
        matches!(self, Kind::Thrift(name) if SECRETS.iter().any(|(secret, _)| *secret == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_struct_of_the_table_is_known_and_every_path_finds_its_own() {
        let types = storm_thrift::describe::all_types();
        for (pattern, kind) in TABLE {
            if let Kind::Thrift(name) = kind {
                let described = types.iter().find(|t| t.name == *name).unwrap_or_else(|| panic!("no type {name}"));
                for (_, field) in SECRETS.iter().filter(|(t, _)| t == name) {
                    assert!(described.fields.iter().any(|f| f.name == *field), "{name}.{field}");
                }
            }
            assert!(Kind::of("/storm", &format!("/storm/{}", pattern.replace('*', "x"))).is_some(), "{pattern}");
        }
    }

    #[test]
    fn paths_of_storm() {
        let of = |path| Kind::of("/storm", path);
        assert_eq!(of("/storm/assignments/wc-1-2"), Some(Kind::Thrift("Assignment")));
        assert_eq!(of("/storm/errors/wc-1-2/count-last-error"), Some(Kind::Thrift("ErrorInfo")));
        assert_eq!(of("/storm/errors/wc-1-2/count/e0000000001"), Some(Kind::Thrift("ErrorInfo")));
        for directory in ["/storm", "/storm/errors/wc-1-2/count", "/storm/assignments", "/stormy/assignments/x", "/"] {
            assert_eq!(of(directory), None, "{directory}");
        }
        assert_eq!(of("/storm/storm/leader-info"), Some(Kind::Java));
        assert_eq!(Kind::of("", "/storms/wc-1-2"), Some(Kind::Thrift("StormBase")));
        assert!(of("/storm/credentials/x").unwrap().is_secret());
        assert!(!of("/storm/storms/x").unwrap().is_secret());
    }
}
