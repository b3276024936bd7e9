//! Worker tokens.

use bytes::Bytes;

thrift_enum! {
    WorkerTokenServiceType {
        Nimbus = 0 "NIMBUS",
        Drpc = 1 "DRPC",
        Supervisor = 2 "SUPERVISOR",
    }
}

thrift_struct! {
    Struct WorkerTokenInfo {
        1 required user_name "userName" String;
        2 required topology_id "topologyId" String;
        3 required secret_version "secretVersion" i64;
        4 required expiration_time_millis "expirationTimeMillis" i64;
    }
}
thrift_default! { WorkerTokenInfo { user_name required, topology_id required, secret_version required, expiration_time_millis required } }

thrift_struct! {
    Struct WorkerToken {
        1 required service_type "serviceType" WorkerTokenServiceType;
        /// Serialised WorkerTokenInfo kept as opaque bytes so the signature stays valid.
        2 required info "info" Bytes;
        3 required signature "signature" Bytes;
    }
}
thrift_default! { WorkerToken { service_type required, info required, signature required } }

thrift_struct! {
    Struct PrivateWorkerKey {
        1 required key "key" Bytes;
        2 required user_name "userName" String;
        3 required expiration_time_millis "expirationTimeMillis" i64;
    }
}
thrift_default! { PrivateWorkerKey { key required, user_name required, expiration_time_millis required } }
