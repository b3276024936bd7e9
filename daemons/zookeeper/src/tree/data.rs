//! All nodes by path, with the indices that ephemerals and containers need.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use crate::proto::{Acl, Perms};
use crate::tree::node::{Lifetime, Node};
use crate::tree::path;

/// Nodes that always exist and cannot be deleted.
const SPECIAL: [&str; 4] = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

/// The tree of nodes.
///
/// Nodes are shared: a clone of the tree (which a snapshot writes out at leisure) costs one pointer per node, and a
/// node is copied only when it is changed while such a clone lives.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: HashMap<Arc<str>, Arc<Node>>,
    ephemerals: BTreeMap<i64, BTreeSet<Arc<str>>>,
    containers: BTreeSet<Arc<str>>,
    ttls: BTreeSet<Arc<str>>,
    data_size: u64,
    /// What each changed path held, while a multi may still have to be taken back.
    undo: Option<Vec<Before>>,
}

/// What was at a path, if anything.
type Before = (Arc<str>, Option<Arc<Node>>);

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// The tree of a new server.
    pub fn new() -> Self {
        let mut tree = Self::empty();
        let open: Arc<[Acl]> = [Acl::anyone(Perms::ALL)].into();
        let node = |children: &[&str], acl: &Arc<[Acl]>| {
            let mut node = Node::new(Some(Bytes::new()), Arc::clone(acl), Lifetime::Persistent, 0, 0);
            node.children = children.iter().map(|name| Box::from(*name)).collect();
            Arc::new(node)
        };
        tree.put(Arc::from("/"), node(&["zookeeper"], &open));
        tree.put(Arc::from("/zookeeper"), node(&["config", "quota"], &open));
        tree.put(Arc::from("/zookeeper/quota"), node(&[], &open));
        let mut config = Node::clone(&node(&[], &[Acl::anyone(Perms::READ)].into()));
        config.aversion = -1;
        tree.put(Arc::from("/zookeeper/config"), Arc::new(config));
        tree
    }

    /// A tree without even a root, to be filled from a snapshot.
    pub fn empty() -> Self {
        Self {
            nodes: HashMap::new(),
            ephemerals: BTreeMap::new(),
            containers: BTreeSet::new(),
            ttls: BTreeSet::new(),
            data_size: 0,
            undo: None,
        }
    }

    pub fn is_special(path: &str) -> bool {
        SPECIAL.contains(&path)
    }

    pub fn get(&self, path: &str) -> Option<&Arc<Node>> {
        self.nodes.get(path)
    }

    /// All nodes in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Node>)> {
        self.nodes.iter()
    }

    /// The number of nodes, the root among them.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Bytes of all paths and data.
    pub fn data_size(&self) -> u64 {
        self.data_size
    }

    pub fn ephemerals(&self, session: i64) -> impl Iterator<Item = &Arc<str>> {
        self.ephemerals.get(&session).into_iter().flatten()
    }

    /// Sessions that own ephemeral nodes, with those.
    pub fn all_ephemerals(&self) -> &BTreeMap<i64, BTreeSet<Arc<str>>> {
        &self.ephemerals
    }

    /// Containers and nodes with a time to live that are due for deletion at `now` (wall clock, ms).
    pub fn candidates(&self, now: i64) -> Vec<Arc<str>> {
        let childless = |path: &Arc<str>| self.nodes.get(path).filter(|node| node.children.is_empty());
        // A container that never had a child is kept: its maker is about to create one.
        let containers = self.containers.iter().filter(|path| childless(path).is_some_and(|node| node.cversion > 0));
        let ttls = self.ttls.iter().filter(|path| {
            childless(path)
                .is_some_and(|node| matches!(node.lifetime, Lifetime::Ttl(ttl) if now.saturating_sub(node.mtime) > ttl))
        });
        containers.chain(ttls).cloned().collect()
    }

    /// How many nodes lie below `path`.
    pub fn count_below(&self, path: &str) -> usize {
        if path == "/" {
            return self.nodes.len() - 1;
        }
        let mut count = 0;
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            if let Some(node) = self.nodes.get(path.as_str()) {
                count += node.children.len();
                open.extend(node.children.iter().map(|name| path::join(&path, name)));
            }
        }
        count
    }

    /// Puts a node at `path`, new or in place of the one there.
    pub fn put(&mut self, path: Arc<str>, node: Arc<Node>) {
        let added = path.len() + node.data_length();
        let lifetime = node.lifetime;
        let old = self.nodes.insert(Arc::clone(&path), node);
        self.data_size += added as u64;
        if let Some(old) = &old {
            self.data_size -= (path.len() + old.data_length()) as u64;
        } else {
            match lifetime {
                Lifetime::Persistent => {}
                Lifetime::Ephemeral(session) => {
                    self.ephemerals.entry(session).or_default().insert(Arc::clone(&path));
                }
                Lifetime::Container => {
                    self.containers.insert(Arc::clone(&path));
                }
                Lifetime::Ttl(_) => {
                    self.ttls.insert(Arc::clone(&path));
                }
            }
        }
        if let Some(undo) = &mut self.undo {
            undo.push((path, old));
        }
    }

    /// Takes the node at `path` out.
    pub fn take(&mut self, path: &str) -> Option<Arc<Node>> {
        let (path, node) = self.nodes.remove_entry(path)?;
        self.data_size -= (path.len() + node.data_length()) as u64;
        match node.lifetime {
            Lifetime::Persistent => {}
            Lifetime::Ephemeral(session) => {
                if let Some(paths) = self.ephemerals.get_mut(&session) {
                    paths.remove(&path);
                    if paths.is_empty() {
                        self.ephemerals.remove(&session);
                    }
                }
            }
            Lifetime::Container => {
                self.containers.remove(&path);
            }
            Lifetime::Ttl(_) => {
                self.ttls.remove(&path);
            }
        }
        if let Some(undo) = &mut self.undo {
            undo.push((path, Some(Arc::clone(&node))));
        }
        Some(node)
    }

    /// Changes the node at `path` through `change`; `None` if there is none.
    pub fn update<T>(&mut self, path: &str, change: impl FnOnce(&mut Node) -> T) -> Option<T> {
        let (path, node) = self.nodes.get_key_value(path)?;
        if self.undo.is_some() {
            let (path, mut node) = (Arc::clone(path), Arc::clone(node));
            let result = change(Arc::make_mut(&mut node));
            self.put(path, node);
            return Some(result);
        }
        let node = self.nodes.get_mut(path.clone().as_ref())?;
        let before = node.data_length() as u64;
        let result = change(Arc::make_mut(node));
        self.data_size = self.data_size - before + node.data_length() as u64;
        Some(result)
    }

    /// From here on changes can be taken back, until [`Tree::keep`] or [`Tree::roll_back`].
    pub fn begin(&mut self) {
        self.undo = Some(Vec::new());
    }

    pub fn keep(&mut self) {
        self.undo = None;
    }

    pub fn roll_back(&mut self) {
        for (path, old) in self.undo.take().unwrap_or_default().into_iter().rev() {
            match old {
                Some(node) => self.put(path, node),
                None => {
                    self.take(&path);
                }
            }
        }
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
            && self.ephemerals == other.ephemerals
            && self.containers == other.containers
            && self.ttls == other.ttls
            && self.data_size == other.data_size
    }
}
