//! Every node below a path, level by level, many questions under way at once.

use zookeeper_client::{Error, Stat};

use super::session::{Session, child};
use crate::exit::Exit;
use crate::failure::Failure;

/// Questions under way at once: enough to hide the way to the server, too few to be a burden to it.
const AT_ONCE: usize = 256;
/// A tree beyond this is looked at in parts.
const MOST: usize = 1_000_000;

#[derive(Debug, Clone)]
pub struct Found {
    pub path: String,
    pub stat: Stat,
}

/// The node at `path` and all below it, parents before their children. Nodes that vanish meanwhile are left out.
pub async fn walk(session: &Session, path: &str) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    let mut level = vec![path.to_owned()];
    while !level.is_empty() {
        let mut next = Vec::new();
        for part in level.chunks(AT_ONCE) {
            // Sent as one, then awaited one by one.
            let asked: Vec<_> = part.iter().map(|path| session.client.get_children(path)).collect();
            for (path_of, answer) in part.iter().zip(asked) {
                match answer.await {
                    Ok((mut names, stat)) => {
                        names.sort_unstable();
                        next.extend(names.iter().map(|name| child(path_of, name)));
                        found.push(Found { path: path_of.clone(), stat });
                    }
                    Err(Error::NoNode) if path_of != path => {}
                    Err(e) => return Err(session.failure(path_of, &e)),
                }
            }
            if found.len() + next.len() > MOST {
                return Err(Failure::new(
                    Exit::Failed,
                    "zk/too-many",
                    format!("{path} has more than {MOST} nodes below it"),
                )
                .hint("name a deeper path"));
            }
        }
        level = next;
    }
    Ok(found)
}

/// The data of these nodes in batches, for `each`; nodes that have vanished are left out.
pub async fn read_each(
    session: &Session,
    nodes: &[Found],
    mut each: impl FnMut(&Found, Vec<u8>),
) -> Result<(), Failure> {
    for part in nodes.chunks(AT_ONCE) {
        let asked: Vec<_> = part.iter().map(|node| session.client.get_data(&node.path)).collect();
        for (node, answer) in part.iter().zip(asked) {
            match answer.await {
                Ok((data, _)) => each(node, data),
                // What may not be read is not searched; `get` says so about each.
                Err(Error::NoNode | Error::NoAuth) => {}
                Err(e) => return Err(session.failure(&node.path, &e)),
            }
        }
    }
    Ok(())
}
