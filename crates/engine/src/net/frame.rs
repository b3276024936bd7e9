//! Frames and greetings on a connection.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Tuples for one task.
pub(crate) const BATCH: u8 = 1;
/// Contributions to one spout task's ledger.
pub(crate) const CONTRIBUTIONS: u8 = 2;
/// Credit for tasks, from the accepting side.
pub(crate) const CREDIT: u8 = 3;

/// The layout of frames. Workers of one topology all have to speak the same.
pub(crate) const VERSION: u8 = 2;
/// What both sides say first; the last byte is the version.
pub(crate) const MAGIC: [u8; 8] = *b"STORMRS\x02";

/// The longest frame. A tuple that needs more cannot travel.
pub(crate) const MAX_FRAME: usize = 64 << 20;
/// The longest topology id in a greeting.
const MAX_ID: usize = 1024;
/// Memory taken ahead of the bytes that have arrived.
const AHEAD: usize = 64 << 10;
/// Room with which a read is worth its system call.
const ROOM: usize = 16 << 10;

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the other side closed the connection in the middle of a frame")]
    CutOff,
    #[error("it does not speak the protocol of workers")]
    Stranger,
    #[error(
        "it speaks version {0} of the protocol between workers, and this worker version {VERSION}; all workers of a topology have to \
         run the same release"
    )]
    OtherVersion(u8),
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

/// Checks what the other side says first.
pub(crate) fn check_magic(magic: &[u8; 8]) -> Result<(), WireError> {
    match magic {
        _ if *magic == MAGIC => Ok(()),
        [name @ .., version] if MAGIC.starts_with(name) => Err(WireError::OtherVersion(*version)),
        _ => Err(WireError::Stranger),
    }
}

/// Reads the greeting of a connecting side and checks it.
pub(crate) async fn read_greeting(from: &mut (impl AsyncRead + Unpin), topology_id: &str) -> Result<(), WireError> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).await?;
    check_magic(&magic)?;
    let len = usize::from(from.read_u16_le().await?);
    if len > MAX_ID {
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
        loop {
            if let Some(frame) = self.arrived()? {
                return Ok(Some(frame));
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// The next frame, if all of it is here.
    pub(crate) fn arrived(&mut self) -> Result<Option<(u8, Bytes)>, WireError> {
        let Some(len) = self.announced()? else { return Ok(None) };
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        self.buffer.advance(4);
        let mut frame = self.buffer.split_to(len).freeze();
        let kind = frame.get_u8();
        Ok(Some((kind, frame)))
    }

    /// The length of the next frame, if it is known.
    fn announced(&self) -> Result<Option<usize>, WireError> {
        let Some(len) = self.buffer.first_chunk() else { return Ok(None) };
        match u32::from_le_bytes(*len) as usize {
            0 => Err(WireError::Malformed("it is empty")),
            len if len > MAX_FRAME => Err(WireError::TooLong(len)),
            len => Ok(Some(len)),
        }
    }

    /// Reads more; false when the other side has closed the connection between two frames.
    pub(crate) async fn read(&mut self) -> Result<bool, WireError> {
        // Memory grows with what arrives, not with what was announced.
        if self.buffer.capacity() - self.buffer.len() < ROOM {
            self.buffer.reserve(AHEAD);
        }
        if self.from.read_buf(&mut self.buffer).await? > 0 {
            return Ok(true);
        }
        if self.buffer.is_empty() { Ok(false) } else { Err(WireError::CutOff) }
    }
}
