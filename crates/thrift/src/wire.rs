//! Thrift's binary protocol, for values: bounded reading, plain writing.
//!
//! Every length from the wire is checked against the bytes that are left, nothing is allocated for a length that was only
//! announced, nesting is limited, and "the bytes end too early" is an error value of its own, so that a reader of an unframed
//! stream can wait for more.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// Nesting of structs and containers beyond which input is refused. Storm's deepest type nests seven levels.
pub const MAX_DEPTH: usize = 64;

/// Type codes of the binary protocol.
pub mod ttype {
    pub const STOP: u8 = 0;
    pub const BOOL: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const DOUBLE: u8 = 4;
    pub const I16: u8 = 6;
    pub const I32: u8 = 8;
    pub const I64: u8 = 10;
    pub const STRING: u8 = 11;
    pub const STRUCT: u8 = 12;
    pub const MAP: u8 = 13;
    pub const SET: u8 = 14;
    pub const LIST: u8 = 15;
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The value goes on beyond the bytes at hand.
    #[error("incomplete: {needed} more bytes needed at offset {at}")]
    Incomplete { at: usize, needed: usize },
    #[error("length {len} at offset {at} exceeds the {left} bytes that are left")]
    Length { at: usize, len: i64, left: usize },
    #[error("type code {code} at offset {at} is not a thrift type")]
    UnknownType { at: usize, code: u8 },
    #[error("{type_name}.{field}: type code {found} on the wire, {expected} expected")]
    ElementType { type_name: &'static str, field: &'static str, expected: u8, found: u8 },
    #[error("required field {type_name}.{field} is missing")]
    Missing { type_name: &'static str, field: &'static str },
    #[error("{value} is not a value of enum {type_name}")]
    Enum { type_name: &'static str, value: i32 },
    #[error("union {type_name} holds no known field")]
    EmptyUnion { type_name: &'static str },
    #[error("text at offset {at} is not UTF-8")]
    Utf8 { at: usize },
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    #[error("not a thrift message: {0}")]
    Message(String),
}

/// A value that has a thrift encoding.
pub trait Wire: Sized {
    /// The type code announced before the value.
    const TYPE: u8;
    /// Name as in the IDL, e.g. `list<i64>`.
    fn type_name() -> String;
    fn write(&self, out: &mut Vec<u8>);
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// The bytes of one value: a struct without a message header, as Storm keeps it in ZooKeeper and in files.
pub fn to_bytes<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    value.write(&mut out);
    out
}

/// Reads one value that must fill `bytes` to the end.
pub fn from_bytes<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes);
    let value = T::read(&mut r)?;
    match r.left() {
        0 => Ok(value),
        n => Err(DecodeError::Trailing(n)),
    }
}

/// A position in a byte slice, with the nesting depth so far.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, depth: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        if n > self.left() {
            return Err(DecodeError::Incomplete { at: self.at, needed: n - self.left() });
        }
        let s = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(s)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut a = [0; N];
        a.copy_from_slice(self.take(N)?);
        Ok(a)
    }

    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// The bytes of a string or binary.
    pub fn blob(&mut self) -> Result<&'a [u8], DecodeError> {
        let at = self.at;
        let len = self.i32()?;
        let n = usize::try_from(len).map_err(|_| DecodeError::Length { at, len: len.into(), left: self.left() })?;
        self.take(n)
    }

    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let at = self.at;
        std::str::from_utf8(self.blob()?).map_err(|_| DecodeError::Utf8 { at })
    }

    /// The element count of a container whose elements take at least `least` bytes each.
    pub fn count(&mut self, least: usize) -> Result<usize, DecodeError> {
        let at = self.at;
        let len = self.i32()?;
        let n = usize::try_from(len).map_err(|_| DecodeError::Length { at, len: len.into(), left: self.left() })?;
        match n.checked_mul(least) {
            Some(needed) if needed <= self.left() => Ok(n),
            Some(needed) => Err(DecodeError::Incomplete { at, needed: needed - self.left() }),
            None => Err(DecodeError::Length { at, len: len.into(), left: self.left() }),
        }
    }

    /// Runs `f` one level deeper.
    pub fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(DecodeError::Depth);
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// The next field header; `None` at the end of the struct.
    pub fn field(&mut self) -> Result<Option<(u8, i16)>, DecodeError> {
        match self.byte()? {
            ttype::STOP => Ok(None),
            code => Ok(Some((code, self.i16()?))),
        }
    }

    /// Passes over a value of any type.
    pub fn skip(&mut self, code: u8) -> Result<(), DecodeError> {
        let at = self.at;
        match code {
            ttype::BOOL | ttype::BYTE => self.take(1).map(drop),
            ttype::I16 => self.take(2).map(drop),
            ttype::I32 => self.take(4).map(drop),
            ttype::I64 | ttype::DOUBLE => self.take(8).map(drop),
            ttype::STRING => self.blob().map(drop),
            ttype::STRUCT => self.nested(|r| {
                while let Some((code, _)) = r.field()? {
                    r.skip(code)?;
                }
                Ok(())
            }),
            ttype::MAP => self.nested(|r| {
                let (k, v) = (r.byte()?, r.byte()?);
                let n = r.count(least_size(k) + least_size(v))?;
                for _ in 0..n {
                    r.skip(k)?;
                    r.skip(v)?;
                }
                Ok(())
            }),
            ttype::SET | ttype::LIST => self.nested(|r| {
                let e = r.byte()?;
                let n = r.count(least_size(e))?;
                for _ in 0..n {
                    r.skip(e)?;
                }
                Ok(())
            }),
            code => Err(DecodeError::UnknownType { at, code }),
        }
    }
}

/// The fewest bytes that a value of this type can take.
fn least_size(code: u8) -> usize {
    match code {
        ttype::I16 => 2,
        ttype::I32 | ttype::STRING => 4,
        ttype::I64 | ttype::DOUBLE => 8,
        ttype::MAP => 6,
        ttype::SET | ttype::LIST => 5,
        _ => 1,
    }
}

pub fn write_field(out: &mut Vec<u8>, code: u8, id: i16) {
    out.push(code);
    out.extend_from_slice(&id.to_be_bytes());
}

pub fn write_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    write_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn write_count(out: &mut Vec<u8>, n: usize) {
    // beyond i32 the protocol has no form; frames are limited to far less
    out.extend_from_slice(&i32::try_from(n).unwrap_or(i32::MAX).to_be_bytes());
}

fn expect(expected: u8, found: u8, n: usize, type_name: &'static str, field: &'static str) -> Result<(), DecodeError> {
    // writers of other languages may put any element type on an empty container
    if n == 0 || expected == found {
        return Ok(());
    }
    Err(DecodeError::ElementType { type_name, field, expected, found })
}

macro_rules! number {
    ($t:ty, $code:expr, $name:literal, $n:literal) => {
        impl Wire for $t {
            const TYPE: u8 = $code;
            fn type_name() -> String {
                $name.to_owned()
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(<$t>::from_be_bytes(r.array::<$n>()?))
            }
        }
    };
}
number!(i16, ttype::I16, "i16", 2);
number!(i32, ttype::I32, "i32", 4);
number!(i64, ttype::I64, "i64", 8);
number!(f64, ttype::DOUBLE, "double", 8);

impl Wire for bool {
    const TYPE: u8 = ttype::BOOL;
    fn type_name() -> String {
        "bool".to_owned()
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // as Java: 1 is true, all else is false
        Ok(r.byte()? == 1)
    }
}

impl Wire for String {
    const TYPE: u8 = ttype::STRING;
    fn type_name() -> String {
        "string".to_owned()
    }
    fn write(&self, out: &mut Vec<u8>) {
        write_blob(out, self.as_bytes());
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.text().map(str::to_owned)
    }
}

impl Wire for Bytes {
    const TYPE: u8 = ttype::STRING;
    fn type_name() -> String {
        "binary".to_owned()
    }
    fn write(&self, out: &mut Vec<u8>) {
        write_blob(out, self);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.blob().map(Bytes::copy_from_slice)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: u8 = ttype::LIST;
    fn type_name() -> String {
        format!("list<{}>", T::type_name())
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.push(T::TYPE);
        write_count(out, self.len());
        for e in self {
            e.write(out);
        }
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.nested(|r| {
            let code = r.byte()?;
            let n = r.count(least_size(code))?;
            expect(T::TYPE, code, n, "list", "element")?;
            let mut v = Vec::new();
            for _ in 0..n {
                v.push(T::read(r)?);
            }
            Ok(v)
        })
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    const TYPE: u8 = ttype::SET;
    fn type_name() -> String {
        format!("set<{}>", T::type_name())
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.push(T::TYPE);
        write_count(out, self.len());
        for e in self {
            e.write(out);
        }
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.nested(|r| {
            let code = r.byte()?;
            let n = r.count(least_size(code))?;
            expect(T::TYPE, code, n, "set", "element")?;
            let mut v = BTreeSet::new();
            for _ in 0..n {
                v.insert(T::read(r)?);
            }
            Ok(v)
        })
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    const TYPE: u8 = ttype::MAP;
    fn type_name() -> String {
        format!("map<{},{}>", K::type_name(), V::type_name())
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.push(K::TYPE);
        out.push(V::TYPE);
        write_count(out, self.len());
        for (k, v) in self {
            k.write(out);
            v.write(out);
        }
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.nested(|r| {
            let (k, v) = (r.byte()?, r.byte()?);
            let n = r.count(least_size(k) + least_size(v))?;
            expect(K::TYPE, k, n, "map", "key")?;
            expect(V::TYPE, v, n, "map", "value")?;
            let mut m = BTreeMap::new();
            for _ in 0..n {
                let key = K::read(r)?;
                m.insert(key, V::read(r)?);
            }
            Ok(m)
        })
    }
}
