//! The service of Nimbus: table, handler trait, dispatcher, client, and the search for the leader.

use bytes::Bytes;

use crate::types::{
    BeginDownloadResult, ClusterSummary, ComponentPageInfo, Credentials, GetInfoOptions, KillOptions, ListBlobsResult,
    LogConfig, NimbusSummary, OwnerResourceSummary, ProfileAction, ProfileRequest, ReadableBlobMeta, RebalanceOptions,
    SettableBlobMeta, StormTopology, SubmitOptions, SupervisorAssignments, SupervisorPageInfo,
    SupervisorWorkerHeartbeat, SupervisorWorkerHeartbeats, TopologyHistoryInfo, TopologyInfo, TopologyPageInfo,
    TopologySummary, WorkerMetrics,
};

thrift_service! {
    Nimbus NimbusClient NimbusHandler NimbusService {
        /// Same as WithOpts with initial_status ACTIVE.
        submitTopology submit_topology(1 required name "name" String, 2 default uploaded_jar_location "uploadedJarLocation" String, 3 required json_conf "jsonConf" String, 4 required topology "topology" StormTopology) -> (), throws(1 e AlreadyAliveException, 2 ite InvalidTopologyException, 3 aze AuthorizationException);
        submitTopologyWithOpts submit_topology_with_opts(1 required name "name" String, 2 default uploaded_jar_location "uploadedJarLocation" String, 3 required json_conf "jsonConf" String, 4 required topology "topology" StormTopology, 5 required options "options" SubmitOptions) -> (), throws(1 e AlreadyAliveException, 2 ite InvalidTopologyException, 3 aze AuthorizationException);
        /// Kill with default wait.
        killTopology kill_topology(1 required name "name" String) -> (), throws(1 e NotAliveException, 2 aze AuthorizationException);
        killTopologyWithOpts kill_topology_with_opts(1 required name "name" String, 2 required options "options" KillOptions) -> (), throws(1 e NotAliveException, 2 aze AuthorizationException);
        activate activate(1 required name "name" String) -> (), throws(1 e NotAliveException, 2 aze AuthorizationException);
        deactivate deactivate(1 required name "name" String) -> (), throws(1 e NotAliveException, 2 aze AuthorizationException);
        rebalance rebalance(1 required name "name" String, 2 required options "options" RebalanceOptions) -> (), throws(1 e NotAliveException, 2 ite InvalidTopologyException, 3 aze AuthorizationException);
        /// Declares no exceptions (errors surface as TApplicationException).
        setLogConfig set_log_config(1 required name "name" String, 2 required config "config" LogConfig) -> (), throws();
        /// Declares no exceptions.
        getLogConfig get_log_config(1 required name "name" String) -> LogConfig, throws();
        /// Component empty or null = whole topology; samplingPercentage 0..100.
        debug debug(1 required name "name" String, 2 default component "component" String, 3 required enable "enable" bool, 4 required sampling_percentage "samplingPercentage" f64) -> (), throws(1 e NotAliveException, 2 aze AuthorizationException);
        /// Arg 1 is the topology id; declares no exceptions.
        setWorkerProfiler set_worker_profiler(1 required id "id" String, 2 required profile_request "profileRequest" ProfileRequest) -> (), throws();
        /// Declares no exceptions.
        getComponentPendingProfileActions get_component_pending_profile_actions(1 required id "id" String, 2 required component_id "component_id" String, 3 required action "action" ProfileAction) -> Vec<ProfileRequest>, throws();
        uploadNewCredentials upload_new_credentials(1 required name "name" String, 2 required creds "creds" Credentials) -> (), throws(1 e NotAliveException, 2 ite InvalidTopologyException, 3 aze AuthorizationException);
        beginCreateBlob begin_create_blob(1 required key "key" String, 2 required meta "meta" SettableBlobMeta) -> String, throws(1 aze AuthorizationException, 2 kae KeyAlreadyExistsException);
        beginUpdateBlob begin_update_blob(1 required key "key" String) -> String, throws(1 aze AuthorizationException, 2 knf KeyNotFoundException);
        uploadBlobChunk upload_blob_chunk(1 required session "session" String, 2 required chunk "chunk" Bytes) -> (), throws(1 aze AuthorizationException);
        finishBlobUpload finish_blob_upload(1 required session "session" String) -> (), throws(1 aze AuthorizationException);
        cancelBlobUpload cancel_blob_upload(1 required session "session" String) -> (), throws(1 aze AuthorizationException);
        getBlobMeta get_blob_meta(1 required key "key" String) -> ReadableBlobMeta, throws(1 aze AuthorizationException, 2 knf KeyNotFoundException);
        setBlobMeta set_blob_meta(1 required key "key" String, 2 required meta "meta" SettableBlobMeta) -> (), throws(1 aze AuthorizationException, 2 knf KeyNotFoundException);
        beginBlobDownload begin_blob_download(1 required key "key" String) -> BeginDownloadResult, throws(1 aze AuthorizationException, 2 knf KeyNotFoundException);
        downloadBlobChunk download_blob_chunk(1 required session "session" String) -> Bytes, throws(1 aze AuthorizationException);
        deleteBlob delete_blob(1 required key "key" String) -> (), throws(1 aze AuthorizationException, 2 knf KeyNotFoundException, 3 ise IllegalStateException);
        /// Pass empty session to start; declares no exceptions.
        listBlobs list_blobs(1 default session "session" String) -> ListBlobsResult, throws();
        getBlobReplication get_blob_replication(1 required key "key" String) -> i32, throws(1 aze AuthorizationException, 2 knf KeyNotFoundException);
        updateBlobReplication update_blob_replication(1 required key "key" String, 2 required replication "replication" i32) -> i32, throws(1 aze AuthorizationException, 2 knf KeyNotFoundException);
        /// Called by clients with a local-fs blobstore after creating a blob; declares no exceptions.
        createStateInZookeeper create_state_in_zookeeper(1 required key "key" String) -> (), throws();
        /// Returns the path of the file on the Nimbus host.
        beginFileUpload begin_file_upload() -> String, throws(1 aze AuthorizationException);
        uploadChunk upload_chunk(1 required location "location" String, 2 required chunk "chunk" Bytes) -> (), throws(1 aze AuthorizationException);
        finishFileUpload finish_file_upload(1 required location "location" String) -> (), throws(1 aze AuthorizationException);
        /// Empty bytes = end.
        downloadChunk download_chunk(1 required id "id" String) -> Bytes, throws(1 aze AuthorizationException);
        /// JSON string.
        getNimbusConf get_nimbus_conf() -> String, throws(1 aze AuthorizationException);
        getClusterInfo get_cluster_info() -> ClusterSummary, throws(1 aze AuthorizationException);
        getTopologySummaries get_topology_summaries() -> Vec<TopologySummary>, throws(1 aze AuthorizationException);
        getTopologySummaryByName get_topology_summary_by_name(1 required name "name" String) -> TopologySummary, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getTopologySummary get_topology_summary(1 required id "id" String) -> TopologySummary, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getLeader get_leader() -> NimbusSummary, throws(1 aze AuthorizationException);
        isTopologyNameAllowed is_topology_name_allowed(1 required name "name" String) -> bool, throws(1 aze AuthorizationException);
        getTopologyInfoByName get_topology_info_by_name(1 required name "name" String) -> TopologyInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getTopologyInfo get_topology_info(1 required id "id" String) -> TopologyInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getTopologyInfoByNameWithOpts get_topology_info_by_name_with_opts(1 required name "name" String, 2 required options "options" GetInfoOptions) -> TopologyInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getTopologyInfoWithOpts get_topology_info_with_opts(1 required id "id" String, 2 required options "options" GetInfoOptions) -> TopologyInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getTopologyPageInfo get_topology_page_info(1 required id "id" String, 2 required window "window" String, 3 required is_include_sys "is_include_sys" bool) -> TopologyPageInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getSupervisorPageInfo get_supervisor_page_info(1 default id "id" String, 2 default host "host" String, 3 required is_include_sys "is_include_sys" bool) -> SupervisorPageInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getComponentPageInfo get_component_page_info(1 required topology_id "topology_id" String, 2 required component_id "component_id" String, 3 required window "window" String, 4 required is_include_sys "is_include_sys" bool) -> ComponentPageInfo, throws(1 e NotAliveException, 2 aze AuthorizationException);
        /// JSON string.
        getTopologyConf get_topology_conf(1 required id "id" String) -> String, throws(1 e NotAliveException, 2 aze AuthorizationException);
        /// With system components (acker, metrics, __system, eventlogger) added.
        getTopology get_topology(1 required id "id" String) -> StormTopology, throws(1 e NotAliveException, 2 aze AuthorizationException);
        /// As submitted.
        getUserTopology get_user_topology(1 required id "id" String) -> StormTopology, throws(1 e NotAliveException, 2 aze AuthorizationException);
        getTopologyHistory get_topology_history(1 default user "user" String) -> TopologyHistoryInfo, throws(1 aze AuthorizationException);
        getOwnerResourceSummaries get_owner_resource_summaries(1 default owner "owner" String) -> Vec<OwnerResourceSummary>, throws(1 aze AuthorizationException);
        /// Arg = supervisor id.
        getSupervisorAssignments get_supervisor_assignments(1 required node "node" String) -> SupervisorAssignments, throws(1 aze AuthorizationException);
        /// Batch, by supervisor.
        sendSupervisorWorkerHeartbeats send_supervisor_worker_heartbeats(1 required heartbeats "heartbeats" SupervisorWorkerHeartbeats) -> (), throws(1 aze AuthorizationException);
        /// By worker, when its supervisor cannot be reached.
        sendSupervisorWorkerHeartbeat send_supervisor_worker_heartbeat(1 required heatbeat "heatbeat" SupervisorWorkerHeartbeat) -> (), throws(1 aze AuthorizationException, 2 e NotAliveException);
        /// Declares no exceptions.
        processWorkerMetrics process_worker_metrics(1 required metrics "metrics" WorkerMetrics) -> (), throws();
        isRemoteBlobExists is_remote_blob_exists(1 required blob_key "blobKey" String) -> bool, throws(1 aze AuthorizationException);
    }
}
