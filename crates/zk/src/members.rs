//! The daemons that are up: ephemeral nodes, made again in every new session.

use std::collections::BTreeMap;

use storm_thrift::types::{NimbusSummary, SupervisorInfo};

use crate::paths::{NIMBUSES, SUPERVISORS, child};
use crate::{Changes, Cluster, ZkError};

impl Cluster {
    pub async fn supervisors(&self) -> Result<BTreeMap<String, SupervisorInfo>, ZkError> {
        self.read_all(SUPERVISORS).await
    }

    pub async fn supervisor(&self, id: &str) -> Result<Option<SupervisorInfo>, ZkError> {
        self.read(&child(SUPERVISORS, id)).await
    }

    /// Makes or refreshes this supervisor's node.
    pub async fn publish_supervisor(&self, id: &str, info: &SupervisorInfo) -> Result<(), ZkError> {
        self.publish(&child(SUPERVISORS, id), self.delegate().write(info).into()).await
    }

    pub async fn withdraw_supervisor(&self, id: &str) -> Result<(), ZkError> {
        self.withdraw(&child(SUPERVISORS, id)).await
    }

    /// Fires when a supervisor comes or goes, and once at the start.
    pub fn watch_supervisors(&self) -> Changes {
        self.watch_children(SUPERVISORS.to_owned())
    }

    pub async fn nimbuses(&self) -> Result<Vec<NimbusSummary>, ZkError> {
        let nimbuses: BTreeMap<String, NimbusSummary> = self.read_all(NIMBUSES).await?;
        Ok(nimbuses.into_values().collect())
    }

    /// Makes or refreshes this Nimbus' node, which is named by the bare host.
    pub async fn publish_nimbus(&self, host: &str, summary: &NimbusSummary) -> Result<(), ZkError> {
        self.publish(&child(NIMBUSES, host), self.delegate().write(summary).into()).await
    }

    pub async fn withdraw_nimbus(&self, host: &str) -> Result<(), ZkError> {
        self.withdraw(&child(NIMBUSES, host)).await
    }
}
