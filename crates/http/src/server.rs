//! The port: connections are taken, limited, served, and ended.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Connections at a time.
const CONNECTIONS: usize = 512;
/// How long a client may take for the head of a request, and for nothing between two.
const HEAD: Duration = Duration::from_secs(60);
/// What is read ahead; the limit of headers is another one, and smaller.
const BUFFER: usize = 64 * 1024;
/// After an error of accepting, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);
/// For the answers that are on their way when the daemon ends.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Serves until `shutdown` completes.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()> + Send) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (end, ending) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = room.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, taken) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match (place, taken) {
            (Ok(place), Ok((stream, _))) => {
                connections.spawn(connection(stream, router.clone(), ending.clone(), place));
            }
            (Err(_), _) => break,
            (_, Err(e)) => {
                tracing::warn!("cannot take a connection: {e}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    end.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_ANSWERS, all).await.is_err() {
        tracing::debug!("some answers were cut off by the end");
    }
}

async fn told(ending: &mut watch::Receiver<bool>) {
    // A sender that is gone has ended, too.
    let _ = ending.wait_for(|end| *end).await;
}

async fn connection(
    stream: TcpStream,
    router: Router,
    mut ending: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    // Small answers go out at once; a kernel that does not know the option loses milliseconds.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut ending) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("a connection broke: {e}");
    }
}
