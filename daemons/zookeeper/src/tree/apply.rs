//! Applies decided changes to the tree, at the time of the request and again when the log is read.

use std::sync::Arc;

use crate::proto::{Acl, EventType, Stat};
use crate::tree::data::Tree;
use crate::tree::node::Node;
use crate::tree::path;
use crate::txn::Op;

/// Something that watches may be waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: EventType,
    pub path: Arc<str>,
    /// Of the node; those who may not read it are not told.
    pub acl: Arc<[Acl]>,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Of the node created or changed; `None` after a deletion.
    pub stat: Option<Stat>,
    pub events: Vec<Event>,
}

/// A change that does not fit the tree. It cannot come from a request, only from a log that does not belong to the
/// tree it is applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the change of {path} does not fit the tree: {problem}")]
pub struct ApplyError {
    pub path: String,
    pub problem: &'static str,
}

pub fn apply(tree: &mut Tree, op: &Op, zxid: i64, time: i64) -> Result<Applied, ApplyError> {
    let unfit = |path: &str, problem| ApplyError { path: path.to_owned(), problem };
    match op {
        Op::Create { path, data, acl, lifetime } => {
            let parent_path = path::parent(path).ok_or_else(|| unfit(path, "it has no parent"))?;
            if tree.get(path).is_some() {
                return Err(unfit(path, "the node exists"));
            }
            let parent_acl = tree
                .update(parent_path, |parent| {
                    parent.cversion = parent.cversion.wrapping_add(1);
                    parent.pzxid = zxid;
                    parent.children.insert(Box::from(path::name(path)));
                    Arc::clone(&parent.acl)
                })
                .ok_or_else(|| unfit(path, "its parent is missing"))?;
            // Most nodes have the list of their parent: keep one copy of it.
            let acl: Arc<[Acl]> = if *parent_acl == **acl { Arc::clone(&parent_acl) } else { acl.as_slice().into() };
            let node = Node::new(data.clone(), Arc::clone(&acl), *lifetime, zxid, time);
            let stat = node.stat();
            let path: Arc<str> = Arc::from(path.as_str());
            tree.put(Arc::clone(&path), Arc::new(node));
            let events = vec![
                Event { kind: EventType::NodeCreated, path: Arc::clone(&path), acl },
                Event { kind: EventType::NodeChildrenChanged, path: parent_path_of(&path), acl: parent_acl },
            ];
            Ok(Applied { stat: Some(stat), events })
        }
        Op::Delete { path } => {
            let node = tree.take(path).ok_or_else(|| unfit(path, "the node is missing"))?;
            let path: Arc<str> = Arc::from(path.as_str());
            let parent_path = parent_path_of(&path);
            let parent_acl = tree
                .update(&parent_path, |parent| {
                    parent.children.remove(path::name(&path));
                    parent.pzxid = zxid;
                    Arc::clone(&parent.acl)
                })
                .ok_or_else(|| unfit(&path, "its parent is missing"))?;
            let events = vec![
                Event { kind: EventType::NodeDeleted, path, acl: Arc::clone(&node.acl) },
                Event { kind: EventType::NodeChildrenChanged, path: parent_path, acl: parent_acl },
            ];
            Ok(Applied { stat: None, events })
        }
        Op::SetData { path, data, version } => {
            let (stat, acl) = tree
                .update(path, |node| {
                    node.data = data.clone();
                    node.version = *version;
                    node.mzxid = zxid;
                    node.mtime = time;
                    (node.stat(), Arc::clone(&node.acl))
                })
                .ok_or_else(|| unfit(path, "the node is missing"))?;
            let event = Event { kind: EventType::NodeDataChanged, path: Arc::from(path.as_str()), acl };
            Ok(Applied { stat: Some(stat), events: vec![event] })
        }
        Op::SetAcl { path, acl, version } => {
            let stat = tree
                .update(path, |node| {
                    node.acl = acl.as_slice().into();
                    node.aversion = *version;
                    node.stat()
                })
                .ok_or_else(|| unfit(path, "the node is missing"))?;
            Ok(Applied { stat: Some(stat), events: Vec::new() })
        }
    }
}

fn parent_path_of(path: &str) -> Arc<str> {
    Arc::from(path::parent(path).unwrap_or("/"))
}
