//! The 55 calls of Storm's service `Nimbus`, each led to where it is done.

use std::sync::Arc;

use bytes::Bytes;
use storm_thrift::types::{
    BeginDownloadResult, ClusterSummary, ComponentPageInfo, Credentials, GetInfoOptions, KillOptions, ListBlobsResult,
    LogConfig, NimbusSummary, OwnerResourceSummary, ProfileAction, ProfileRequest, ReadableBlobMeta, RebalanceOptions,
    SettableBlobMeta, StormTopology, SubmitOptions, SupervisorAssignments, SupervisorPageInfo,
    SupervisorWorkerHeartbeat, SupervisorWorkerHeartbeats, TopologyHistoryInfo, TopologyInfo, TopologyInitialStatus,
    TopologyPageInfo, TopologySummary, WorkerMetrics,
};
use storm_thrift::{NimbusHandler, RequestContext, ServiceError};
use storm_topology::system::valid_topology_name;

use crate::nimbus::{Nimbus, blocking, not_alive};
use crate::round::assignments_of;
use crate::submit::Submission;
use crate::topologies::transitions::Event;

type Cx = RequestContext;

impl NimbusHandler for Nimbus {
    async fn submit_topology(
        &self,
        cx: &Cx,
        name: String,
        jar: Option<String>,
        json_conf: String,
        topology: StormTopology,
    ) -> Result<(), ServiceError> {
        let options = SubmitOptions { initial_status: TopologyInitialStatus::Active, creds: None };
        self.submit_topology_with_opts(cx, name, jar, json_conf, topology, options).await
    }

    async fn submit_topology_with_opts(
        &self,
        _: &Cx,
        name: String,
        jar: Option<String>,
        json_conf: String,
        topology: StormTopology,
        options: SubmitOptions,
    ) -> Result<(), ServiceError> {
        self.submit(Submission { name, jar, json_conf, topology, options }).await
    }

    async fn kill_topology(&self, _: &Cx, name: String) -> Result<(), ServiceError> {
        self.kill(&name, None).await
    }

    async fn kill_topology_with_opts(&self, _: &Cx, name: String, options: KillOptions) -> Result<(), ServiceError> {
        self.kill(&name, options.wait_secs).await
    }

    async fn activate(&self, _: &Cx, name: String) -> Result<(), ServiceError> {
        self.change(&name, Event::Activate).await
    }

    async fn deactivate(&self, _: &Cx, name: String) -> Result<(), ServiceError> {
        self.change(&name, Event::Inactivate).await
    }

    async fn rebalance(&self, _: &Cx, name: String, options: RebalanceOptions) -> Result<(), ServiceError> {
        self.rebalance_topology(&name, options).await
    }

    async fn set_log_config(&self, _: &Cx, id: String, config: LogConfig) -> Result<(), ServiceError> {
        self.set_log_config_of(&id, config).await
    }

    async fn get_log_config(&self, _: &Cx, id: String) -> Result<LogConfig, ServiceError> {
        self.log_config_of(&id).await
    }

    async fn debug(
        &self,
        _: &Cx,
        name: String,
        component: Option<String>,
        enable: bool,
        sampling_percentage: f64,
    ) -> Result<(), ServiceError> {
        self.set_debug(&name, component, enable, sampling_percentage).await
    }

    async fn set_worker_profiler(&self, _: &Cx, id: String, request: ProfileRequest) -> Result<(), ServiceError> {
        self.request_profile(&id, request).await
    }

    async fn get_component_pending_profile_actions(
        &self,
        _: &Cx,
        id: String,
        component_id: String,
        action: ProfileAction,
    ) -> Result<Vec<ProfileRequest>, ServiceError> {
        self.pending_profiles(&id, &component_id, action).await
    }

    async fn upload_new_credentials(&self, _: &Cx, name: String, creds: Credentials) -> Result<(), ServiceError> {
        self.new_credentials(&name, creds).await
    }

    async fn begin_create_blob(&self, _: &Cx, key: String, meta: SettableBlobMeta) -> Result<String, ServiceError> {
        Nimbus::begin_create_blob(self, key, meta).await
    }

    async fn begin_update_blob(&self, _: &Cx, key: String) -> Result<String, ServiceError> {
        Nimbus::begin_update_blob(self, key).await
    }

    async fn upload_blob_chunk(&self, _: &Cx, session: String, chunk: Bytes) -> Result<(), ServiceError> {
        Nimbus::upload_blob_chunk(self, session, chunk).await
    }

    async fn finish_blob_upload(&self, _: &Cx, session: String) -> Result<(), ServiceError> {
        Nimbus::finish_blob_upload(self, session).await
    }

    async fn cancel_blob_upload(&self, _: &Cx, session: String) -> Result<(), ServiceError> {
        Nimbus::cancel_blob_upload(self, session).await
    }

    async fn get_blob_meta(&self, _: &Cx, key: String) -> Result<ReadableBlobMeta, ServiceError> {
        self.blob_meta(key).await
    }

    async fn set_blob_meta(&self, _: &Cx, key: String, meta: SettableBlobMeta) -> Result<(), ServiceError> {
        self.set_blob_meta_of(key, meta).await
    }

    async fn begin_blob_download(&self, _: &Cx, key: String) -> Result<BeginDownloadResult, ServiceError> {
        self.begin_download(key).await
    }

    async fn download_blob_chunk(&self, _: &Cx, session: String) -> Result<Bytes, ServiceError> {
        self.download_chunk_of(session).await
    }

    async fn delete_blob(&self, _: &Cx, key: String) -> Result<(), ServiceError> {
        self.delete_blob_of(key).await
    }

    async fn list_blobs(&self, _: &Cx, session: Option<String>) -> Result<ListBlobsResult, ServiceError> {
        self.list_blob_keys(&session.unwrap_or_default())
    }

    async fn get_blob_replication(&self, _: &Cx, key: String) -> Result<i32, ServiceError> {
        self.blob_replication(&key).await
    }

    /// The local-fs blobstore is replicated by there being several Nimbuses; the wish is only noted, as in Storm.
    async fn update_blob_replication(&self, _: &Cx, key: String, _replication: i32) -> Result<i32, ServiceError> {
        self.blob_replication(&key).await
    }

    async fn create_state_in_zookeeper(&self, _: &Cx, key: String) -> Result<(), ServiceError> {
        self.register_blob(&key).await
    }

    async fn begin_file_upload(&self, _: &Cx) -> Result<String, ServiceError> {
        self.require_leader().await?;
        let inbox = self.inbox.clone();
        blocking(move || inbox.begin()).await
    }

    async fn upload_chunk(&self, _: &Cx, location: String, chunk: Bytes) -> Result<(), ServiceError> {
        let inbox = self.inbox.clone();
        blocking(move || inbox.chunk(&location, &chunk)).await
    }

    async fn finish_file_upload(&self, _: &Cx, location: String) -> Result<(), ServiceError> {
        let inbox = self.inbox.clone();
        blocking(move || inbox.finish(&location)).await
    }

    /// Storm 2 has no call that begins a file's download, so no id is ever known.
    async fn download_chunk(&self, _: &Cx, id: String) -> Result<Bytes, ServiceError> {
        Err(ServiceError::internal(format!("Could not find input stream for id {id}; download blobs instead")))
    }

    async fn get_nimbus_conf(&self, _: &Cx) -> Result<String, ServiceError> {
        Ok(serde_json::Value::Object(self.conf.map().clone()).to_string())
    }

    async fn get_cluster_info(&self, _: &Cx) -> Result<ClusterSummary, ServiceError> {
        self.cluster_summary().await
    }

    async fn get_topology_summaries(&self, _: &Cx) -> Result<Vec<TopologySummary>, ServiceError> {
        let view = self.read_view().await;
        Ok(self.topology_summaries(&view).await)
    }

    async fn get_topology_summary_by_name(&self, _: &Cx, name: String) -> Result<TopologySummary, ServiceError> {
        let id = self.read_id(&name).await?;
        self.topology_summary_of(&id).await
    }

    async fn get_topology_summary(&self, _: &Cx, id: String) -> Result<TopologySummary, ServiceError> {
        self.topology_summary_of(&id).await
    }

    async fn get_leader(&self, _: &Cx) -> Result<NimbusSummary, ServiceError> {
        self.leader_summary().await
    }

    async fn is_topology_name_allowed(&self, _: &Cx, name: String) -> Result<bool, ServiceError> {
        Ok(valid_topology_name(&name).is_ok() && self.read_view().await.id_of(&name).is_none())
    }

    async fn get_topology_info_by_name(&self, _: &Cx, name: String) -> Result<TopologyInfo, ServiceError> {
        let id = self.read_id(&name).await?;
        self.topology_info_with(&id, None).await
    }

    async fn get_topology_info(&self, _: &Cx, id: String) -> Result<TopologyInfo, ServiceError> {
        self.topology_info_with(&id, None).await
    }

    async fn get_topology_info_by_name_with_opts(
        &self,
        _: &Cx,
        name: String,
        options: GetInfoOptions,
    ) -> Result<TopologyInfo, ServiceError> {
        let id = self.read_id(&name).await?;
        self.topology_info_with(&id, options.num_err_choice).await
    }

    async fn get_topology_info_with_opts(
        &self,
        _: &Cx,
        id: String,
        options: GetInfoOptions,
    ) -> Result<TopologyInfo, ServiceError> {
        self.topology_info_with(&id, options.num_err_choice).await
    }

    async fn get_topology_page_info(
        &self,
        _: &Cx,
        id: String,
        window: String,
        sys: bool,
    ) -> Result<TopologyPageInfo, ServiceError> {
        self.topology_page(&id, &window, sys).await
    }

    async fn get_supervisor_page_info(
        &self,
        _: &Cx,
        id: Option<String>,
        host: Option<String>,
        sys: bool,
    ) -> Result<SupervisorPageInfo, ServiceError> {
        self.supervisor_page(id.as_deref(), host.as_deref(), sys).await
    }

    async fn get_component_page_info(
        &self,
        _: &Cx,
        topology_id: String,
        component_id: String,
        window: String,
        sys: bool,
    ) -> Result<ComponentPageInfo, ServiceError> {
        self.component_page(&topology_id, &component_id, &window, sys).await
    }

    async fn get_topology_conf(&self, _: &Cx, id: String) -> Result<String, ServiceError> {
        self.topology_conf_of(&id).await
    }

    async fn get_topology(&self, _: &Cx, id: String) -> Result<StormTopology, ServiceError> {
        self.topology_of(&id, true).await
    }

    async fn get_user_topology(&self, _: &Cx, id: String) -> Result<StormTopology, ServiceError> {
        self.topology_of(&id, false).await
    }

    /// Without authentication everybody may see everything.
    async fn get_topology_history(&self, _: &Cx, _user: Option<String>) -> Result<TopologyHistoryInfo, ServiceError> {
        let history = self.history.clone();
        let mut ids = blocking(move || Ok(history.ids())).await?;
        ids.extend(self.read_view().await.bases.keys().cloned());
        ids.sort();
        ids.dedup();
        Ok(TopologyHistoryInfo { topo_ids: Some(ids) })
    }

    async fn get_owner_resource_summaries(
        &self,
        _: &Cx,
        owner: Option<String>,
    ) -> Result<Vec<OwnerResourceSummary>, ServiceError> {
        Ok(self.owner_summaries(owner.as_deref()).await)
    }

    async fn get_supervisor_assignments(&self, _: &Cx, node: String) -> Result<SupervisorAssignments, ServiceError> {
        // An empty answer would make the supervisor stop its workers; no answer makes it keep what it has.
        if !self.leads() {
            return Err(ServiceError::NoResult);
        }
        Ok(assignments_of(&self.view(), &node))
    }

    async fn send_supervisor_worker_heartbeats(
        &self,
        _: &Cx,
        beats: SupervisorWorkerHeartbeats,
    ) -> Result<(), ServiceError> {
        self.take_beats(&beats.worker_heartbeats, Some(&beats.supervisor_id));
        Ok(())
    }

    async fn send_supervisor_worker_heartbeat(
        &self,
        _: &Cx,
        beat: SupervisorWorkerHeartbeat,
    ) -> Result<(), ServiceError> {
        if self.leads() && !self.view().bases.contains_key(&beat.storm_id) {
            return Err(not_alive(&beat.storm_id));
        }
        self.take_beats(&[beat], None);
        Ok(())
    }

    /// Storm keeps these for plug-ins; nothing here reads them back.
    async fn process_worker_metrics(&self, _: &Cx, _metrics: WorkerMetrics) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn is_remote_blob_exists(&self, _: &Cx, blob_key: String) -> Result<bool, ServiceError> {
        Ok(self.blob_exists(&blob_key))
    }
}

impl Nimbus {
    fn take_beats(&self, beats: &[SupervisorWorkerHeartbeat], supervisor: Option<&str>) {
        let view = self.view();
        let now = self.clock.now_ms();
        let mut heartbeats = self.heartbeats();
        for beat in beats {
            // What is not assigned needs no beats, and strangers cost no memory.
            let Some(assignment) = view.assignments.get(&beat.storm_id) else { continue };
            let executors: Vec<_> = beat
                .executors
                .iter()
                .map(|e| storm_scheduler::Executor { start: e.task_start, end: e.task_end })
                .collect();
            heartbeats.beat(&beat.storm_id, assignment, &executors, now);
        }
        if let Some(node) = supervisor {
            let known = view.supervisors.contains_key(node)
                || view.assignments.values().any(|a: &Arc<_>| a.node_host.contains_key(node));
            if known {
                heartbeats.node_reported(node);
            }
        }
    }
}
