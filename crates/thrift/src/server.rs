//! A server: framed, one service per port, one call at a time on each connection, everything bounded.

use std::collections::HashSet;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::frame::{self, FrameError};
use crate::message::{ApplicationError, Header, MessageType, ServiceError, application};
use crate::service::{Dispatch, RequestContext, UnknownMethod};
use crate::wire::{DecodeError, Reader};

#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// For logs: `nimbus`, `supervisor`, ...
    pub name: &'static str,
    /// The largest frame that is read, in bytes.
    pub max_frame: usize,
    /// Connections beyond this number wait to be accepted.
    pub max_connections: usize,
    /// A frame that has begun must be whole, and an answer taken, within this time; so must the first frame of a connection,
    /// which may then be idle for as long as it likes.
    pub frame_timeout: Duration,
}

impl ServerOptions {
    pub fn new(name: &'static str, max_frame: usize) -> ServerOptions {
        ServerOptions { name, max_frame, max_connections: 4096, frame_timeout: Duration::from_secs(30) }
    }
}

/// All frames being read at one time share this many largest frames.
const FRAMES_IN_FLIGHT: usize = 32;
/// Addresses whose complaint has been logged and is not repeated.
const COMPLAINTS: usize = 1024;

struct Shared<D> {
    service: D,
    options: ServerOptions,
    /// Bytes that the frames being read may still take.
    budget: Semaphore,
    complained: Mutex<HashSet<IpAddr>>,
    stop: watch::Receiver<bool>,
}

/// Serves until `shutdown` completes; connections are then closed after the call that they are in.
pub async fn serve<D: Dispatch>(
    listener: TcpListener,
    service: D,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let connections = Arc::new(Semaphore::new(options.max_connections));
    let (stopping, stop) = watch::channel(false);
    let budget = Semaphore::new((options.max_frame * FRAMES_IN_FLIGHT).min(Semaphore::MAX_PERMITS));
    let shared = Arc::new(Shared { service, options, budget, complained: Mutex::default(), stop });
    let accept = async {
        loop {
            let permit = connections.clone().acquire_owned().await;
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let shared = shared.clone();
                    tokio::spawn(async move {
                        shared.connection(stream, peer).await;
                        drop(permit);
                    });
                }
                Err(e) => {
                    // out of file descriptors, most likely: the listener is still good
                    tracing::warn!("{}: accept failed: {e}", shared.options.name);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }
    stopping.send_replace(true);
}

impl<D: Dispatch> Shared<D> {
    async fn connection(&self, mut stream: TcpStream, peer: SocketAddr) {
        let mut stop = self.stop.clone();
        let ctx = RequestContext { peer, principal: None };
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!("{}: {peer}: {e}", self.options.name);
            return;
        }
        let mut known = false;
        loop {
            let limit = self.options.frame_timeout;
            let len = tokio::select! {
                len = frame::read_length(&mut stream, self.options.max_frame) => len,
                _ = stop.wait_for(|s| *s) => return,
                () = tokio::time::sleep(limit), if !known => {
                    self.complain(peer, &Complaint::Silent(limit));
                    return;
                }
            };
            let outcome = match len {
                Ok(None) => return,
                Ok(Some(len)) => self.exchange(&mut stream, &ctx, len).await,
                Err(e) => Err(e.into()),
            };
            known = true;
            if let Err(e) = outcome {
                self.complain(peer, &e);
                return;
            }
        }
    }

    /// Reads the frame, runs the call and sends its answer.
    async fn exchange(&self, stream: &mut TcpStream, ctx: &RequestContext, len: usize) -> Result<(), Complaint> {
        let limit = self.options.frame_timeout;
        let permits = u32::try_from(len).unwrap_or(u32::MAX);
        let body = timeout(limit, async {
            let permit = self.budget.acquire_many(permits).await;
            let body = frame::read_body(stream, len).await?;
            drop(permit);
            Ok::<_, FrameError>(body)
        });
        let body = body.await.map_err(|_| Complaint::Slow(limit))??;
        let mut r = Reader::new(&body);
        let header = Header::read(&mut r)?;
        if !matches!(header.kind, MessageType::Call | MessageType::Oneway) {
            return Err(DecodeError::Message(format!("{:?} instead of a call", header.kind)).into());
        }
        let mut reply = vec![0; 4];
        Header::new(&header.name, MessageType::Reply, header.seq).write(&mut reply);
        let error = match self.service.dispatch(ctx, &header.name, &body[r.at()..], &mut reply).await {
            Ok(Ok(())) => None,
            Ok(Err(ServiceError::Application(e))) => Some(e),
            Ok(Err(e)) => {
                let text = format!("Internal error processing {}: {e}", header.name);
                Some(ApplicationError::new(application::INTERNAL_ERROR, text))
            }
            Err(UnknownMethod) => {
                let text = format!("Invalid method name: '{}'", header.name);
                Some(ApplicationError::new(application::UNKNOWN_METHOD, text))
            }
        };
        if let Some(e) = error {
            tracing::debug!("{}: {} from {}: {e}", self.options.name, header.name, ctx.peer);
            reply.truncate(4);
            Header::new(&header.name, MessageType::Exception, header.seq).write(&mut reply);
            e.write(&mut reply);
        }
        if header.kind == MessageType::Oneway {
            return Ok(());
        }
        match timeout(limit, frame::write(stream, &mut reply)).await {
            Err(_) => Err(Complaint::Slow(limit)),
            Ok(sent) => Ok(sent.map_err(FrameError::Io)?),
        }
    }

    /// Logs why a connection is dropped, once per address.
    fn complain(&self, peer: SocketAddr, why: &Complaint) {
        if matches!(why, Complaint::Silent(_) | Complaint::Frame(FrameError::Io(_) | FrameError::Truncated { .. })) {
            tracing::debug!("{}: connection of {peer} dropped: {why}", self.options.name);
            return;
        }
        let first = match self.complained.lock() {
            Ok(mut seen) => {
                if seen.len() >= COMPLAINTS {
                    seen.clear();
                }
                seen.insert(peer.ip())
            }
            Err(_) => false,
        };
        if first {
            tracing::warn!("{}: connection of {peer} dropped: {why} (said once per address)", self.options.name);
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Complaint {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("a frame or answer took longer than {} s", .0.as_secs())]
    Slow(Duration),
    #[error("nothing came within {} s", .0.as_secs())]
    Silent(Duration),
}
