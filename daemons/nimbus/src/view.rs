//! The cluster's state in memory: what ZooKeeper holds, as last read or written by this Nimbus.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use storm_thrift::types::{Assignment, StormBase, SupervisorInfo};

/// Small maps of shared values, so that a reader takes a copy and holds no lock.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub bases: BTreeMap<String, Arc<StormBase>>,
    pub assignments: BTreeMap<String, Arc<Assignment>>,
    pub supervisors: BTreeMap<String, Arc<SupervisorInfo>>,
}

impl View {
    /// The living topology of that name.
    pub fn id_of(&self, name: &str) -> Option<&str> {
        self.bases.iter().find(|(_, base)| base.name == name).map(|(id, _)| id.as_str())
    }
}

/// The present view. The leader keeps it up to date with its own writes; anybody may replace it with what he has read.
#[derive(Debug, Default)]
pub struct Views(RwLock<Arc<View>>);

impl Views {
    pub fn get(&self) -> Arc<View> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut View)) {
        let mut view = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut view));
    }
}

pub fn shared<T>(map: BTreeMap<String, T>) -> BTreeMap<String, Arc<T>> {
    map.into_iter().map(|(k, v)| (k, Arc::new(v))).collect()
}
