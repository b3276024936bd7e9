//! Local state (files).

use std::collections::BTreeMap;

use super::{ExecutorInfo, ThriftSerializedObject, WorkerResources};

thrift_struct! {
    Struct LocalStateData {
        1 required serialized_parts "serialized_parts" BTreeMap<String, ThriftSerializedObject>;
    }
}
thrift_default! { LocalStateData { serialized_parts required } }

thrift_struct! {
    Struct LocalAssignment {
        1 required topology_id "topology_id" String;
        2 required executors "executors" Vec<ExecutorInfo>;
        3 optional resources "resources" WorkerResources;
        /// MB of off-heap memory shared by this topology on the node.
        4 optional total_node_shared "total_node_shared" f64;
        5 optional owner "owner" String;
    }
}
thrift_default! { LocalAssignment { topology_id required, executors required, resources optional, total_node_shared optional, owner optional } }

thrift_struct! {
    Struct LSSupervisorId {
        1 required supervisor_id "supervisor_id" String;
    }
}
thrift_default! { LSSupervisorId { supervisor_id required } }

thrift_struct! {
    Struct LSApprovedWorkers {
        /// Worker id -> port.
        1 required approved_workers "approved_workers" BTreeMap<String, i32>;
    }
}
thrift_default! { LSApprovedWorkers { approved_workers required } }

thrift_struct! {
    Struct LSSupervisorAssignments {
        /// Port -> assignment.
        1 required assignments "assignments" BTreeMap<i32, LocalAssignment>;
    }
}
thrift_default! { LSSupervisorAssignments { assignments required } }

thrift_struct! {
    Struct LSWorkerHeartbeat {
        /// I64 in master (3.0-SNAPSHOT).
        1 required time_secs "time_secs" i32;
        2 required topology_id "topology_id" String;
        3 required executors "executors" Vec<ExecutorInfo>;
        4 required port "port" i32;
    }
}
thrift_default! { LSWorkerHeartbeat { time_secs required, topology_id required, executors required, port required } }

thrift_struct! {
    Struct LSTopoHistory {
        1 required topology_id "topology_id" String;
        2 required time_stamp "time_stamp" i64;
        3 required users "users" Vec<String>;
        4 required groups "groups" Vec<String>;
    }
}
thrift_default! { LSTopoHistory { topology_id required, time_stamp required, users required, groups required } }

thrift_struct! {
    Struct LSTopoHistoryList {
        1 required topo_history "topo_history" Vec<LSTopoHistory>;
    }
}
thrift_default! { LSTopoHistoryList { topo_history required } }
