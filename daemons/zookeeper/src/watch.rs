//! Watches: who wants to hear about which path.
//!
//! Two tables as in Apache ZooKeeper: data watches (also set by `exists`, and the only home of recursive ones) and
//! child watches. A watch belongs to a connection and goes with it; clients set them again when they reconnect.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::proto::{EventType, WatcherType};
use crate::tree::{Event, parent};

/// A connection, by its number.
pub type Watcher = u64;

const STANDARD: u8 = 1;
const PERSISTENT: u8 = 2;
const RECURSIVE: u8 = 4;
const ANY: u8 = STANDARD | PERSISTENT | RECURSIVE;

/// An event and who hears of it, in the order in which they go out.
pub type Firing<'a> = (&'a Event, Vec<Watcher>);

#[derive(Debug, Default)]
pub struct Watches {
    data: Table,
    child: Table,
}

#[derive(Debug, Default)]
struct Table {
    by_path: HashMap<Arc<str>, HashMap<Watcher, u8>>,
    by_watcher: HashMap<Watcher, HashSet<Arc<str>>>,
    recursive: usize,
}

impl Watches {
    /// Hears once of a change of the data, creation or deletion.
    pub fn watch_data(&mut self, path: &str, watcher: Watcher) {
        self.data.add(path, watcher, STANDARD);
    }

    /// Hears once of a change of the children, or deletion.
    pub fn watch_children(&mut self, path: &str, watcher: Watcher) {
        self.child.add(path, watcher, STANDARD);
    }

    /// Hears always, of this node and, if `recursive`, of all below it (then not of changes of children as such).
    pub fn watch_always(&mut self, path: &str, watcher: Watcher, recursive: bool) {
        if recursive {
            self.data.add(path, watcher, RECURSIVE);
        } else {
            self.data.add(path, watcher, PERSISTENT);
            self.child.add(path, watcher, PERSISTENT);
        }
    }

    pub fn contains(&self, path: &str, watcher: Watcher, kind: WatcherType) -> bool {
        match kind {
            WatcherType::Children => self.child.has(path, watcher, STANDARD),
            WatcherType::Data => self.data.has(path, watcher, STANDARD),
            WatcherType::Persistent => self.data.has(path, watcher, PERSISTENT),
            WatcherType::PersistentRecursive => self.data.has(path, watcher, RECURSIVE),
            WatcherType::Any => self.child.has(path, watcher, ANY) || self.data.has(path, watcher, ANY),
        }
    }

    /// True if there was something to remove.
    pub fn remove(&mut self, path: &str, watcher: Watcher, kind: WatcherType) -> bool {
        match kind {
            WatcherType::Children => self.child.remove(path, watcher, STANDARD),
            WatcherType::Data => self.data.remove(path, watcher, STANDARD),
            WatcherType::Persistent => {
                let child = self.child.remove(path, watcher, PERSISTENT);
                self.data.remove(path, watcher, PERSISTENT) || child
            }
            WatcherType::PersistentRecursive => self.data.remove(path, watcher, RECURSIVE),
            WatcherType::Any => {
                let child = self.child.remove(path, watcher, ANY);
                self.data.remove(path, watcher, ANY) || child
            }
        }
    }

    /// Forgets everything of a connection.
    pub fn forget(&mut self, watcher: Watcher) {
        self.data.forget(watcher);
        self.child.forget(watcher);
    }

    /// Takes the watches that these events set off.
    pub fn fire<'a>(&mut self, events: &'a [Event]) -> Vec<Firing<'a>> {
        events
            .iter()
            .map(|event| {
                let mut watchers = match event.kind {
                    EventType::NodeCreated | EventType::NodeDataChanged => self.data.fire(&event.path),
                    EventType::NodeChildrenChanged => self.child.fire(&event.path),
                    // Somebody with both kinds of watch hears of a deletion once.
                    EventType::NodeDeleted => {
                        let mut watchers = self.data.fire(&event.path);
                        watchers.extend(self.child.fire(&event.path));
                        watchers
                    }
                };
                (event, std::mem::take(&mut watchers).into_iter().collect())
            })
            .collect()
    }

    /// Connections that watch, paths watched, and watches in all.
    pub fn summary(&self) -> (usize, usize, usize) {
        let count = |table: &Table| table.by_watcher.values().map(HashSet::len).sum::<usize>();
        let watchers: HashSet<_> = self.data.by_watcher.keys().chain(self.child.by_watcher.keys()).collect();
        (watchers.len(), self.data.by_path.len() + self.child.by_path.len(), count(&self.data) + count(&self.child))
    }

    /// Every watched path with its watchers.
    pub fn by_path(&self) -> Vec<(Arc<str>, BTreeSet<Watcher>)> {
        let mut all: HashMap<Arc<str>, BTreeSet<Watcher>> = HashMap::new();
        for (path, watchers) in self.data.by_path.iter().chain(&self.child.by_path) {
            all.entry(Arc::clone(path)).or_default().extend(watchers.keys());
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort();
        all
    }
}

impl Table {
    fn add(&mut self, path: &str, watcher: Watcher, mode: u8) {
        let path = match self.by_path.get_key_value(path) {
            Some((path, _)) => Arc::clone(path),
            None => Arc::from(path),
        };
        let modes = self.by_path.entry(Arc::clone(&path)).or_default().entry(watcher).or_default();
        if mode & RECURSIVE != 0 && *modes & RECURSIVE == 0 {
            self.recursive += 1;
        }
        *modes |= mode;
        self.by_watcher.entry(watcher).or_default().insert(path);
    }

    fn has(&self, path: &str, watcher: Watcher, modes: u8) -> bool {
        self.by_path.get(path).and_then(|watchers| watchers.get(&watcher)).is_some_and(|has| has & modes != 0)
    }

    fn remove(&mut self, path: &str, watcher: Watcher, modes: u8) -> bool {
        let Some(has) = self.by_path.get_mut(path).and_then(|watchers| watchers.get_mut(&watcher)) else {
            return false;
        };
        let before = *has;
        *has &= !modes;
        if before & modes & RECURSIVE != 0 {
            self.recursive -= 1;
        }
        if *has == 0 {
            self.unlink(path, watcher);
        }
        before & modes != 0
    }

    fn unlink(&mut self, path: &str, watcher: Watcher) {
        if let Some(watchers) = self.by_path.get_mut(path) {
            watchers.remove(&watcher);
            if watchers.is_empty() {
                self.by_path.remove(path);
            }
        }
        if let Some(paths) = self.by_watcher.get_mut(&watcher) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_watcher.remove(&watcher);
            }
        }
    }

    fn forget(&mut self, watcher: Watcher) {
        for path in self.by_watcher.remove(&watcher).unwrap_or_default() {
            if let Some(watchers) = self.by_path.get_mut(&path) {
                if watchers.remove(&watcher).is_some_and(|modes| modes & RECURSIVE != 0) {
                    self.recursive -= 1;
                }
                if watchers.is_empty() {
                    self.by_path.remove(&path);
                }
            }
        }
    }

    fn fire(&mut self, path: &str) -> BTreeSet<Watcher> {
        let mut hear = BTreeSet::new();
        if let Some(watchers) = self.by_path.get_mut(path) {
            hear.extend(watchers.keys());
            let spent: Vec<Watcher> = watchers
                .iter_mut()
                .filter_map(|(watcher, modes)| {
                    *modes &= !STANDARD;
                    (*modes == 0).then_some(*watcher)
                })
                .collect();
            spent.into_iter().for_each(|watcher| self.unlink(path, watcher));
        }
        if self.recursive > 0 {
            let mut path = path;
            while path != "/" {
                path = parent(path).unwrap_or("/");
                let above = self.by_path.get(path).into_iter().flatten();
                hear.extend(above.filter(|(_, modes)| *modes & RECURSIVE != 0).map(|(watcher, _)| watcher));
            }
        }
        hear
    }
}
