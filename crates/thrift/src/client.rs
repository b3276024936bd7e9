//! A client's connection: framed, one call at a time, every step with a limit of time.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::frame::{self, FrameError};
use crate::message::{ApplicationError, Exception, Header, MessageType, application};
use crate::wire::{DecodeError, Reader};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The method answered with an exception that it declares.
    #[error("{}", .0.msg())]
    Declared(Exception),
    #[error("{method} at {address} failed: {error}")]
    Application { method: &'static str, address: String, error: ApplicationError },
    #[error("cannot connect to {address}: {cause}")]
    Connect { address: String, cause: String },
    #[error("connection to {address} failed during {method}: {cause}")]
    Transport { method: &'static str, address: String, cause: String },
    #[error("{method} at {address} did not answer within {} ms", .after.as_millis())]
    Timeout { method: &'static str, address: String, after: Duration },
    #[error("answer of {address} to {method} is not valid: {cause}")]
    Protocol { method: &'static str, address: String, cause: DecodeError },
    #[error("no Nimbus leader found: {0}; check nimbus.seeds and nimbus.thrift.port, and that a Nimbus runs there")]
    NoLeader(String),
}

impl ClientError {
    /// A stable word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            ClientError::Declared(e) => match e {
                Exception::AlreadyAliveException(_) => "nimbus/already-alive",
                Exception::NotAliveException(_) => "nimbus/not-alive",
                Exception::AuthorizationException(_) => "nimbus/not-authorized",
                Exception::InvalidTopologyException(_) => "nimbus/invalid-topology",
                Exception::KeyNotFoundException(_) => "nimbus/key-not-found",
                Exception::IllegalStateException(_) => "nimbus/illegal-state",
                Exception::KeyAlreadyExistsException(_) => "nimbus/key-already-exists",
                Exception::DRPCExecutionException(_) => "drpc/execution",
            },
            ClientError::Application { .. } => "thrift/application",
            ClientError::Connect { .. } => "thrift/connect",
            ClientError::Transport { .. } => "thrift/transport",
            ClientError::Timeout { .. } => "thrift/timeout",
            ClientError::Protocol { .. } => "thrift/protocol",
            ClientError::NoLeader(_) => "nimbus/no-leader",
        }
    }

    /// The exception that the method declares, if it is one.
    pub fn declared(&self) -> Option<&Exception> {
        match self {
            ClientError::Declared(e) => Some(e),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub connect_timeout: Duration,
    /// Limit of one call, from its first byte to the last of its answer.
    pub call_timeout: Duration,
    /// The largest answer that is read, in bytes.
    pub max_frame: usize,
}

#[derive(Debug)]
pub struct Connection {
    address: String,
    /// `None` after a failure in the middle of a call, when the stream can be anywhere.
    stream: Option<TcpStream>,
    options: ClientOptions,
    seq: i32,
}

impl Connection {
    pub async fn open(host: &str, port: u16, options: ClientOptions) -> Result<Connection, ClientError> {
        let address = format!("{host}:{port}");
        let failed = |cause: String| ClientError::Connect { address: address.clone(), cause };
        let stream = match timeout(options.connect_timeout, TcpStream::connect((host, port))).await {
            Err(_) => return Err(failed(format!("no answer within {} ms", options.connect_timeout.as_millis()))),
            Ok(Err(e)) => return Err(failed(e.to_string())),
            Ok(Ok(stream)) => stream,
        };
        stream.set_nodelay(true).map_err(|e| failed(e.to_string()))?;
        Ok(Connection { address, stream: Some(stream), options, seq: 0 })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends one call and reads its answer: the bytes of the result struct.
    pub(crate) async fn call(
        &mut self,
        method: &'static str,
        args: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Vec<u8>, ClientError> {
        self.seq = self.seq.wrapping_add(1);
        let seq = self.seq;
        let mut request = vec![0; 4];
        Header::new(method, MessageType::Call, seq).write(&mut request);
        args(&mut request);

        let transport = |cause: String| ClientError::Transport { method, address: self.address.clone(), cause };
        let Some(mut stream) = self.stream.take() else {
            return Err(transport("an earlier call had failed half way".to_owned()));
        };
        let max = self.options.max_frame;
        let exchange = async {
            frame::write(&mut stream, &mut request).await?;
            match frame::read_length(&mut stream, max).await? {
                Some(len) => frame::read_body(&mut stream, len).await,
                None => Err(FrameError::Truncated { missing: 4 }),
            }
        };
        let mut reply = match timeout(self.options.call_timeout, exchange).await {
            Err(_) => {
                let (address, after) = (self.address.clone(), self.options.call_timeout);
                return Err(ClientError::Timeout { method, address, after });
            }
            Ok(Err(FrameError::Truncated { .. })) => return Err(transport("the server closed it".to_owned())),
            Ok(Err(e)) => return Err(transport(e.to_string())),
            Ok(Ok(reply)) => reply,
        };
        let mut r = Reader::new(&reply);
        let protocol = |cause| ClientError::Protocol { method, address: self.address.clone(), cause };
        let header = Header::read(&mut r).map_err(protocol)?;
        if header.kind == MessageType::Exception {
            let error = ApplicationError::read(&mut r).map_err(protocol)?;
            self.stream = Some(stream);
            return Err(ClientError::Application { method, address: self.address.clone(), error });
        }
        if header.kind != MessageType::Reply || header.name != method || header.seq != seq {
            let text = format!("{:?} {} {}, {seq} expected", header.kind, header.name, header.seq);
            return Err(protocol(DecodeError::Message(text)));
        }
        let body = r.at();
        self.stream = Some(stream);
        reply.drain(..body);
        Ok(reply)
    }

    /// Turns a decoded result struct into the outcome of the call.
    pub(crate) fn finish<T>(
        &self,
        method: &'static str,
        decoded: Result<Result<Option<T>, Exception>, DecodeError>,
    ) -> Result<T, ClientError> {
        match decoded {
            Ok(Ok(Some(value))) => Ok(value),
            Ok(Ok(None)) => Err(ClientError::Application {
                method,
                address: self.address.clone(),
                error: ApplicationError::new(application::MISSING_RESULT, format!("{method} failed: unknown result")),
            }),
            Ok(Err(e)) => Err(ClientError::Declared(e)),
            Err(cause) => Err(ClientError::Protocol { method, address: self.address.clone(), cause }),
        }
    }
}
