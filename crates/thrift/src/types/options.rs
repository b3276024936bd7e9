//! Options for calls.

use std::collections::BTreeMap;

use super::NodeInfo;

thrift_struct! {
    Struct KillOptions {
        1 optional wait_secs "wait_secs" i32;
    }
}
thrift_default! { KillOptions { wait_secs optional } }

thrift_struct! {
    Struct RebalanceOptions {
        1 optional wait_secs "wait_secs" i32;
        2 optional num_workers "num_workers" i32;
        /// Component id -> new executor count.
        3 optional num_executors "num_executors" BTreeMap<String, i32>;
        4 optional topology_resources_overrides "topology_resources_overrides" BTreeMap<String, BTreeMap<String, f64>>;
        /// JSON object as a string.
        5 optional topology_conf_overrides "topology_conf_overrides" String;
        /// Overwritten by Nimbus; client value ignored.
        6 optional principal "principal" String;
    }
}
thrift_default! { RebalanceOptions { wait_secs optional, num_workers optional, num_executors optional, topology_resources_overrides optional, topology_conf_overrides optional, principal optional } }

thrift_struct! {
    Struct Credentials {
        1 required creds "creds" BTreeMap<String, String>;
        /// Camel case.
        2 optional topo_owner "topoOwner" String;
    }
}
thrift_default! { Credentials { creds required, topo_owner optional } }

thrift_enum! {
    TopologyInitialStatus {
        Active = 1 "ACTIVE",
        Inactive = 2 "INACTIVE",
    }
}

thrift_struct! {
    Struct SubmitOptions {
        1 required initial_status "initial_status" TopologyInitialStatus;
        2 optional creds "creds" Credentials;
    }
}
thrift_default! { SubmitOptions { initial_status required, creds optional } }

thrift_enum! {
    NumErrorsChoice {
        All = 0 "ALL",
        None = 1 "NONE",
        One = 2 "ONE",
    }
}

thrift_struct! {
    Struct GetInfoOptions {
        1 optional num_err_choice "num_err_choice" NumErrorsChoice;
    }
}
thrift_default! { GetInfoOptions { num_err_choice optional } }

thrift_enum! {
    LogLevelAction {
        Unchanged = 1 "UNCHANGED",
        Update = 2 "UPDATE",
        Remove = 3 "REMOVE",
    }
}

thrift_struct! {
    Struct LogLevel {
        1 required action "action" LogLevelAction;
        2 optional target_log_level "target_log_level" String;
        /// 0 = never reset.
        3 optional reset_log_level_timeout_secs "reset_log_level_timeout_secs" i32;
        /// Filled by Nimbus (unix ms, see rest.md/scheduling.md).
        4 optional reset_log_level_timeout_epoch "reset_log_level_timeout_epoch" i64;
        /// Level to return to; INFO if unset.
        5 optional reset_log_level "reset_log_level" String;
    }
}
thrift_default! { LogLevel { action required, target_log_level optional, reset_log_level_timeout_secs optional, reset_log_level_timeout_epoch optional, reset_log_level optional } }

thrift_struct! {
    Struct LogConfig {
        /// Field id is 2; id 1 is unused.
        2 optional named_logger_level "named_logger_level" BTreeMap<String, LogLevel>;
    }
}
thrift_default! { LogConfig { named_logger_level optional } }

thrift_enum! {
    ProfileAction {
        JprofileStop = 0 "JPROFILE_STOP",
        JprofileStart = 1 "JPROFILE_START",
        JprofileDump = 2 "JPROFILE_DUMP",
        JmapDump = 3 "JMAP_DUMP",
        JstackDump = 4 "JSTACK_DUMP",
        JvmRestart = 5 "JVM_RESTART",
    }
}

thrift_struct! {
    Struct ProfileRequest {
        1 required node_info "nodeInfo" NodeInfo;
        2 required action "action" ProfileAction;
        3 optional time_stamp "time_stamp" i64;
    }
}
thrift_default! { ProfileRequest { node_info required, action required, time_stamp optional } }
