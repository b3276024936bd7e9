//! The blob store's files, judged by Storm's own `FileBlobStoreImpl`: each reads what the other wrote.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use storm_nimbus::blobs::{BlobStore, bucket};
use storm_tests::{peers, process::Nest};
use storm_thrift::types::{AccessControl, AccessControlType, SettableBlobMeta};

/// Keys whose hashes are positive, negative and of every length, with all that a key may hold.
const KEYS: [&str; 7] = [
    "wc-1-1700000000-stormjar.jar",
    "wc-1-1700000000-stormcode.ser",
    "größe ⅷ",
    "a b\tc",
    "dep-7f3c_X.-",
    "x",
    "polygenelubricants",
];

fn encoded(key: &str) -> String {
    key.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn java(dir: &Path, jobs: &[String]) -> Vec<Vec<String>> {
    let nest = Nest::new();
    let list = nest.dir().join("jobs");
    fs::write(&list, jobs.join("\n")).unwrap();
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
    java.arg("nimbus.BlobFiles").arg(dir).arg(&list);
    let out = nest.run(java).ok();
    let answers = out.lines().filter_map(|l| l.strip_prefix("answer\t"));
    answers.map(|l| l.split('\t').map(str::to_owned).collect()).collect()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7) as u8).collect()
}

#[test]
fn storm_finds_reads_and_versions_what_we_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::open(dir.path()).unwrap();
    let acl = vec![AccessControl { r#type: AccessControlType::Other, name: None, access: 7 }];
    let meta = SettableBlobMeta { acl, replication_factor: Some(3) };
    for (i, key) in KEYS.iter().enumerate() {
        store.put(key, &meta, &content(i * 50_000)).unwrap();
    }
    let mut jobs: Vec<String> = KEYS.iter().map(|k| format!("read\t{}", encoded(k))).collect();
    jobs.push("list".into());
    let answers = java(dir.path(), &jobs);
    for (i, key) in KEYS.iter().enumerate() {
        let version = store.version(key).unwrap().to_string();
        let wanted = [encoded(key), version, (i * 50_000).to_string(), "1:7".into(), "3".into()];
        assert_eq!(answers[i], wanted, "{key}");
    }
    assert_eq!(answers.len(), KEYS.len() * 3, "and both names of each are listed");
}

#[test]
fn we_find_read_and_version_what_storm_writes() {
    let dir = tempfile::tempdir().unwrap();
    let jobs: Vec<String> =
        KEYS.iter().enumerate().map(|(i, k)| format!("write\t{}\t{}", encoded(k), i * 50_000)).collect();
    let answers = java(dir.path(), &jobs);
    let store = BlobStore::open(dir.path()).unwrap();
    assert_eq!(store.keys().into_iter().collect::<BTreeSet<_>>(), KEYS.map(str::to_owned).into());
    for (i, key) in KEYS.iter().enumerate() {
        assert!(dir.path().join(bucket(&format!("data_{key}")).to_string()).is_dir());
        assert_eq!(store.read(key).unwrap(), content(i * 50_000), "{key}");
        let meta = store.meta(key).unwrap();
        assert_eq!(meta.version.to_string(), answers[i][1], "{key}");
        assert_eq!((meta.settable.acl[0].access, meta.settable.replication_factor), (7, Some(2)));
    }
}

#[test]
fn broken_metadata_is_set_aside_and_the_content_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::open(dir.path()).unwrap();
    let meta = SettableBlobMeta { acl: vec![], replication_factor: Some(3) };
    store.put("k", &meta, b"content").unwrap();
    let folder = dir.path().join(bucket("meta_k").to_string()).join("meta_k");
    for damage in [Some(&b"\0\0\0\0"[..]), Some(b""), None] {
        match damage {
            Some(bytes) => fs::write(folder.join("data"), bytes).unwrap(),
            None => fs::remove_file(folder.join("data")).unwrap(),
        }
        let mended = store.meta("k").unwrap();
        assert_eq!(mended.settable.acl[0].access, 7, "{damage:?}");
        assert_eq!(store.read("k").unwrap(), b"content");
    }
    let names: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.iter().filter(|n| n.starts_with("data.broken-")).count(), 2, "{names:?}");
}
