//! Storm's thrift types, one table each; the tables are compared with the real Java classes by a test.

mod blobs;
mod cluster;
mod drpc;
mod exceptions;
mod heartbeats;
mod local;
mod options;
mod pacemaker;
mod stats;
mod summaries;
mod tokens;
mod topology;

pub use blobs::*;
pub use cluster::*;
pub use drpc::*;
pub use exceptions::*;
pub use heartbeats::*;
pub use local::*;
pub use options::*;
pub use pacemaker::*;
pub use stats::*;
pub use summaries::*;
pub use tokens::*;
pub use topology::*;

use crate::describe::{Described, TypeDesc};

pub(crate) fn all() -> Vec<TypeDesc> {
    vec![
        JavaObjectArg::describe(),
        JavaObject::describe(),
        NullStruct::describe(),
        GlobalStreamId::describe(),
        Grouping::describe(),
        StreamInfo::describe(),
        ShellComponent::describe(),
        ComponentObject::describe(),
        ComponentCommon::describe(),
        SpoutSpec::describe(),
        Bolt::describe(),
        StateSpoutSpec::describe(),
        SharedMemory::describe(),
        StormTopology::describe(),
        AlreadyAliveException::describe(),
        NotAliveException::describe(),
        AuthorizationException::describe(),
        InvalidTopologyException::describe(),
        KeyNotFoundException::describe(),
        IllegalStateException::describe(),
        KeyAlreadyExistsException::describe(),
        DRPCExecutionException::describe(),
        HBAuthorizationException::describe(),
        HBExecutionException::describe(),
        TopologySummary::describe(),
        SupervisorSummary::describe(),
        NimbusSummary::describe(),
        ClusterSummary::describe(),
        ErrorInfo::describe(),
        DebugOptions::describe(),
        TopologyInfo::describe(),
        TopologyHistoryInfo::describe(),
        OwnerResourceSummary::describe(),
        WorkerSummary::describe(),
        SupervisorPageInfo::describe(),
        TopologyPageInfo::describe(),
        ComponentPageInfo::describe(),
        BoltStats::describe(),
        SpoutStats::describe(),
        ExecutorSpecificStats::describe(),
        ExecutorStats::describe(),
        ExecutorInfo::describe(),
        ExecutorSummary::describe(),
        CommonAggregateStats::describe(),
        SpoutAggregateStats::describe(),
        BoltAggregateStats::describe(),
        SpecificAggregateStats::describe(),
        ComponentType::describe(),
        ComponentAggregateStats::describe(),
        TopologyStats::describe(),
        ExecutorAggregateStats::describe(),
        KillOptions::describe(),
        RebalanceOptions::describe(),
        Credentials::describe(),
        TopologyInitialStatus::describe(),
        SubmitOptions::describe(),
        NumErrorsChoice::describe(),
        GetInfoOptions::describe(),
        LogLevelAction::describe(),
        LogLevel::describe(),
        LogConfig::describe(),
        ProfileAction::describe(),
        ProfileRequest::describe(),
        AccessControlType::describe(),
        AccessControl::describe(),
        SettableBlobMeta::describe(),
        ReadableBlobMeta::describe(),
        ListBlobsResult::describe(),
        BeginDownloadResult::describe(),
        SupervisorInfo::describe(),
        NodeInfo::describe(),
        WorkerResources::describe(),
        Assignment::describe(),
        TopologyStatus::describe(),
        TopologyActionOptions::describe(),
        StormBase::describe(),
        ClusterWorkerHeartbeat::describe(),
        ThriftSerializedObject::describe(),
        LocalStateData::describe(),
        LocalAssignment::describe(),
        LSSupervisorId::describe(),
        LSApprovedWorkers::describe(),
        LSSupervisorAssignments::describe(),
        LSWorkerHeartbeat::describe(),
        LSTopoHistory::describe(),
        LSTopoHistoryList::describe(),
        SupervisorWorkerHeartbeat::describe(),
        SupervisorWorkerHeartbeats::describe(),
        SupervisorAssignments::describe(),
        WorkerMetricPoint::describe(),
        WorkerMetricList::describe(),
        WorkerMetrics::describe(),
        DRPCRequest::describe(),
        DRPCExceptionType::describe(),
        WorkerTokenServiceType::describe(),
        WorkerTokenInfo::describe(),
        WorkerToken::describe(),
        PrivateWorkerKey::describe(),
        HBServerMessageType::describe(),
        HBPulse::describe(),
        HBRecords::describe(),
        HBNodes::describe(),
        HBMessageData::describe(),
        HBMessage::describe(),
    ]
}
