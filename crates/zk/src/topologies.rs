//! What Nimbus keeps of a topology: its base, credentials, log levels and profiling requests.

use std::collections::BTreeMap;

use storm_thrift::types::{Credentials, LogConfig, ProfileRequest, StormBase};

use crate::paths::{ASSIGNMENTS, CREDENTIALS, LOGCONFIGS, PROFILERCONFIGS, STORMS, child};
use crate::{Changes, Cluster, ZkError};

impl Cluster {
    /// Ids of the topologies that exist, killed ones included until they are gone.
    pub async fn storms(&self) -> Result<Vec<String>, ZkError> {
        self.children(STORMS).await
    }

    pub async fn storm_bases(&self) -> Result<BTreeMap<String, StormBase>, ZkError> {
        self.read_all(STORMS).await
    }

    pub async fn storm_base(&self, id: &str) -> Result<Option<StormBase>, ZkError> {
        self.read(&child(STORMS, id)).await
    }

    pub async fn set_storm_base(&self, id: &str, base: &StormBase) -> Result<(), ZkError> {
        self.write(&child(STORMS, id), base).await
    }

    /// Fires when the base is written, made or removed, and once at the start.
    pub fn watch_storm_base(&self, id: &str) -> Changes {
        self.watch_node(child(STORMS, id))
    }

    /// Ends a topology: everything of it but heartbeats, errors and blobs, which the clean-up takes later.
    pub async fn remove_storm(&self, id: &str) -> Result<(), ZkError> {
        for dir in [ASSIGNMENTS, CREDENTIALS, LOGCONFIGS, PROFILERCONFIGS, STORMS] {
            self.delete(&child(dir, id)).await?;
        }
        Ok(())
    }

    pub async fn credentials(&self, id: &str) -> Result<Option<Credentials>, ZkError> {
        self.read(&child(CREDENTIALS, id)).await
    }

    pub async fn set_credentials(&self, id: &str, credentials: &Credentials) -> Result<(), ZkError> {
        self.write(&child(CREDENTIALS, id), credentials).await
    }

    pub async fn log_config(&self, id: &str) -> Result<Option<LogConfig>, ZkError> {
        self.read(&child(LOGCONFIGS, id)).await
    }

    pub async fn set_log_config(&self, id: &str, config: &LogConfig) -> Result<(), ZkError> {
        self.write(&child(LOGCONFIGS, id), config).await
    }

    /// Fires when the log levels are written or removed, and once at the start.
    pub fn watch_log_config(&self, id: &str) -> Changes {
        self.watch_node(child(LOGCONFIGS, id))
    }

    pub async fn profile_requests(&self, id: &str) -> Result<Vec<ProfileRequest>, ZkError> {
        let requests: BTreeMap<String, ProfileRequest> = self.read_all(&child(PROFILERCONFIGS, id)).await?;
        Ok(requests.into_values().collect())
    }

    pub async fn set_profile_request(&self, id: &str, request: &ProfileRequest) -> Result<(), ZkError> {
        self.write(&profile_path(id, request), request).await
    }

    pub async fn delete_profile_request(&self, id: &str, request: &ProfileRequest) -> Result<(), ZkError> {
        self.delete(&profile_path(id, request)).await
    }
}

/// `<host>_<port>_<action>`; the node in a profile request is a host name, unlike elsewhere.
fn profile_path(id: &str, request: &ProfileRequest) -> String {
    let port = request.node_info.port.first().copied().unwrap_or_default();
    format!("{PROFILERCONFIGS}/{id}/{}_{port}_{}", request.node_info.node, request.action.name())
}
