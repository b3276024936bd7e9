//! Cluster and topology summaries.

use std::collections::BTreeMap;

use super::{
    ComponentAggregateStats, ComponentType, ExecutorAggregateStats, ExecutorSummary, GlobalStreamId, TopologyStats,
};

thrift_struct! {
    Struct TopologySummary {
        1 required id "id" String;
        2 required name "name" String;
        3 required num_tasks "num_tasks" i32;
        4 required num_executors "num_executors" i32;
        5 required num_workers "num_workers" i32;
        6 required uptime_secs "uptime_secs" i32;
        7 required status "status" String;
        8 optional storm_version "storm_version" String;
        9 optional topology_version "topology_version" String;
        /// Non-contiguous ids from here on.
        513 optional sched_status "sched_status" String;
        514 optional owner "owner" String;
        515 optional replication_count "replication_count" i32;
        521 optional requested_memonheap "requested_memonheap" f64;
        522 optional requested_memoffheap "requested_memoffheap" f64;
        523 optional requested_cpu "requested_cpu" f64;
        524 optional assigned_memonheap "assigned_memonheap" f64;
        525 optional assigned_memoffheap "assigned_memoffheap" f64;
        526 optional assigned_cpu "assigned_cpu" f64;
        527 optional requested_generic_resources "requested_generic_resources" BTreeMap<String, f64>;
        528 optional assigned_generic_resources "assigned_generic_resources" BTreeMap<String, f64>;
    }
}
thrift_default! { TopologySummary { id required, name required, num_tasks required, num_executors required, num_workers required, uptime_secs required, status required, storm_version optional, topology_version optional, sched_status optional, owner optional, replication_count optional, requested_memonheap optional, requested_memoffheap optional, requested_cpu optional, assigned_memonheap optional, assigned_memoffheap optional, assigned_cpu optional, requested_generic_resources optional, assigned_generic_resources optional } }

thrift_struct! {
    Struct SupervisorSummary {
        1 required host "host" String;
        2 required uptime_secs "uptime_secs" i32;
        3 required num_workers "num_workers" i32;
        4 required num_used_workers "num_used_workers" i32;
        5 required supervisor_id "supervisor_id" String;
        /// Default literal string VERSION_NOT_PROVIDED.
        6 preset version "version" String = "VERSION_NOT_PROVIDED".to_owned();
        7 optional total_resources "total_resources" BTreeMap<String, f64>;
        8 optional used_mem "used_mem" f64;
        9 optional used_cpu "used_cpu" f64;
        10 optional fragmented_mem "fragmented_mem" f64;
        11 optional fragmented_cpu "fragmented_cpu" f64;
        12 optional blacklisted "blacklisted" bool;
        13 optional used_generic_resources "used_generic_resources" BTreeMap<String, f64>;
    }
}
thrift_default! { SupervisorSummary { host required, uptime_secs required, num_workers required, num_used_workers required, supervisor_id required, version preset = "VERSION_NOT_PROVIDED".to_owned(), total_resources optional, used_mem optional, used_cpu optional, fragmented_mem optional, fragmented_cpu optional, blacklisted optional, used_generic_resources optional } }

thrift_struct! {
    Struct NimbusSummary {
        1 required host "host" String;
        2 required port "port" i32;
        3 required uptime_secs "uptime_secs" i32;
        /// Camel case.
        4 required is_leader "isLeader" bool;
        5 required version "version" String;
        6 optional tls_port "tlsPort" i32;
    }
}
thrift_default! { NimbusSummary { host required, port required, uptime_secs required, is_leader required, version required, tls_port optional } }

thrift_struct! {
    Struct ClusterSummary {
        1 required supervisors "supervisors" Vec<SupervisorSummary>;
        /// Id 2 was removed and must not be reused.
        3 required topologies "topologies" Vec<TopologySummary>;
        4 required nimbuses "nimbuses" Vec<NimbusSummary>;
    }
}
thrift_default! { ClusterSummary { supervisors required, topologies required, nimbuses required } }

thrift_struct! {
    Struct ErrorInfo {
        1 required error "error" String;
        2 required error_time_secs "error_time_secs" i32;
        3 optional host "host" String;
        4 optional port "port" i32;
    }
}
thrift_default! { ErrorInfo { error required, error_time_secs required, host optional, port optional } }

thrift_struct! {
    Struct DebugOptions {
        1 optional enable "enable" bool;
        2 optional samplingpct "samplingpct" f64;
    }
}
thrift_default! { DebugOptions { enable optional, samplingpct optional } }

thrift_struct! {
    Struct TopologyInfo {
        1 required id "id" String;
        2 required name "name" String;
        3 required uptime_secs "uptime_secs" i32;
        4 required executors "executors" Vec<ExecutorSummary>;
        5 required status "status" String;
        6 required errors "errors" BTreeMap<String, Vec<ErrorInfo>>;
        7 optional component_debug "component_debug" BTreeMap<String, DebugOptions>;
        8 optional storm_version "storm_version" String;
        513 optional sched_status "sched_status" String;
        514 optional owner "owner" String;
        515 optional replication_count "replication_count" i32;
        521 optional requested_memonheap "requested_memonheap" f64;
        522 optional requested_memoffheap "requested_memoffheap" f64;
        523 optional requested_cpu "requested_cpu" f64;
        524 optional assigned_memonheap "assigned_memonheap" f64;
        525 optional assigned_memoffheap "assigned_memoffheap" f64;
        526 optional assigned_cpu "assigned_cpu" f64;
    }
}
thrift_default! { TopologyInfo { id required, name required, uptime_secs required, executors required, status required, errors required, component_debug optional, storm_version optional, sched_status optional, owner optional, replication_count optional, requested_memonheap optional, requested_memoffheap optional, requested_cpu optional, assigned_memonheap optional, assigned_memoffheap optional, assigned_cpu optional } }

thrift_struct! {
    Struct TopologyHistoryInfo {
        1 default topo_ids "topo_ids" Vec<String>;
    }
}
thrift_default! { TopologyHistoryInfo { topo_ids default } }

thrift_struct! {
    Struct OwnerResourceSummary {
        1 required owner "owner" String;
        2 optional total_topologies "total_topologies" i32;
        3 optional total_executors "total_executors" i32;
        4 optional total_workers "total_workers" i32;
        5 optional memory_usage "memory_usage" f64;
        6 optional cpu_usage "cpu_usage" f64;
        7 optional memory_guarantee "memory_guarantee" f64;
        8 optional cpu_guarantee "cpu_guarantee" f64;
        9 optional memory_guarantee_remaining "memory_guarantee_remaining" f64;
        10 optional cpu_guarantee_remaining "cpu_guarantee_remaining" f64;
        11 optional isolated_node_guarantee "isolated_node_guarantee" i32;
        12 optional total_tasks "total_tasks" i32;
        13 optional requested_on_heap_memory "requested_on_heap_memory" f64;
        14 optional requested_off_heap_memory "requested_off_heap_memory" f64;
        15 optional requested_total_memory "requested_total_memory" f64;
        16 optional requested_cpu "requested_cpu" f64;
        17 optional assigned_on_heap_memory "assigned_on_heap_memory" f64;
        18 optional assigned_off_heap_memory "assigned_off_heap_memory" f64;
    }
}
thrift_default! { OwnerResourceSummary { owner required, total_topologies optional, total_executors optional, total_workers optional, memory_usage optional, cpu_usage optional, memory_guarantee optional, cpu_guarantee optional, memory_guarantee_remaining optional, cpu_guarantee_remaining optional, isolated_node_guarantee optional, total_tasks optional, requested_on_heap_memory optional, requested_off_heap_memory optional, requested_total_memory optional, requested_cpu optional, assigned_on_heap_memory optional, assigned_off_heap_memory optional } }

thrift_struct! {
    Struct WorkerSummary {
        1 optional supervisor_id "supervisor_id" String;
        2 optional host "host" String;
        3 optional port "port" i32;
        4 optional topology_id "topology_id" String;
        5 optional topology_name "topology_name" String;
        6 optional num_executors "num_executors" i32;
        7 optional component_to_num_tasks "component_to_num_tasks" BTreeMap<String, i64>;
        8 optional time_secs "time_secs" i32;
        9 optional uptime_secs "uptime_secs" i32;
        521 optional requested_memonheap "requested_memonheap" f64;
        522 optional requested_memoffheap "requested_memoffheap" f64;
        523 optional requested_cpu "requested_cpu" f64;
        524 optional assigned_memonheap "assigned_memonheap" f64;
        525 optional assigned_memoffheap "assigned_memoffheap" f64;
        526 optional assigned_cpu "assigned_cpu" f64;
        527 optional owner "owner" String;
    }
}
thrift_default! { WorkerSummary { supervisor_id optional, host optional, port optional, topology_id optional, topology_name optional, num_executors optional, component_to_num_tasks optional, time_secs optional, uptime_secs optional, requested_memonheap optional, requested_memoffheap optional, requested_cpu optional, assigned_memonheap optional, assigned_memoffheap optional, assigned_cpu optional, owner optional } }

thrift_struct! {
    Struct SupervisorPageInfo {
        1 optional supervisor_summaries "supervisor_summaries" Vec<SupervisorSummary>;
        2 optional worker_summaries "worker_summaries" Vec<WorkerSummary>;
    }
}
thrift_default! { SupervisorPageInfo { supervisor_summaries optional, worker_summaries optional } }

thrift_struct! {
    Struct TopologyPageInfo {
        1 required id "id" String;
        2 optional name "name" String;
        3 optional uptime_secs "uptime_secs" i32;
        4 optional status "status" String;
        5 optional num_tasks "num_tasks" i32;
        6 optional num_workers "num_workers" i32;
        7 optional num_executors "num_executors" i32;
        /// JSON string.
        8 optional topology_conf "topology_conf" String;
        9 optional id_to_spout_agg_stats "id_to_spout_agg_stats" BTreeMap<String, ComponentAggregateStats>;
        10 optional id_to_bolt_agg_stats "id_to_bolt_agg_stats" BTreeMap<String, ComponentAggregateStats>;
        11 optional sched_status "sched_status" String;
        12 optional topology_stats "topology_stats" TopologyStats;
        13 optional owner "owner" String;
        14 optional debug_options "debug_options" DebugOptions;
        15 optional replication_count "replication_count" i32;
        16 optional workers "workers" Vec<WorkerSummary>;
        17 optional storm_version "storm_version" String;
        18 optional topology_version "topology_version" String;
        521 optional requested_memonheap "requested_memonheap" f64;
        522 optional requested_memoffheap "requested_memoffheap" f64;
        523 optional requested_cpu "requested_cpu" f64;
        524 optional assigned_memonheap "assigned_memonheap" f64;
        525 optional assigned_memoffheap "assigned_memoffheap" f64;
        526 optional assigned_cpu "assigned_cpu" f64;
        527 optional requested_regular_on_heap_memory "requested_regular_on_heap_memory" f64;
        528 optional requested_shared_on_heap_memory "requested_shared_on_heap_memory" f64;
        529 optional requested_regular_off_heap_memory "requested_regular_off_heap_memory" f64;
        530 optional requested_shared_off_heap_memory "requested_shared_off_heap_memory" f64;
        531 optional assigned_regular_on_heap_memory "assigned_regular_on_heap_memory" f64;
        532 optional assigned_shared_on_heap_memory "assigned_shared_on_heap_memory" f64;
        533 optional assigned_regular_off_heap_memory "assigned_regular_off_heap_memory" f64;
        534 optional assigned_shared_off_heap_memory "assigned_shared_off_heap_memory" f64;
        535 optional requested_generic_resources "requested_generic_resources" BTreeMap<String, f64>;
        536 optional assigned_generic_resources "assigned_generic_resources" BTreeMap<String, f64>;
    }
}
thrift_default! { TopologyPageInfo { id required, name optional, uptime_secs optional, status optional, num_tasks optional, num_workers optional, num_executors optional, topology_conf optional, id_to_spout_agg_stats optional, id_to_bolt_agg_stats optional, sched_status optional, topology_stats optional, owner optional, debug_options optional, replication_count optional, workers optional, storm_version optional, topology_version optional, requested_memonheap optional, requested_memoffheap optional, requested_cpu optional, assigned_memonheap optional, assigned_memoffheap optional, assigned_cpu optional, requested_regular_on_heap_memory optional, requested_shared_on_heap_memory optional, requested_regular_off_heap_memory optional, requested_shared_off_heap_memory optional, assigned_regular_on_heap_memory optional, assigned_shared_on_heap_memory optional, assigned_regular_off_heap_memory optional, assigned_shared_off_heap_memory optional, requested_generic_resources optional, assigned_generic_resources optional } }

thrift_struct! {
    Struct ComponentPageInfo {
        1 required component_id "component_id" String;
        2 required component_type "component_type" ComponentType;
        3 optional topology_id "topology_id" String;
        4 optional topology_name "topology_name" String;
        5 optional num_executors "num_executors" i32;
        6 optional num_tasks "num_tasks" i32;
        /// Key = window string.
        7 optional window_to_stats "window_to_stats" BTreeMap<String, ComponentAggregateStats>;
        /// STRUCT-KEYED map.
        8 optional gsid_to_input_stats "gsid_to_input_stats" BTreeMap<GlobalStreamId, ComponentAggregateStats>;
        9 optional sid_to_output_stats "sid_to_output_stats" BTreeMap<String, ComponentAggregateStats>;
        10 optional exec_stats "exec_stats" Vec<ExecutorAggregateStats>;
        11 optional errors "errors" Vec<ErrorInfo>;
        12 optional eventlog_host "eventlog_host" String;
        13 optional eventlog_port "eventlog_port" i32;
        14 optional debug_options "debug_options" DebugOptions;
        15 optional topology_status "topology_status" String;
        16 optional resources_map "resources_map" BTreeMap<String, f64>;
    }
}
thrift_default! { ComponentPageInfo { component_id required, component_type required, topology_id optional, topology_name optional, num_executors optional, num_tasks optional, window_to_stats optional, gsid_to_input_stats optional, sid_to_output_stats optional, exec_stats optional, errors optional, eventlog_host optional, eventlog_port optional, debug_options optional, topology_status optional, resources_map optional } }
