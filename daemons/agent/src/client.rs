//! Asking agents: one, or many at a time.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use storm_machine::jps::Seen;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
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
/// Agents that are asked at a time.
const AT_A_TIME: usize = 64;

/// Why an agent does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    #[error("cannot connect to the agent at {address}: {cause}")]
    Connect { address: String, cause: String },
    #[error("the agent at {address} and we do not trust each other: {cause}")]
    Trust { address: String, cause: String },
    #[error("the agent at {address} did not answer within {} s", limit.as_secs_f64())]
    Late { address: String, limit: Duration },
    #[error("the agent at {address} refuses: {}", status.message())]
    Refused { address: String, status: Box<Status> },
}

impl AskError {
    pub fn code(&self) -> &'static str {
        match self {
            AskError::Connect { .. } => "agent/unreachable",
            AskError::Trust { .. } => "agent/untrusted",
            AskError::Late { .. } => "agent/late",
            AskError::Refused { .. } => "agent/refused",
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
        AskError::Refused { address: address.full(), status: Box::new(Status::new(code, why)) }
    }

    pub fn late(address: &Address, limit: Duration) -> AskError {
        AskError::Late { address: address.full(), limit }
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
    client: AgentClient<Channel>,
    broken: Broken,
}

impl Agent {
    /// Connects; `limit` is for that, and for each answer that is no stream.
    pub async fn connect(address: &Address, credentials: &Credentials, limit: Duration) -> Result<Agent, AskError> {
        let full = address.full();
        let connect = |cause: String| AskError::Connect { address: full.clone(), cause };
        let trust = |cause: String| AskError::Trust { address: full.clone(), cause };
        let name = ServerName::try_from(address.host.clone()).map_err(|e| connect(e.to_string()))?;
        let begin = async {
            let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
            let stream = stream.map_err(|e| connect(e.to_string()))?;
            stream.set_nodelay(true).map_err(|e| connect(e.to_string()))?;
            let tls = TlsConnector::from(credentials.config.clone()).connect(name, stream).await;
            tls.map_err(|e| trust(e.to_string()))
        };
        let stream = tokio::time::timeout(limit, begin).await.map_err(|_| AskError::late(address, limit))??;
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
        let channel = channel.map_err(|e| lost(address, broken.cause().unwrap_or_else(|| chain(&e))))?;
        let client = AgentClient::new(channel).max_decoding_message_size(ANSWER);
        Ok(Agent { address: address.clone(), client, broken })
    }

    fn failed(&self, status: Status) -> AskError {
        if let Some(cause) = self.broken.cause() {
            return lost(&self.address, cause);
        }
        match (status.code(), status.source()) {
            (Code::Unavailable | Code::Unknown, Some(source)) => lost(&self.address, chain(source)),
            _ => AskError::Refused { address: self.address.full(), status: Box::new(status) },
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

/// Asks many agents at a time, each for no longer than `limit`; the answers are in the order of the hosts.
pub async fn each<T, W>(
    addresses: &[Address],
    credentials: &Credentials,
    limit: Duration,
    ask: impl Fn(Agent) -> W + Clone + Send + 'static,
) -> Vec<(Address, Result<T, AskError>)>
where
    T: Send + 'static,
    W: Future<Output = Result<T, AskError>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    let mut asking = JoinSet::new();
    for (at, address) in addresses.iter().cloned().enumerate() {
        let (credentials, room, ask) = (credentials.clone(), room.clone(), ask.clone());
        asking.spawn(async move {
            // Nobody closes it.
            let _place = room.acquire_owned().await;
            let whom = address.clone();
            let work = async move {
                let agent = Agent::connect(&whom, &credentials, limit).await?;
                ask(agent).await
            };
            let answer = tokio::time::timeout(limit, work).await;
            (at, answer.unwrap_or_else(|_| Err(AskError::late(&address, limit))))
        });
    }
    let mut answers: Vec<Option<Result<T, AskError>>> = addresses.iter().map(|_| None).collect();
    while let Some(answered) = asking.join_next().await {
        if let Ok((at, answer)) = answered {
            answers[at] = Some(answer);
        }
    }
    let broke = |a: &Address| AskError::Connect { address: a.full(), cause: "asking it broke".to_owned() };
    let pair = |(a, answer): (&Address, Option<_>)| (a.clone(), answer.unwrap_or_else(|| Err(broke(a))));
    addresses.iter().zip(answers).map(pair).collect()
}

/// A connection that broke, be it with an alert of TLS.
fn lost(address: &Address, cause: String) -> AskError {
    let address = address.full();
    match cause.contains("alert") {
        true => AskError::Trust { address, cause },
        false => AskError::Connect { address, cause },
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
