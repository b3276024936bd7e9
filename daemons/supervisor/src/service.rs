//! The supervisor's thrift service: Nimbus pushes assignments, workers ask for theirs.

use std::sync::Arc;
use std::time::Duration;

use storm_thrift::types::{Assignment, NotAliveException, SupervisorAssignments, SupervisorWorkerHeartbeat};
use storm_thrift::{RequestContext, ServiceError, SupervisorHandler};
use storm_zk::Cluster;
use tokio::time::timeout;

use crate::blobs::BlobSource;
use crate::supervisor::Supervisor;

/// Without ZooKeeper the worker asks it in vain itself; it is not to wait for us too.
const PATIENCE: Duration = Duration::from_millis(500);

pub struct Service<S> {
    pub supervisor: Arc<Supervisor<S>>,
    pub cluster: Option<Cluster>,
}

impl<S: BlobSource> SupervisorHandler for Service<S> {
    async fn send_supervisor_assignments(
        &self,
        ctx: &RequestContext,
        assignments: SupervisorAssignments,
    ) -> Result<(), ServiceError> {
        tracing::debug!("{} pushed {} assignments", ctx.peer, assignments.storm_assignment.len());
        self.supervisor.apply(assignments.storm_assignment, None).await;
        Ok(())
    }

    async fn get_local_assignment_for_storm(&self, _: &RequestContext, id: String) -> Result<Assignment, ServiceError> {
        if let Some(assignment) = self.supervisor.assignment(&id) {
            return Ok(assignment);
        }
        // After a restart Nimbus may be away; what it published is as good.
        if !self.supervisor.knows_assignments()
            && let Some(cluster) = &self.cluster
            && let Ok(Ok(Some(assignment))) = timeout(PATIENCE, cluster.assignment(&id)).await
        {
            return Ok(assignment);
        }
        Err(NotAliveException { msg: format!("{id} is not assigned to this supervisor") }.into())
    }

    async fn send_supervisor_worker_heartbeat(
        &self,
        _: &RequestContext,
        heartbeat: SupervisorWorkerHeartbeat,
    ) -> Result<(), ServiceError> {
        // The heartbeat file is what counts. A worker whose topology is not here is told so.
        if self.supervisor.host.localizer.is_localized(&heartbeat.storm_id) {
            Ok(())
        } else {
            Err(ServiceError::internal(format!("{} is not alive on this supervisor", heartbeat.storm_id)))
        }
    }
}
