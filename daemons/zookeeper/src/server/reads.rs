//! Requests that change nothing but watches.

use std::sync::Arc;

use crate::proto::{Code, EventType, Id, Perms, ReadOp, Reply, Request, SubResult};
use crate::server::core::Core;
use crate::tree::{Node, acl};

/// A multi read whose answer would be longer is refused: a small request must not cost gigabytes.
const LONGEST_MULTI_READ: usize = 64 << 20;

impl Core {
    pub(super) fn read(&mut self, connection: u64, session: i64, request: Request) -> Result<Reply, Code> {
        let ids = self.clients.get(&connection).map_or(&[][..], |client| &client.ids);
        match request {
            Request::Exists { path, watch } => {
                if path.contains('\0') {
                    return Err(Code::BadArguments);
                }
                let node = self.state.tree.get(&path);
                if let Some(node) = node {
                    acl::check(&node.acl, Perms::READ, ids)?;
                }
                if watch {
                    self.watches.watch_data(&path, connection);
                }
                node.map(|node| Reply::Stat(node.stat())).ok_or(Code::NoNode)
            }
            Request::GetData { path, watch } => {
                let node = self.readable(&path, ids)?;
                if watch {
                    self.watches.watch_data(&path, connection);
                }
                Ok(Reply::Data(node.data.clone(), node.stat()))
            }
            Request::GetChildren { path, watch, with_stat } => {
                let node = self.readable(&path, ids)?;
                if watch {
                    self.watches.watch_children(&path, connection);
                }
                let children = names(&node);
                Ok(if with_stat { Reply::ChildrenAndStat(children, node.stat()) } else { Reply::Children(children) })
            }
            Request::GetAllChildrenNumber { path } => {
                self.readable(&path, ids)?;
                let count = self.state.tree.count_below(&path);
                Ok(Reply::Number(i32::try_from(count).unwrap_or(i32::MAX)))
            }
            Request::GetAcl { path } => {
                let node = self.state.tree.get(&path).ok_or(Code::NoNode)?;
                acl::check(&node.acl, Perms::READ | Perms::ADMIN, ids)?;
                let whole = acl::check(&node.acl, Perms::ADMIN, ids).is_ok();
                let list = if whole { node.acl.to_vec() } else { acl::redact(&node.acl) };
                Ok(Reply::Acl(list, node.stat()))
            }
            Request::GetEphemerals { prefix } => {
                let all = self.state.tree.ephemerals(session);
                let below = all.filter(|path| matches!(prefix.trim(), "" | "/") || path.starts_with(&prefix));
                Ok(Reply::Strings(below.map(ToString::to_string).collect()))
            }
            Request::MultiRead(operations) => self.multi_read(&operations, ids).map(Reply::Multi),
            Request::WhoAmI => Ok(Reply::WhoAmI(ids.iter().map(shown).collect())),
            Request::AddWatch { path, recursive } => {
                self.watches.watch_always(&path, connection, recursive);
                // The body is an error code of its own.
                Ok(Reply::Number(0))
            }
            Request::CheckWatches { path, kind } => {
                let found = self.watches.contains(&path, connection, kind);
                if found { Ok(Reply::Empty) } else { Err(Code::NoWatcher) }
            }
            Request::RemoveWatches { path, kind } => {
                let removed = self.watches.remove(&path, connection, kind);
                if removed { Ok(Reply::Empty) } else { Err(Code::NoWatcher) }
            }
            Request::SetWatches(watches) => {
                self.set_watches(connection, &watches);
                Ok(Reply::Empty)
            }
            Request::Change(_)
            | Request::Multi(_)
            | Request::Sync { .. }
            | Request::Ping
            | Request::Auth { .. }
            | Request::Sasl
            | Request::Reconfig
            | Request::CloseSession => Err(Code::Unimplemented),
        }
    }

    fn readable(&self, path: &str, ids: &[Id]) -> Result<Arc<Node>, Code> {
        let node = self.state.tree.get(path).ok_or(Code::NoNode)?;
        acl::check(&node.acl, Perms::READ, ids)?;
        Ok(Arc::clone(node))
    }

    fn multi_read(&self, operations: &[ReadOp], ids: &[Id]) -> Result<Vec<SubResult>, Code> {
        let mut length = 0;
        let mut results = Vec::with_capacity(operations.len());
        for operation in operations {
            let (ReadOp::GetData { path } | ReadOp::GetChildren { path }) = operation;
            results.push(match (operation, self.readable(path, ids)) {
                (_, Err(code)) => SubResult::Error(code),
                (ReadOp::GetData { .. }, Ok(node)) => {
                    length += node.data_length();
                    SubResult::Data(node.data.clone(), node.stat())
                }
                (ReadOp::GetChildren { .. }, Ok(node)) => {
                    length += node.children.iter().map(|name| name.len() + 4).sum::<usize>();
                    SubResult::Children(names(&node))
                }
            });
            if length > LONGEST_MULTI_READ {
                return Err(Code::MarshallingError);
            }
        }
        Ok(results)
    }

    /// Sets the watches of a client that was away, or tells it what it missed.
    fn set_watches(&mut self, connection: u64, watches: &crate::proto::Watches) {
        for path in &watches.data {
            match self.state.tree.get(path) {
                None => self.tell(connection, EventType::NodeDeleted, path),
                Some(node) if node.mzxid > watches.relative_zxid => {
                    self.tell(connection, EventType::NodeDataChanged, path);
                }
                Some(_) => self.watches.watch_data(path, connection),
            }
        }
        for path in &watches.exist {
            match self.state.tree.get(path) {
                Some(_) => self.tell(connection, EventType::NodeCreated, path),
                None => self.watches.watch_data(path, connection),
            }
        }
        for path in &watches.child {
            match self.state.tree.get(path) {
                None => self.tell(connection, EventType::NodeDeleted, path),
                Some(node) if node.pzxid > watches.relative_zxid => {
                    self.tell(connection, EventType::NodeChildrenChanged, path);
                }
                Some(_) => self.watches.watch_children(path, connection),
            }
        }
        for path in &watches.persistent {
            self.watches.watch_always(path, connection, false);
        }
        for path in &watches.persistent_recursive {
            self.watches.watch_always(path, connection, true);
        }
    }
}

fn names(node: &Node) -> Vec<String> {
    node.children.iter().map(ToString::to_string).collect()
}

/// An identity without its secret part.
fn shown(id: &Id) -> Id {
    match id.scheme.as_str() {
        "digest" => Id::new("digest", id.id.split(':').next().unwrap_or_default()),
        _ => id.clone(),
    }
}
