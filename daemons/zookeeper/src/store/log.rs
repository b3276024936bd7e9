//! One file of the transaction log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};

use crate::error::ZooKeeperError;
use crate::jute::Reader;
use crate::store::dir;
use crate::store::frame::{self, Salt, Tail};
use crate::txn::Txn;

const MAGIC: &[u8; 8] = b"STORMZKL";
const VERSION: u32 = 1;
/// Magic, version, salt, checksum of these.
const HEADER: usize = 20;

/// Space is reserved in such steps, so that most syncs need not write the file's length too.
const RESERVE: u64 = 512 << 10;

/// How many bytes stand before the first frame.
pub const fn header_length() -> usize {
    HEADER
}

/// A log file that is being written.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    salt: Salt,
    end: u64,
    reserved: u64,
}

impl LogFile {
    /// Begins a file; it is durable when this returns.
    pub fn create(path: &Path, salt: Salt) -> Result<Self, ZooKeeperError> {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
        let file = opened.map_err(ZooKeeperError::storage("create", path))?;
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_be_bytes());
        header.extend_from_slice(&salt);
        header.extend_from_slice(&crc32c::crc32c(&header).to_be_bytes());
        let written = file.write_all_at(&header, 0).and_then(|()| file.sync_all());
        written.map_err(ZooKeeperError::storage("write", path))?;
        dir::sync(path.parent().unwrap_or(Path::new(".")))?;
        let end = HEADER as u64;
        Ok(Self { file, path: path.to_owned(), salt, end, reserved: end })
    }

    /// Goes on with a file whose good frames end at `end`; what lies behind is cut off.
    pub fn reopen(path: &Path, salt: Salt, end: u64) -> Result<Self, ZooKeeperError> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = opened.map_err(ZooKeeperError::storage("open", path))?;
        // The sync also covers frames that were written but not yet synced when the last server died: what we answer
        // from now on builds on them.
        let cut = file.set_len(end).and_then(|()| file.sync_all());
        cut.map_err(ZooKeeperError::storage("write", path))?;
        Ok(Self { file, path: path.to_owned(), salt, end, reserved: end })
    }

    /// Appends one frame; it is durable when this returns.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), ZooKeeperError> {
        let frame = frame::seal(self.salt, payload);
        self.write(&frame).map_err(ZooKeeperError::storage("write", &self.path))
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let end = self.end + frame.len() as u64;
        if end > self.reserved {
            let target = end + RESERVE;
            let zeros = vec![0; usize::try_from(target - self.end).unwrap_or(0)];
            match self.file.write_all_at(&zeros, self.end) {
                Ok(()) => self.reserved = target,
                // The frame itself may still fit.
                Err(cause) if cause.kind() == io::ErrorKind::StorageFull => {}
                Err(cause) => return Err(cause),
            }
        }
        self.file.write_all_at(frame, self.end)?;
        self.file.sync_data()?;
        self.end = end;
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of header and frames.
    pub fn length(&self) -> u64 {
        self.end
    }
}

/// What a log file holds.
#[derive(Debug)]
pub enum Contents {
    /// The server died before the header was written: the file is as good as absent.
    Unborn,
    Frames {
        salt: Salt,
        txns: Vec<Txn>,
        end: u64,
        tail: Tail,
    },
}

/// Reads a log file.
pub fn read(path: &Path) -> Result<Contents, ZooKeeperError> {
    let mut bytes = Vec::new();
    let loaded = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    loaded.map_err(ZooKeeperError::storage("read", path))?;
    let bytes = Bytes::from(bytes);
    let damaged = |offset: usize, problem: String| ZooKeeperError::Damaged {
        path: path.to_owned(),
        offset: offset as u64,
        problem,
    };
    let Some(salt) = salt(&bytes) else {
        if bytes.len() <= HEADER {
            return Ok(Contents::Unborn);
        }
        return Err(damaged(0, "this is not a log file of this server's format".to_owned()));
    };
    let scan = frame::scan(salt, &bytes, HEADER)
        .map_err(|error| damaged(error.offset, "a record is broken, but later ones are whole".to_owned()))?;
    let mut txns = Vec::new();
    for payload in &scan.frames {
        // Every frame shares the file's memory, so its place in it is the distance of the two.
        let offset = payload.as_ptr() as usize - bytes.as_ptr() as usize;
        decode(payload.clone(), &mut txns).map_err(|error| damaged(offset, error.to_string()))?;
    }
    Ok(Contents::Frames { salt, txns, end: scan.end as u64, tail: scan.tail })
}

fn decode(payload: Bytes, txns: &mut Vec<Txn>) -> Result<(), crate::jute::JuteError> {
    let mut reader = Reader::new(payload);
    while reader.left() > 0 {
        txns.push(Txn::read(&mut reader)?);
    }
    Ok(())
}

fn salt(bytes: &Bytes) -> Option<Salt> {
    let header = bytes.get(..HEADER)?;
    let mut rest = &header[8..];
    let (version, salt, sum) = (rest.get_u32(), rest.get_u32().to_be_bytes(), rest.get_u32());
    (header[..8] == *MAGIC && version == VERSION && crc32c::crc32c(&header[..16]) == sum).then_some(salt)
}
