//! Who runs what: `/assignments`.

use std::collections::BTreeMap;

use storm_thrift::types::Assignment;

use crate::paths::{ASSIGNMENTS, child};
use crate::{Changes, Cluster, ZkError};

impl Cluster {
    pub async fn assignments(&self) -> Result<BTreeMap<String, Assignment>, ZkError> {
        self.read_all(ASSIGNMENTS).await
    }

    pub async fn assignment_ids(&self) -> Result<Vec<String>, ZkError> {
        self.children(ASSIGNMENTS).await
    }

    pub async fn assignment(&self, id: &str) -> Result<Option<Assignment>, ZkError> {
        self.read(&child(ASSIGNMENTS, id)).await
    }

    pub async fn set_assignment(&self, id: &str, assignment: &Assignment) -> Result<(), ZkError> {
        self.write(&child(ASSIGNMENTS, id), assignment).await
    }

    /// Fires when the assignment is written, made or removed, and once at the start.
    pub fn watch_assignment(&self, id: &str) -> Changes {
        self.watch_node(child(ASSIGNMENTS, id))
    }

    pub async fn remove_assignment(&self, id: &str) -> Result<(), ZkError> {
        self.delete(&child(ASSIGNMENTS, id)).await
    }
}
