//! Exceptions.

use super::DRPCExceptionType;

thrift_struct! {
    Exception AlreadyAliveException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { AlreadyAliveException { msg required } }

thrift_struct! {
    Exception NotAliveException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { NotAliveException { msg required } }

thrift_struct! {
    Exception AuthorizationException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { AuthorizationException { msg required } }

thrift_struct! {
    Exception InvalidTopologyException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { InvalidTopologyException { msg required } }

thrift_struct! {
    Exception KeyNotFoundException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { KeyNotFoundException { msg required } }

thrift_struct! {
    Exception IllegalStateException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { IllegalStateException { msg required } }

thrift_struct! {
    Exception KeyAlreadyExistsException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { KeyAlreadyExistsException { msg required } }

thrift_struct! {
    Exception DRPCExecutionException [Eq] {
        1 required msg "msg" String;
        2 optional r#type "type" DRPCExceptionType;
    }
}
thrift_default! { DRPCExecutionException { msg required, r#type optional } }

thrift_struct! {
    Exception HBAuthorizationException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { HBAuthorizationException { msg required } }

thrift_struct! {
    Exception HBExecutionException [Eq] {
        1 required msg "msg" String;
    }
}
thrift_default! { HBExecutionException { msg required } }
