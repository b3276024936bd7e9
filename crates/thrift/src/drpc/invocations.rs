//! The side of DRPC that a topology fetches requests from and returns results to.

use crate::types::{DRPCExecutionException, DRPCRequest};

thrift_service! {
    DistributedRPCInvocations DistributedRPCInvocationsClient DistributedRPCInvocationsHandler DistributedRPCInvocationsService {
        result result(1 required id "id" String, 2 required result "result" String) -> (), throws(1 aze AuthorizationException);
        /// Non-blocking; empty ids when nothing pending.
        fetchRequest fetch_request(1 required function_name "functionName" String) -> DRPCRequest, throws(1 aze AuthorizationException);
        failRequest fail_request(1 required id "id" String) -> (), throws(1 aze AuthorizationException);
        /// Newer form with typed reason.
        failRequestV2 fail_request_v2(1 required id "id" String, 2 required e "e" DRPCExecutionException) -> (), throws(1 aze AuthorizationException);
    }
}
