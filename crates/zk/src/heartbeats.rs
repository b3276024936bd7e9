//! Statistics of workers: `/workerbeats`.

use std::collections::BTreeMap;

use storm_thrift::types::ClusterWorkerHeartbeat;

use crate::paths::{WORKERBEATS, child, worker_heartbeat};
use crate::{Cluster, ZkError};

impl Cluster {
    /// Nimbus does this when it accepts a topology.
    pub async fn setup_heartbeats(&self, id: &str) -> Result<(), ZkError> {
        self.make_directory(&child(WORKERBEATS, id)).await
    }

    pub async fn set_worker_heartbeat(
        &self,
        id: &str,
        node: &str,
        port: i64,
        heartbeat: &ClusterWorkerHeartbeat,
    ) -> Result<(), ZkError> {
        self.write(&worker_heartbeat(id, node, port), heartbeat).await
    }

    pub async fn worker_heartbeat(
        &self,
        id: &str,
        node: &str,
        port: i64,
    ) -> Result<Option<ClusterWorkerHeartbeat>, ZkError> {
        self.read(&worker_heartbeat(id, node, port)).await
    }

    /// All of a topology's heartbeats, by `<node>-<port>`.
    pub async fn worker_heartbeats(&self, id: &str) -> Result<BTreeMap<String, ClusterWorkerHeartbeat>, ZkError> {
        self.read_all(&child(WORKERBEATS, id)).await
    }

    pub async fn remove_worker_heartbeat(&self, id: &str, node: &str, port: i64) -> Result<(), ZkError> {
        self.delete(&worker_heartbeat(id, node, port)).await
    }

    pub async fn heartbeat_topologies(&self) -> Result<Vec<String>, ZkError> {
        self.children(WORKERBEATS).await
    }

    pub async fn teardown_heartbeats(&self, id: &str) -> Result<(), ZkError> {
        self.delete(&child(WORKERBEATS, id)).await
    }
}
