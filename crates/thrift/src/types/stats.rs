//! Statistics.

use std::collections::BTreeMap;

use super::{ErrorInfo, GlobalStreamId};

thrift_struct! {
    Struct BoltStats {
        /// Window -> (source stream -> count).
        1 required acked "acked" BTreeMap<String, BTreeMap<GlobalStreamId, i64>>;
        /// Window -> (source stream -> count).
        2 required failed "failed" BTreeMap<String, BTreeMap<GlobalStreamId, i64>>;
        /// Window -> (source stream -> ms).
        3 required process_ms_avg "process_ms_avg" BTreeMap<String, BTreeMap<GlobalStreamId, f64>>;
        /// Window -> (source stream -> count).
        4 required executed "executed" BTreeMap<String, BTreeMap<GlobalStreamId, i64>>;
        /// Window -> (source stream -> ms).
        5 required execute_ms_avg "execute_ms_avg" BTreeMap<String, BTreeMap<GlobalStreamId, f64>>;
    }
}
thrift_default! { BoltStats { acked required, failed required, process_ms_avg required, executed required, execute_ms_avg required } }

thrift_struct! {
    Struct SpoutStats {
        /// Window -> (own stream -> count).
        1 required acked "acked" BTreeMap<String, BTreeMap<String, i64>>;
        /// Window -> (own stream -> count).
        2 required failed "failed" BTreeMap<String, BTreeMap<String, i64>>;
        /// Window -> (own stream -> ms).
        3 required complete_ms_avg "complete_ms_avg" BTreeMap<String, BTreeMap<String, f64>>;
    }
}
thrift_default! { SpoutStats { acked required, failed required, complete_ms_avg required } }

thrift_union! {
    ExecutorSpecificStats {
        1 Bolt "bolt" BoltStats;
        2 Spout "spout" SpoutStats;
    }
}

thrift_struct! {
    Struct ExecutorStats {
        /// Window -> (own stream -> count).
        1 required emitted "emitted" BTreeMap<String, BTreeMap<String, i64>>;
        /// Window -> (own stream -> count).
        2 required transferred "transferred" BTreeMap<String, BTreeMap<String, i64>>;
        3 required specific "specific" ExecutorSpecificStats;
        /// Sampling rate.
        4 required rate "rate" f64;
    }
}

thrift_struct! {
    Struct ExecutorInfo [Eq, PartialOrd, Ord, Hash] {
        1 required task_start "task_start" i32;
        2 required task_end "task_end" i32;
    }
}
thrift_default! { ExecutorInfo { task_start required, task_end required } }

thrift_struct! {
    Struct ExecutorSummary {
        1 required executor_info "executor_info" ExecutorInfo;
        2 required component_id "component_id" String;
        3 required host "host" String;
        4 required port "port" i32;
        5 required uptime_secs "uptime_secs" i32;
        /// Id 6 is unused.
        7 optional stats "stats" ExecutorStats;
    }
}
thrift_default! { ExecutorSummary { executor_info required, component_id required, host required, port required, uptime_secs required, stats optional } }

thrift_struct! {
    Struct CommonAggregateStats {
        1 optional num_executors "num_executors" i32;
        2 optional num_tasks "num_tasks" i32;
        3 optional emitted "emitted" i64;
        4 optional transferred "transferred" i64;
        5 optional acked "acked" i64;
        6 optional failed "failed" i64;
        7 optional resources_map "resources_map" BTreeMap<String, f64>;
    }
}
thrift_default! { CommonAggregateStats { num_executors optional, num_tasks optional, emitted optional, transferred optional, acked optional, failed optional, resources_map optional } }

thrift_struct! {
    Struct SpoutAggregateStats {
        1 optional complete_latency_ms "complete_latency_ms" f64;
    }
}
thrift_default! { SpoutAggregateStats { complete_latency_ms optional } }

thrift_struct! {
    Struct BoltAggregateStats {
        1 optional execute_latency_ms "execute_latency_ms" f64;
        2 optional process_latency_ms "process_latency_ms" f64;
        3 optional executed "executed" i64;
        4 optional capacity "capacity" f64;
    }
}
thrift_default! { BoltAggregateStats { execute_latency_ms optional, process_latency_ms optional, executed optional, capacity optional } }

thrift_union! {
    SpecificAggregateStats {
        1 Bolt "bolt" BoltAggregateStats;
        2 Spout "spout" SpoutAggregateStats;
    }
}

thrift_enum! {
    ComponentType {
        Bolt = 1 "BOLT",
        Spout = 2 "SPOUT",
    }
}

thrift_struct! {
    Struct ComponentAggregateStats {
        1 optional r#type "type" ComponentType;
        2 optional common_stats "common_stats" CommonAggregateStats;
        3 optional specific_stats "specific_stats" SpecificAggregateStats;
        4 optional last_error "last_error" ErrorInfo;
    }
}
thrift_default! { ComponentAggregateStats { r#type optional, common_stats optional, specific_stats optional, last_error optional } }

thrift_struct! {
    Struct TopologyStats {
        1 optional window_to_emitted "window_to_emitted" BTreeMap<String, i64>;
        2 optional window_to_transferred "window_to_transferred" BTreeMap<String, i64>;
        3 optional window_to_complete_latencies_ms "window_to_complete_latencies_ms" BTreeMap<String, f64>;
        4 optional window_to_acked "window_to_acked" BTreeMap<String, i64>;
        5 optional window_to_failed "window_to_failed" BTreeMap<String, i64>;
    }
}
thrift_default! { TopologyStats { window_to_emitted optional, window_to_transferred optional, window_to_complete_latencies_ms optional, window_to_acked optional, window_to_failed optional } }

thrift_struct! {
    Struct ExecutorAggregateStats {
        1 optional exec_summary "exec_summary" ExecutorSummary;
        2 optional stats "stats" ComponentAggregateStats;
    }
}
thrift_default! { ExecutorAggregateStats { exec_summary optional, stats optional } }
