//! A connection that remembers what broke it. An agent that does not like our certificate says so after the handshake, in
//! an alert that gRPC's channel does not hand on.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Why a connection broke, once it has; and whether anybody still has it.
#[derive(Debug, Clone, Default)]
pub struct Broken {
    cause: Arc<Mutex<Option<String>>>,
    over: Arc<AtomicBool>,
}

impl Broken {
    pub fn cause(&self) -> Option<String> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.cause().is_some()
    }

    fn note<T>(&self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(e)) = &done {
            // The first one is the cause of the others.
            self.cause.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| e.to_string());
        }
        done
    }
}

pub struct Wire<S> {
    pub stream: S,
    pub broken: Broken,
}

/// gRPC's channel lets go of a connection that has ended, whatever the reason.
impl<S> Drop for Wire<S> {
    fn drop(&mut self) {
        self.broken.over.store(true, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.broken.note(done)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
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
