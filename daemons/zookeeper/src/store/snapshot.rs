//! Snapshots: the whole state in one file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::ZooKeeperError;
use crate::jute::{JuteError, Reader, Writer};
use crate::proto::Acl;
use crate::state::{Session, State};
use crate::store::dir;
use crate::tree::{Node, Tree};
use crate::txn::{read_data, read_lifetime, write_lifetime};

const MAGIC: &[u8; 8] = b"STORMZK1";

/// Writes a snapshot; it is durable and under its final name when this returns.
pub fn write(path: &Path, state: &State) -> Result<(), ZooKeeperError> {
    let temporary = temporary(path);
    let failed = |cause| ZooKeeperError::storage("write", &temporary)(cause);
    let file = File::create(&temporary).map_err(failed)?;
    let mut out = Summing { out: BufWriter::new(file), sum: 0 };
    let written = write_state(&mut out, state).and_then(|()| {
        let sum = out.sum.to_be_bytes();
        out.out.write_all(&sum)?;
        out.out.flush()?;
        out.out.get_ref().sync_all()
    });
    written.map_err(|cause| ZooKeeperError::storage("write", &temporary)(cause))?;
    fs::rename(&temporary, path).map_err(ZooKeeperError::storage("rename", &temporary))?;
    dir::sync(path.parent().unwrap_or(Path::new(".")))
}

/// The name a snapshot has until it is whole.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

struct Summing<W> {
    out: W,
    sum: u32,
}

impl<W: Write> Summing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        self.out.write_all(bytes)
    }
}

fn write_state<W: Write>(out: &mut Summing<W>, state: &State) -> io::Result<()> {
    out.put(MAGIC)?;
    let mut head = Writer::new();
    head.long(state.zxid).long(state.last_session).length(state.sessions.len());
    for (id, session) in &state.sessions {
        head.long(*id).int(session.timeout_ms).buffer(Some(&session.password));
    }
    head.length(state.tree.len());
    out.put(&head.into_vec())?;
    for (path, node) in state.tree.iter() {
        let mut record = Writer::new();
        write_node(path, node, &mut record);
        out.put(&record.into_vec())?;
    }
    Ok(())
}

fn write_node(path: &str, node: &Node, writer: &mut Writer) {
    writer.string(path).buffer(node.data.as_deref());
    Acl::write_list(&node.acl, writer);
    write_lifetime(node.lifetime, writer);
    writer.long(node.czxid).long(node.mzxid).long(node.pzxid).long(node.ctime).long(node.mtime);
    writer.int(node.version).int(node.cversion).int(node.aversion);
}

/// Reads a snapshot; `Damaged` if it is not whole.
pub fn read(path: &Path) -> Result<State, ZooKeeperError> {
    let bytes = Bytes::from(fs::read(path).map_err(ZooKeeperError::storage("read", path))?);
    let damaged = |problem: String| ZooKeeperError::Damaged { path: path.to_owned(), offset: 0, problem };
    let end = bytes.len().checked_sub(4).filter(|end| *end >= MAGIC.len());
    let Some(end) = end.filter(|_| bytes.starts_with(MAGIC)) else {
        return Err(damaged("this is not a snapshot of this server's format".to_owned()));
    };
    if crc32c::crc32c(&bytes[..end]).to_be_bytes() != bytes[end..] {
        return Err(damaged("the checksum does not match".to_owned()));
    }
    read_state(&mut Reader::new(bytes.slice(MAGIC.len()..end))).map_err(|error| damaged(error.to_string()))
}

fn read_state(reader: &mut Reader) -> Result<State, JuteError> {
    let mut state = State { tree: Tree::empty(), ..State::default() };
    state.zxid = reader.long("zxid")?;
    state.last_session = reader.long("last session")?;
    for _ in 0..reader.count("sessions", 16)? {
        let id = reader.long("session")?;
        let timeout_ms = reader.int("timeout")?;
        let password = reader.buffer("password")?.unwrap_or_default();
        let password = password.as_ref().try_into().map_err(|_| JuteError::Truncated("password"))?;
        state.sessions.insert(id, Session { timeout_ms, password });
    }
    let count = reader.count("nodes", 40)?;
    let mut children = Vec::with_capacity(count);
    let mut last_acl: Arc<[Acl]> = Arc::from([]);
    for _ in 0..count {
        let path: Arc<str> = reader.string("path")?.into();
        let data = read_data(reader)?;
        let acl = Acl::read_list(reader)?;
        if *last_acl != *acl {
            last_acl = acl.into();
        }
        let lifetime = read_lifetime(reader)?;
        let mut node = Node::new(data, Arc::clone(&last_acl), lifetime, reader.long("czxid")?, 0);
        node.mzxid = reader.long("mzxid")?;
        node.pzxid = reader.long("pzxid")?;
        node.ctime = reader.long("ctime")?;
        node.mtime = reader.long("mtime")?;
        node.version = reader.int("version")?;
        node.cversion = reader.int("cversion")?;
        node.aversion = reader.int("aversion")?;
        children.push(Arc::clone(&path));
        state.tree.put(path, Arc::new(node));
    }
    reader.finish()?;
    for path in children.iter().filter(|path| path.as_ref() != "/") {
        let parent = crate::tree::parent(path).unwrap_or("/");
        let name = &path[path.rfind('/').map_or(0, |slash| slash + 1)..];
        state
            .tree
            .update(parent, |node| node.children.insert(Box::from(name)))
            .ok_or(JuteError::Truncated("parent of a node"))?;
    }
    if state.tree.get("/").is_none() {
        return Err(JuteError::Truncated("root node"));
    }
    Ok(state)
}
