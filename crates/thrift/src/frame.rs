//! Thrift's framed transport: a 4-byte big-endian length, then that many bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much is allocated at once for a frame whose length was announced but whose bytes have not come yet.
const STEP: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error(
        "frame of {len} bytes announced, {max} allowed (not a thrift client, or raise the max_buffer_size of this service)"
    )]
    Length { len: i64, max: usize },
    #[error("connection closed {missing} bytes before the end of a frame")]
    Truncated { missing: usize },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The length of the next frame; `None` when the peer closed between frames.
pub async fn read_length(stream: &mut (impl AsyncRead + Unpin), max: usize) -> Result<Option<usize>, FrameError> {
    let mut head = [0; 4];
    let mut have = 0;
    while have < 4 {
        match stream.read(&mut head[have..]).await? {
            0 if have == 0 => return Ok(None),
            0 => return Err(FrameError::Truncated { missing: 4 - have }),
            n => have += n,
        }
    }
    let len = i32::from_be_bytes(head);
    match usize::try_from(len) {
        Ok(n) if n > 0 && n <= max => Ok(Some(n)),
        _ => Err(FrameError::Length { len: len.into(), max }),
    }
}

/// The bytes of a frame of `len` bytes. Memory grows with what has arrived, not with what was announced.
pub async fn read_body(stream: &mut (impl AsyncRead + Unpin), len: usize) -> Result<Vec<u8>, FrameError> {
    let mut body = Vec::with_capacity(len.min(STEP));
    while body.len() < len {
        let at = body.len();
        if body.capacity() == at {
            body.reserve_exact((len - at).min(at.max(STEP)));
        }
        let want = (len - at).min(body.capacity() - at) as u64;
        if (&mut *stream).take(want).read_buf(&mut body).await? == 0 {
            return Err(FrameError::Truncated { missing: len - at });
        }
    }
    Ok(body)
}

/// Sends `frame`, whose first four bytes were left for the length.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &mut [u8]) -> io::Result<()> {
    let len = u32::try_from(frame.len() - 4).map_err(|_| io::Error::other("frame over 4 GiB"))?;
    frame[..4].copy_from_slice(&len.to_be_bytes());
    stream.write_all(frame).await?;
    stream.flush().await
}
