//! The services of the DRPC daemon: calls from outside here, and [`invocations`] for the topology.

pub mod invocations;

thrift_service! {
    DistributedRPC DistributedRPCClient DistributedRPCHandler DistributedRPCService {
        /// Blocks until result or timeout.
        execute execute(1 required function_name "functionName" String, 2 required func_args "funcArgs" String) -> String, throws(1 e DRPCExecutionException, 2 aze AuthorizationException);
    }
}
