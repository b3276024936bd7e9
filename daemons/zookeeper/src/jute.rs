//! Jute, the encoding of ZooKeeper's packets: big-endian numbers, lengths before strings and buffers, `-1` for null.
//!
//! The reader trusts nothing: a length is checked against the bytes that are left before anything is taken or
//! reserved, so a packet can never cost more memory than its own size.

use bytes::{Buf, Bytes};

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JuteError {
    #[error("the packet ends inside {0}")]
    Truncated(&'static str),
    #[error("{what} has length {length}, but {left} bytes are left")]
    Length { what: &'static str, length: i32, left: usize },
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    #[error("{what} is {value}, which is not known")]
    Unknown { what: &'static str, value: i64 },
    #[error("{0} bytes are left over after the record")]
    LeftOver(usize),
}

/// Takes records from a packet.
#[derive(Debug, Clone)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    pub fn new(packet: Bytes) -> Self {
        Self { rest: packet }
    }

    pub fn left(&self) -> usize {
        self.rest.len()
    }

    pub fn bool(&mut self, what: &'static str) -> Result<bool, JuteError> {
        self.rest.try_get_u8().map(|byte| byte != 0).map_err(|_| JuteError::Truncated(what))
    }

    pub fn int(&mut self, what: &'static str) -> Result<i32, JuteError> {
        self.rest.try_get_i32().map_err(|_| JuteError::Truncated(what))
    }

    pub fn long(&mut self, what: &'static str) -> Result<i64, JuteError> {
        self.rest.try_get_i64().map_err(|_| JuteError::Truncated(what))
    }

    /// A buffer that shares the packet's memory; `None` is jute's null.
    pub fn buffer(&mut self, what: &'static str) -> Result<Option<Bytes>, JuteError> {
        let length = self.int(what)?;
        if length == -1 {
            return Ok(None);
        }
        let left = self.rest.len();
        match usize::try_from(length) {
            Ok(size) if size <= left => Ok(Some(self.rest.split_to(size))),
            _ => Err(JuteError::Length { what, length, left }),
        }
    }

    /// A string; null is taken as the empty string, as ZooKeeper's own server treats it everywhere.
    pub fn string(&mut self, what: &'static str) -> Result<String, JuteError> {
        match self.buffer(what)? {
            None => Ok(String::new()),
            Some(bytes) => String::from_utf8(bytes.into()).map_err(|_| JuteError::NotUtf8(what)),
        }
    }

    /// How many elements of at least `smallest` bytes follow.
    pub fn count(&mut self, what: &'static str, smallest: usize) -> Result<usize, JuteError> {
        let length = self.int(what)?;
        if length == -1 {
            return Ok(0);
        }
        let left = self.rest.len();
        match usize::try_from(length) {
            Ok(count) if count <= left / smallest.max(1) => Ok(count),
            _ => Err(JuteError::Length { what, length, left }),
        }
    }

    pub fn strings(&mut self, what: &'static str) -> Result<Vec<String>, JuteError> {
        (0..self.count(what, 4)?).map(|_| self.string(what)).collect()
    }

    pub fn finish(&self) -> Result<(), JuteError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(JuteError::LeftOver(left)),
        }
    }
}

/// Appends records to a buffer.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet: four bytes are kept for its length, which [`Writer::packet`] fills in.
    pub fn for_packet() -> Self {
        Self { bytes: vec![0; 4] }
    }

    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.bytes.push(u8::from(value));
        self
    }

    pub fn int(&mut self, value: i32) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn long(&mut self, value: i64) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn buffer(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            None => self.int(-1),
            Some(value) => {
                self.length(value.len());
                self.bytes.extend_from_slice(value);
                self
            }
        }
    }

    pub fn string(&mut self, value: &str) -> &mut Self {
        self.buffer(Some(value.as_bytes()))
    }

    /// The number of elements that follow, or the length of a buffer.
    ///
    /// Nothing the server holds can reach `i32::MAX` elements or bytes: every part of it came in a packet of bounded
    /// size, and a node's children are bounded by memory long before.
    pub fn length(&mut self, length: usize) -> &mut Self {
        self.int(i32::try_from(length).unwrap_or(i32::MAX))
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    /// Fills in the length of a buffer begun with [`Writer::for_packet`].
    pub fn packet(mut self) -> Bytes {
        let length = u32::try_from(self.bytes.len() - 4).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        Bytes::from(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader(writer: Writer) -> Reader {
        Reader::new(Bytes::from(writer.into_vec()))
    }

    #[test]
    fn null_differs_from_empty() {
        let mut writer = Writer::new();
        writer.buffer(None).buffer(Some(b""));
        let mut reader = reader(writer);
        assert_eq!(reader.buffer("a").unwrap(), None);
        assert_eq!(reader.buffer("b").unwrap(), Some(Bytes::new()));
    }

    #[test]
    fn a_huge_length_is_refused_before_anything_is_reserved() {
        let mut writer = Writer::new();
        writer.int(i32::MAX).long(0);
        assert_eq!(
            reader(writer).buffer("data").unwrap_err(),
            JuteError::Length { what: "data", length: i32::MAX, left: 8 }
        );
        let mut writer = Writer::new();
        writer.int(3).long(0);
        assert!(reader(writer).strings("paths").is_err());
        let mut writer = Writer::new();
        writer.int(-2);
        assert!(reader(writer).string("path").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(a in any::<i64>(), b in ".*", c in proptest::option::of(any::<Vec<u8>>()), d in any::<bool>()) {
            let mut writer = Writer::new();
            writer.long(a).string(&b).buffer(c.as_deref()).bool(d);
            let mut reader = reader(writer);
            prop_assert_eq!(reader.long("a").unwrap(), a);
            prop_assert_eq!(reader.string("b").unwrap(), b);
            prop_assert_eq!(reader.buffer("c").unwrap().map(Vec::from), c);
            prop_assert_eq!(reader.bool("d").unwrap(), d);
            prop_assert!(reader.finish().is_ok());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let mut reader = Reader::new(Bytes::from(bytes));
            let _ = reader.strings("strings");
            let _ = reader.buffer("buffer");
            let _ = reader.long("long");
        }
    }
}
