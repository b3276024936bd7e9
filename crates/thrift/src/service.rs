//! The macro that turns the table of a service into its handler trait, dispatcher, client and description.

use std::future::Future;
use std::net::SocketAddr;

use crate::message::ServiceError;
use crate::wire::{DecodeError, Reader, Wire, write_field};

/// Who calls.
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub peer: SocketAddr,
    /// The authenticated caller; `None` with the simple transport, which does not authenticate.
    pub principal: Option<String>,
}

/// What became of one call: the body of the reply has been written, or an error is to travel instead.
pub type Dispatched = Result<(), ServiceError>;

/// A service that a server can put behind a port.
pub trait Dispatch: Send + Sync + 'static {
    /// Decodes the arguments of `method` from `args`, runs it and writes the result struct to `out`.
    fn dispatch(
        &self,
        ctx: &RequestContext,
        method: &str,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Result<Dispatched, UnknownMethod>> + Send;
}

/// The service has no method of that name.
#[derive(Debug)]
pub struct UnknownMethod;

/// The type of a method's result: a [`Wire`] type, or `()` for `void`.
pub trait Returns: Sized {
    fn name() -> String;
    fn write_success(&self, out: &mut Vec<u8>);
    /// The value for a reply without a success field, if there is one.
    fn absent() -> Option<Self>;
    fn read_success(r: &mut Reader<'_>, code: u8) -> Result<Option<Self>, DecodeError>;
}

impl Returns for () {
    fn name() -> String {
        "void".to_owned()
    }
    fn write_success(&self, _: &mut Vec<u8>) {}
    fn absent() -> Option<()> {
        Some(())
    }
    fn read_success(r: &mut Reader<'_>, code: u8) -> Result<Option<()>, DecodeError> {
        r.skip(code).map(|()| None)
    }
}

impl<T: Wire> Returns for T {
    fn name() -> String {
        T::type_name()
    }
    fn write_success(&self, out: &mut Vec<u8>) {
        write_field(out, T::TYPE, 0);
        self.write(out);
    }
    fn absent() -> Option<T> {
        None
    }
    fn read_success(r: &mut Reader<'_>, code: u8) -> Result<Option<T>, DecodeError> {
        if code == T::TYPE { T::read(r).map(Some) } else { r.skip(code).map(|()| None) }
    }
}

macro_rules! thrift_service {
    ($service:ident $client:ident $handler:ident $dispatcher:ident {
        $( $(#[$m:meta])* $wire:ident $method:ident(
            $( $id:literal $req:ident $arg:ident $arg_wire:literal $t:ty ),*
        ) -> $ret:ty, throws( $( $throw_id:literal $throw_name:ident $throw:ident ),* ); )*
    }) => {
        #[doc = concat!("The methods of the service `", stringify!($service), "`.")]
        pub trait $handler: Send + Sync + 'static {
            $( $(#[$m])* fn $method(
                &self, ctx: &$crate::service::RequestContext, $( $arg: field_type!($req $t) ),*
            ) -> impl std::future::Future<Output = Result<$ret, $crate::message::ServiceError>> + Send; )*
        }

        #[doc = concat!("Puts a [`", stringify!($handler), "`] behind a port.")]
        #[derive(Debug)]
        pub struct $dispatcher<H>(pub std::sync::Arc<H>);

        impl<H: $handler> $crate::service::Dispatch for $dispatcher<H> {
            async fn dispatch(
                &self, ctx: &$crate::service::RequestContext, method: &str, args: &[u8], out: &mut Vec<u8>,
            ) -> Result<$crate::service::Dispatched, $crate::service::UnknownMethod> {
                match method {
                    $( stringify!($wire) => {
                        #[allow(unused_variables)]
                        let decoded = (|| {
                            let mut reader = $crate::wire::Reader::new(args);
                            let r = &mut reader;
                            read_fields!(r, $( $id $arg $t ),*);
                            Ok::<_, $crate::wire::DecodeError>(
                                ( $( field_finish!($req, $arg, stringify!($wire), $arg_wire), )* ))
                        })();
                        #[allow(clippy::let_unit_value)]
                        let ( $( $arg, )* ) = match decoded {
                            Ok(args) => args,
                            Err(e) => return Ok(Err($crate::message::ApplicationError::new(
                                $crate::message::application::PROTOCOL_ERROR, e.to_string()).into())),
                        };
                        Ok(match self.0.$method(ctx, $( $arg ),*).await {
                            Ok(value) => {
                                $crate::service::Returns::write_success(&value, out);
                                out.push($crate::wire::ttype::STOP);
                                Ok(())
                            }
                            Err($crate::message::ServiceError::NoResult) => {
                                out.push($crate::wire::ttype::STOP);
                                Ok(())
                            }
                            $( Err($crate::message::ServiceError::Declared($crate::message::Exception::$throw(e))) => {
                                $crate::wire::write_field(out, $crate::wire::ttype::STRUCT, $throw_id);
                                $crate::wire::Wire::write(&e, out);
                                out.push($crate::wire::ttype::STOP);
                                Ok(())
                            } )*
                            Err(e) => Err(e),
                        })
                    } )*
                    _ => Err($crate::service::UnknownMethod),
                }
            }
        }

        #[doc = concat!("Calls the service `", stringify!($service), "` over one connection.")]
        #[derive(Debug)]
        pub struct $client {
            connection: $crate::client::Connection,
        }

        impl $client {
            pub fn new(connection: $crate::client::Connection) -> $client {
                $client { connection }
            }

            /// Where this client is connected to, `host:port`.
            pub fn address(&self) -> &str {
                self.connection.address()
            }

            $( $(#[$m])*
            #[allow(clippy::too_many_arguments)]
            pub async fn $method(&mut self, $( $arg: field_type!($req $t) ),*) -> Result<$ret, $crate::client::ClientError> {
                let reply = self.connection.call(stringify!($wire), |out| {
                    $( field_write!($req, $t, out, $id, $arg); )*
                    out.push($crate::wire::ttype::STOP);
                }).await?;
                let decoded = (|| {
                    let mut reader = $crate::wire::Reader::new(&reply);
                    let r = &mut reader;
                    let mut value = <$ret as $crate::service::Returns>::absent();
                    while let Some((code, id)) = r.field()? {
                        match id {
                            0 => {
                                if let Some(v) = <$ret as $crate::service::Returns>::read_success(r, code)? {
                                    value = Some(v);
                                }
                            }
                            $( $throw_id if code == $crate::wire::ttype::STRUCT => {
                                let e = <$crate::types::$throw as $crate::wire::Wire>::read(r)?;
                                return Ok::<_, $crate::wire::DecodeError>(Err($crate::message::Exception::from(e)));
                            } )*
                            _ => r.skip(code)?,
                        }
                    }
                    Ok(Ok(value))
                })();
                self.connection.finish(stringify!($wire), decoded)
            } )*
        }

        #[doc = concat!("The table of the service `", stringify!($service), "`.")]
        pub fn describe() -> $crate::describe::ServiceDesc {
            $crate::describe::ServiceDesc {
                name: stringify!($service),
                methods: vec![ $( $crate::describe::MethodDesc {
                    name: stringify!($wire),
                    args: field_descs!($( $id "default", $arg_wire $t ),*),
                    returns: <$ret as $crate::service::Returns>::name(),
                    throws: vec![ $( ($throw_id, stringify!($throw_name), stringify!($throw)) ),* ],
                } ),* ],
            }
        }
    };
}
