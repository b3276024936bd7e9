//! Cluster state (ZooKeeper).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{DebugOptions, ExecutorInfo, ExecutorStats, KillOptions, RebalanceOptions};

thrift_struct! {
    Struct SupervisorInfo {
        1 required time_secs "time_secs" i64;
        2 required hostname "hostname" String;
        /// Same as the supervisor id unless an embedder overrides it.
        3 optional assignment_id "assignment_id" String;
        /// NOTE i64 elements.
        4 optional used_ports "used_ports" Vec<i64>;
        /// Slot ports (supervisor.slots.ports); i64 elements.
        5 optional meta "meta" Vec<i64>;
        6 optional scheduler_meta "scheduler_meta" BTreeMap<String, String>;
        7 optional uptime_secs "uptime_secs" i64;
        8 optional version "version" String;
        9 optional resources_map "resources_map" BTreeMap<String, f64>;
        /// Supervisor thrift port (absent -> 0).
        10 optional server_port "server_port" i32;
    }
}
thrift_default! { SupervisorInfo { time_secs required, hostname required, assignment_id optional, used_ports optional, meta optional, scheduler_meta optional, uptime_secs optional, version optional, resources_map optional, server_port optional } }

thrift_struct! {
    Struct NodeInfo [Eq, PartialOrd, Ord, Hash] {
        1 required node "node" String;
        2 required port "port" BTreeSet<i64>;
    }
}
thrift_default! { NodeInfo { node required, port required } }

thrift_struct! {
    Struct WorkerResources {
        1 optional mem_on_heap "mem_on_heap" f64;
        2 optional mem_off_heap "mem_off_heap" f64;
        3 optional cpu "cpu" f64;
        4 optional shared_mem_on_heap "shared_mem_on_heap" f64;
        5 optional shared_mem_off_heap "shared_mem_off_heap" f64;
        6 optional resources "resources" BTreeMap<String, f64>;
        7 optional shared_resources "shared_resources" BTreeMap<String, f64>;
    }
}
thrift_default! { WorkerResources { mem_on_heap optional, mem_off_heap optional, cpu optional, shared_mem_on_heap optional, shared_mem_off_heap optional, resources optional, shared_resources optional } }

thrift_struct! {
    Struct Assignment {
        /// Nimbus local.dir, informational.
        1 required master_code_dir "master_code_dir" String;
        /// Supervisor id -> host.
        2 preset node_host "node_host" BTreeMap<String, String> = BTreeMap::new();
        /// Key = \[task_start, task_end]; value has exactly one port.
        3 preset executor_node_port "executor_node_port" BTreeMap<Vec<i64>, NodeInfo> = BTreeMap::new();
        /// Same key; value = unix secs.
        4 preset executor_start_time_secs "executor_start_time_secs" BTreeMap<Vec<i64>, i64> = BTreeMap::new();
        /// STRUCT-KEYED map.
        5 preset worker_resources "worker_resources" BTreeMap<NodeInfo, WorkerResources> = BTreeMap::new();
        /// Supervisor id -> MB.
        6 preset total_shared_off_heap "total_shared_off_heap" BTreeMap<String, f64> = BTreeMap::new();
        7 optional owner "owner" String;
    }
}
thrift_default! { Assignment { master_code_dir required, node_host preset = BTreeMap::new(), executor_node_port preset = BTreeMap::new(), executor_start_time_secs preset = BTreeMap::new(), worker_resources preset = BTreeMap::new(), total_shared_off_heap preset = BTreeMap::new(), owner optional } }

thrift_enum! {
    TopologyStatus {
        Active = 1 "ACTIVE",
        Inactive = 2 "INACTIVE",
        Rebalancing = 3 "REBALANCING",
        Killed = 4 "KILLED",
    }
}

thrift_union! {
    TopologyActionOptions {
        1 KillOptions "kill_options" KillOptions;
        2 RebalanceOptions "rebalance_options" RebalanceOptions;
    }
}

thrift_struct! {
    Struct StormBase {
        1 required name "name" String;
        2 required status "status" TopologyStatus;
        3 required num_workers "num_workers" i32;
        /// Component id -> executor count.
        4 optional component_executors "component_executors" BTreeMap<String, i32>;
        5 optional launch_time_secs "launch_time_secs" i32;
        6 optional owner "owner" String;
        7 optional topology_action_options "topology_action_options" TopologyActionOptions;
        /// Status to go back to after a rebalance.
        8 optional prev_status "prev_status" TopologyStatus;
        /// Key = component id, or the topology id for topology-wide.
        9 optional component_debug "component_debug" BTreeMap<String, DebugOptions>;
        10 optional principal "principal" String;
        11 optional topology_version "topology_version" String;
    }
}
thrift_default! { StormBase { name required, status required, num_workers required, component_executors optional, launch_time_secs optional, owner optional, topology_action_options optional, prev_status optional, component_debug optional, principal optional, topology_version optional } }

thrift_struct! {
    Struct ClusterWorkerHeartbeat {
        1 required storm_id "storm_id" String;
        /// STRUCT-KEYED map.
        2 required executor_stats "executor_stats" BTreeMap<ExecutorInfo, ExecutorStats>;
        /// I64 in master (3.0-SNAPSHOT).
        3 required time_secs "time_secs" i32;
        4 required uptime_secs "uptime_secs" i32;
    }
}
thrift_default! { ClusterWorkerHeartbeat { storm_id required, executor_stats required, time_secs required, uptime_secs required } }

thrift_struct! {
    Struct ThriftSerializedObject {
        /// Java class name of the payload.
        1 required name "name" String;
        2 required bits "bits" Bytes;
    }
}
thrift_default! { ThriftSerializedObject { name required, bits required } }
