//! The port: connections become TLS with a certificate, or go.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::gate::{Caller, Gate};
use crate::tls::Certificate;

/// Connections at a time, those included that have not shown a certificate yet.
const CONNECTIONS: usize = 128;
/// How long a stranger may take to show one.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long who is refused is waited for.
const GOODBYE: Duration = Duration::from_secs(1);
/// After an error of accepting, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until nobody wants them any more.
pub async fn accept(listener: TcpListener, gate: Arc<Gate>, accepted: mpsc::Sender<io::Result<Certified>>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let taken = tokio::select! {
            () = accepted.closed() => return,
            taken = listener.accept() => taken,
        };
        let (stream, peer) = match taken {
            Ok(taken) => taken,
            Err(e) => {
                tracing::warn!("cannot take a connection: {e}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (gate, accepted) = (gate.clone(), accepted.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, shake_hands(stream, &gate, place)).await {
                // An agent that ends takes no more.
                Ok(Ok(connection)) => drop(accepted.send(Ok(connection)).await),
                Ok(Err(e)) => tracing::debug!("{peer} is refused: {e}"),
                Err(_) => tracing::debug!("{peer} is refused: no certificate within {} s", HANDSHAKE.as_secs()),
            }
        });
    }
}

async fn shake_hands(stream: TcpStream, gate: &Gate, place: OwnedSemaphorePermit) -> io::Result<Certified> {
    stream.set_nodelay(true)?;
    let stream = match TlsAcceptor::from(gate.config()).accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((e, stream)) => {
            hear_out(stream).await;
            return Err(e);
        }
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let leaf = certificates.and_then(<[_]>::first).ok_or_else(|| io::Error::other("it has no certificate"))?;
    let caller = Caller::Certified(Certificate::read(leaf).map_err(io::Error::other)?);
    Ok(Connection { stream, caller, _held: place })
}

/// Takes what the other side still sends until it goes: closed with something unread, a connection is reset, and the alert that says
/// why is lost on the way.
async fn hear_out(mut stream: TcpStream) {
    let gone = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    // Whoever stays longer has heard it.
    if let Ok(Err(e)) = tokio::time::timeout(GOODBYE, gone).await {
        tracing::debug!("a connection that was refused broke: {e}");
    }
}

/// A connection of somebody who is known.
pub struct Connection<S, H> {
    pub stream: S,
    pub caller: Caller,
    /// Goes with it.
    pub _held: H,
}

/// Of somebody who has shown a certificate.
pub type Certified = Connection<TlsStream<TcpStream>, OwnedSemaphorePermit>;

impl<S, H> Connected for Connection<S, H> {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl<S: AsyncRead + Unpin, H: Unpin> AsyncRead for Connection<S, H> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for Connection<S, H> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
