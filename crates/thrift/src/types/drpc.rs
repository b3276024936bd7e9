//! DRPC.

thrift_struct! {
    Struct DRPCRequest {
        1 required func_args "func_args" String;
        /// Empty string = nothing waiting.
        2 required request_id "request_id" String;
    }
}
thrift_default! { DRPCRequest { func_args required, request_id required } }

thrift_enum! {
    DRPCExceptionType {
        InternalError = 0 "INTERNAL_ERROR",
        ServerShutdown = 1 "SERVER_SHUTDOWN",
        ServerTimeout = 2 "SERVER_TIMEOUT",
        FailedRequest = 3 "FAILED_REQUEST",
    }
}
