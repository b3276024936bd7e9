//! Asking an agent.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use storm_machine::jps::Seen;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::address::Address;
use crate::proto::agent_client::AgentClient;
use crate::proto::{
    ControlDaemonsRequest, ControlDaemonsResponse, DescribeRequest, DescribeResponse, Event, FollowLogsRequest,
    FollowLogsResponse, GetConfigRequest, GetConfigResponse, ListProcessesRequest, WatchEventsRequest,
    WriteConfigRequest, WriteConfigResponse,
};
use crate::tls::{Material, Side, TlsError};
use crate::wire::{Broken, Wire};

pub use tonic::Code;

/// Of an answer; more than the largest batch of log entries.
const ANSWER: usize = 8 << 20;

/// Why an agent does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    #[error("there is no certificate to ask {whom} with: {cause}")]
    NoCertificate { whom: String, cause: String },
    #[error("cannot connect to {whom}: {cause}")]
    Connect { whom: String, cause: String },
    #[error("{whom} and we do not trust each other: {cause}")]
    Trust { whom: String, cause: String },
    #[error("{whom} did not answer within {} s", limit.as_secs_f64())]
    Late { whom: String, limit: Duration },
    #[error("{whom} refuses: {}", status.message())]
    Refused { whom: String, status: Box<Status> },
    /// Neither the agent, for its reason, nor ssh, for these.
    #[error("{agent}\n{}", ssh.join("\n"))]
    Nowhere { agent: Box<AskError>, ssh: Vec<String>, hint: Option<String> },
}

impl AskError {
    pub fn code(&self) -> &'static str {
        match self {
            AskError::NoCertificate { .. } => "agent/no-certificate",
            AskError::Connect { .. } => "agent/unreachable",
            AskError::Trust { .. } => "agent/untrusted",
            AskError::Late { .. } => "agent/late",
            AskError::Refused { .. } => "agent/refused",
            AskError::Nowhere { agent, .. } => match **agent {
                AskError::NoCertificate { .. } => "agent/unreachable",
                _ => agent.code(),
            },
        }
    }

    /// What an agent has said no with.
    pub fn status(&self) -> Option<&Status> {
        match self {
            AskError::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// A no that we say ourselves, in the agent's place.
    pub fn refused(address: &Address, code: Code, why: String) -> AskError {
        AskError::Refused { whom: address.agent(), status: Box::new(Status::new(code, why)) }
    }

    pub fn late(address: &Address, limit: Duration) -> AskError {
        AskError::Late { whom: address.agent(), limit }
    }
}

/// Who we are to agents.
#[derive(Clone)]
pub struct Credentials {
    config: Arc<ClientConfig>,
    /// The name in our certificate.
    pub name: String,
}

impl Credentials {
    pub fn open(dir: &Path, now: SystemTime) -> Result<Credentials, TlsError> {
        let material = Material::read(dir, Side::Client, now)?;
        Ok(Credentials { config: Arc::new(material.client()?), name: material.own.name })
    }
}

/// A connection to an agent.
#[derive(Debug, Clone)]
pub struct Agent {
    pub address: Address,
    /// As people read it.
    whom: String,
    client: AgentClient<Channel>,
    broken: Broken,
}

impl Agent {
    /// Connects; `limit` is for that alone.
    pub async fn connect(address: &Address, credentials: &Credentials, limit: Duration) -> Result<Agent, AskError> {
        let whom = address.agent();
        let connect = |cause: String| AskError::Connect { whom: whom.clone(), cause };
        let trust = |cause: String| AskError::Trust { whom: whom.clone(), cause };
        let name = ServerName::try_from(address.host.clone()).map_err(|e| connect(e.to_string()))?;
        let begin = async {
            let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
            let stream = stream.map_err(|e| connect(e.to_string()))?;
            stream.set_nodelay(true).map_err(|e| connect(e.to_string()))?;
            let tls = TlsConnector::from(credentials.config.clone()).connect(name, stream).await;
            tls.map_err(|e| trust(e.to_string()))
        };
        let stream = tokio::time::timeout(limit, begin).await.map_err(|_| AskError::late(address, limit))??;
        Agent::over(address, whom, stream).await
    }

    /// Asks on a connection that is there, and whose other end is known.
    pub async fn over<S>(address: &Address, whom: String, stream: S) -> Result<Agent, AskError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connect = |cause: String| AskError::Connect { whom: whom.clone(), cause };
        // One connection: what is lost is connected anew by who asks, and not behind its back.
        let broken = Broken::default();
        let mut once = Some(TokioIo::new(Wire { stream, broken: broken.clone() }));
        let connector = tower::service_fn(move |_: tonic::codegen::http::Uri| {
            let stream = once.take().ok_or_else(|| std::io::Error::other("the connection was lost"));
            async move { stream }
        });
        let endpoint = Endpoint::from_static("http://agent")
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .user_agent(concat!("stormctl/", env!("CARGO_PKG_VERSION")))
            .map_err(|e| connect(e.to_string()))?;
        let channel = endpoint.connect_with_connector(connector).await;
        let channel = channel.map_err(|e| lost(&whom, broken.cause().unwrap_or_else(|| chain(&e))))?;
        let client = AgentClient::new(channel).max_decoding_message_size(ANSWER);
        Ok(Agent { address: address.clone(), whom, client, broken })
    }

    /// Whether the connection has ended.
    pub fn is_gone(&self) -> bool {
        self.broken.is_over()
    }

    fn failed(&self, status: Status) -> AskError {
        if let Some(cause) = self.broken.cause() {
            return lost(&self.whom, cause);
        }
        match (status.code(), status.source()) {
            (Code::Unavailable | Code::Unknown, Some(source)) => lost(&self.whom, chain(source)),
            _ => AskError::Refused { whom: self.whom.clone(), status: Box::new(status) },
        }
    }

    pub async fn describe(&mut self) -> Result<DescribeResponse, AskError> {
        self.client.describe(DescribeRequest {}).await.map(tonic::Response::into_inner).map_err(|s| self.failed(s))
    }

    pub async fn processes(&mut self) -> Result<Vec<Seen>, AskError> {
        let answer = self.client.list_processes(ListProcessesRequest {}).await.map_err(|s| self.failed(s))?;
        Ok(answer.into_inner().processes.into_iter().map(Into::into).collect())
    }

    pub async fn config(&mut self) -> Result<GetConfigResponse, AskError> {
        self.client.get_config(GetConfigRequest {}).await.map(tonic::Response::into_inner).map_err(|s| self.failed(s))
    }

    pub async fn write_config(&mut self, request: WriteConfigRequest) -> Result<WriteConfigResponse, AskError> {
        self.client.write_config(request).await.map(tonic::Response::into_inner).map_err(|s| self.failed(s))
    }

    pub async fn control(&mut self, request: ControlDaemonsRequest) -> Result<ControlDaemonsResponse, AskError> {
        self.client.control_daemons(request).await.map(tonic::Response::into_inner).map_err(|s| self.failed(s))
    }

    pub async fn follow_logs(&mut self, request: FollowLogsRequest) -> Result<Stream<FollowLogsResponse>, AskError> {
        let stream = self.client.follow_logs(request).await.map_err(|s| self.failed(s))?.into_inner();
        Ok(Stream { agent: self.clone(), stream })
    }

    pub async fn watch(&mut self) -> Result<Stream<Event>, AskError> {
        let stream = self.client.watch_events(WatchEventsRequest {}).await.map_err(|s| self.failed(s))?.into_inner();
        Ok(Stream { agent: self.clone(), stream })
    }
}

/// What an agent tells bit by bit.
pub struct Stream<T> {
    agent: Agent,
    stream: tonic::Streaming<T>,
}

impl<T> Stream<T> {
    /// The next bit; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<T>, AskError> {
        self.stream.message().await.map_err(|s| self.agent.failed(s))
    }
}

/// A connection that broke, be it with an alert of TLS.
fn lost(whom: &str, cause: String) -> AskError {
    let whom = whom.to_owned();
    match cause.contains("alert") {
        true => AskError::Trust { whom, cause },
        false => AskError::Connect { whom, cause },
    }
}

/// An error with what it comes from.
fn chain(e: &dyn Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = inner.source();
    }
    text
}
