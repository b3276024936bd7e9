//! Where a blob lies: `blobs/<bucket>/<prefix><key>/data`, as Storm's `FileBlobStoreImpl` has it.

use std::path::{Path, PathBuf};

use storm_conf::Conf;

/// Content and metadata of a key are two directories, hashed apart.
pub(super) const DATA: &str = "data_";
pub(super) const META: &str = "meta_";
/// The file in each of them.
pub(super) const FILE: &str = "data";
pub(super) const SCRATCH: &str = ".tmp";

const BUCKETS: i64 = 1024;

/// The folder `blobs` of a Nimbus with this configuration.
pub fn folder(conf: &Conf) -> PathBuf {
    let dir = match conf.str("blobstore.dir") {
        Some(dir) if !dir.trim().is_empty() => conf.home().join(dir),
        _ => conf.local_dir(),
    };
    dir.join("blobs")
}

/// Java's `String.hashCode`.
pub fn java_hash(s: &str) -> i32 {
    s.encode_utf16().fold(0i32, |h, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The bucket of a directory's name (prefix and key).
pub fn bucket(name: &str) -> i64 {
    i64::from(java_hash(name)).abs() % BUCKETS
}

pub(super) fn dir(root: &Path, prefix: &str, key: &str) -> PathBuf {
    let name = format!("{prefix}{key}");
    root.join(bucket(&name).to_string()).join(name)
}

/// Storm's `BlobStore.validateKey`.
pub fn valid_key(key: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '\t' | '.' | '-');
    !matches!(key, "" | "." | "..") && key.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_javas() {
        // values of jshell
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(bucket("polygenelubricants"), 0);
        assert_eq!(java_hash("\u{1f600}"), 1_772_899);
    }

    #[test]
    fn keys_that_could_leave_the_store_are_refused() {
        for good in ["wc-1-1700000000-stormjar.jar", "dep-a b_c", "größe", "..a"] {
            assert!(valid_key(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../x", "a\0b", "a\\b", "a:b", "a\nb"] {
            assert!(!valid_key(bad), "{bad}");
        }
    }
}
