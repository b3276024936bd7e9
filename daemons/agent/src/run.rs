//! The life of an agent.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::service::InterceptorLayer;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;
use tonic_reflection::server::Builder;

use crate::accept::{Connection, accept};
use crate::clock;
use crate::error::AgentError;
use crate::events::Events;
use crate::gate::{Caller, Gate};
use crate::options::Options;
use crate::proto::DESCRIPTORS;
use crate::proto::agent_server::AgentServer;
use crate::service::Service;

/// How long between two looks at the certificates' files.
const CERTIFICATES: Duration = Duration::from_secs(1);
/// A caller that is silent this long is asked whether it is still there,
const SILENT: Duration = Duration::from_secs(30);
/// and has this long to say so.
const ANSWER: Duration = Duration::from_secs(15);
/// Calls at a time on one connection.
const STREAMS: u32 = 32;
/// Of a request; what an agent is asked is short, but for a configuration.
const REQUEST: usize = 2 << 20;
const HEADERS: u32 = 16 << 10;

/// Serves until `shutdown`; `ready` hears where.
pub async fn run(
    options: Options,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AgentError> {
    let gate = Arc::new(Gate::open(options.tls.clone(), clock::now())?);
    let listener = bind(&options).await?;
    let address = listener.local_addr().map_err(|e| AgentError::Serve(e.to_string()))?;
    let (accepted, connections) = mpsc::channel(1);
    let look = async {
        loop {
            tokio::time::sleep(CERTIFICATES).await;
            gate.look(clock::now());
        }
    };
    // It ends when nobody takes connections any more.
    tokio::spawn(accept(listener, gate.clone(), accepted));
    tracing::info!("serves at {address}");
    ready(address);
    tokio::select! {
        served = serve(options, Some(gate.clone()), ReceiverStream::new(connections), shutdown) => served,
        () = look => Ok(()),
    }
}

/// Answers on one connection, to whom ssh has let in as this account, until it ends.
pub async fn run_on(
    options: Options,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    account: String,
) -> Result<(), AgentError> {
    let (held, ended) = oneshot::channel::<()>();
    let connection = Connection { stream, caller: Caller::Account(account), _held: held };
    let connections = tokio_stream::once(Ok(connection)).chain(tokio_stream::pending());
    // Nothing is ever sent: it is gone when the connection is.
    serve(options, None, connections, async { drop(ended.await) }).await
}

/// Everything that can be asked, on connections of callers who are known.
async fn serve<C>(
    options: Options,
    gate: Option<Arc<Gate>>,
    connections: impl Stream<Item = io::Result<C>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AgentError>
where
    C: AsyncRead + AsyncWrite + Connected<ConnectInfo = Caller> + Send + Unpin + 'static,
{
    let options = Arc::new(options);
    let (end, ending) = watch::channel(false);
    let events = Arc::new(Events::new(options.clone(), gate.clone()));
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<AgentServer<Service>>().await;
    let reflection = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let cannot = |e: tonic_reflection::server::Error| AgentError::Serve(e.to_string());
    let (reflection, older) = (reflection().build_v1().map_err(cannot)?, reflection().build_v1alpha().map_err(cannot)?);
    let service = Service::new(options, gate.clone(), events.clone(), ending);
    // Asked of every call of every service, health and reflection too.
    let layer = InterceptorLayer::new(move |request| match &gate {
        Some(gate) => gate.lets(request),
        None => Ok(request),
    });
    let server = Server::builder()
        .accept_http1(false)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADERS)
        .http2_keepalive_interval(Some(SILENT))
        .http2_keepalive_timeout(Some(ANSWER))
        .layer(layer)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(older)
        .add_service(AgentServer::new(service).max_decoding_message_size(REQUEST));
    let ended = async move {
        shutdown.await;
        health.set_service_status("", ServingStatus::NotServing).await;
        health.set_not_serving::<AgentServer<Service>>().await;
        // What goes on for ever ends, so that connections can.
        end.send_replace(true);
    };
    tokio::select! {
        served = server.serve_with_incoming_shutdown(connections, ended) => {
            served.map_err(|e| AgentError::Serve(e.to_string()))
        }
        () = events.look() => Ok(()),
    }
}

/// All addresses of the machine when none is named, those of IPv4 where there is no IPv6.
async fn bind(options: &Options) -> Result<TcpListener, AgentError> {
    let port = options.port;
    let failed = |address: String| move |source| AgentError::Bind { address, source };
    if !options.listen.is_empty() {
        let host = options.listen.trim_matches(['[', ']']);
        return TcpListener::bind((host, port)).await.map_err(failed(format!("{}:{port}", options.listen)));
    }
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Err(failed(format!("[::]:{port}"))(e)),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map_err(failed(format!("0.0.0.0:{port}"))),
    }
}
