//! Who runs what: `/assignments`.

use std::collections::BTreeMap;

use storm_thrift::types::Assignment;

use crate::paths::{ASSIGNMENTS, child};
use crate::{Cluster, ZkError};

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

    pub async fn remove_assignment(&self, id: &str) -> Result<(), ZkError> {
        self.delete(&child(ASSIGNMENTS, id)).await
    }
}
