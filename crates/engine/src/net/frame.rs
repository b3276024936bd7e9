//! Frames and greetings on a connection.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Tuples for one task.
pub(crate) const BATCH: u8 = 1;
/// Contributions to one spout task's ledger.
pub(crate) const CONTRIBUTIONS: u8 = 2;
/// Credit for tasks, from the accepting side.
pub(crate) const CREDIT: u8 = 3;

/// What both sides say first; the last byte is the version.
pub(crate) const MAGIC: [u8; 8] = *b"STORMRS\x01";

/// The longest frame. A tuple that needs more cannot travel.
pub(crate) const MAX_FRAME: usize = 64 << 20;
/// The longest topology id in a greeting.
const MAX_ID: usize = 1024;
/// Memory taken ahead of the bytes that have arrived.
const AHEAD: usize = 64 << 10;

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the other side closed the connection in the middle of a frame")]
    CutOff,
    #[error("it does not speak this protocol, or another version of it")]
    Stranger,
    #[error("it belongs to topology `{0}`")]
    OtherTopology(String),
    #[error("a frame of {0} bytes is longer than the {MAX_FRAME} allowed")]
    TooLong(usize),
    #[error("frame kind {0} is not known")]
    UnknownKind(u8),
    #[error("a frame is malformed: {0}")]
    Malformed(&'static str),
    #[error("nothing was heard in time")]
    Silent,
}

/// The greeting of the connecting side.
pub(crate) fn greeting(topology_id: &str) -> Vec<u8> {
    let id = &topology_id.as_bytes()[..topology_id.len().min(MAX_ID)];
    let mut out = MAGIC.to_vec();
    out.extend((id.len() as u16).to_le_bytes());
    out.extend(id);
    out
}

/// Reads the greeting of a connecting side and checks it.
pub(crate) async fn read_greeting(from: &mut (impl AsyncRead + Unpin), topology_id: &str) -> Result<(), WireError> {
    let mut head = [0; 10];
    from.read_exact(&mut head).await?;
    let len = usize::from(u16::from_le_bytes([head[8], head[9]]));
    if head[..8] != MAGIC || len > MAX_ID {
        return Err(WireError::Stranger);
    }
    let mut id = vec![0; len];
    from.read_exact(&mut id).await?;
    if id != topology_id.as_bytes()[..topology_id.len().min(MAX_ID)] {
        return Err(WireError::OtherTopology(String::from_utf8_lossy(&id).into_owned()));
    }
    Ok(())
}

/// Reads frames one by one.
pub(crate) struct FrameReader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(from: R) -> FrameReader<R> {
        FrameReader { from, buffer: BytesMut::with_capacity(AHEAD) }
    }

    /// The next frame's kind and body; `None` when the other side has closed the connection between two frames.
    pub(crate) async fn next(&mut self) -> Result<Option<(u8, Bytes)>, WireError> {
        if !self.fill(4).await? {
            return Ok(None);
        }
        let len = u32::from_le_bytes([self.buffer[0], self.buffer[1], self.buffer[2], self.buffer[3]]) as usize;
        if len > MAX_FRAME {
            return Err(WireError::TooLong(len));
        }
        if len == 0 {
            return Err(WireError::Malformed("it is empty"));
        }
        if !self.fill(4 + len).await? {
            return Err(WireError::CutOff);
        }
        self.buffer.advance(4);
        let mut frame = self.buffer.split_to(len).freeze();
        let kind = frame.get_u8();
        Ok(Some((kind, frame)))
    }

    /// Reads until so many bytes are there. Memory grows with what arrives, not with what was announced.
    async fn fill(&mut self, wanted: usize) -> Result<bool, WireError> {
        while self.buffer.len() < wanted {
            self.buffer.reserve((wanted - self.buffer.len()).clamp(4 << 10, AHEAD));
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(false) } else { Err(WireError::CutOff) };
            }
        }
        Ok(true)
    }
}
