//! Heartbeats, assignments, metrics over RPC.

use std::collections::BTreeMap;

use super::{Assignment, ExecutorInfo};

thrift_struct! {
    Struct SupervisorWorkerHeartbeat {
        1 required storm_id "storm_id" String;
        2 required executors "executors" Vec<ExecutorInfo>;
        /// I64 in master (3.0-SNAPSHOT).
        3 required time_secs "time_secs" i32;
    }
}
thrift_default! { SupervisorWorkerHeartbeat { storm_id required, executors required, time_secs required } }

thrift_struct! {
    Struct SupervisorWorkerHeartbeats {
        1 required supervisor_id "supervisor_id" String;
        2 required worker_heartbeats "worker_heartbeats" Vec<SupervisorWorkerHeartbeat>;
    }
}
thrift_default! { SupervisorWorkerHeartbeats { supervisor_id required, worker_heartbeats required } }

thrift_struct! {
    Struct SupervisorAssignments {
        1 preset storm_assignment "storm_assignment" BTreeMap<String, Assignment> = BTreeMap::new();
    }
}
thrift_default! { SupervisorAssignments { storm_assignment preset = BTreeMap::new() } }

thrift_struct! {
    Struct WorkerMetricPoint {
        1 required metric_name "metricName" String;
        2 required timestamp "timestamp" i64;
        3 required metric_value "metricValue" f64;
        4 required component_id "componentId" String;
        5 required executor_id "executorId" String;
        6 required stream_id "streamId" String;
    }
}
thrift_default! { WorkerMetricPoint { metric_name required, timestamp required, metric_value required, component_id required, executor_id required, stream_id required } }

thrift_struct! {
    Struct WorkerMetricList {
        1 default metrics "metrics" Vec<WorkerMetricPoint>;
    }
}
thrift_default! { WorkerMetricList { metrics default } }

thrift_struct! {
    Struct WorkerMetrics {
        1 required topology_id "topologyId" String;
        2 required port "port" i32;
        3 required hostname "hostname" String;
        4 required metric_list "metricList" WorkerMetricList;
    }
}
thrift_default! { WorkerMetrics { topology_id required, port required, hostname required, metric_list required } }
