//! The file of a backup: a gzipped tar with every blob, the tree, and at its end the list of all that.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use storm_agent::authority::hex;
use tempfile::NamedTempFile;

use super::node::Node;
use crate::exit::Exit;
use crate::failure::Failure;

/// What is written, and the only one that is read.
pub const FORMAT: u32 = 1;
/// One node a line.
pub const TREE: &str = "znodes.jsonl";
/// The folder of the blobs, each by its key.
const BLOBS: &str = "blobs/";
/// The last member: who cut something off has cut this off.
const MANIFEST: &str = "manifest.json";
const MOST_MANIFEST: u64 = 256 << 20;

/// What is in the file, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub made: String,
    pub stormctl: String,
    /// The servers, and the root of Storm's tree on them.
    pub zookeeper: String,
    pub root: String,
    /// Who has given the blobs: a Nimbus, or the folder of one.
    pub blobs_from: String,
    pub tree: Tree,
    pub topologies: Vec<Topology>,
    pub blobs: Vec<Blob>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    pub nodes: u64,
    /// Those that belong to a session, or go by themselves.
    pub left_out: u64,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub id: String,
    pub name: String,
    pub status: String,
    /// Blobs that it cannot run without, and that were not there.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    pub key: String,
    pub bytes: u64,
    pub sha256: String,
    pub acl: Vec<Access>,
    pub replication_factor: Option<i32>,
}

/// An entry of a blob's access list, exactly as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub kind: Whom,
    pub name: Option<String>,
    pub access: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whom {
    Other,
    User,
}

impl Manifest {
    /// Every member but the list itself, with its size and hash.
    fn members(&self) -> BTreeMap<String, (u64, &str)> {
        let tree = (TREE.to_owned(), (self.tree.bytes, self.tree.sha256.as_str()));
        let blobs = self.blobs.iter().map(|b| (member(&b.key), (b.bytes, b.sha256.as_str())));
        blobs.chain([tree]).collect()
    }

    pub fn blob(&self, key: &str) -> Option<&Blob> {
        self.blobs.iter().find(|b| b.key == key)
    }

    pub fn blob_bytes(&self) -> u64 {
        self.blobs.iter().map(|b| b.bytes).sum()
    }
}

/// The name of a blob's member.
pub fn member(key: &str) -> String {
    format!("{BLOBS}{key}")
}

/// The blob of a member.
pub fn key_of(member: &str) -> Option<&str> {
    member.strip_prefix(BLOBS)
}

/// Size and hash of what is written to it, and nothing else of it.
#[derive(Debug, Clone, Default)]
pub struct Measure {
    hash: Sha256,
    bytes: u64,
}

impl Measure {
    pub fn end(self) -> (u64, String) {
        (self.bytes, hex(&self.hash.finalize()))
    }
}

impl Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A member on its way into the archive: in a file without a name, as its size must be known before it is written.
pub struct Spool {
    file: BufWriter<File>,
    measure: Measure,
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.measure.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An archive that is being made. It has its name when it is whole; until then nobody but its owner can read it either.
pub struct Writer {
    tar: tar::Builder<GzEncoder<NamedTempFile>>,
    path: PathBuf,
    folder: PathBuf,
    now: u64,
}

impl Writer {
    /// `now` is in seconds since 1970.
    pub fn begin(path: &Path, now: u64) -> Result<Writer, Failure> {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let file = tempfile::Builder::new().prefix(".backup-").tempfile_in(&folder);
        let file = file.map_err(|e| Failure::io(format!("cannot write in {}", folder.display()), &e))?;
        let tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
        Ok(Writer { tar, path: path.to_owned(), folder, now })
    }

    fn failed(&self) -> impl Fn(io::Error) -> Failure + use<> {
        let path = self.path.clone();
        move |e| Failure::io(format!("cannot write {}", path.display()), &e)
    }

    pub fn spool(&self) -> Result<Spool, Failure> {
        let file = tempfile::tempfile_in(&self.folder).map_err(self.failed())?;
        Ok(Spool { file: BufWriter::new(file), measure: Measure::default() })
    }

    /// Adds a member; the answer is its size and its hash.
    pub fn add(&mut self, name: &str, spool: Spool) -> Result<(u64, String), Failure> {
        let failed = self.failed();
        let mut file = spool.file.into_inner().map_err(|e| failed(e.into_error()))?;
        file.rewind().map_err(&failed)?;
        self.append(name, spool.measure.bytes, file).map_err(&failed)?;
        Ok(spool.measure.end())
    }

    fn append(&mut self, name: &str, bytes: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.now);
        self.tar.append_data(&mut header, name, content)
    }

    /// Ends it with the list, and gives it its name; the answer is its size.
    pub fn finish(mut self, manifest: &Manifest) -> Result<u64, Failure> {
        let failed = self.failed();
        let text = serde_json::to_vec_pretty(manifest).map_err(|e| failed(e.into()))?;
        self.append(MANIFEST, text.len() as u64, text.as_slice()).map_err(&failed)?;
        let Writer { tar, path, .. } = self;
        let file = tar.into_inner().and_then(GzEncoder::finish).map_err(&failed)?;
        file.as_file().sync_all().map_err(&failed)?;
        let bytes = file.as_file().metadata().map_err(&failed)?.len();
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(bytes),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
            Err(e) => Err(failed(e.error)),
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(Exit::Conflict, "backup/exists", format!("{} is there already", path.display()))
        .hint("name another file, or move that one away")
}

fn damaged(path: &Path, what: impl Into<String>) -> Failure {
    Failure::new(Exit::Failed, "backup/damaged", format!("{} is not the backup that was made", path.display()))
        .evidence(what)
        .hint("take another copy of it, or an older backup: nothing was changed")
}

pub type Archive = tar::Archive<GzDecoder<BufReader<File>>>;

/// The archive from its beginning.
pub fn open(path: &Path) -> Result<Archive, Failure> {
    let file = File::open(path).map_err(|e| {
        let exit = if e.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, "backup/unreadable", format!("cannot read {}", path.display())).evidence(e.to_string())
    })?;
    Ok(tar::Archive::new(GzDecoder::new(BufReader::new(file))))
}

/// The name of a member.
pub fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<String> {
    let name = entry.path()?;
    match name.to_str() {
        Some(name) => Ok(name.to_owned()),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is no name of a member", name.display()))),
    }
}

/// Reads the whole file, and compares each member with the list at its end.
pub fn verify(path: &Path) -> Result<Manifest, Failure> {
    let mut archive = open(path)?;
    let cut = |e: io::Error| damaged(path, e.to_string());
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let (mut manifest, mut count) = (None, 0);
    for entry in archive.entries().map_err(cut)? {
        let mut entry = entry.map_err(cut)?;
        let name = name_of(&entry).map_err(cut)?;
        if manifest.is_some() {
            return Err(damaged(path, format!("{name} comes behind {MANIFEST}, which is the last one")));
        }
        if name == MANIFEST {
            manifest = Some(read_manifest(path, &mut entry)?);
            continue;
        }
        let mut measured = Measured { from: &mut entry, measure: Measure::default() };
        if name == TREE {
            for node in nodes(&mut measured) {
                node.map_err(cut)?;
                count += 1;
            }
        }
        io::copy(&mut measured, &mut io::sink()).map_err(|e| damaged(path, format!("{name}: {e}")))?;
        if found.insert(name.clone(), measured.measure.end()).is_some() {
            return Err(damaged(path, format!("{name} is there twice")));
        }
    }
    // To the very end: what gzip says of the whole comes last.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(cut)?;
    let Some(manifest) = manifest else {
        return Err(damaged(path, format!("there is no {MANIFEST}: it was cut off, or this is no backup")));
    };
    compare(&manifest, &found, count).map_err(|what| damaged(path, what))?;
    Ok(manifest)
}

fn read_manifest(path: &Path, entry: &mut impl Read) -> Result<Manifest, Failure> {
    let mut text = Vec::new();
    entry.take(MOST_MANIFEST).read_to_end(&mut text).map_err(|e| damaged(path, format!("{MANIFEST}: {e}")))?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| damaged(path, format!("{MANIFEST}:{e}")))?;
    if value["format"] != FORMAT {
        let what = format!("{} has the format {}, and this stormctl reads {FORMAT}", path.display(), value["format"]);
        return Err(Failure::new(Exit::Failed, "backup/format", what).hint("use the stormctl that has made it"));
    }
    serde_json::from_value(value).map_err(|e| damaged(path, format!("{MANIFEST}: {e}")))
}

/// Whether the members are those of the list, and what it says of them.
fn compare(manifest: &Manifest, found: &BTreeMap<String, (u64, String)>, nodes: u64) -> Result<(), String> {
    let wanted = manifest.members();
    if let Some(name) = wanted.keys().find(|name| !found.contains_key(*name)) {
        return Err(format!("{name} is missing"));
    }
    for (name, (bytes, sha256)) in found {
        match wanted.get(name) {
            None => return Err(format!("{name} is not in the list")),
            Some((all, _)) if all != bytes => return Err(format!("{name} has {bytes} bytes instead of {all}")),
            Some((_, hash)) if hash != sha256 => return Err(format!("{name} has another content (sha256 {sha256})")),
            Some(_) => {}
        }
    }
    if nodes != manifest.tree.nodes {
        return Err(format!("{TREE} has {nodes} nodes instead of {}", manifest.tree.nodes));
    }
    Ok(())
}

/// The nodes of the tree, line by line.
pub fn nodes(from: impl Read) -> impl Iterator<Item = io::Result<Node>> {
    BufReader::new(from).lines().enumerate().map(|(number, line)| {
        Node::parse(&line?)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{TREE}: line {}: {e}", number + 1)))
    })
}

/// What is read through it is measured.
struct Measured<R> {
    from: R,
    measure: Measure,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.measure.write(&buffer[..n])
    }
}

/// A blob's content, which ends with an error when it is not what the list says: half of something must not become a blob.
pub struct Checked<'b, R> {
    from: Measured<R>,
    blob: &'b Blob,
}

impl<'b, R: Read> Checked<'b, R> {
    pub fn new(from: R, blob: &'b Blob) -> Checked<'b, R> {
        Checked { from: Measured { from, measure: Measure::default() }, blob }
    }
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        let ended = n == 0 && !buffer.is_empty();
        if ended && self.from.measure.clone().end() != (self.blob.bytes, self.blob.sha256.clone()) {
            let what = format!("{} has changed since the archive was verified", member(&self.blob.key));
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive with two blobs and a root, and what its list says.
    fn made(dir: &Path) -> (PathBuf, Manifest) {
        let path = dir.join("b.tar.gz");
        let mut writer = Writer::begin(&path, 1).unwrap();
        let mut blobs = Vec::new();
        for (key, content) in [("a-stormjar.jar", "jar"), ("words.txt", "")] {
            let mut spool = writer.spool().unwrap();
            spool.write_all(content.as_bytes()).unwrap();
            let (bytes, sha256) = writer.add(&member(key), spool).unwrap();
            let acl = vec![Access { kind: Whom::Other, name: None, access: 7 }];
            blobs.push(Blob { key: key.to_owned(), bytes, sha256, acl, replication_factor: Some(1) });
        }
        let mut spool = writer.spool().unwrap();
        writeln!(spool, r#"{{"path":"","data":"07","acl":["world:anyone:cdrwa"]}}"#).unwrap();
        let (bytes, sha256) = writer.add(TREE, spool).unwrap();
        let manifest = Manifest {
            format: FORMAT,
            made: "2026-01-01T00:00:00.000Z".into(),
            stormctl: "0".into(),
            zookeeper: "zk1:2181".into(),
            root: "/storm".into(),
            blobs_from: "n1:6627".into(),
            tree: Tree { nodes: 1, left_out: 3, bytes, sha256 },
            topologies: Vec::new(),
            blobs,
        };
        writer.finish(&manifest).unwrap();
        (path, manifest)
    }

    #[test]
    fn what_was_written_is_read_again_and_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, manifest) = made(dir.path());
        assert_eq!(verify(&path).unwrap(), manifest);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(Writer::begin(&path, 1).err().unwrap().exit, Exit::Conflict);
        assert_eq!(verify(&dir.path().join("none")).unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn whatever_is_cut_off_or_changed_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = made(dir.path());
        let good = std::fs::read(&path).unwrap();
        for end in 0..good.len() {
            std::fs::write(&path, &good[..end]).unwrap();
            assert_eq!(verify(&path).unwrap_err().code(), "backup/damaged", "cut off at {end} of {}", good.len());
        }
        let mut raw = Vec::new();
        GzDecoder::new(good.as_slice()).read_to_end(&mut raw).unwrap();
        let mut told = 0;
        for at in (0..raw.len()).filter(|at| raw[*at] != 0) {
            let mut bad = raw.clone();
            bad[at] ^= 1;
            let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
            gz.write_all(&bad).unwrap();
            std::fs::write(&path, gz.finish().unwrap()).unwrap();
            // The list itself says some things that nothing else knows, and a header has owners and times.
            told += u32::from(verify(&path).is_err());
        }
        assert!(told > 500, "{told}");
    }

    #[test]
    fn members_that_are_not_those_of_the_list_are_named() {
        let (_, manifest) = made(tempfile::tempdir().unwrap().path());
        let found = |m: &Manifest| m.members().iter().map(|(n, (b, h))| (n.clone(), (*b, (*h).to_owned()))).collect();
        let mut other = manifest.clone();
        other.blobs[0].bytes += 1;
        let differ = compare(&manifest, &found(&other), 1).unwrap_err();
        assert_eq!(differ, "blobs/a-stormjar.jar has 4 bytes instead of 3");
        other.blobs[0] = manifest.blobs[0].clone();
        other.blobs[0].sha256 = "0".into();
        assert!(compare(&manifest, &found(&other), 1).unwrap_err().contains("another content (sha256 0)"));
        other.blobs.remove(0);
        assert_eq!(compare(&manifest, &found(&other), 1).unwrap_err(), "blobs/a-stormjar.jar is missing");
        assert_eq!(compare(&other, &found(&manifest), 1).unwrap_err(), "blobs/a-stormjar.jar is not in the list");
        assert_eq!(compare(&manifest, &found(&manifest), 2).unwrap_err(), "znodes.jsonl has 2 nodes instead of 1");
    }

    #[test]
    fn a_content_that_is_another_one_ends_in_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (_, manifest) = made(dir.path());
        let read = |text: &str| {
            let mut all = Vec::new();
            Checked::new(text.as_bytes(), &manifest.blobs[0]).read_to_end(&mut all).map(|_| all)
        };
        assert_eq!(read("jar").unwrap(), b"jar");
        for other in ["", "ja", "jars", "far"] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
