//! Storm's tree in ZooKeeper, read into an archive and written out of one.

use std::io::Write;

use storm_thrift::types::StormBase;
use zookeeper_client::{Acls, CreateMode, Error};

use super::archive::{Spool, Topology, Tree};
use super::node::{Node, Part};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session::Session;
use crate::zk::walk::walk;

/// Questions under way at once.
const AT_ONCE: usize = 128;
/// What Storm's directories hold.
const DIRECTORY: &[u8] = &[7];

/// Where Storm's tree begins.
fn top(session: &Session) -> &str {
    if session.root.is_empty() { "/" } else { &session.root }
}

/// Whether there is anything to be read.
pub async fn must_exist(session: &Session) -> Result<(), Failure> {
    let top = top(session);
    match session.client.check_stat(top).await.map_err(|e| session.failure(top, &e))? {
        Some(_) => Ok(()),
        None => Err(Failure::new(
            Exit::NotFound,
            "backup/no-tree",
            format!("there is no Storm at {top} of {}", session.servers),
        )
        .hint(
            "name the tree with -c storm.zookeeper.root=PATH, the servers with -c storm.zookeeper.servers='[\"HOST\"]'",
        )),
    }
}

/// Writes every node that outlives its maker, a line each, parents first; and tells which topologies there are.
pub async fn read(session: &Session, to: &mut Spool) -> Result<(Tree, Vec<Topology>), Failure> {
    let (mut tree, mut topologies) = (Tree::default(), Vec::new());
    let mut found = walk(session, top(session)).await?;
    // With the root of all for Storm's own, ZooKeeper's node is among them.
    found.retain(|f| f.path != "/zookeeper" && !f.path.starts_with("/zookeeper/"));
    let all = found.len();
    found.retain(|f| f.stat.ephemeral_owner == 0);
    tree.left_out = (all - found.len()) as u64;
    for part in found.chunks(AT_ONCE) {
        // Sent as one, then awaited one by one.
        let asked: Vec<_> =
            part.iter().map(|f| (session.client.get_data(&f.path), session.client.get_acl(&f.path))).collect();
        for (f, (data, acl)) in part.iter().zip(asked) {
            let (data, acl) = (data.await, acl.await);
            let (data, acl) = match (data, acl) {
                (Ok((data, _)), Ok((acl, _))) => (data, acl),
                // It has gone meanwhile.
                (Err(Error::NoNode), _) | (_, Err(Error::NoNode)) => continue,
                (Err(e), _) | (_, Err(e)) => return Err(session.failure(&f.path, &e)),
            };
            let path = f.path.strip_prefix(&session.root).unwrap_or(&f.path);
            let path = if path == "/" { "" } else { path };
            let node = Node { path: path.to_owned(), data, acl };
            if let Part::Base(id) = node.part() {
                topologies.push(topology(id, &node.data));
            }
            let written = writeln!(to, "{}", node.line());
            written.map_err(|e| Failure::io("cannot keep the tree until it is packed", &e))?;
            tree.nodes += 1;
        }
    }
    Ok((tree, topologies))
}

/// A base that cannot be read is kept as it is, too.
fn topology(id: &str, data: &[u8]) -> Topology {
    let (name, status) = match storm_zk::read::<StormBase>(data) {
        Ok(base) => (base.name, base.status.name()),
        Err(_) => (id.to_owned(), "UNREADABLE"),
    };
    Topology { id: id.to_owned(), name, status: status.to_owned(), missing: Vec::new() }
}

/// The ids of the topologies that are there.
pub async fn living(session: &Session) -> Result<Vec<String>, Failure> {
    let path = format!("{}/storms", session.root);
    match session.client.list_children(&path).await {
        Ok(mut ids) => {
            ids.sort_unstable();
            Ok(ids)
        }
        Err(Error::NoNode) => Ok(Vec::new()),
        Err(e) => Err(session.failure(&path, &e)),
    }
}

/// Makes those of the nodes that are not there, with their access lists; what is there stays as it is. Tells how many were made.
pub async fn write(session: &Session, nodes: &[Node]) -> Result<u64, Failure> {
    let mut made = 0;
    for part in nodes.chunks(AT_ONCE) {
        let paths: Vec<String> = part.iter().map(|n| format!("{}{}", session.root, n.path)).collect();
        let mut asked = Vec::new();
        for (node, path) in part.iter().zip(&paths).filter(|(_, path)| !path.is_empty()) {
            let options = CreateMode::Persistent.with_acls(Acls::new(&node.acl));
            asked.push((node, path, session.client.create(path, &node.data, &options)));
        }
        for (node, path, answer) in asked {
            made += u64::from(match answer.await {
                Ok(_) => true,
                Err(Error::NodeExists) => false,
                Err(Error::NoNode) => below_new_parents(session, node, path).await?,
                Err(e) => return Err(session.failure(path, &e)),
            });
        }
    }
    Ok(made)
}

/// Its parent was left out, or is above Storm's root in a ZooKeeper that is new.
async fn below_new_parents(session: &Session, node: &Node, path: &str) -> Result<bool, Failure> {
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for (at, _) in path.match_indices('/').skip(1) {
        match session.client.create(&path[..at], DIRECTORY, &open).await {
            Ok(_) | Err(Error::NodeExists) => {}
            Err(e) => return Err(session.failure(&path[..at], &e)),
        }
    }
    match session.client.create(path, &node.data, &CreateMode::Persistent.with_acls(Acls::new(&node.acl))).await {
        Ok(_) => Ok(true),
        Err(Error::NodeExists) => Ok(false),
        Err(e) => Err(session.failure(path, &e)),
    }
}
